"""The address book of an invented life: whom somebody saved, when, and their e-mail address."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.synth import names
from engine.synth.annotated import Annotated
from engine.synth.calendar import DAY, midnight
from engine.synth.notes import Noted, note, spelt
from engine.synth.people import Life, Part
from engine.synth.records import Tie
from engine.synth.verbalise import name

_MAIL = ("example.com", "example.org", "example.net", "mail.example", "post.example")


def draw_contacts(rng: random.Random, life: Life, notes: Sequence[Noted], count: int) -> list[Noted]:
    """Each tie at most once, before the first memory with it. Those who take part in something come first."""
    first: dict[str, datetime] = {}
    for one in notes:
        for tie in one.ties:
            first[tie] = min(first.get(tie, one.memory.created), one.memory.created)
    known: dict[str, tuple[Tie, Part | None, int]] = {}
    for part in life.parts:
        for contact in part.contacts:
            known.setdefault(contact.tie.name, (contact.tie, part, part.scene.contacts.index(contact.sketch)))
    for somebody in life.person.ties:
        if not somebody.organisation and somebody.name not in known and somebody.name in first:
            known[somebody.name] = (somebody, None, -1)
    order = sorted(
        known, key=lambda who: (known[who][1] is None and rng.random() < 0.6, who not in first, rng.random())
    )
    chosen = order[:count]
    return [_contact(rng, life, *known[who], first.get(who)) for who in chosen]


def _contact(rng: random.Random, life: Life, tie: Tie, part: Part | None, index: int, first: datetime | None) -> Noted:
    if first is None:
        first = life.first_day + (life.last_day - life.first_day) * rng.random()
    when = midnight(first) - rng.choice((1, 1, 2, 5, 12, 30)) * DAY
    when += timedelta(minutes=rng.randrange(8 * 60, 22 * 60), seconds=rng.randrange(60))
    works_at = part.scene.contacts[index].organisation if part else None
    fields = {
        "name": name(life.shown[tie.name]),
        "relation": Annotated(spelt(tie.relation, life.british)),
        "group": Annotated(life.groups[tie.name]),
        "email": Annotated(_email(rng, tie, works_at or "")),
    }
    return note(life, "contact", when, when, fields, part, index, [tie])


def _email(rng: random.Random, tie: Tie, organisation: str) -> str:
    first, last = names.address(tie.name.split()[0]), names.address(tie.name.split()[-1])
    local = rng.choice((f"{first}.{last}", first, f"{first[:1]}{last}", f"{first}{last}", f"{first}_{last}"))
    if organisation:
        return f"{local.replace('_', '.')}@{names.address(organisation).replace('.', '')}.example"
    return f"{local}{rng.choice(('', '', str(rng.randint(2, 99))))}@{rng.choice(_MAIL)}"
