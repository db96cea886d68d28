"""Scenes: what happens in ordinary lives, written by hand in data/scenes, as typed records.

A scene has no names and no dates of its own; {with}, {day}, {hour}, {place} and {me} stand for them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError

SCENES = Path(__file__).parents[2] / "data" / "scenes"
_COUNTS = {"events": 4, "messages": 5, "contacts": 2, "about": 5, "told": 5, "who": 2}


@dataclass(frozen=True, slots=True)
class ContactSketch:
    """Who a scene's contact is, and what the people who know them say after "the person who"."""

    role: str
    group: str
    organisation: str | None
    who: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MessageSketch:
    """A message, and how it is asked about: "say about ___", "tell me that ___"."""

    body: str
    about: str
    told: str


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene. `np` and `vp` name it as a whole, whichever of its events is meant."""

    id: str
    domain: str
    people: tuple[str, ...]
    places: tuple[str, ...]
    events: tuple[tuple[str, str], ...]  # (title, description)
    messages: tuple[MessageSketch, ...]
    contacts: tuple[ContactSketch, ...]
    np: tuple[str, ...]
    vp: tuple[str, ...]

    @property
    def stem(self) -> str:
        """What scenes about one thing have in common in their ids: the first word."""
        return self.id.split("-")[0]


def read_scenes(folder: Path = SCENES) -> list[Scene]:
    """Every scene in the folder's *.jsonl, by id. Raises InputError with the file and line of the first bad one."""
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise InputError("there are no scenes", where=str(folder), remedy="Restore data/scenes/*.jsonl from git")
    scenes: dict[str, Scene] = {}
    for path in files:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                scene = _scene(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                where = f"{path}:{number}"
                raise InputError(f"not a scene ({error!r})", where=where, remedy="Mend or remove the line") from None
            scenes.setdefault(scene.id, scene)
    return [scenes[name] for name in sorted(scenes)]


def _scene(row: dict) -> Scene:
    for key, count in _COUNTS.items():
        if len(row[key]) != count:
            raise ValueError(f"{len(row[key])} {key} instead of {count}")
    contacts = zip(row["contacts"], row["who"], strict=True)
    messages = zip(row["messages"], row["about"], row["told"], strict=True)
    return Scene(
        id=str(row["id"]),
        domain=str(row["domain"]),
        people=tuple(row["people"]),
        places=tuple(row["places"]),
        events=tuple((event["title"], event["desc"]) for event in row["events"]),
        messages=tuple(MessageSketch(*texts) for texts in messages),
        contacts=tuple(ContactSketch(c["role"], c["group"], c["org"], tuple(who)) for c, who in contacts),
        np=tuple(row["np"]),
        vp=tuple(row["vp"]),
    )
