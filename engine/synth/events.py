"""The events of an invented life: habits that recur, and what happens a few times in some months."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.synth.annotated import Annotated, entity, phrase
from engine.synth.calendar import WEEKDAYS, midnight
from engine.synth.diary import Diary
from engine.synth.notes import Noted, clock, note
from engine.synth.people import Life, Part
from engine.synth.records import Tie
from engine.synth.verbalise import ROLE_NAMES, name, place


@dataclass(frozen=True, slots=True)
class Event:
    """An event before it is written down."""

    part: Part
    index: int
    time: datetime
    cast: tuple[Tie, ...]


def draw_events(rng: random.Random, life: Life, count: int) -> list[Event]:
    """About `count` events, no two at once."""
    diary = Diary(life.first_day, life.last_day)
    weights = [rng.uniform(2.5, 5.0) if part.habit else rng.uniform(0.6, 1.4) for part in life.parts]
    wanted = Counter(rng.choices(range(len(life.parts)), weights, k=count))
    events = []
    for number, part in enumerate(life.parts):
        if wanted[number]:
            events += _part_events(rng, diary, part, wanted[number])
    return events


def _part_events(rng: random.Random, diary: Diary, part: Part, count: int) -> list[Event]:
    """A habit has one main entry, mostly with the same people; else each of the four comes in its turn."""
    order = rng.sample(range(4), 4)
    usual = tuple(part.cast[: rng.randint(1, 2)])
    seen: set[tuple[int, frozenset[Tie]]] = set()
    days = diary.series(rng, count) if part.habit else diary.scattered(rng, count)
    hour = rng.randint(9, 20) if part.habit else None
    events = []
    for i, day in enumerate(days):
        index = order[0] if part.habit and rng.random() < 0.6 else order[i % 4]
        time = diary.slot(rng, part.scene, index, day, hour)
        if time is None:
            continue
        cast = usual if part.habit and rng.random() < 0.5 else _some(rng, part.cast)
        if (index, frozenset(cast)) in seen:  # nearly identical is the rule, identical the exception
            cast = _some(rng, part.cast)
        seen.add((index, frozenset(cast)))
        if not cast and "{with}" in "".join(part.scene.events[index]):
            cast = usual
        events.append(Event(part, index, time, cast))
    return events


def _some(rng: random.Random, cast: tuple[Tie, ...]) -> tuple[Tie, ...]:
    """Nobody, one, two or three of the cast."""
    number = rng.choices((0, 1, 2, 3), (12, 55, 25, 8))[0]
    return tuple(rng.sample(cast, min(number, len(cast))))


def write_event(rng: random.Random, life: Life, event: Event) -> Noted:
    """The event as a calendar has it."""
    title, description = event.part.scene.events[event.index]
    slots = {
        "me": name(life.person.name.split()[0]),
        "place": place(event.part.place.name),
        "day": entity(WEEKDAYS[event.time.weekday()], "TIM"),
        "hour": clock(rng, event.time),
        "with": name(event.cast[0].name.split()[0]) if event.cast else Annotated(""),
    }
    head = phrase(title, slots)
    head = head if "[" in title else entity(head.text, "EVT")
    if event.cast and not any(kind == "PER" for _, _, kind in head.entities) and rng.random() < 0.1:
        head = head + rng.choice((" with ", " w/ ", " + ")) + name(rng.choice(event.cast).name.split()[0])
    body = phrase(description, slots).labelled(ROLE_NAMES, "PER")
    fields = {
        "title": head,
        "desc": body if rng.random() < 0.94 or "{with}" in description else None,
        "location": place(event.part.place.name) if rng.random() < 0.93 else None,
        "attendees": tuple(name(life.shown[tie.name]) for tie in event.cast),
    }
    created = _noted_before(rng, life, event.time)
    return note(life, "event", event.time, created, fields, event.part, event.index, list(event.cast))


def _noted_before(rng: random.Random, life: Life, time: datetime) -> datetime:
    """Hours to weeks before, now and then much earlier; while awake."""
    draw = rng.random()
    if draw < 0.2:
        lead = timedelta(hours=rng.uniform(2, 30))
    elif draw < 0.75:
        lead = timedelta(days=rng.uniform(1, 21))
    elif draw < 0.95:
        lead = timedelta(days=rng.uniform(21, 75))
    else:
        lead = timedelta(days=rng.uniform(75, 220))
    when = (time - lead).replace(second=rng.randrange(60))
    if when.hour < 7:
        when = midnight(when) - timedelta(hours=rng.uniform(1, 5))
    return when.replace(microsecond=0)
