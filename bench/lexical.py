"""BM25 beside bm25s: searching, tokenising included, and building the index."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.measure import side_by_side
from bench.table import Row, Table, compared
from bench.world import STORE, World
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.index import collection
from engine.index.collection import Collection
from engine.index.lexical import LexicalConfig, LexicalIndex
from engine.records import Request

CONFIG = LexicalConfig()


class Direct:
    """bm25s as its README has it, with our k1, b, stemmer and stop words."""

    def __init__(self, texts: Sequence[str], k: int) -> None:
        import bm25s

        self.k = min(k, len(texts))
        self.bm25 = bm25s.BM25(k1=CONFIG.k1, b=CONFIG.b, method="lucene", backend="numpy")
        self.bm25.index(tokenize(texts), show_progress=False)

    def search(self, texts: Sequence[str], weight_mask: np.ndarray | None = None) -> Any:
        return self.bm25.retrieve(
            tokenize(texts),
            k=self.k,
            n_threads=0,
            show_progress=False,
            backend_selection="numpy",
            weight_mask=weight_mask,
        )


def tokenize(texts: Sequence[str]) -> Any:
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer(CONFIG.stemmer)
    return bm25s.tokenize(list(texts), stopwords=CONFIG.stopwords, stemmer=stemmer, show_progress=False)


def run(world: World) -> Table:
    sizes = world.sizes
    rows = [*_search(world.lexical, world.requests, world, "")]
    rows.append(_stores(world))
    rows.append(_build(world.collection, world.scratch / "build", f"build, {sizes.documents:,} documents", 3))
    scifact = world.real / "scifact"
    if scifact.is_dir():
        dataset = Dataset(scifact)
        documents = collection.ensure(world.scratch / "scifact" / "documents", dataset.digest, dataset.documents())
        path = Workspace(world.scratch / "scifact").index(dataset.digest, "bm25", "bench")
        LexicalIndex.build(path, documents, CONFIG)
        requests = dataset.requests()[: sizes.queries]
        rows += _search(LexicalIndex(path, documents, CONFIG), requests, world, "SciFact, ")
        rows.append(_build(documents, world.scratch / "build", f"SciFact, build, {len(documents):,} documents", 5))
    note = (
        f"{sizes.documents:,} documents of about 60 words, a Zipf vocabulary of {sizes.vocabulary:,}, queries of "
        f"about 8 words, k = {sizes.k}; k1 {CONFIG.k1}, b {CONFIG.b}, Snowball stemmer and stop words for both. "
        "Direct: `bm25s.tokenize` and `BM25.retrieve` (numpy, one thread) on an index in memory; for stores "
        "`weight_mask`, which is what bm25s has for them. Builds: ours reads the segment from disk and publishes "
        "files, the direct way makes arrays of texts that are in memory."
    )
    return Table("lexical", note, rows)


def _search(index: LexicalIndex, requests: Sequence[Request], world: World, label: str) -> list[Row]:
    texts, k, repeats = [r.text for r in requests], world.sizes.k, world.sizes.repeats
    direct = Direct(list(index.collection.segments[0].contents()), k)
    few = min(len(texts), 100)
    _agree(index, direct, requests, k)
    return [
        compared(
            f"{label}{len(texts):,} queries at once",
            side_by_side(lambda: index.search(requests, k), lambda: direct.search(texts), repeats),
            per=len(texts),
        ),
        compared(
            f"{label}one query at a time",
            side_by_side(
                lambda: [index.search([r], k) for r in requests[:few]],
                lambda: [direct.search([text]) for text in texts[:few]],
                repeats,
            ),
            per=few,
        ),
    ]


def _stores(world: World) -> Row:
    few = world.scoped[:100]
    direct = Direct(list(world.collection.segments[0].contents()), min(world.sizes.k, STORE))
    masks = []
    for request in few:
        mask = np.zeros(len(world.collection), dtype=np.float32)
        part = world.collection.ranges(request.user)[0]
        mask[part.low : part.high] = 1
        masks.append(mask)
    comparison = side_by_side(
        lambda: world.lexical.search(few, world.sizes.k),
        lambda: [direct.search([r.text], mask) for r, mask in zip(few, masks, strict=True)],
        world.sizes.repeats,
    )
    return compared(f"one query to a store of {STORE}", comparison, per=len(few))


def _build(documents: Collection, scratch: Path, what: str, repeats: int) -> Row:
    texts = list(documents.segments[0].contents())

    def ours() -> None:
        shutil.rmtree(scratch, ignore_errors=True)
        LexicalIndex.build(scratch, documents, CONFIG)

    return compared(what, side_by_side(ours, lambda: Direct(texts, 1), repeats, warm_up=0))


def _agree(index: LexicalIndex, direct: Direct, requests: Sequence[Request], k: int) -> None:
    """Raises AssertionError if scores differ; bm25s fills its lists up with zeros."""
    ours = index.search(requests, k)
    for i, scores in enumerate(direct.search([r.text for r in requests]).scores):
        np.testing.assert_allclose(ours.scores_of(i), scores[scores > 0], rtol=1e-4)
