"""What an invented person is made of: ties to others, places, memories, and questions about them.

Entities are (start, end, type) in characters of the text beside them, types PER, LOC, EVT and TIM, as in data/lives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.records import Entity


@dataclass(frozen=True, slots=True)
class Tie:
    """Somebody in a person's life. `organisation` for a studio or a clinic that writes like a person."""

    relation: str  # "sister", "pottery teacher": one for life
    name: str  # "Luz Okafor"; an organisation's name
    nicknames: tuple[str, ...] = ()  # what only this person calls them
    organisation: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere the person goes. `nicknames` are what they call it: "the usual café"."""

    name: str
    nicknames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """A sheet: nothing of it changes over the person's memories."""

    id: str
    name: str
    job: str
    town: str
    ties: tuple[Tie, ...]
    places: tuple[Place, ...]
    habits: tuple[str, ...] = ()  # ids of scenes that recur


@dataclass(frozen=True, slots=True)
class Memory:
    """One event, message or contact of a person's store.

    `fields` as PAIR has them: event title, desc, location, attendees; message from, relation, group, body; contact
    name, relation, group, email. `text` joins their values by " | ", attendees by " , ".
    """

    id: str
    person: str
    kind: str
    time: datetime
    created: datetime
    fields: Mapping[str, Any]
    text: str
    entities: tuple[Entity, ...] = ()
    scene: str = ""
    ties: tuple[str, ...] = ()  # the names of those who take part


@dataclass(frozen=True, slots=True)
class Question:
    """A question with one memory that answers it, asked at `time`. `ask` is who, what, when, where or yes-no."""

    id: str
    person: str
    text: str
    time: datetime
    memory: str
    entities: tuple[Entity, ...] = ()
    ask: str = ""
    told_by: tuple[str, ...] = ()  # what sets the memory apart: time, person, place, scene
