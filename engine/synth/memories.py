"""What happens to an invented person: events, messages and contacts over some years, as her store has them.

Habits recur with the same people, so that memories are nearly identical and only a time or a name tells them apart.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.synth import names, relations
from engine.synth.annotated import Annotated, entity, phrase
from engine.synth.calendar import DAY, WEEKDAYS, midnight
from engine.synth.diary import Diary
from engine.synth.people import Contact, Life, Part
from engine.synth.records import Memory, Tie
from engine.synth.verbalise import ROLE_NAMES, name, place, written

SHARE = {"event": 0.46, "message": 0.38, "contact": 0.16}
_FAMILY_GROUPS = ("Family", "Family", "Home", "Relatives")
_GROUPS = {
    "friend": "Friends",
    "colleague": "Work",
    "boss": "Work",
    "neighbour": "Neighbours",
    "best friend": "Friends",
}
# what no studio or clinic writes
_PRIVATE = re.compile(r"\b(?:I|I'[a-z]+|my|me|mine|[Aa]untie|[Gg]randpa|[Mm]um|[Dd]ad|babe|love|mate|lol|kids?)\b|!!")
_MAIL = ("example.com", "example.org", "example.net", "mail.example", "post.example")


@dataclass(frozen=True, slots=True)
class Noted:
    """A memory and where it came from: number `index` of the scene's events, messages or contacts; -1 for none."""

    memory: Memory
    part: Part | None
    index: int
    place: str = ""
    ties: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Event:
    """An event before it is written down."""

    part: Part
    index: int
    time: datetime
    cast: tuple[Tie, ...]


def draw_memories(rng: random.Random, life: Life, count: int) -> list[Noted]:
    """About `count` memories by time of creation; their ids count up in that order."""
    numbers = {kind: round(count * share) for kind, share in SHARE.items()}
    events = _events(rng, life, numbers["event"])
    notes = [_write_event(rng, life, event) for event in events]
    notes += _messages(rng, life, events, numbers["message"])
    notes += _contacts(rng, life, notes, numbers["contact"])
    notes.sort(key=lambda note: (note.memory.created, note.memory.time, note.memory.kind, note.memory.text))
    return [_numbered(note, f"{life.person.id}/m{i}") for i, note in enumerate(notes, 1)]


def _numbered(note: Noted, identity: str) -> Noted:
    m = note.memory
    memory = Memory(identity, m.person, m.kind, m.time, m.created, m.fields, m.text, m.entities, m.scene, m.ties)
    return Noted(memory, note.part, note.index, note.place, note.ties)


def _memory(
    life: Life,
    kind: str,
    time: datetime,
    created: datetime,
    fields: dict,
    part: Part | None,
    index: int,
    ties: list[Tie],
) -> Noted:
    values, text = written(fields)
    who = tuple(tie.name for tie in ties)
    scene = part.scene.id if part else ""
    memory = Memory("", life.person.id, kind, time, created, values, text.text, text.entities, scene, who)
    where = part.place.name if part and kind == "event" and "location" in values else ""
    return Noted(memory, part, index, where, frozenset(who))


# events


def _events(rng: random.Random, life: Life, count: int) -> list[_Event]:
    diary = Diary(life.first_day, life.last_day)
    weights = [rng.uniform(2.5, 5.0) if part.habit else rng.uniform(0.6, 1.4) for part in life.parts]
    wanted = Counter(rng.choices(range(len(life.parts)), weights, k=count))
    events = []
    for number, part in enumerate(life.parts):
        if wanted[number]:
            events += _part_events(rng, diary, part, wanted[number])
    return events


def _part_events(rng: random.Random, diary: Diary, part: Part, count: int) -> list[_Event]:
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
        events.append(_Event(part, index, time, cast))
    return events


def _some(rng: random.Random, cast: tuple[Tie, ...]) -> tuple[Tie, ...]:
    """Nobody, one, two or three of the cast."""
    number = rng.choices((0, 1, 2, 3), (12, 55, 25, 8))[0]
    return tuple(rng.sample(cast, min(number, len(cast))))


def _write_event(rng: random.Random, life: Life, event: _Event) -> Noted:
    title, description = event.part.scene.events[event.index]
    slots = {
        "me": name(life.person.name.split()[0]),
        "place": place(event.part.place.name),
        "day": entity(WEEKDAYS[event.time.weekday()], "TIM"),
        "hour": _hour(rng, event.time),
        "with": name(event.cast[0].name.split()[0]) if event.cast else Annotated(""),
    }
    head = phrase(title, slots)
    head = head if head.entities else entity(head.text, "EVT")
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
    return _memory(life, "event", event.time, created, fields, event.part, event.index, list(event.cast))


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


def _hour(rng: random.Random, time: datetime) -> Annotated:
    half = time.hour % 12 or 12
    minute = f":{time.minute:02d}" if time.minute else ""
    suffix = "AM" if time.hour < 12 else "PM"
    ways = (f"{half}{minute} {suffix}", f"{half}{minute}{suffix.lower()}", f"{time.hour}:{time.minute:02d}")
    return entity(rng.choice(ways), "TIM")


# messages


def _messages(rng: random.Random, life: Life, events: list[_Event], count: int) -> list[Noted]:
    """A message is about one of the events of its scene; what it says of days and hours agrees with that event."""
    by_scene: dict[str, list[_Event]] = {}
    for event in events:
        by_scene.setdefault(event.part.scene.id, []).append(event)
    parts = [part for part in life.parts if part.scene.id in by_scene]
    if not parts:
        return []
    weights = [rng.uniform(1.4, 2.2) if part.habit else rng.uniform(0.7, 1.2) for part in parts]
    order = {part.scene.id: rng.sample(range(5), 5) for part in parts}
    sent: Counter[str] = Counter()
    taken: set[datetime] = set()
    texts: set[str] = set()
    notes = []
    for part in rng.choices(parts, weights, k=count):
        index = order[part.scene.id][sent[part.scene.id] % 5]
        sent[part.scene.id] += 1
        for _ in range(3):
            note = _message(rng, life, part, index, rng.choice(by_scene[part.scene.id]), taken)
            if note is not None and note.memory.text not in texts:
                break
        if note is not None:
            taken.add(note.memory.time)
            texts.add(note.memory.text)
            notes.append(note)
    return notes


def _message(
    rng: random.Random, life: Life, part: Part, index: int, event: _Event, taken: set[datetime]
) -> Noted | None:
    body = part.scene.messages[index].body
    dated = "{day}" in body or "{hour}" in body
    time = _sent(rng, event.time, dated, today=_says_any_day(body))
    if time in taken:
        return None
    sender = _sender(rng, part, body)
    ahead = (midnight(event.time) - midnight(time)).days
    slots = {
        "me": name(life.person.name.split()[0]),
        "place": place(part.place.name),
        "hour": _hour(rng, event.time),
        "day": _day(rng, event.time, ahead, body),
        "with": name(rng.choice(part.cast).name.split()[0]),
    }
    fields = {
        "from": place(sender.name) if sender.organisation else name(life.shown[sender.name]),
        "relation": Annotated(spelt(sender.relation, life.british)),
        "group": Annotated(_group(rng, part, sender)),
        "body": phrase(body, slots).labelled(ROLE_NAMES, "PER"),
    }
    return _memory(life, "message", time, time, fields, part, index, [sender])


def _sent(rng: random.Random, event: datetime, dated: bool, today: bool) -> datetime:
    """Some days before the event that the message is about; where it names no day, it may be after."""
    for _ in range(20):
        days = rng.choices(range(7), (today, 4, 4, 3, 2, 2, 1))[0] if dated else rng.randint(-25, 25)
        minute = rng.randrange(7 * 60 + 30, 22 * 60 + 30)
        time = midnight(event) - days * DAY + timedelta(minutes=minute, seconds=rng.randrange(60))
        if not dated or time < event - timedelta(minutes=90):
            return time
    return event - DAY


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


def _sender(rng: random.Random, part: Part, body: str) -> Tie:
    if part.organisation is not None and rng.random() < 0.2 and not _PRIVATE.search(body):
        return part.organisation
    return rng.choice(part.cast)


def _group(rng: random.Random, part: Part, tie: Tie) -> str:
    if rng.random() < 0.1:
        return ""
    if tie.relation in relations.FAMILY:
        return _FAMILY_GROUPS[len(tie.name) % len(_FAMILY_GROUPS)]
    for contact in part.contacts:
        if contact.tie is tie or tie.organisation:
            return contact.group
    return _GROUPS.get(tie.relation) or (part.contacts[0].group if part.contacts else "")


def spelt(relation: str, british: bool) -> str:
    """A relation as the person spells it."""
    if british:
        return relation
    return relation.replace("neighbour", "neighbor").replace("organis", "organiz")


# contacts


def _contacts(rng: random.Random, life: Life, notes: list[Noted], count: int) -> list[Noted]:
    """Each tie at most once, before the first memory with it. Those who take part in something come first."""
    first: dict[str, datetime] = {}
    for note in notes:
        for tie in note.ties:
            first[tie] = min(first.get(tie, note.memory.created), note.memory.created)
    known: dict[str, tuple[Contact, Part | None, int]] = {}
    for part in life.parts:
        for contact in part.contacts:
            sketches = part.scene.contacts
            known.setdefault(
                contact.tie.name, (contact, part, sketches.index(contact.sketch) if contact.sketch else -1)
            )
    for somebody in life.person.ties:
        if not somebody.organisation and somebody.name not in known and somebody.name in first:
            family = rng.choice(_FAMILY_GROUPS) if somebody.relation in relations.FAMILY else "Contacts"
            known[somebody.name] = (Contact(somebody, _GROUPS.get(somebody.relation, family)), None, -1)
    order = sorted(
        known, key=lambda who: (known[who][1] is None and rng.random() < 0.6, who not in first, rng.random())
    )
    chosen = order[:count]
    return [_contact(rng, life, *known[who], first.get(who)) for who in chosen]


def _contact(
    rng: random.Random, life: Life, contact: Contact, part: Part | None, index: int, first: datetime | None
) -> Noted:
    tie = contact.tie
    if first is None:
        first = life.first_day + (life.last_day - life.first_day) * rng.random()
    when = midnight(first) - rng.choice((1, 1, 2, 5, 12, 30)) * DAY
    when += timedelta(minutes=rng.randrange(8 * 60, 22 * 60), seconds=rng.randrange(60))
    fields = {
        "name": name(life.shown[tie.name]),
        "relation": Annotated(spelt(tie.relation, life.british)),
        "group": Annotated(contact.group),
        "email": Annotated(_email(rng, tie, contact.organisation)),
    }
    return _memory(life, "contact", when, when, fields, part, index, [tie])


def _email(rng: random.Random, tie: Tie, organisation: str) -> str:
    first, last = names.address(tie.name.split()[0]), names.address(tie.name.split()[-1])
    local = rng.choice((f"{first}.{last}", first, f"{first[:1]}{last}", f"{first}{last}", f"{first}_{last}"))
    if organisation:
        return f"{local.replace('_', '.')}@{names.address(organisation).replace('.', '')}.example"
    return f"{local}{rng.choice(('', '', str(rng.randint(2, 99))))}@{rng.choice(_MAIL)}"
