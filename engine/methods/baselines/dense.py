"""dense: documents whose vector lies nearest to the request's (bi-encoder, exact inner product)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.config import SearchOptions
from engine.encoder import Encoder, shared_encoder
from engine.index.dense import DenseConfig, DenseIndex
from engine.index.dense import name as index_name
from engine.methods.base import Hit, Method, Paper, Request, Run, Searcher, Stage, Target
from engine.records import ClosestSentence


class DenseSearcher(Searcher[SearchOptions]):
    """Opens the vectors of a target. Raises FileNotFoundError if some are missing."""

    name = "dense"

    def __init__(self, target: Target, config: DenseConfig) -> None:
        self.config, self.target, self.encoder = config, target, shared_encoder(config.encoder)
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


def folder(target: Target, config: DenseConfig, encoder: Encoder) -> Path:
    return target.folder("dense", index_name(config, encoder))


def build(target: Target, config: DenseConfig) -> None:
    _build(target, config, shared_encoder(config.encoder))


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
    build_config=DenseConfig,
    search_options=SearchOptions,
    stages=(Stage("dense", "one vector a document", build),),
    load=DenseSearcher,
    folders=lambda target, config: [folder(target, config, shared_encoder(config.encoder))],
)
