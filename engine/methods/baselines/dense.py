"""dense: documents whose vector lies nearest to the request's (bi-encoder, exact inner product)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from engine.artifacts import Manifest
from engine.config import SearchOptions
from engine.datasets.reader import Dataset
from engine.encoder import Encoder, shared_encoder
from engine.index.dense import DenseConfig, DenseIndex
from engine.index.dense import name as index_name
from engine.methods.base import Hit, Method, Paper, Request, Run, Searcher, Stage, Target
from engine.records import ClosestSentence
from engine.training import AdaptConfig


class DenseBuild(DenseConfig):
    """Dense retrieval: its index, and how `train` fits its encoder to questions and their answers."""

    model: str | None = Field(None, description="what `train dense --name` made of the encoder; None: as it is")
    questions: int = Field(20_000, ge=2, description="`train` learns from at most so many")
    adapt: AdaptConfig = Field(AdaptConfig(), description="how `train` fits the encoder")


class DenseSearcher(Searcher[SearchOptions]):
    """Opens the vectors of a target. Raises FileNotFoundError if some are missing."""

    name = "dense"

    def __init__(self, target: Target, config: DenseBuild) -> None:
        self.config, self.target, self.encoder = config, target, encoder_of(target, config)
        self.index = DenseIndex(folder(target, config, self.encoder), target.collection, self.encoder)

    def open(self, target: Target) -> None:
        _build(target, self.config, self.encoder)
        path = folder(target, self.config, self.encoder)
        self.target, self.index = target, DenseIndex(path, target.collection, self.encoder)

    def search(self, requests: Sequence[Request], k: int, options: SearchOptions | None = None) -> Run:
        return self.index.search(requests, k)

    def explain(self, request: Request, documents: Sequence[str], options: SearchOptions | None = None) -> list[Hit]:
        query = self.index.encode([request])[0]
        rows = [self.collection.row_of[document] for document in documents]
        return [
            Hit(self.collection.document(row), why.document_similarity, (why,))
            for row, why in zip(rows, self.index.explain(query, rows), strict=True)
        ]

    def warm(self) -> None:
        self.index.warm()

    @property
    def trained(self) -> Path | None:
        return self.target.workspace.trained("dense", self.config.model) if self.config.model else None


def encoder_of(target: Target, config: DenseBuild) -> Encoder:
    """The encoder that the configuration names, or what was trained of it."""
    if config.model is None:
        return shared_encoder(config.encoder)
    path = target.workspace.trained("dense", config.model) / "encoder"
    return shared_encoder(config.encoder.model_copy(update={"model": str(path), "revision": None, "base_urls": ()}))


def folder(target: Target, config: DenseConfig, encoder: Encoder) -> Path:
    return target.folder("dense", index_name(config, encoder))


def build(target: Target, config: DenseBuild) -> None:
    _build(target, config, encoder_of(target, config))


def train(target: Target, dataset: Dataset, config: DenseBuild, name: str) -> Manifest:
    """`models/dense/NAME`: the encoder fitted to a dataset's questions."""
    from engine.methods.baselines import fitting

    return fitting.train(target, dataset, config, name)


def _build(target: Target, config: DenseConfig, encoder: Encoder) -> None:
    cache = target.workspace.vectors(encoder.digest)
    path = folder(target, config, encoder)
    DenseIndex.build(path, target.collection, config, encoder, cache, target.processes)


METHOD = Method(
    name="dense",
    title="Dense retrieval",
    task="search",
    summary="ranks documents by the inner product of their vector and the request's, made by one bi-encoder",
    paper=Paper(
        "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks",
        "EMNLP 2019",
        "https://arxiv.org/abs/1908.10084",
    ),
    needs=("an encoder (MiniLM is bundled)",),
    explains=(ClosestSentence,),
    build_config=DenseBuild,
    search_options=SearchOptions,
    stages=(Stage("dense", "one vector a document", build),),
    load=DenseSearcher,
    folders=lambda target, config: [folder(target, config, encoder_of(target, config))],
    train=train,
)
