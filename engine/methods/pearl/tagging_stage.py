"""The tagger as a part that is trained: on a dataset whose texts carry entities, and on WNUT-17 where it is given."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from engine.artifacts import Manifest, digest_tree, model_stage
from engine.config import BuildConfig
from engine.datasets.reader import Dataset
from engine.encoder import find_model
from engine.errors import InputError
from engine.methods.base import Target
from engine.methods.parts import Part
from engine.methods.pearl.tagging import Sentence, TaggerConfig, of_dataset, read_conll, shared_tagger, train_tagger

VERSION = 1


class TaggerBuild(BuildConfig):
    """The tagger, and what it learns from beside the dataset."""

    tagger: TaggerConfig = TaggerConfig()
    sentences: int = Field(6000, ge=1, description="learn from at most so many of the dataset's texts")
    conll: str | None = Field(None, description="a CoNLL file such as WNUT-17's train.conll to learn from too")


def train(target: Target, dataset: Dataset, config: TaggerBuild, name: str) -> Manifest:
    """Make `models/tagger/NAME`. Raises InputError where no text of the dataset carries entities."""
    more = Path(config.conll) if config.conll else None

    def build(made: Path, state: Path) -> Mapping[str, Any]:
        sentences = [s for s in of_dataset(dataset, "train") if s.entities is not None]
        if not sentences:
            remedy = "Make one with entities: python -m admin data synth personal DIR"
            raise InputError("none of its texts carries entities", where=str(dataset.path), remedy=remedy)
        if len(sentences) > config.sentences:
            sentences = random.Random(config.tagger.seed).sample(sentences, config.sentences)
        foreign: list[Sentence] = read_conll(more) if more else []
        return {"tagger": train_tagger([*sentences, *foreign], made / "tagger", config.tagger, state)}

    inputs = {
        "version": VERSION,
        "dataset": target.dataset_digest,
        "conll": digest_tree(more) if more and more.is_file() else config.conll,
        "transformer": digest_tree(find_model(config.tagger.encoder)),
        "config": config.model_dump(mode="json", exclude={"conll"}),
    }
    return model_stage(target.workspace.model("tagger", name), inputs, build)


PART = Part(
    name="tagger",
    summary="finds people, places, times and events in questions and memories",
    use="the page underlines what it finds",
    build_config=TaggerBuild,
    train=train,
    load=lambda folder: shared_tagger(folder / "tagger"),
)
