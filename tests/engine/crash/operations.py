"""What the crash tests kill: each operation as one function of the folder that it works in.

`prepare` makes what the others start from. Everything is small: chunks of 8 texts, a store of three runs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

# Loaded once, in the fork server.
import bm25s  # noqa: F401
import duckdb
import faiss  # noqa: F401
import sentence_transformers  # noqa: F401
import Stemmer  # noqa: F401
import torch  # noqa: F401

from crash import tiny
from engine import runs, store, vectors
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.encoder import Encoder, EncoderConfig
from engine.evaluation.metrics import evaluate
from engine.index import collection
from engine.index.dense import DenseConfig
from engine.index.lexical import LexicalConfig, LexicalIndex
from engine.methods.base import Target
from engine.methods.baselines.bm25 import Bm25Config, Bm25Searcher
from engine.methods.baselines.bm25 import build as build_bm25
from engine.methods.baselines.dense import DenseBuild, DenseSearcher
from engine.methods.baselines.dense import build as build_dense
from engine.methods.spike.config import SpikeConfig
from engine.methods.spike.importing import import_scenarios
from engine.methods.spike.search import build as build_spike
from engine.records import Document, Request, Run

CHUNK = 8
USERS = (None, "ann", "bob")


def documents(count: int = 60, first: int = 0) -> list[Document]:
    return [
        Document(f"d{i:03}", text, user=USERS[i % 3])
        for i, text in enumerate(tiny.texts(count, seed=first), start=first)
    ]


@cache
def encoder(folder: Path) -> Encoder:
    return Encoder(EncoderConfig(model=str(folder / "model" / "encoder")))


def prepare(folder: Path) -> None:
    """A model, a collection of three segments and some tombstones, and three runs."""
    tiny.save_encoder(folder / "model")
    grown = folder / "grown"
    collection.ensure(grown, "source", documents())
    collection.add(grown, documents(10, first=100))
    collection.add(grown, documents(10, first=200))
    collection.remove(grown, ["d003", "d004", "d105"])
    build_bm25(target(folder), Bm25Config())
    for seed in range(3):
        save_run(folder, seed)


def target(folder: Path) -> Target:
    return Target(Workspace(folder / "workspace"), "digest", collection.Collection(folder / "grown"))


def config(folder: Path) -> DenseBuild:
    return DenseBuild(encoder=encoder(folder).config)


# encoding ----------------------------------------------------------------------------------------------------------


def encode(folder: Path) -> None:
    """70 texts, of which some come twice, into vectors.npy; each chunk that is encoded is noted in encoded.txt."""
    vectors.CHUNK = CHUNK
    with (folder / "encoded.txt").open("w") as log:
        plain = Encoder.encode_documents

        def noted(self: Encoder, batch: list[str]):
            log.writelines(f"{text}\n" for text in batch)
            log.flush()
            return plain(self, batch)

        Encoder.encode_documents = noted
        vectors.write_vectors(folder / "vectors.npy", encoder(folder), encoded_texts, folder / "cache")


def encoded_texts() -> Iterator[str]:
    return iter([*tiny.texts(60, seed=7), *tiny.texts(10, seed=7)])


# index writing -------------------------------------------------------------------------------------------------------


def write_lexical(folder: Path) -> None:
    index = LexicalIndex(*lexical_index(folder))
    assert len(index.search([Request("q", tiny.WORDS[0])], 5).rows) == 5


def lexical_index(folder: Path, k1: float = 0.9):
    config, documents = LexicalConfig(k1=k1), collection.Collection(folder / "grown")
    LexicalIndex.build(folder / "lexical", documents, config)
    return folder / "lexical", documents, config


def rewrite_lexical(folder: Path) -> None:
    """The same folder with another configuration: the old postings have to make room for the new."""
    lexical_index(folder, k1=1.5)


def write_dense(folder: Path) -> None:
    vectors.CHUNK = CHUNK
    build_dense(target(folder), config(folder))
    searcher = DenseSearcher(target(folder), config(folder))
    assert len(searcher.search([Request("q", tiny.WORDS[0])], 5).rows) == 5


def write_hnsw(folder: Path) -> None:
    vectors.CHUNK = CHUNK
    build_dense(target(folder), config(folder).model_copy(update={"factory": "HNSW32"}))


def write_spike(folder: Path) -> None:
    """Scenarios, both indexes and the needs' words."""
    vectors.CHUNK = CHUNK
    build_spike(target(folder), SpikeConfig(dense=DenseConfig(encoder=encoder(folder).config), needs=LexicalConfig()))


def made_elsewhere(folder: Path) -> None:
    """A dataset, and scenarios for half of it."""
    (folder / "dataset").mkdir()
    rows = [{"_id": f"d{i}", "text": text} for i, text in enumerate(tiny.texts(20, seed=5))]
    needs = [{"id": row["_id"], "scenarios": [{"information_need": row["text"][:20]}]} for row in rows[::2]]
    for name, lines in (("corpus", rows), ("queries", [{"_id": "q", "text": "x"}]), ("needs", needs)):
        (folder / "dataset" / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def take_in(folder: Path) -> None:
    path = folder / "dataset"
    import_scenarios(Workspace(folder / "workspace"), Dataset(path), path / "needs.jsonl")


# the collection ----------------------------------------------------------------------------------------------------


def ensure(folder: Path) -> None:
    collection.ensure(folder / "new", "source", documents())


def add(folder: Path) -> None:
    collection.add(folder / "grown", documents(10, first=300))


def remove(folder: Path) -> None:
    collection.remove(folder / "grown", ["d001", "d101"])


def compact(folder: Path) -> None:
    collection.compact(folder / "grown")


def grow(folder: Path) -> None:
    """An addition through a searcher: documents and postings."""
    build_bm25(target(folder), Bm25Config())
    Bm25Searcher(target(folder), Bm25Config()).add(documents(10, first=300))


# runs and the store --------------------------------------------------------------------------------------------------


def save_run(folder: Path, seed: int = 9) -> runs.SavedRun:
    asked = [Request(f"q{i}", text, user=USERS[i % 3]) for i, text in enumerate(tiny.texts(12, seed=seed))]
    answers = Run.from_lists({request.id: [f"d{(seed + i) % 20:03}" for i in range(8)] for request in asked})
    evaluation = evaluate(answers, {r.id: {"d003": 1, "d011": 2} for r in asked}, ["ndcg@10", "mrr@10"])
    info = {
        "method": "bm25", "config": "bm25", "model": None, "trained_on": None, "dataset": "made", "dataset_digest": "d",
        "collection": None, "split": "test", "seed": seed, "seconds": {},
    }  # fmt: skip
    return runs.save(Workspace(folder / "workspace"), info, answers, evaluation, asked, {})


def save(folder: Path) -> None:
    audit_sql()
    save_run(folder)


def sync(folder: Path) -> None:
    audit_sql()
    store.sync(Workspace(folder / "workspace"))


class AuditedConnection:
    """DuckDB writes files without Python: every statement, and the closing, is reported as a step of its own."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, *arguments: Any) -> Any:
        sys.audit("crash.sql", arguments[0])
        return self._connection.execute(*arguments)

    def close(self) -> None:
        sys.audit("crash.sql", "close")
        self._connection.close()

    def __enter__(self) -> AuditedConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def audit_sql() -> None:
    connect = duckdb.connect
    duckdb.connect = lambda *arguments, **options: AuditedConnection(connect(*arguments, **options))
