"""What a question says beside its topic, laid over any searcher's scores: when it was, who took part, of what kind.

Each is a prior in [0, 1] over the memories of one store, added to the searcher's own score with a weight; a memory that
fits none stays in the list, only lower. In a conversation, what is said around a turn counts for it too. `hard` is the
paper's filter instead (PEARL, section 4.3 of its code): outside the interval nothing is returned. Which words mean
which days is engine/timeparse/'s, who is who engine/people.py's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from engine import people, timeparse
from engine.config import PriorOptions, SearchOptions
from engine.index.collection import Collection
from engine.index.ranking import best, to_run
from engine.index.reading import store_rows
from engine.methods.base import Searcher, Target
from engine.people import Circle, Mention
from engine.progress import track
from engine.records import Document, Hit, Moved, Request, Run
from engine.timeparse import Interval

# How people speak of what they saved, what was written to them, and what was in the calendar.
KINDS_ASKED = {
    "contact": r"contacts?|e-?mail address|emails?|(?:phone|mobile) number|number|address book|saved?",
    "message": r"texts?|texted|messages?|messaged|tell|told|sa(?:y|id)|mention(?:ed)?|remind(?:ed)?|hear|heard"
    r"|talk(?:ed)?|write|wrote|written|let me know|asked?|repl(?:y|ied)|verdict",
    "event": r"attend(?:ed|ing)?|event|meeting|meet|met|going|go|went|visit(?:ed)?|scheduled?|calendar|appointment|join"
    r"|trip|party|dinner|lunch|class|session",
}
KIND_NAMES = {"event": "something in the calendar", "message": "a message", "contact": "a contact"}
PARTS = ("time", "people", "kind", "context")
_STORES: WeakKeyDictionary[Collection, dict[str, Store]] = WeakKeyDictionary()  # a collection is one moment's
AFTER = 0.7  # what is said after a turn, against what is said before it
_ASKED = {kind: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for kind, words in KINDS_ASKED.items()}


@dataclass(frozen=True, slots=True)
class Understood:
    """What a question says of time, people and kind; any may be empty. `now` is the moment it was asked at."""

    now: str | None
    intervals: tuple[Interval, ...]
    mentions: tuple[Mention, ...]
    kind: str | None

    @property
    def says_something(self) -> bool:
        return bool(self.intervals or self.mentions or self.kind)

    @property
    def lines(self) -> list[str]:
        """What was understood, a line each, for a person."""
        times = [f"{interval.line} ({interval.weight:.0%})" for interval in self.intervals]
        whom = [f'"{m.phrase}" {"is" if m.sure else "may be"} {" or ".join(m.likeliest)}' for m in self.mentions]
        return [*times, *whom, *([f"asks for {KIND_NAMES[self.kind]}"] if self.kind else [])]

    def record(self) -> dict[str, Any]:
        """The same as JSON values."""
        spans = [{**asdict(i), "start": i.start.isoformat(), "end": i.end.isoformat()} for i in self.intervals]
        whom = [asdict(mention) for mention in self.mentions]
        return {"now": self.now, "intervals": spans, "mentions": whom, "kind": self.kind}


def kind_asked(text: str) -> str | None:
    """The kind of memory that a question's words point to; None where they leave it open."""
    return next((kind for kind, words in _ASKED.items() if words.search(text)), None)


class Store:
    """What the priors need of one person's memories. `rows` (n,) are the collection's, deleted ones left out."""

    def __init__(self, rows: np.ndarray, documents: Sequence[Document]) -> None:
        self.rows, self.documents = rows, documents
        self.times = np.asarray([timeparse.seconds(d.time) for d in documents])
        self.created = np.asarray([timeparse.seconds(d.created) for d in documents])
        self.kinds = np.asarray([d.kind or "" for d in documents])
        talks = np.asarray([_conversation(d) for d in documents])
        self.goes_on = (talks[1:] == talks[:-1]) & (talks[1:] != "")  # (n - 1,) as the memory before it

    @cached_property
    def circle(self) -> Circle:
        return Circle(self.documents)

    @cached_property
    def involved(self) -> list[frozenset[str]]:
        return [self.circle.involved(document) for document in self.documents]

    @cached_property
    def newest(self) -> str | None:
        """When the newest memory was written down: the "now" of a question that was asked at no stated time.

        An event may lie ahead, so its own time counts only where nothing else is known.
        """
        written = [t for d in self.documents if (t := d.created or (d.time if d.kind != "event" else None))]
        return max(written or [d.time for d in self.documents if d.time], default=None)

    def understand(self, request: Request, *, of_people: bool) -> Understood:
        now = request.time or self.newest
        times = timeparse.intervals(request.text, now) if now else ()
        whom = self.circle.mentions(request.text) if of_people else ()
        said = [range(*interval.span) for interval in times]
        whom = tuple(m for m in whom if not any(m.span[0] in span for span in said))  # "Christmas" is no Christine
        return Understood(now, times, whom, kind_asked(request.text))

    def parts(self, own: np.ndarray, said: Understood, options: PriorOptions) -> np.ndarray:
        """(4, n) float32: what time, people, kind and context (`PARTS`) add to the memories' own scores, (n,)."""
        parts = np.zeros((len(PARTS), len(self.rows)), np.float32)
        if said.intervals and options.time:
            parts[0] = options.time * timeparse.prior(
                said.intervals, self.times, self.created, days=options.days, created_weight=options.created
            )
        if said.mentions and options.people:
            parts[1] = options.people * people.prior(said.mentions, self.involved)
        if said.kind and options.kind:
            parts[2] = options.kind * (self.kinds == said.kind)
        if options.context and self.goes_on.any():  # an answer follows its question, so that what is before counts more
            parts[3, 1:] += options.context * self.goes_on * own[:-1]
            parts[3, :-1] += AFTER * options.context * self.goes_on * own[1:]
        return parts


def _conversation(document: Document) -> str:
    """What names the conversation that a memory is a turn of; empty where it is none."""
    named = (document.fields.get(key) for key in ("session", "conversation", "thread"))
    return next((name for name in named if isinstance(name, str)), "")


def personal_store(collection: Collection, user: str) -> Store:
    """One person's live memories; made once a collection, whoever of its searchers asks. Nobody's is empty."""
    stores = _STORES.setdefault(collection, {})
    if user not in stores:
        rows = store_rows(collection, user)
        made = Store(np.asarray(rows, np.int64), [collection.document(row) for row in rows])
        if not rows:
            return made  # anybody can ask for nobody's
        stores[user] = made
    return stores[user]


class Priors(Searcher[SearchOptions]):
    """Another searcher's candidates, scored again with what the question says of time, people and kind.

    A request with a user is answered from the whole store where that has at most `depth` memories, also by those that
    the searcher did not return. Everybody's collection has no circle: there people count nothing.
    """

    def __init__(self, searcher: Searcher, options: PriorOptions) -> None:
        self.searcher, self.priors = searcher, options
        self.name = searcher.name

    @property
    def target(self) -> Target:  # type: ignore[override]
        return self.searcher.target

    def search(self, requests: Sequence[Request], k: int, options: SearchOptions | None = None) -> Run:
        run = self.searcher.search(requests, max(k, self.priors.depth), options)
        asked = (
            track([*enumerate(requests)], "weighing", unit="requests") if len(requests) > 1 else [*enumerate(requests)]
        )
        lists = []
        for i, request in asked:
            rows, scores, _, inside = self._weigh(request, run, i)
            lists.append(best(rows[inside], scores[inside], self.collection.rank, k))
        return to_run(requests, lists, run.ids)

    def _weigh(self, request: Request, run: Run, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(n,) rows, their scores, (4, n) what each of PARTS added, (n,) which stay, of request number `i`."""
        found = run.rows[run.offsets[i] : run.offsets[i + 1]]
        store = personal_store(self.collection, request.user) if request.user is not None else None
        if store is None or len(store.rows) > self.priors.depth:
            whole = store
            store = Store(found, [self.collection.document(row) for row in found.tolist()])
            if whole is not None:  # one circle a person, whichever memories are candidates
                store.circle = whole.circle
        said = store.understand(request, of_people=request.user is not None)
        own = np.full(len(store.rows), -np.inf, np.float32)
        place = {row: n for n, row in enumerate(store.rows.tolist())}
        for row, score in zip(found.tolist(), run.scores_of(i).tolist(), strict=True):
            if row in place:
                own[place[row]] = score
        listed = np.isfinite(own)
        own = standard(own)
        parts = store.parts(own, said, self.priors)
        stay = ~np.isin(store.rows, [self.collection.row_of.get(d, -1) for d in request.exclude])
        if not said.says_something:
            stay &= listed
        if said.intervals and self.priors.hard:
            stay &= timeparse.inside(said.intervals, store.times, store.created)
        return store.rows, own + parts.sum(axis=0), parts, stay

    def explain(self, request: Request, documents: Sequence[str], options: SearchOptions | None = None) -> list[Hit]:
        run = self.searcher.search([request], max(len(documents), self.priors.depth), options)
        rows, scores, parts, stay = self._weigh(request, run, 0)
        order, _ = best(np.flatnonzero(stay), scores[stay], self.collection.rank[rows], len(rows))
        before = {d: n for n, d in enumerate(run.documents(0), start=1)}
        after = {int(rows[n]): rank for rank, n in enumerate(order.tolist(), start=1)}
        place = {int(row): n for n, row in enumerate(rows.tolist())}
        hits = []
        for hit in self.searcher.explain(request, documents, options):
            row = self.collection.row_of[hit.document.id]
            if row not in after:  # not among the answers
                hits.append(hit)
                continue
            n = place[row]
            added = tuple(
                (name, round(float(part[n]), 4)) for name, part in zip(PARTS, parts, strict=True) if part.any()
            )
            why = Moved(before.get(hit.document.id), after[row], added)
            hits.append(replace(hit, score=float(scores[n]), why=(why, *hit.why) if added else hit.why))
        return hits

    def warm(self) -> None:
        self.searcher.warm()

    def open(self, target: Target) -> None:
        self.searcher.open(target)

    @property
    def trained(self) -> Path | None:
        return self.searcher.trained


def standard(scores: np.ndarray) -> np.ndarray:
    """(n,) scores brought to [0, 1] within one store; -inf, which no searcher returned, is 0.

    A weight of 1 thus lets a prior outweigh the whole distance between the searcher's best and worst.
    """
    known = np.isfinite(scores)
    if not known.any():
        return np.zeros(len(scores), np.float32)
    low = float(scores[known].min()) if known.all() else min(0.0, float(scores[known].min()))
    spread = float(scores[known].max()) - low
    scaled = np.where(known, (scores - low) / spread if spread > 0 else 1.0, 0.0)
    return scaled.astype(np.float32)
