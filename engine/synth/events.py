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
from engine.synth.records import Place, Tie
from engine.synth.verbalise import ROLE_NAMES, name, place

_EXTRAS = (
    *("leave in good time", "phone charged", "a bit later than usual", "bring cash", "bring snacks", "bring a flask"),
    *("don't forget the umbrella", "no car that day", "take the early bus", "keys are under the mat", "cake after"),
    *("pay what I owe", "ask about the summer", "glasses!", "take photos", "back home for tea"),
    *("borrowed bag to return", "first one after the break", "last one before the break", "short one", "double length"),
    *("wear something warm", "park round the back", "side entrance", "bike if dry", "half an hour to spare"),
    *("something for the bin after", "ring beforehand", "new people coming", "only if it doesn't rain"),
    *("take painkillers along", "thermos and gloves"),
)
_ABOUT_SOMEBODY = (
    *(("", " drives"), ("", " is late"), ("lift from ", ""), ("pick up ", " first"), ("card for ", "")),
    *(("", " has keys"), ("ask ", " about the money"), ("give ", " the book back"), ("tea at ", "'s after")),
    *(("", " brings a friend"), ("", "'s turn to pay"), ("wait for ", " at the door")),
    *(("remind ", " the day before"), ("", " can't stay long")),
)


@dataclass(frozen=True, slots=True)
class Event:
    """An event before it is written down."""

    part: Part
    index: int
    time: datetime
    cast: tuple[Tie, ...]
    place: Place
    again: bool = False  # whether this very entry has been before


def draw_events(rng: random.Random, life: Life, count: int) -> list[Event]:
    """About `count` events, no two at once."""
    diary = Diary(life.first_day, life.last_day)
    habits = [part for part in life.parts if part.habit]
    others = [part for part in life.parts if not part.habit]
    recurring = round(count * rng.uniform(0.18, 0.28)) if habits else 0
    wanted: Counter[str] = Counter(
        part.scene.id for part in rng.choices(habits, [rng.uniform(1, 3) for _ in habits], k=recurring)
    )
    while len(others) and wanted.total() < count:
        # each entry of each scene once before any comes again
        left = count - wanted.total()
        wanted.update(part.scene.id for part in rng.sample(others, min(left, len(others))))
    events = []
    for part in life.parts:
        if wanted[part.scene.id]:
            events += _part_events(rng, diary, part, wanted[part.scene.id])
    return events


def _part_events(rng: random.Random, diary: Diary, part: Part, count: int) -> list[Event]:
    """A habit has one main entry, mostly with the same people; else each of the scene's comes in its turn."""
    entries = len(part.scene.events)
    order = rng.sample(range(entries), entries)
    usual = tuple(part.cast[: rng.randint(1, 2)])
    seen: set[tuple[int, frozenset[Tie]]] = set()
    days = diary.series(rng, count) if part.habit else diary.scattered(rng, count)
    hour = rng.randint(9, 20) if part.habit else None
    events: list[Event] = []
    for i, day in enumerate(days):
        index = order[0] if part.habit and rng.random() < 0.4 else order[i % entries]
        time = diary.slot(rng, part.scene, index, day, hour)
        if time is None:
            continue
        cast = usual if part.habit and rng.random() < 0.4 else _some(rng, part.cast)
        if (index, frozenset(cast)) in seen:  # nearly identical is the rule, identical the exception
            cast = _some(rng, part.cast)
        seen.add((index, frozenset(cast)))
        if not cast and "{with}" in "".join(part.scene.events[index]):
            cast = usual
        where = part.other_place if rng.random() < 0.25 else part.place
        events.append(Event(part, index, time, cast, where, any(event.index == index for event in events)))
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
        "place": place(event.place.name),
        "day": entity(WEEKDAYS[event.time.weekday()], "TIM"),
        "hour": clock(rng, event.time),
        "with": name(event.cast[0].name.split()[0]) if event.cast else Annotated(""),
    }
    head = phrase(title, slots)
    head = head if "[" in title else entity(head.text, "EVT")
    if event.cast and not any(kind == "PER" for _, _, kind in head.entities) and rng.random() < 0.1:
        head = head + rng.choice((" with ", " w/ ", " + ")) + name(rng.choice(event.cast).name.split()[0])
    body = phrase(description, slots).labelled(ROLE_NAMES, "PER")
    silent = 0.06
    if event.again:  # what differs from time to time is what one writes down
        silent = 0.2
        body = body + rng.choice((", ", ", ", "; ")) + _extra(rng, event) if rng.random() < 0.8 else body
    fields = {
        "title": life.style.title(head),
        "desc": life.style.description(rng, body) if rng.random() >= silent or "{with}" in description else None,
        "location": place(event.place.name) if rng.random() < 0.93 else None,
        "attendees": tuple(name(life.shown[tie.name]) for tie in event.cast),
    }
    created = _noted_before(rng, life, event.time)
    return note(life, "event", event.time, created, fields, event.part, event.index, list(event.cast))


def _extra(rng: random.Random, event: Event) -> Annotated:
    """What is to be thought of this time."""
    if event.cast and rng.random() < 0.4:
        before, after = rng.choice(_ABOUT_SOMEBODY)
        return Annotated(before) + name(rng.choice(event.cast).name.split()[0]) + after
    return Annotated(rng.choice(_EXTRAS))


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
