"""Searchers made of searchers: fusion of several, and reranking of one. They take any searcher and know no method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.config import FusingOptions, RerankOptions, SearchOptions
from engine.errors import InputError
from engine.index.ranking import best, to_run
from engine.index.reading import Reader
from engine.methods.base import Searcher, Target
from engine.progress import track
from engine.records import FusedRanks, Hit, Request, Reranked, Run
from engine.rerank import reranker


class FusionOptions(FusingOptions, SearchOptions):
    """The options of a method that is nothing but a fusion."""


def reciprocal_rank(scores: np.ndarray, k: float) -> np.ndarray:
    """1 / (k + rank), rank from 1 (Cormack, Clarke & Buettcher, SIGIR 2009). `scores` (n,) are best first."""
    return 1.0 / (k + 1.0 + np.arange(len(scores)))


def min_max(scores: np.ndarray) -> np.ndarray:
    """(n,) scores brought to [0, 1] within one list (Lee, SIGIR 1997); all 1 where they do not differ."""
    low, high = (scores.min(), scores.max()) if len(scores) else (0.0, 0.0)
    return (scores - low) / (high - low) if high > low else np.ones(len(scores))


def standardised(scores: np.ndarray) -> np.ndarray:
    """(n,) scores less their mean, over their standard deviation, within one list; all 0 where they do not differ."""
    scores = scores.astype(np.float64)
    spread = scores.std() if len(scores) else 0.0
    return (scores - scores.mean()) / spread if spread > 0 else np.zeros(len(scores))


class Fusion(Searcher[SearchOptions]):
    """Merges the lists of several searchers over one collection.

    With `how` the fusion is settled: options are then the first searcher's, beside which the others stand.
    """

    def __init__(self, name: str, searchers: Sequence[Searcher], how: FusingOptions | None = None) -> None:
        self.name, self.searchers, self.how = name, list(searchers), how

    @property
    def target(self) -> Target:  # type: ignore[override]
        return self.searchers[0].target

    def search(self, requests: Sequence[Request], k: int, options: SearchOptions | None = None) -> Run:
        how = self._how(options)
        return fuse(requests, self._runs(requests, max(k, how.depth), options), self.collection.rank, k, how)

    def _how(self, options: SearchOptions | None) -> FusingOptions:
        return self.how or (options if isinstance(options, FusionOptions) else FusionOptions())

    def _runs(self, requests: Sequence[Request], depth: int, options: SearchOptions | None) -> list[Run]:
        first, *others = self.searchers
        own = options if self.how else None
        return [first.search(requests, depth, own), *(searcher.search(requests, depth) for searcher in others)]

    def explain(self, request: Request, documents: Sequence[str], options: SearchOptions | None = None) -> list[Hit]:
        how = self._how(options)
        runs = self._runs([request], max(len(documents), how.depth), options)
        fused = fuse([request], runs, self.collection.rank, sum(len(run.rows) for run in runs), how)
        score = dict(zip(fused.documents(0), fused.scores.tolist(), strict=True))
        ranks = [{d: i for i, d in enumerate(run.documents(0), start=1)} for run in runs]
        weights = how.weights or (1.0,) * len(runs)
        names = [searcher.name for searcher in self.searchers]
        first, *others = self.searchers
        explained = [first.explain(request, documents, options if self.how else None)]
        explained += [searcher.explain(request, documents) for searcher in others]
        hits = []
        for i, document in enumerate(documents):
            fusion = FusedRanks(tuple((n, r.get(document), w) for n, r, w in zip(names, ranks, weights, strict=True)))
            parts = [hits_of_one[i] for hits_of_one in explained]
            why = (fusion, *(e for hit in parts for e in hit.why))
            hits.append(Hit(parts[0].document, score.get(document, 0.0), why))
        return hits

    def warm(self) -> None:
        for searcher in self.searchers:
            searcher.warm()

    def open(self, target: Target) -> None:
        for searcher in self.searchers:  # all of them the same moment
            searcher.open(target)

    @property
    def trained(self) -> Path | None:
        return next((searcher.trained for searcher in self.searchers if searcher.trained), None)


def fuse(requests: Sequence[Request], runs: Sequence[Run], rank: np.ndarray, k: int, options: FusingOptions) -> Run:
    """One run from several over the same collection; `rank` (rows,) orders ties by id.

    A document that a searcher did not return gets nothing from it; a searcher of weight 0 has no say in what is found.
    """
    weights = options.weights or (1.0,) * len(runs)
    if len(weights) != len(runs):
        raise InputError(
            f"{len(weights)} weights for {len(runs)} searchers", where="search.weights", remedy="Give one weight each"
        )
    lists, weighted = [], [(run, weight) for run, weight in zip(runs, weights, strict=True) if weight]
    for i in range(len(requests)):
        rows = np.concatenate([run.rows[run.offsets[i] : run.offsets[i + 1]] for run, _ in weighted])
        parts = []
        for run, weight in weighted:
            scores = run.scores_of(i).astype(np.float64)
            parts.append(
                weight * (reciprocal_rank(scores, options.rrf_k) if options.fusion == "rrf" else min_max(scores))
            )
        documents, place = np.unique(rows, return_inverse=True)
        total = np.bincount(place, weights=np.concatenate(parts), minlength=len(documents)).astype(np.float32)
        lists.append(best(documents, total, rank, k))
    return to_run(requests, lists, runs[0].ids)


class Rerank(Searcher[SearchOptions]):
    """Scores another searcher's best candidates again; those below `depth` keep their order behind them.

    With `weight` w a candidate's score is z(searcher's) + w z(reranker's), z standardised among the request's
    candidates; without, the reranker's alone.
    """

    def __init__(self, searcher: Searcher, options: RerankOptions) -> None:
        self.searcher, self.rerank_options, self.reranker = searcher, options, reranker(options)
        self.name, self.reader = searcher.name, Reader(searcher.collection, options.reads)

    @property
    def target(self) -> Target:  # type: ignore[override]
        return self.searcher.target

    def search(self, requests: Sequence[Request], k: int, options: SearchOptions | None = None) -> Run:
        run = self.searcher.search(requests, max(k, self.rerank_options.depth), options)
        asked = (
            track([*enumerate(requests)], "reranking", unit="requests") if len(requests) > 1 else enumerate(requests)
        )
        lists = [self._reorder(request, run, i)[:2] for i, request in asked]
        return to_run(requests, lists, run.ids).top(k)

    def _reorder(self, request: Request, run: Run, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(rows, scores, earlier places, the reranker's own scores) of request number `i` after reranking."""
        rows = run.rows[run.offsets[i] : run.offsets[i + 1]]
        head = rows[: self.rerank_options.depth]
        if not len(head):
            return rows, np.empty(0, np.float32), rows, np.empty(0, np.float32)
        texts = [self.reader.text(row) for row in head.tolist()]
        own = scores = self.reranker.scores(request.text, texts)
        if self.rerank_options.weight is not None:
            found = standardised(run.scores_of(i)[: len(head)])
            scores = (found + self.rerank_options.weight * standardised(own)).astype(np.float32)
        order = np.lexsort((-self.collection.rank[head], -scores))
        tail = np.arange(len(head), len(rows))
        below = float(scores.min()) - 1.0 - np.arange(len(tail), dtype=np.float32)  # keeps their order, after the head
        places = np.concatenate([order, tail])
        final = np.concatenate([scores[order], below]).astype(np.float32)
        return rows[places], final, places, np.concatenate([own[order], below]).astype(np.float32)

    def explain(self, request: Request, documents: Sequence[str], options: SearchOptions | None = None) -> list[Hit]:
        run = self.searcher.search([request], max(len(documents), self.rerank_options.depth), options)
        rows, scores, places, own = self._reorder(request, run, 0)
        final = {run.ids[row]: float(score) for row, score in zip(rows.tolist(), scores, strict=True)}
        moved = {
            run.ids[row]: Reranked(self.reranker.name, int(before) + 1, after, float(score))
            for after, (row, score, before) in enumerate(zip(rows.tolist(), own, places, strict=True), start=1)
        }
        hits = self.searcher.explain(request, documents, options)
        return [
            replace(hit, score=final[hit.document.id], why=(moved[hit.document.id], *hit.why))
            if hit.document.id in moved
            else hit
            for hit in hits
        ]

    def warm(self) -> None:
        self.searcher.warm()

    def open(self, target: Target) -> None:
        self.searcher.open(target)
        self.reader = Reader(self.collection, self.rerank_options.reads)

    @property
    def trained(self) -> Path | None:
        return self.searcher.trained
