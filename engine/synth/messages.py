"""The messages of an invented life: each is about an event of its scene, and agrees with it on days and hours."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta

from engine.synth import relations
from engine.synth.annotated import Annotated, entity, phrase
from engine.synth.calendar import DAY, WEEKDAYS, midnight
from engine.synth.events import Event
from engine.synth.notes import Noted, clock, note, spelt
from engine.synth.people import Life, Part
from engine.synth.records import Tie
from engine.synth.scenes import MessageSketch
from engine.synth.verbalise import ROLE_NAMES, name, place

# what no studio or clinic writes
_PRIVATE = re.compile(r"\b(?:I|I'[a-z]+|my|me|mine|[Aa]untie|[Gg]randpa|[Mm]um|[Dd]ad|babe|love|mate|lol|kids?)\b|!!")
_BY_CHILD = re.compile(
    r"\b(?:[Dd]ad|[Mm]um|[Mm]om|[Dd]addy|[Mm]ummy|[Gg]ran|[Gg]randpa|[Gg]randma|[Aa]untie|[Uu]ncle)\b"
)
_NAMED = re.compile(r"\b(?:(today|tonight)|tomorrow)\b", re.IGNORECASE)  # a body's own word for the event's day
_OVER = re.compile(
    r"\b(?:went|was|did|called|cried|found|opened|sounded|lovely|cheers|good \[?game|kids|ums|seconds)\b", re.I
)
_SHE, _HE = re.compile(r"\b(?:she|her|hers)\b"), re.compile(r"\b(?:he|him|his)\b")


def draw_messages(rng: random.Random, life: Life, events: list[Event], count: int) -> list[Noted]:
    """About `count` messages around the events, no two at one second."""
    by_scene: dict[str, list[Event]] = {}
    for event in events:
        by_scene.setdefault(event.part.scene.id, []).append(event)
    parts = [part for part in life.parts if part.scene.id in by_scene]
    if not parts:
        return []
    sketches = [(part, index) for part in parts for index in range(len(part.scene.messages))]
    order = {part.scene.id: rng.uniform(0.0, 0.4) - 0.2 * part.habit for part in parts}
    taken: set[datetime] = set()
    notes: list[Noted] = []
    for _ in range(count):
        # every body once before any comes again; some scenes are written about more than others
        for part, index in sorted(sketches, key=lambda sketch: rng.random() + order[sketch[0].scene.id]):
            if len(notes) == count:
                return notes
            event = rng.choice(by_scene[part.scene.id])
            crowded = any(timedelta(0) < other.time - event.time < 8 * DAY for other in by_scene[part.scene.id])
            found = _message(rng, life, part, index, event, taken, crowded)
            if found is not None:
                taken.add(found.memory.time)
                notes.append(found)
    return notes


def _message(
    rng: random.Random, life: Life, part: Part, index: int, event: Event, taken: set[datetime], crowded: bool
) -> Noted | None:
    """`crowded`: whether more of the scene happens in the week after the event."""
    body = part.scene.messages[index].body
    dated = "{day}" in body or "{hour}" in body
    word = _NAMED.search(body)
    if word is not None:
        time = _sent_near(rng, event.time, 0 if word.group(1) else 1, over=bool(_OVER.search(body)) and not crowded)
    else:
        time = _sent(rng, event.time, dated, today=_says_any_day(body))
    if time is None or time in taken:
        return None
    sender = _sender(rng, life, part, part.scene.messages[index])
    ahead = (midnight(event.time) - midnight(time)).days
    slots = {
        "me": name(life.person.name.split()[0]),
        "place": place(event.place.name),
        "hour": clock(rng, event.time),
        "day": _day(rng, event.time, ahead, body),
        "with": name(rng.choice(part.cast).name.split()[0]),
    }
    fields = {
        "from": place(sender.name) if sender.organisation else name(life.shown[sender.name]),
        "relation": Annotated(spelt(sender.relation, life.british)),
        "group": Annotated(life.groups[sender.name] if rng.random() < 0.9 else ""),
        "body": life.style.message(rng, phrase(body, slots).labelled(ROLE_NAMES, "PER"), sender),
    }
    return note(life, "message", time, time, fields, part, index, [sender])


def _sent(rng: random.Random, event: datetime, dated: bool, today: bool) -> datetime:
    """Some days before the event that the message is about; where it names no day, it may be after."""
    for _ in range(20):
        days = rng.choices(range(7), (today, 4, 4, 3, 2, 2, 1))[0] if dated else rng.randint(-25, 25)
        minute = rng.randrange(7 * 60 + 30, 22 * 60 + 30)
        time = midnight(event) - days * DAY + timedelta(minutes=minute, seconds=rng.randrange(60))
        if not dated or time < event - timedelta(minutes=90):
            return time
    return event - DAY


def _sent_near(rng: random.Random, event: datetime, days: int, over: bool) -> datetime | None:
    """On the event's day, before it or when it is over, or so many days before; None where there is no time left."""
    day, second = midnight(event), timedelta(seconds=rng.randrange(60))
    first, last = day + timedelta(hours=7), event - timedelta(minutes=15)
    if days:
        first, last = first - days * DAY, day - days * DAY + timedelta(hours=22)
    elif over:
        first, last = event + timedelta(minutes=50), day + timedelta(hours=22, minutes=30)
    if last <= first:
        return None
    return first + timedelta(minutes=rng.randrange(int((last - first).total_seconds()) // 60)) + second


def _says_any_day(body: str) -> bool:
    """Whether {day} may also become "tomorrow" or "today": not in "on {day}" or "{day}s"."""
    fixed = any(f"{word} {{day}}" in body.lower() for word in ("on", "every", "next", "this", "each", "coming"))
    return not fixed and "{day}s" not in body and not body.startswith("{day}")


def _day(rng: random.Random, event: datetime, ahead: int, body: str) -> Annotated:
    """The event's day as a message says it."""
    weekday = WEEKDAYS[event.weekday()]
    free = _says_any_day(body)
    if ahead == 0 and free:
        return entity("tonight" if event.hour >= 18 and "{day} " not in body else "today", "TIM")
    return entity("tomorrow" if ahead == 1 and free and rng.random() < 0.7 else weekday, "TIM")


def _sender(rng: random.Random, life: Life, part: Part, sketch: MessageSketch) -> Tie:
    """One of the cast whom the words suit: who says Dad is a child, "she" is a woman, a clinic has no feelings."""
    if part.organisation is not None and rng.random() < 0.2 and not _PRIVATE.search(sketch.body):
        return part.organisation
    suited = list(part.cast)
    if _BY_CHILD.search(sketch.body):
        suited = [tie for tie in suited if relations.temper(tie.relation) == "child"] or suited
    how_told = f"{sketch.about} {sketch.told}"
    of_woman, of_man = bool(_SHE.search(how_told)), bool(_HE.search(how_told))
    if of_woman != of_man:
        suited = [tie for tie in suited if (tie.name in life.women) == of_woman] or suited
    return rng.choice(suited)
