"""A memory together with where it came from, and the small ways in which memories are worded."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime

from engine.synth.annotated import Annotated, entity
from engine.synth.people import Life, Part
from engine.synth.records import Memory, Tie
from engine.synth.verbalise import written


@dataclass(frozen=True, slots=True)
class Noted:
    """A memory and where it came from: number `index` of the scene's events, messages or contacts; -1 for none."""

    memory: Memory
    part: Part | None
    index: int

    @property
    def ties(self) -> tuple[str, ...]:
        """The names of those who take part."""
        return self.memory.ties

    @property
    def place(self) -> str:
        """The name of the place that the memory says, "" for none."""
        return str(self.memory.fields.get("location", ""))


def note(
    life: Life,
    kind: str,
    time: datetime,
    created: datetime,
    fields: dict,
    part: Part | None,
    index: int,
    ties: list[Tie],
) -> Noted:
    """A memory without an id, from its fields."""
    values, text = written(fields)
    who = tuple(tie.name for tie in ties)
    scene = part.scene.id if part else ""
    memory = Memory("", life.person.id, kind, time, created, values, text.text, text.entities, scene, who)
    return Noted(memory, part, index)


def clock(rng: random.Random, time: datetime) -> Annotated:
    """The time of day as people write it: 7 PM, 7:30pm, 19:30."""
    half = time.hour % 12 or 12
    minute = f":{time.minute:02d}" if time.minute else ""
    suffix = "AM" if time.hour < 12 else "PM"
    ways = (f"{half}{minute} {suffix}", f"{half}{minute}{suffix.lower()}", f"{time.hour}:{time.minute:02d}")
    return entity(rng.choice(ways), "TIM")


def spelt(relation: str, british: bool) -> str:
    """A relation as the person spells it."""
    if british:
        return relation
    return relation.replace("neighbour", "neighbor").replace("centre", "center").replace("theatre", "theater")
