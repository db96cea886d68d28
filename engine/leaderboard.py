"""What the stored runs say: who leads and by how much, for which segment, and on which requests two runs differ.

Reads the store, one read-only connection a call; judges nothing and keeps nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine import store
from engine.artifacts import Workspace
from engine.errors import InputError
from engine.evaluation.significance import Interval, mean_intervals
from engine.index.collection import Collection
from engine.records import Document

SAME = 1e-9  # values that differ by less are equal
# The newest run of each contestant of a board (digest, split) has age 1.
NEWEST = """newest AS (
    SELECT *, json_extract(info, '$.settings')::VARCHAR AS settings, row_number() OVER (
        PARTITION BY method, config, json_extract(info, '$.settings')::VARCHAR ORDER BY created DESC, run DESC
    ) AS age
    FROM runs WHERE dataset_digest = ? AND split = ?
)"""


@dataclass(frozen=True)
class Board:
    """A dataset (of one content) and split that has judged runs. `key` names it, `newest` is its last run's time."""

    dataset: str
    digest: str
    split: str
    runs: int
    newest: str

    @property
    def key(self) -> str:
        return f"{self.digest}/{self.split}"


@dataclass(frozen=True)
class Entry:
    """A contestant's newest run: its mean with a 95 % interval. A contestant is a method, a configuration, settings."""

    run: str
    method: str
    config: str
    settings: tuple[str, ...]
    model: str | None
    created: str
    requests: int
    missing: int
    mean: float
    interval: Interval | None

    @property
    def label(self) -> str:
        """What tells it from the others: the method, and what was changed of it."""
        changed = [self.config] if self.config not in (self.method, "foreign") else []
        changed += [setting.removeprefix("build.").removeprefix("search.") for setting in self.settings]
        return f"{self.method} ({', '.join(changed)})" if changed else self.method


@dataclass(frozen=True)
class Bar:
    """One contestant in one segment."""

    run: str
    label: str
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
class Duel:
    """Two runs on the requests that both were judged on, the second's largest wins first, its losses last."""

    first: str
    second: str
    rounds: tuple[Round, ...]

    @property
    def wins(self) -> int:
        """Of the second."""
        return sum(r.difference > SAME for r in self.rounds)

    @property
    def losses(self) -> int:
        return sum(r.difference < -SAME for r in self.rounds)

    @property
    def mean(self) -> float:
        """The mean difference, 0 without a round."""
        return sum(r.difference for r in self.rounds) / max(1, len(self.rounds))

    def ends(self, number: int) -> list[Round]:
        """The `number` rounds on which the runs differ most, from both ends."""
        half = number // 2
        return [*self.rounds] if len(self.rounds) <= number else [*self.rounds[:half], *self.rounds[half - number :]]


@dataclass(frozen=True)
class View:
    """A board with everything that is shown of it, and what of it is chosen."""

    boards: tuple[Board, ...]
    board: Board
    metrics: tuple[str, ...]
    metric: str
    entries: tuple[Entry, ...]
    fields: tuple[str, ...]
    by: str | None
    bars: tuple[Bar, ...]
    duel: Duel


@dataclass(frozen=True)
class Detail:
    """One request looked at: what was asked, what would have been right, what two runs answered."""

    request: str
    text: str
    user: str | None
    gold: tuple[Document, ...]
    first: tuple[Document, ...]
    second: tuple[Document, ...]


def view(
    workspace: Workspace,
    board: str | None = None,
    metric: str | None = None,
    by: str | None = None,
    first: str | None = None,
    second: str | None = None,
) -> View:
    """What is chosen as far as it is there, the usual choice elsewhere. InputError if nothing has been judged.

    `board` is a `Board.key`, `by` a segment's field, `first` and `second` are runs.
    """
    found = boards(workspace)
    if not found:
        raise InputError("no run has been judged yet", remedy="Run python -m admin evaluate METHOD --data DIR")
    chosen = next((b for b in found if b.key == board), found[0])
    names = metrics(workspace, chosen.digest, chosen.split)
    metric = metric if metric in names else names[0]
    entries = leaderboard(workspace, chosen.digest, chosen.split, metric)
    runs = [e.run for e in entries]
    fields = segment_names(workspace, runs[0])
    by = by if by in fields else next(iter(fields), None)
    pair = (first, second) if first in runs and second in runs else (runs[min(1, len(runs) - 1)], runs[0])
    return View(
        tuple(found),
        chosen,
        tuple(names),
        metric,
        tuple(entries),
        tuple(fields),
        by,
        tuple(segments(workspace, entries, metric, by)) if by else (),
        duel(workspace, *pair, metric),
    )


def boards(workspace: Workspace) -> list[Board]:
    """The datasets and splits that have runs, the one with the newest run first."""
    rows = store.query(
        workspace,
        "SELECT any_value(dataset), dataset_digest, split, count(*), max(created) FROM runs"
        " GROUP BY dataset_digest, split ORDER BY max(created) DESC, any_value(dataset), split",
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
    """The newest run of each contestant by one metric, the best first. InputError if no run has it."""
    rows = store.query(
        workspace,
        f"""
        WITH {NEWEST}
        SELECT run, method, config, settings, model, created, requests, missing, list(value ORDER BY request)
        FROM newest JOIN scores USING (run) WHERE age = 1 AND metric = ? GROUP BY ALL
        """,
        [digest, split, metric],
    )
    if not rows:
        raise InputError(f"no run on this board has {metric[:40]!r}", remedy="Name one of its metrics")
    entries = []
    for run, method, config, settings, model, created, requests, missing, values in rows:
        column = np.asarray(values, dtype=np.float64)
        interval = mean_intervals(column[None], seed, 2_000)[0]
        changed = tuple(json.loads(settings or "[]"))
        mean = float(column.mean())
        entries.append(Entry(run, method, config, changed, model, created, requests, missing, mean, interval))
    return sorted(entries, key=lambda e: (-e.mean, e.label, e.run))


def telling(workspace: Workspace, digest: str, split: str, metric: str = "mrr@10") -> frozenset[str]:
    """The requests that one contestant answers right at once and another does not: they show a visitor something."""
    rows = store.query(
        workspace,
        f"WITH {NEWEST} SELECT request FROM newest JOIN scores USING (run) WHERE age = 1 AND metric = ?"
        " GROUP BY request HAVING max(value) = 1 AND min(value) < 1",
        [digest, split, metric],
    )
    return frozenset(request for (request,) in rows)


def segment_names(workspace: Workspace, run: str) -> list[str]:
    """By what the requests of a run can be grouped: fields with at most twelve different values."""
    values: dict[str, set[str]] = {}
    for user, fields in store.query(workspace, 'SELECT "user", fields FROM requests WHERE run = ?', [run]):
        for name, value in {**json.loads(fields), **({"user": user} if user is not None else {})}.items():
            values.setdefault(name, set()).add(value)
    return sorted(name for name, found in values.items() if 1 < len(found) <= 12)


def segments(workspace: Workspace, entries: Sequence[Entry], metric: str, by: str, seed: int = 0) -> list[Bar]:
    """The mean of each contestant in each segment; segments sorted, contestants in the order of the leaderboard."""
    rows = store.query(
        workspace,
        'SELECT run, requests."user", fields, value FROM scores JOIN requests USING (run, request)'
        " WHERE metric = ? AND list_contains(?, run)",
        [metric, [e.run for e in entries]],
    )
    place = {e.run: i for i, e in enumerate(entries)}
    groups: dict[tuple[str, int], list[float]] = {}
    for run, user, fields, value in rows:
        label = user if by == "user" else json.loads(fields).get(by)
        groups.setdefault((label or "(none)", place[run]), []).append(value)
    return [
        Bar(e.run, e.label, label, len(v), float(np.mean(v)), mean_intervals(np.asarray([v]), seed, 1_000)[0])
        for (label, i), v in sorted(groups.items())
        for e in (entries[i],)
    ]


def duel(workspace: Workspace, first: str, second: str, metric: str) -> Duel:
    """Every request that two runs were both judged on. InputError if they share none."""
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
    if not rows:
        raise InputError(f"these two runs share no request that has {metric[:40]!r}", remedy="Choose two of one board")
    return Duel(first, second, tuple(Round(*row) for row in rows))


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
