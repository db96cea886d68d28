"""The reranker's training data: each question with its answer and with what a search confuses it with.

Half of the negatives are those of the same store that a bi-encoder finds nearest to the question, half are drawn at
random from it. What reads nearly like the answer is left out: dinners that only their date tells apart are no
negatives for a reader of texts. The training itself is engine/training/reranking.py's.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from engine.artifacts import Manifest, digest_tree, model_stage
from engine.config import BuildConfig, RerankOptions
from engine.datasets.reader import Dataset
from engine.encoder import Encoder, EncoderConfig, find_model, shared_encoder
from engine.index import reading
from engine.index.reading import Reads
from engine.methods.base import Target
from engine.methods.parts import Part
from engine.personal import Answered, Questions
from engine.rerank import reranker
from engine.training import CrossEncoderConfig, Group, train_cross_encoder

VERSION = 1


class RerankerConfig(BuildConfig):
    """A small cross-encoder, trained on questions about people's own memories."""

    base: str = Field("minilm", description="what it is made of: an encoder or a cross-encoder, hub id or folder")
    model: str | None = Field(None, description="a model of dense instead, which then also finds hard negatives")
    reads: Reads = Field("memory", description="how documents are read, in training and when it reranks")
    retriever: EncoderConfig = Field(EncoderConfig(), description="the bi-encoder that finds hard negatives")
    questions: int = Field(20_000, ge=1, description="learn from at most so many, evenly spread over the people")
    negatives: int = Field(7, ge=1, description="for each question, half of them hard")
    nearly: float = Field(0.9, gt=0, le=1, description="cosine from which two memories read alike, and are none")
    cross: CrossEncoderConfig = CrossEncoderConfig()


def train(target: Target, dataset: Dataset, config: RerankerConfig, name: str) -> Manifest:
    """Make `models/reranker/NAME` of the train split. Raises InputError where there is nothing to learn from."""
    questions = Questions(dataset, target.collection, config.reads)
    retriever, base = shared_encoder(config.retriever), find_model(config.base)
    if config.model:
        base = target.workspace.trained("dense", config.model) / "encoder"
        retriever = shared_encoder(config.retriever.model_copy(update={"model": str(base), "revision": None}))

    def build(made: Path, state: Path) -> Mapping[str, Any]:
        groups = mined(questions, retriever, config)
        figures = train_cross_encoder(base, groups, made / "model", config.cross, state, gpus=target.processes)
        return {"reranker": figures}

    inputs = {
        "version": VERSION,
        "dataset": target.dataset_digest,
        "collection": target.collection.digest,
        "reading": reading.VERSION,
        "retriever": retriever.digest,
        "base": digest_tree(base),
        "config": config.model_dump(mode="json", exclude={"retriever", "base", "model"}),
    }
    return model_stage(target.workspace.model("reranker", name), inputs, build)


def mined(questions: Questions, retriever: Encoder, config: RerankerConfig) -> list[Group]:
    """A group for each question, in their order; the same for the same seed."""
    chosen = questions.at_most(config.questions)
    by_user: dict[str | None, list[int]] = defaultdict(list)
    for number, answered in enumerate(chosen):
        by_user[answered.request.user].append(number)
    groups: dict[int, Group] = {}
    for user, numbers in by_user.items():
        rows = questions.store(user)
        vectors = retriever.encode_documents([questions.texts[row] for row in rows.tolist()])
        asked = retriever.encode_queries([chosen[n].request.text for n in numbers])
        place = {row: i for i, row in enumerate(rows.tolist())}
        for number, query in zip(numbers, asked, strict=True):
            groups[number] = _group(questions, chosen[number], rows, place, vectors, query, config, number)
    return [groups[number] for number in sorted(groups)]


def _group(
    questions: Questions,
    answered: Answered,
    rows: np.ndarray,
    place: Mapping[int, int],
    vectors: np.ndarray,
    query: np.ndarray,
    config: RerankerConfig,
    number: int,
) -> Group:
    own = place[answered.row]
    others = np.flatnonzero(vectors @ vectors[own] < config.nearly)
    others = others[others != own]
    hard = others[np.argsort(-(vectors[others] @ query), kind="stable")][: (config.negatives + 1) // 2].tolist()
    rest = sorted(set(others.tolist()) - set(hard))
    drawn = random.Random(f"{config.cross.seed} {number}").sample(rest, min(len(rest), config.negatives - len(hard)))
    texts = tuple(questions.texts[int(rows[i])] for i in (*hard, *drawn))
    return Group(answered.request.text, questions.texts[answered.row], texts, answered.request.user)


PART = Part(
    name="reranker",
    summary="a small cross-encoder that scores the best candidates of any searcher again",
    use="use it with --set search.rerank.model={name}",
    build_config=RerankerConfig,
    train=train,
    load=lambda folder: reranker(RerankOptions(model=str(folder / "model"))),
)
