"""What a language model wrote about a person, held to the sheet and to what is there already; the rest is counted.

A pair is kept whole or not at all. Offsets of entities are found here, occurrence by occurrence. The same filter as for
the grammar's questions (engine/synth/filters.py) refuses content words in common; a time that is said and does not fit
the memory's (engine/timeparse/, with room to spare) is refused too, since models count days badly.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from engine.synth import relations
from engine.synth.annotated import Annotated, plain
from engine.synth.filters import content_words, shared_words
from engine.synth.memories import SHARE
from engine.synth.records import Entity, Memory, Person, Place, Question, Tie
from engine.synth.task import (
    ASKS,
    ENTITIES,
    FIRST_YEAR,
    FORBIDDEN,
    LAST_YEAR,
    ContactPair,
    EventPair,
    MessagePair,
    SheetAnswer,
    Surface,
)
from engine.synth.verbalise import ROLE_NAMES, name, place, written
from engine.timeparse import intervals, prior, seconds

LONGEST = {"title": 12, "desc": 40, "location": 12, "body": 60, "group": 6, "relation": 6, "name": 6, "question": 30}
MOST_ATTENDEES = 8
SHORTEST = 3  # words of a question
LATER = timedelta(days=4 * 366)  # between a memory and its question, at most
FIT = 0.1  # of engine.timeparse.prior: below it the time that a question says is not the memory's
ALIKE = 0.8  # of all content words that two memories, and their questions, have in common
_MAIL = re.compile(r"[\w.+-]{1,40}@(?:[\w-]+\.)*(?:example\.(?:com|org|net)|example)")


class Unfit(Exception):
    """A pair that is not kept; its text is the reason, one of few."""


def person_of(identity: str, answer: SheetAnswer) -> Person:
    """The person of a sheet that passed `check_sheet`."""
    ties = tuple(
        Tie(relations.canonical(tie.relation.lower()), tie.name, tuple(tie.nicknames))
        for tie in answer.ties
        if tie.name and tie.relation
    )
    places = tuple(Place(found.name, tuple(found.nicknames)) for found in answer.places if found.name)
    return Person(identity, answer.name, answer.job, answer.town, ties, places, tuple(answer.habits))


class Drafts:
    """One person's store as it grows; `dropped` and `entities` count what was not kept, by reason."""

    def __init__(self, person: Person, pairs: int, max_shared: int = 0) -> None:
        self.person, self.max_shared = person, max_shared
        self.dropped: Counter[str] = Counter()
        self.entities: Counter[str] = Counter()
        self.pairs: list[tuple[Memory, Question]] = []
        events, contacts = (round(pairs * SHARE[kind]) for kind in ("event", "contact"))
        self.due = {"event": events, "message": pairs - events - contacts, "contact": contacts}
        self._ties = {tie.name.casefold(): tie for tie in person.ties}
        self._proper = {name for tie in person.ties for name in (tie.name, *_proper(tie.name), *tie.nicknames)}
        self._called = {tie.name.split()[0].casefold(): tie for tie in person.ties}
        self._called |= {nickname.casefold(): tie for tie in person.ties for nickname in tie.nicknames}
        self._met: dict[str, str] = {}  # who is not on the sheet -> relation
        self._seen: set[str] = set()
        self._words: list[tuple[frozenset[str], frozenset[str]]] = []

    def take(self, pair: EventPair | MessagePair | ContactPair) -> bool:
        """Keep the pair if it is fit and wanted."""
        try:
            memory, question = self._judged(pair)
        except Unfit as reason:
            self.dropped[str(reason)] += 1
            return False
        if not self.due[memory.kind]:
            self.dropped["more of its kind than needed"] += 1
            return False
        self.due[memory.kind] -= 1
        self._seen |= {_plainly(memory.text), _plainly(question.text)}
        self._words.append((content_words(memory.text), content_words(question.text)))
        if isinstance(pair, MessagePair | ContactPair):
            who = pair.sender if isinstance(pair, MessagePair) else pair.name
            if self._tie(who) is None and pair.relation:
                self._met.setdefault(who.casefold(), relations.canonical(pair.relation.lower()))
        self.pairs.append((memory, question))
        return True

    def earlier(self, most: int) -> list[str]:
        """The latest texts in short, for the model not to repeat."""
        return [f"{_without_mail(memory.text)} / {question.text}" for memory, question in self.pairs[-most:]]

    def records(self) -> tuple[list[Memory], list[Question]]:
        """Memories by time of creation, their ids counting up in that order; questions in the order of writing."""
        order = sorted(range(len(self.pairs)), key=lambda i: (self.pairs[i][0].created, i))
        ids = {i: f"{self.person.id}/m{number}" for number, i in enumerate(order, 1)}
        memories = [replace(self.pairs[i][0], id=ids[i]) for i in order]
        return memories, [replace(question, memory=ids[i]) for i, (_, question) in enumerate(self.pairs)]

    def _judged(self, pair: EventPair | MessagePair | ContactPair) -> tuple[Memory, Question]:
        kind = "event" if isinstance(pair, EventPair) else "message" if isinstance(pair, MessagePair) else "contact"
        number = len(self.pairs) + 1
        question = _clean("question", pair.question)
        if len(question.split()) < SHORTEST:
            raise Unfit("no question")
        time, asked = _moment(pair.time), _moment(pair.asked, last=LAST_YEAR + 1)
        created = time
        if isinstance(pair, EventPair):
            created, fields, people = _moment(pair.created), self._event(pair), pair.attendees
        elif isinstance(pair, MessagePair):
            fields, people = self._message(pair), [pair.sender]
        else:
            fields, people = self._contact(pair), [pair.name]
        if not created < asked <= max(time, created) + LATER:
            raise Unfit("asked before it was there, or years later")
        values, text = written(fields)
        if len(text.text.split()) < SHORTEST:
            raise Unfit("no memory")
        text = self._located(text, pair.memory_entities)
        said = self._located(plain(question), pair.question_entities)
        self._check_words(said, text, people)
        if not _fits(question, asked, time, created):
            raise Unfit("the time said is not the memory's")
        ties = self._names(people)
        memory = Memory(f"m{number}", self.person.id, kind, time, created, values, text.text, text.entities, ties=ties)
        ask = pair.ask if pair.ask in ASKS else ""
        identity = f"{self.person.id}/q{number}"
        return memory, Question(identity, self.person.id, said.text, asked, memory.id, said.entities, ask)

    def _event(self, pair: EventPair) -> Mapping[str, Annotated | tuple[Annotated, ...] | None]:
        if not pair.title:
            raise Unfit("no memory")
        if len(pair.attendees) > MOST_ATTENDEES:
            raise Unfit("too long")
        return {
            "title": plain(_clean("title", pair.title)),
            "desc": plain(_clean("desc", pair.desc)),
            "location": place(_clean("location", pair.location)),
            "attendees": tuple(name(_clean("name", who)) for who in pair.attendees),
        }

    def _message(self, pair: MessagePair) -> Mapping[str, Annotated | tuple[Annotated, ...] | None]:
        if not pair.sender or not pair.body:
            raise Unfit("no memory")
        if re.search(r"\blast\b", pair.body, re.IGNORECASE):
            raise Unfit("a message that says 'last'")
        return {
            "from": name(_clean("name", pair.sender)),
            "relation": plain(self._relation(pair.sender, pair.relation)),
            "group": plain(_clean("group", pair.group)),
            "body": plain(_clean("body", pair.body)),
        }

    def _contact(self, pair: ContactPair) -> Mapping[str, Annotated | tuple[Annotated, ...] | None]:
        if not pair.name:
            raise Unfit("no memory")
        mail = pair.email
        if mail and not _MAIL.fullmatch(mail):
            self.entities["addresses that somebody might have"] += 1
            mail = ""
        return {
            "name": name(_clean("name", pair.name)),
            "relation": plain(self._relation(pair.name, pair.relation)),
            "group": plain(_clean("group", pair.group)),
            "email": plain(mail),
        }

    def _tie(self, who: str) -> Tie | None:
        """Who of the sheet it is: by the full name, or what they are called alone."""
        who = who.casefold()
        return self._ties.get(who) or self._called.get(who)

    def _names(self, people: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tie.name for who in people if (tie := self._tie(who)) is not None))

    def _relation(self, who: str, given: str) -> str:
        """The relation to write. Raises Unfit where the sheet, or an earlier memory, says otherwise."""
        given = _clean("relation", given).lower()
        tie = self._tie(who)
        known = tie.relation if tie else self._met.get(who.casefold())
        if known is not None:
            if given and not relations.fits(given, known):
                raise Unfit("contradicts the sheet")
            return given or known
        only = relations.canonical(given)
        if only in relations.ONE_ONLY and any(t.relation == only for t in self.person.ties):
            raise Unfit("contradicts the sheet")
        if only in relations.ONE_ONLY and only in self._met.values():
            raise Unfit("contradicts the sheet")
        return given

    def _check_words(self, question: Annotated, memory: Annotated, people: Sequence[str]) -> None:
        """Raises Unfit where the question, or both, are there already, or the two share more than names of people.

        As in the grammar (engine/synth/asking.py), a name is a proper name or a nickname; a role's words are shared.
        """
        if {_plainly(question.text), _plainly(memory.text)} & self._seen:
            raise Unfit("repeats")
        mine = content_words(memory.text), content_words(question.text)
        if any(all(_alike(a, b) >= ALIKE for a, b in zip(mine, other, strict=True)) for other in self._words):
            raise Unfit("repeats")
        proper = self._proper.union(*map(_proper, people))
        called = [surface for surface, kind in question.surfaces() if kind == "PER"]
        names = [name for name in proper if any(_says(surface, name) for surface in called)]
        if len(shared_words(question.text, memory.text, names)) > self.max_shared:
            raise Unfit("shares words with its memory")

    def _located(self, text: Annotated, listed: Sequence[Surface]) -> Annotated:
        found, counts = locate(text, listed)
        self.entities += counts
        return found


def locate(text: Annotated, listed: Sequence[Surface]) -> tuple[Annotated, Counter[str]]:
    """`text` with the listed surfaces as entities where they stand, and how many were dropped, by reason.

    Each occurrence of a surface is one, at word boundaries, longer surfaces first. A surface with several types has the
    first one at its first occurrence, and so on. What overlaps an entity that is there already adds nothing.
    """
    entities: list[Entity] = list(text.entities)
    dropped: Counter[str] = Counter()
    types: dict[str, list[str]] = defaultdict(list)
    for surface in listed:
        kind = surface.type.strip().upper()
        if kind not in ENTITIES:
            dropped["entities of an unknown type"] += 1
        elif surface.text:
            types[surface.text].append(kind)
    for surface_text in sorted(types, key=lambda s: (-len(s), s)):
        kinds = types[surface_text]
        pattern = rf"(?<![\w@.]){re.escape(surface_text)}(?![\w@])"
        matches = list(re.finditer(pattern, text.text)) if "|" not in surface_text else []
        if not matches:
            dropped["entities that are not in the text"] += len(kinds)
        free = [m.span() for m in matches if all(m.end() <= s or e <= m.start() for s, e, _ in entities)]
        several = len(set(kinds)) > 1
        for place_in, (start, end) in enumerate(free[: len(kinds)] if several else free):
            entities.append((start, end, kinds[place_in] if several else kinds[0]))
    return Annotated(text.text, tuple(sorted(entities))), dropped


def _clean(what: str, text: str) -> str:
    """The text, if it is one of this sort. Raises Unfit."""
    if len(text.split()) > LONGEST[what] or len(text) > 15 * LONGEST[what]:
        raise Unfit("too long")
    if not text.isprintable() or set(text) & FORBIDDEN or "http" in text:
        raise Unfit("marks that people don't write")
    return text


def _moment(text: str, last: int = LAST_YEAR) -> datetime:
    """A local time to the minute. Raises Unfit for another form, a day that is none, and other years."""
    try:
        moment = datetime.fromisoformat(text.strip()).replace(tzinfo=None, second=0, microsecond=0)
    except ValueError:
        raise Unfit("no time") from None
    if not FIRST_YEAR <= moment.year <= last:
        raise Unfit("a time outside of the years asked for")
    return moment


def _fits(question: str, asked: datetime, time: datetime, created: datetime) -> bool:
    """Whether what the question says of the time may mean the memory. True where it says nothing."""
    found = intervals(question, asked)
    times = (np.array([seconds(moment.isoformat())]) for moment in (time, created))
    return not found or float(prior(found, *times)[0]) >= FIT


def _proper(name: str) -> list[str]:
    """The words of a name that are no role: of "Aunt Rosa Peters" the last two, of "the plumber" none."""
    return [word for word in name.split() if not (word.islower() or _is_role(word))]


def _is_role(word: str) -> bool:
    return bool(relations.temper(relations.canonical(word.lower())) or ROLE_NAMES.fullmatch(word))


def _says(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


def _plainly(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _alike(a: frozenset[str], b: frozenset[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0


def _without_mail(text: str) -> str:
    return re.sub(r" \| \S+@\S+", "", text)


def summed(counters: Sequence[Counter[str]]) -> dict[str, Any]:
    """The counts of all, the largest first."""
    total = sum(counters, Counter[str]())
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))
