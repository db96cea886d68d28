"""A memory's text from its fields, with entities: values joined by " | ", attendees by " , ", as PAIR does."""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.synth.annotated import Annotated, entity, join

# roles that stand as names in a message: "tell Mum"
ROLE_NAMES = re.compile(r"\b(?:Mum|Mom|Mummy|Mommy|Dad|Daddy|Gran|Grandma|Grandpa|Grandad|Granny|Nana|Coach|Doc)\b")


def written(fields: Mapping[str, Annotated | tuple[Annotated, ...] | None]) -> tuple[dict[str, object], Annotated]:
    """(the fields as plain values, the text); fields that are None or empty are left out of both."""
    values: dict[str, object] = {}
    parts = []
    for key, value in fields.items():
        if not value:
            continue
        values[key] = [one.text for one in value] if isinstance(value, tuple) else value.text
        parts.append(join(" , ", value) if isinstance(value, tuple) else value)
    return values, join(" | ", parts)


def name(surface: str) -> Annotated:
    """A person's name."""
    return entity(surface, "PER")


def place(surface: str) -> Annotated:
    """A place's name, or an organisation's."""
    return entity(surface, "LOC")
