"""Fitting dense's encoder to questions and their answers: contrastive, with negatives of the same person's store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.artifacts import Manifest, model_stage
from engine.datasets.reader import Dataset
from engine.encoder import shared_encoder
from engine.index import reading
from engine.methods.base import Target
from engine.methods.baselines.dense import DenseBuild
from engine.personal import Questions

VERSION = 1


def train(target: Target, dataset: Dataset, config: DenseBuild, name: str) -> Manifest:
    """Make `models/dense/NAME` of the train split's (question, document) pairs. InputError where there are none."""
    from engine.training import Pair, adapt_encoder

    base = shared_encoder(config.encoder)
    questions = Questions(dataset, target.collection, config.reads)

    def build(made: Path, state: Path) -> Mapping[str, Any]:
        pairs = [
            Pair(
                query=answered.request.text,
                document=questions.texts[answered.row],
                owner=target.collection.ids[answered.row],
                group=answered.request.user,
            )
            for answered in questions.at_most(config.questions)
        ]
        trained = adapt_encoder(base, pairs, made / "encoder", config.adapt, state, gpus=target.processes)
        return {"encoder": trained}

    inputs = {
        "version": VERSION,
        "dataset": target.dataset_digest,
        "collection": target.collection.digest,
        "reading": reading.VERSION,
        "encoder": base.digest,
        "reads": config.reads,
        "questions": config.questions,
        "adapt": config.adapt.model_dump(mode="json"),
    }
    return model_stage(target.workspace.model("dense", name), inputs, build)
