"""What no invented life may have: two mothers, a message from a stranger, two places at once, a question too early.

It looks at the finished records only, and knows nothing of how they were drawn.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from engine.synth import said_times
from engine.synth.records import Memory, Person, Question
from engine.synth.relations import PARTNERS

_FIRST, _LAST = datetime(2018, 1, 1), datetime(2026, 12, 31)
_LONG = timedelta(minutes=60)  # two events that start closer together overlap
_WEEK = timedelta(days=7)
_WHO = re.compile(r"(?i)\b(?:the person who|the one who|whoever)\b.*")


def contradictions(person: Person, memories: Sequence[Memory], questions: Sequence[Question]) -> list[str]:
    """Everything that cannot be true together, a line each; [] for a life without fault."""
    return [
        *_circle(person),
        *_memories(person, memories),
        *_diary(memories),
        *_contacts(memories),
        *_days_named(memories),
        *_questions(person, memories, questions),
    ]


def _circle(person: Person) -> Iterator[str]:
    """The people around the person."""
    people = [tie for tie in person.ties if not tie.organisation]
    yield from (f"{name} is there twice" for name in _twice(tie.name for tie in person.ties))
    relations = Counter(tie.relation for tie in people)
    for parent in ("mother", "father"):
        if relations[parent] != 1:
            yield f"{relations[parent]} are the {parent}"
    partners = [tie.name for tie in people if tie.relation in PARTNERS]
    if len(partners) > 1:
        yield f"more than one partner: {', '.join(partners)}"
    yield from (f"{name} means two of them" for name in _twice(n.lower() for tie in people for n in tie.nicknames))
    first = {tie.name.split()[0].lower(): tie for tie in people}
    for tie in people:
        for nickname in tie.nicknames:
            if first.get(nickname.lower(), tie) is not tie:
                yield f"{nickname} is what {tie.name} is called, and somebody else's name"
    yield from (f"{name} means two places" for name in _twice(n for place in person.places for n in place.nicknames))


def _memories(person: Person, memories: Sequence[Memory]) -> Iterator[str]:
    """Each memory by itself."""
    names = {tie.name for tie in person.ties}
    yield from (f"{identity} is there twice" for identity in _twice(memory.id for memory in memories))
    for memory in memories:
        if memory.person != person.id:
            yield f"{memory.id} is {memory.person}'s"
        if not _FIRST <= memory.created <= _LAST or not _FIRST <= memory.time <= _LAST:
            yield f"{memory.id} is out of range"
        if memory.kind == "event" and memory.created >= memory.time:
            yield f"{memory.id} was planned after it took place"
        if memory.kind != "event" and memory.created != memory.time:
            yield f"{memory.id} was created at another time than it came"
        yield from (f"{memory.id} is with {name}, whom nobody knows" for name in memory.ties if name not in names)


def _diary(memories: Sequence[Memory]) -> Iterator[str]:
    """Events that overlap, wherever they are."""
    events = sorted((m for m in memories if m.kind == "event"), key=lambda m: m.time)
    for one, other in pairwise(events):
        if other.time - one.time < _LONG:
            where = {str(m.fields.get("location", "")) for m in (one, other)}
            yield f"{one.id} and {other.id} overlap" + (" at two places" if len(where) > 1 else "")


def _contacts(memories: Sequence[Memory]) -> Iterator[str]:
    """Who is in the address book, since when, and as what."""
    known: dict[str, datetime] = {}
    relations: dict[str, set[str]] = defaultdict(set)
    for memory in memories:
        if memory.kind == "contact":
            for name in memory.ties:
                if name in known:
                    yield f"{name} is a contact twice"
                known[name] = memory.created
        if memory.kind != "event":
            for name in memory.ties:
                relations[name].add(str(memory.fields.get("relation", "")))
    for name, found in relations.items():
        if len(found) > 1:
            yield f"{name} is {' and '.join(sorted(found))}"
    for memory in memories:
        for name in memory.ties:
            if memory.kind != "contact" and name in known and known[name] > memory.created:
                yield f"{memory.id} is of {name} before they are known"


def _days_named(memories: Sequence[Memory]) -> Iterator[str]:
    """A day that a message names is the day of an event of its scene, where the scene has any soon."""
    events: dict[str, list[datetime]] = defaultdict(list)
    for memory in memories:
        if memory.kind == "event":
            events[memory.scene].append(memory.time)
    for memory in memories:
        if memory.kind != "message":
            continue
        for start, end, kind in memory.entities:
            day = said_times.day_named(memory.text[start:end], memory.time) if kind == "TIM" else None
            soon = [time for time in events[memory.scene] if timedelta(0) < time - memory.time < _WEEK]
            if day is not None and soon and all(time.date() != day for time in soon):
                yield f"{memory.id} names {memory.text[start:end]}, when nothing takes place"


def _questions(person: Person, memories: Sequence[Memory], questions: Sequence[Question]) -> Iterator[str]:
    """Each question beside the memory that it means."""
    store = {memory.id: memory for memory in memories}
    yield from (f"{identity} is there twice" for identity in _twice(question.id for question in questions))
    for question in questions:
        memory = store.get(question.memory)
        if question.person != person.id or memory is None:
            yield f"{question.id} is about nothing in the store"
            continue
        if question.time <= memory.created:
            yield f"{question.id} is asked before {memory.id} was written down"
        if question.time > _LAST:
            yield f"{question.id} is out of range"
        ahead = said_times.looks_ahead(question.text)
        to_come = memory.time > question.time
        if ahead not in (None, to_come) or (to_come and said_times.recalls(_unnamed(question))):
            yield f"{question.id} has the wrong tense: {question.text}"
        said = [question.text[start:end] for start, end, kind in question.entities if kind == "TIM"]
        if to_come and said_times.noted_ahead(question.text, said):
            yield f"{question.id} has something written down in the future: {question.text}"
        for phrase in said:
            if not said_times.may_mean(phrase, memory.time, question.time):
                yield f"{question.id} says {phrase!r} at {question.time} of {memory.time}"


def _unnamed(question: Question) -> str:
    """The question with somebody in the place of every person: who they are may well be told in the past."""
    text = _WHO.sub("X", question.text)
    for start, end, kind in reversed(question.entities):
        if kind == "PER":
            text = text.replace(question.text[start:end], "X")
    return text


def _twice(values: Iterable[str]) -> list[str]:
    return sorted(value for value, number in Counter(values).items() if number > 1)
