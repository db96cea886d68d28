"""Search time: an ordinary embedding search in both indexes, and no call to a language model (paper, inference).

    s(q, d) = a cos(q, d) + (1 - a) pool_j cos(q, scenario_dj)  [+ l bm25(q, needs of d) / max bm25]

over the union of the candidate lists, every missing term computed exactly; a document without scenarios counts by its
own vector, s = cos(q, d). Candidates are fetched until nothing unfetched could be among the k best, so that the answer
is that of scoring every document. With a = 1 and l = 0 this is dense search itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.errors import InputError
from engine.index.collection import Collection
from engine.index.dense import DenseIndex
from engine.index.grouped import GroupedIndex, pool
from engine.index.lexical import LexicalIndex
from engine.index.ranking import best, to_run
from engine.methods.base import Hit, Request, Run, Searcher, Target
from engine.methods.spike import generation, index, models, training
from engine.methods.spike.config import SpikeConfig, SpikeOptions
from engine.methods.spike.generation import SegmentScenarios
from engine.records import MatchedScenario

HELD = 1 << 17  # candidates of each list that are held at once, over all requests


class SpikeSearcher(Searcher[SpikeOptions]):
    """Opens both indexes of a target. Raises FileNotFoundError if a part is missing."""

    name = "spike"

    def __init__(self, target: Target, config: SpikeConfig) -> None:
        self.config = config
        self._use(target)

    @staticmethod
    def over(documents: DenseIndex, scenarios: GroupedIndex, needs: LexicalIndex | None = None) -> SpikeSearcher:
        """A searcher over indexes at hand, which can neither explain nor grow."""
        searcher = SpikeSearcher.__new__(SpikeSearcher)
        searcher.documents, searcher.scenarios, searcher.needs = documents, scenarios, needs
        return searcher

    @property
    def trained(self) -> Path | None:
        return models.model_folder(self.target, self.config)

    @property
    def collection(self) -> Collection:
        return self.documents.collection

    def _use(self, target: Target) -> None:
        self.documents, self.scenarios, self.needs = index.opened(target, self.config)
        path = generation.folder(target, self.config)
        self._texts = [SegmentScenarios(path / segment.name) for segment in target.collection.segments]
        self.target = target

    def open(self, target: Target) -> None:
        build(target, self.config)
        self._use(target)

    def search(self, requests: Sequence[Request], k: int, options: SpikeOptions | None = None) -> Run:
        options = options or SpikeOptions()
        if options.lexical and not self.needs:
            raise InputError("there are no postings of the needs", where="search.lexical", remedy="Set build.needs, {}")
        return self.ranked(requests, self.documents.encode(requests), k, options)

    def ranked(self, requests: Sequence[Request], queries: np.ndarray, k: int, options: SpikeOptions) -> Run:
        """`search` with the requests' vectors given: (requests, dimension) float32."""
        if options.a == 1 and not options.lexical:
            return self.documents.search_vectors(requests, queries, k)
        return to_run(requests, self._search(requests, queries, k, options), self.collection.ids)

    def _search(
        self, requests: Sequence[Request], queries: np.ndarray, k: int, options: SpikeOptions
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """(rows, scores) of each request's k best; those whose candidates did not suffice are asked again for more."""
        found: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(requests)
        pending, fetch = list(range(len(requests))), max(options.depth, k)
        while pending:
            left, together = [], max(1, HELD // fetch)
            for some in (pending[start : start + together] for start in range(0, len(pending), together)):
                asked, vectors = [requests[i] for i in some], queries[some]
                rows, unseen, highest = self._candidates(asked, vectors, fetch, options)
                scores = self._scores(asked, vectors, rows, highest, options)
                for place, i in enumerate(some):
                    found[i] = best(rows[place], scores[place], self.collection.rank, k)
                    kept = found[i][1]
                    if unseen[place] > -np.inf and (len(kept) < k or kept[-1] <= unseen[place]):
                        left.append(i)
            pending, fetch = left, fetch * 8
        return found

    def _candidates(
        self, requests: Sequence[Request], queries: np.ndarray, fetch: int, options: SpikeOptions
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """The union of the lists: each request's rows, and what no document that is in none of them exceeds, (q,).

        Also the highest BM25 score of each request, (q,), by which the others are divided.
        """
        near = self.documents.search_vectors(requests, queries, fetch)
        groups, unseen_scenario = self.scenarios.nearest(requests, queries, 2 * fetch)
        words = self.needs.search(requests, fetch) if self.needs and options.lexical else None
        rows, unseen, highest = [], np.empty(len(requests), np.float32), np.zeros(len(requests), np.float32)
        for i, request in enumerate(requests):
            similar = near.scores_of(i)
            parts = [near.rows[near.offsets[i] : near.offsets[i + 1]], groups[i]]
            bound = -np.inf
            if len(similar) == fetch:  # else all documents are candidates
                last = float(similar[-1])
                if unseen_scenario[i] > -np.inf:
                    bound = options.a * last + (1 - options.a) * float(unseen_scenario[i])
                if not self.scenarios.complete:
                    bound = max(bound, last)
            if words is not None:
                matched = words.scores_of(i)
                parts.append(words.rows[words.offsets[i] : words.offsets[i + 1]])
                highest[i] = matched[0] if len(matched) else 0
                if len(matched) == fetch:
                    bound += options.lexical * float(matched[-1]) / float(highest[i])
            unseen[i] = bound
            union = np.unique(np.concatenate(parts))
            union = union[~self.collection.deleted[union]]
            banned = [row for d in request.exclude if (row := self.collection.row_of.get(d)) is not None]
            rows.append(union[~np.isin(union, banned)] if banned else union)
        return rows, unseen, highest

    def _scores(
        self,
        requests: Sequence[Request],
        queries: np.ndarray,
        rows: Sequence[np.ndarray],
        highest: np.ndarray,
        options: SpikeOptions,
    ) -> list[np.ndarray]:
        """s(q, d) of each request's own rows, float32."""
        own = self.documents.similarities(queries, rows)
        groups = self.scenarios.similarities(queries, rows)
        scores = []
        for i, (document, (values, bounds)) in enumerate(zip(own, groups, strict=True)):
            total = options.a * document + (1 - options.a) * pool(options.pool, values, bounds, document)
            if highest[i] > 0 and self.needs:
                words = self.needs.scores(requests[i].text, rows[i])
                total = total + options.lexical * words / highest[i]
            scores.append(total.astype(np.float32))
        return scores

    def explain(self, request: Request, documents: Sequence[str], options: SpikeOptions | None = None) -> list[Hit]:
        options = options or SpikeOptions()
        rows = np.asarray([self.collection.row_of[document] for document in documents], dtype=np.int64)
        queries = self.documents.encode([request])
        highest = np.zeros(1, np.float32)
        if options.lexical and self.needs:
            matched = self.needs.search([request], 1).scores_of(0)
            highest[:] = matched[0] if len(matched) else 0
        totals = self._scores([request], queries, [rows], highest, options)[0]
        own = self.documents.similarities(queries, [rows])[0]
        values, bounds = self.scenarios.similarities(queries, [rows])[0]
        plain = self.documents.ranks(request, queries[0], rows)
        hits = []
        for place, row in enumerate(rows.tolist()):
            group = values[bounds[place] : bounds[place + 1]]
            why = self._reason(row, group, float(own[place]), int(plain[place]))
            hits.append(Hit(self.collection.document(row), float(totals[place]), (why,)))
        return hits

    def _reason(self, row: int, similarities: np.ndarray, document: float, rank: int) -> MatchedScenario:
        segment = int(np.searchsorted(self.collection.bases, row, side="right")) - 1
        written = self._texts[segment].row(row - int(self.collection.bases[segment]))
        if not len(similarities):
            return MatchedScenario("", "", written.main_topic, None, document, rank, 0, written.source)
        winner = int(np.argmax(similarities))
        scenario = written.scenarios[winner]
        return MatchedScenario(
            scenario.information_need,
            scenario.explanation,
            written.main_topic,
            float(similarities[winner]),
            document,
            rank,
            len(similarities),
            written.source,
        )

    def warm(self) -> None:
        self.documents.encoder.recall(["warm"], queries=True)


def build(target: Target, config: SpikeConfig) -> None:
    """All stages, each of which leaves alone what is fresh."""
    generation.build_scenarios(target, config)
    training.adapt(target, config)
    index.build_documents(target, config)
    index.build_index(target, config)
