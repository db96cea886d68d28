"""The vocabulary: documents, requests, judgements, runs, hits, and why a hit was found.

Every part of the engine speaks in these. Frozen and small; numpy for columns, no pandas, no torch, no I/O.
Times are ISO-8601 strings without an offset, in the user's local time.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

Entity = tuple[int, int, str]  # (start, end, type) in characters of a text; types PER, LOC, EVT and TIM


@dataclass(frozen=True, slots=True)
class Document:
    """A passage, a memory or an item. `user` is whose store it belongs to; None means everybody's.

    `time` is when it happens, `created` when it was written down; `fields` is whatever else the source had.
    """

    id: str
    text: str
    title: str = ""
    user: str | None = None
    kind: str | None = None
    time: str | None = None
    created: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """Title and text as one string: what is tokenised and encoded."""
        return f"{self.title} {self.text}".strip() if self.title else self.text


@dataclass(frozen=True, slots=True)
class Request:
    """A search has a text; a recommendation a history; a personal search a user and the time it was asked.

    A request with a `user` searches that user's documents only. `exclude` are ids never to return.
    """

    id: str
    text: str = ""
    user: str | None = None
    time: str | None = None
    history: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    instruction: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interaction:
    """One event of a click log; `order` sorts a user's events, ties keep the file's order."""

    user: str
    item: str
    order: int
    rating: float | None = None
    title: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """How well `document` answers `request`; a gain of 0 or less means that it does not."""

    request: str
    document: str
    gain: int


def trec_order(scores: np.ndarray, ids: Sequence[str]) -> np.ndarray:
    """The order in which trec_eval reads a list: float32 score descending, then id descending. `scores` is (n,)."""
    keys = np.asarray(scores, dtype=np.float32)
    by_id = sorted(range(len(ids)), key=ids.__getitem__, reverse=True)
    return np.asarray(by_id, dtype=np.int64)[np.argsort(-keys[by_id], kind="stable")]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Ranked answers to many requests, in columns: cheap at millions of rows.

    `requests` has R ids; the answers of request i are `rows[offsets[i]:offsets[i + 1]]`, best first, each an index into
    `ids`, with `scores` (float32) beside them. `ids` may be shared with an index and hold documents that no list names.
    """

    requests: tuple[str, ...]
    offsets: np.ndarray  # (R + 1,) int64
    rows: np.ndarray  # (n,) integers into ids
    ids: Sequence[str]
    scores: np.ndarray  # (n,) float32

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.requests) + 1 or len(self.rows) != len(self.scores):
            raise ValueError("a run's columns do not fit together")

    def __len__(self) -> int:
        return len(self.requests)

    def documents(self, i: int) -> list[str]:
        """The ids answered to request number `i`, best first."""
        return [self.ids[row] for row in self.rows[self.offsets[i] : self.offsets[i + 1]].tolist()]

    def scores_of(self, i: int) -> np.ndarray:
        """The scores beside `documents(i)`, float32."""
        return self.scores[self.offsets[i] : self.offsets[i + 1]]

    def lists(self) -> Iterator[tuple[str, list[str], np.ndarray]]:
        """(request id, document ids best first, scores) for each request."""
        for i, request in enumerate(self.requests):
            yield request, self.documents(i), self.scores_of(i)

    def top(self, k: int) -> Run:
        """The same run cut to the best `k` of each request."""
        lengths = np.diff(self.offsets)
        if not len(lengths) or int(lengths.max()) <= k:
            return self
        position = np.arange(len(self.rows)) - np.repeat(self.offsets[:-1], lengths)
        keep = position < k
        return Run(self.requests, _offsets(np.minimum(lengths, k)), self.rows[keep], self.ids, self.scores[keep])

    @staticmethod
    def from_lists(lists: Mapping[str, Sequence[str]]) -> Run:
        """A run from lists without scores: their order is kept, and scores count down to 1."""
        return Run.from_columns({r: (d, np.arange(len(d), 0, -1, dtype=np.float32)) for r, d in lists.items()})

    @staticmethod
    def from_scores(scores: Mapping[str, Mapping[str, float]]) -> Run:
        """A run from {request: {document: score}}, put in trec_eval's order."""
        columns = {}
        for request, scored in scores.items():
            ids, values = list(scored), np.fromiter(scored.values(), dtype=np.float32, count=len(scored))
            order = trec_order(values, ids)
            columns[request] = ([ids[i] for i in order], values[order])
        return Run.from_columns(columns)

    @staticmethod
    def from_columns(columns: Mapping[str, tuple[Sequence[str], np.ndarray]]) -> Run:
        """A run from {request: (ids best first, scores)}; the order is taken as it is."""
        ids: dict[str, int] = {}
        rows = [ids.setdefault(d, len(ids)) for documents, _ in columns.values() for d in documents]
        scores = [np.asarray(s, dtype=np.float32) for _, s in columns.values()]
        return Run(
            tuple(columns),
            _offsets([len(s) for s in scores]),
            np.asarray(rows, dtype=np.int64),
            list(ids),
            np.concatenate(scores) if scores else np.empty(0, np.float32),
        )


def _offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


EXPLAINED = 8000  # characters of a document that explanations look at: the length of a long article's first pages


@dataclass(frozen=True, slots=True)
class Explanation(ABC):
    """Why a document was found. Each kind has one line for a person and its raw parts as typed fields."""

    kind: ClassVar[str] = ""

    @property
    @abstractmethod
    def line(self) -> str:
        """The reason in one line."""


@dataclass(frozen=True, slots=True)
class MatchedTerms(Explanation):
    """Lexical evidence: the words of the query found in the document, and what each adds to its score.

    `terms` are (word as written in the document, its share of the score); `spans` are their character offsets in
    `Document.content`, for marking.
    """

    kind: ClassVar[str] = "matched_terms"
    terms: tuple[tuple[str, float], ...]
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def line(self) -> str:
        if not self.terms:
            return "no word in common"
        return "matches " + ", ".join(f"{word} ({weight:.2f})" for word, weight in self.terms)


@dataclass(frozen=True, slots=True)
class ClosestSentence(Explanation):
    """Dense evidence: the sentence of the document nearest to the query, its offsets, and both cosines."""

    kind: ClassVar[str] = "closest_sentence"
    sentence: str
    span: tuple[int, int]
    sentence_similarity: float
    document_similarity: float

    @property
    def line(self) -> str:
        return f"closest sentence ({self.sentence_similarity:.2f}): {self.sentence}"


@dataclass(frozen=True, slots=True)
class FusedRanks(Explanation):
    """Where each fused searcher had the document: (searcher, rank from 1 or None, weight)."""

    kind: ClassVar[str] = "fused_ranks"
    ranks: tuple[tuple[str, int | None, float], ...]

    @property
    def line(self) -> str:
        return ", ".join(
            f"{name} {'not in its list' if rank is None else f'rank {rank}'}" for name, rank, _ in self.ranks
        )


@dataclass(frozen=True, slots=True)
class Moved(Explanation):
    """What the question says beside its topic moved the document: its rank before (None: not found) and after.

    `added` are (time, people, kind or context, what it added to the score) of those that count for the question.
    """

    kind: ClassVar[str] = "moved"
    before: int | None
    after: int
    added: tuple[tuple[str, float], ...]

    @property
    def line(self) -> str:
        fits = ", ".join(f"{name} +{value:.2f}" for name, value in self.added if value >= 0.005)
        way = "stays at" if self.before == self.after else f"from {self.before or 'unlisted'} to"
        return f"{way} rank {self.after}" + (f": {fits}" if fits else ": fits neither time nor people")


@dataclass(frozen=True, slots=True)
class Reranked(Explanation):
    """A reranker moved the document: its rank before, its rank now, and the reranker's score."""

    kind: ClassVar[str] = "reranked"
    model: str
    before: int
    after: int
    score: float

    @property
    def line(self) -> str:
        return f"{self.model} moved it from rank {self.before} to {self.after} (score {self.score:.3f})"


@dataclass(frozen=True, slots=True)
class MatchedScenario(Explanation):
    """The scenario that speaks best for the document, both cosines, and the document's rank without any scenario.

    `need` is empty and `scenario_similarity` None where the document has no scenarios; `scenarios` is how many it has.
    `source` is who wrote them: a file, a model, or `extractive` for sentences of the document itself.
    """

    kind: ClassVar[str] = "matched_scenario"
    need: str
    explanation: str
    topic: str
    scenario_similarity: float | None
    document_similarity: float
    rank_without: int
    scenarios: int
    source: str

    @property
    def line(self) -> str:
        without = f"the document alone {self.document_similarity:.2f}, rank {self.rank_without}"
        if self.scenario_similarity is None:
            return f"has no scenarios; {without}"
        what = "says" if self.source == "extractive" else "serves"
        return f"{what} ({self.scenario_similarity:.2f}; {without}): {self.need}"


@dataclass(frozen=True, slots=True)
class DecodedId(Explanation):
    """Generative evidence: the id that a model wrote digit by digit, and how probable it held each digit.

    `steps` are (digit, what the branch is about in a few words, p(digit | question, the digits before it)). `beams` is
    how many ids were followed at once; where the search had dropped this one on its way, `found` is False, and the
    probabilities are those that it would have had.
    """

    kind: ClassVar[str] = "decoded_id"
    steps: tuple[tuple[int, str, float], ...]
    log_probability: float
    beams: int
    found: bool = True

    @property
    def id(self) -> str:
        return "-".join(str(digit) for digit, _, _ in self.steps)

    @property
    def line(self) -> str:
        last = len(self.steps) - 1
        named = [about or ("this one" if i == last else str(digit)) for i, (digit, about, _) in enumerate(self.steps)]
        path = " > ".join(f"{name} ({step[2]:.2f})" for name, step in zip(named, self.steps, strict=True))
        dropped = "" if self.found else f"; none of the {self.beams} followed at once"
        return f"id {self.id}, p = {math.exp(self.log_probability):.3g}{dropped}: {path}"


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer that somebody looks at: the document, its score, and the reasons."""

    document: Document
    score: float
    why: tuple[Explanation, ...] = ()
