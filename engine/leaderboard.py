"""What the stored runs say: who leads and by how much, for which segment, and on which requests two runs differ.

Reads the store, one read-only connection a call; judges nothing and keeps nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import store
from engine.artifacts import Workspace
from engine.errors import InputError
from engine.evaluation.significance import Interval, mean_intervals
from engine.index.collection import Collection
from engine.records import Document


@dataclass(frozen=True)
class Board:
    """A dataset and split that has runs judged by the same judgements."""

    dataset: str
    digest: str
    split: str
    runs: int


@dataclass(frozen=True)
class Entry:
    """A contestant's newest run: its mean with a 95 % interval."""

    run: str
    method: str
    config: str
    model: str | None
    created: str
    requests: int
    missing: int
    mean: float
    interval: Interval | None


@dataclass(frozen=True)
class Bar:
    """One contestant in one segment."""

    method: str
    segment: str
    requests: int
    mean: float
    interval: Interval | None


@dataclass(frozen=True)
class Round:
    """One request in a duel of two runs: what each scored."""

    request: str
    text: str
    user: str | None
    first: float
    second: float

    @property
    def difference(self) -> float:
        """Positive where the second is better."""
        return self.second - self.first


@dataclass(frozen=True)
class Detail:
    """One request looked at: what was asked, what would have been right, what two runs answered."""

    request: str
    text: str
    user: str | None
    gold: tuple[Document, ...]
    first: tuple[Document, ...]
    second: tuple[Document, ...]


def boards(workspace: Workspace) -> list[Board]:
    """The datasets and splits that have runs, most runs first."""
    rows = store.query(
        workspace,
        "SELECT any_value(dataset), dataset_digest, split, count(*) FROM runs GROUP BY dataset_digest, split"
        " ORDER BY count(*) DESC, any_value(dataset), split",
    )
    return [Board(*row) for row in rows]


def metrics(workspace: Workspace, digest: str, split: str) -> list[str]:
    """The metrics that the runs of a board have, the usual ones first."""
    rows = store.query(
        workspace,
        "SELECT metric FROM metrics JOIN runs USING (run) WHERE dataset_digest = ? AND split = ? GROUP BY metric"
        " ORDER BY count(*) DESC, min(metrics.rowid)",
        [digest, split],
    )
    return [metric for (metric,) in rows]


def leaderboard(workspace: Workspace, digest: str, split: str, metric: str, seed: int = 0) -> list[Entry]:
    """The newest run of each method and configuration by one metric, the best first."""
    rows = store.query(
        workspace,
        """
        WITH newest AS (
            SELECT *, row_number() OVER (
                PARTITION BY method, config, json_extract_string(info, '$.settings') ORDER BY created DESC, run DESC
            ) AS age
            FROM runs WHERE dataset_digest = ? AND split = ?
        )
        SELECT run, method, config, model, created, requests, missing, list(value ORDER BY request)
        FROM newest JOIN scores USING (run) WHERE age = 1 AND metric = ? GROUP BY ALL
        """,
        [digest, split, metric],
    )
    entries = []
    for *described, values in rows:
        column = np.asarray(values, dtype=np.float64)
        run, method, config, model, created, requests, missing = described
        interval = mean_intervals(column[None], seed, 2_000)[0]
        entries.append(Entry(run, method, config, model, created, requests, missing, float(column.mean()), interval))
    return sorted(entries, key=lambda e: (-e.mean, e.method))


def segment_names(workspace: Workspace, run: str) -> list[str]:
    """By what the requests of a run can be grouped: fields with at most twelve different values."""
    values: dict[str, set[str]] = {}
    for user, fields in store.query(workspace, 'SELECT "user", fields FROM requests WHERE run = ?', [run]):
        for name, value in {**json.loads(fields), **({"user": user} if user is not None else {})}.items():
            values.setdefault(name, set()).add(value)
    return sorted(name for name, found in values.items() if 1 < len(found) <= 12)


def segments(workspace: Workspace, runs: list[str], metric: str, by: str, seed: int = 0) -> list[Bar]:
    """The mean of each run in each segment, segments sorted."""
    rows = store.query(
        workspace,
        'SELECT method, requests."user", fields, value'
        " FROM scores JOIN requests USING (run, request) JOIN runs USING (run)"
        " WHERE metric = ? AND list_contains(?, run)",
        [metric, runs],
    )
    groups: dict[tuple[str, str], list[float]] = {}
    for method, user, fields, value in rows:
        label = user if by == "user" else json.loads(fields).get(by)
        groups.setdefault((label or "(none)", method), []).append(value)
    return [
        Bar(method, label, len(v), float(np.mean(v)), mean_intervals(np.asarray([v]), seed, 1_000)[0])
        for (label, method), v in sorted(groups.items())
    ]


def duel(workspace: Workspace, first: str, second: str, metric: str) -> list[Round]:
    """Every request that two runs were both judged on, the largest wins of the second first, its losses last."""
    rows = store.query(
        workspace,
        """
        SELECT request, text, "user", a.value, b.value
        FROM scores a JOIN scores b USING (request, metric) JOIN requests r USING (request)
        WHERE a.run = ? AND b.run = ? AND r.run = a.run AND metric = ?
        ORDER BY b.value - a.value DESC, request
        """,
        [first, second, metric],
    )
    return [Round(*row) for row in rows]


def detail(workspace: Workspace, first: str, second: str, request: str, k: int = 5) -> Detail:
    """One request of a duel with documents, as far as the collection still has them. InputError if it is unknown."""
    asked: list[tuple[Any, ...]] = store.query(
        workspace,
        'SELECT text, "user", dataset_digest FROM requests JOIN runs USING (run) WHERE run = ? AND request = ?',
        [first, request],
    )
    if not asked:
        raise InputError(f"run {first} has no request {request[:40]!r}", remedy="Choose one of the list")
    [(text, user, digest)] = asked
    gold = store.query(
        workspace, "SELECT document FROM judgements WHERE run = ? AND request = ? AND gain > 0", [first, request]
    )
    lists = [
        store.query(
            workspace,
            "SELECT document FROM hits WHERE run = ? AND request = ? AND rank <= ? ORDER BY rank",
            [run, request, k],
        )
        for run in (first, second)
    ]
    documents = Collection(workspace.collection(digest))

    def read(rows: list[tuple[Any, ...]]) -> tuple[Document, ...]:
        return tuple(
            documents.document(documents.row_of[i]) if i in documents.row_of else Document(i, "(no longer there)")
            for (i,) in rows
        )

    return Detail(request, text, user, read(gold), read(lists[0]), read(lists[1]))
