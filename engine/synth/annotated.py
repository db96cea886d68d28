"""Text with entities whose offsets stay right while it is joined, filled into templates, and changed.

A template is text with {slots}. A [bracketed] part of a scene's phrase names an occasion, [the shed|LOC] is an entity
of another type, and [thing|-] a noun that stands where an occasion's name would, and is none. Nothing here knows what
is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.synth.records import Entity

_SLOT = re.compile(r"\{(\w+)\}")
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Annotated:
    """A text and the (start, end, type) of its entities, in order, never overlapping."""

    text: str
    entities: tuple[Entity, ...] = ()

    def __add__(self, other: Annotated | str) -> Annotated:
        other = plain(other)
        shift = len(self.text)
        moved = tuple((start + shift, end + shift, kind) for start, end, kind in other.entities)
        return Annotated(self.text + other.text, self.entities + moved)

    def __bool__(self) -> bool:
        return bool(self.text)

    def surfaces(self) -> list[tuple[str, str]]:
        """(surface, type) of each entity."""
        return [(self.text[start:end], kind) for start, end, kind in self.entities]

    def lower(self) -> Annotated:
        """In lower case; a letter whose lower case is longer (İ) stays, so that offsets do too."""
        return Annotated("".join(c.lower() if len(c.lower()) == 1 else c for c in self.text), self.entities)

    def capitalised(self) -> Annotated:
        """With a capital first letter."""
        first = self.text[:1].upper()
        return Annotated(first + self.text[1:], self.entities) if len(first) == 1 else self

    def uncapitalised(self) -> Annotated:
        """With a small first letter, unless it is "I", an acronym or the start of a name."""
        word = re.match(r"[\w'’]*", self.text)
        first = word.group() if word else ""
        named = any(start == 0 and kind in ("PER", "LOC") for start, _, kind in self.entities)
        keep = named or first == "I" or first.startswith("I'") or (len(first) > 1 and first[1].isupper())
        return self if keep else Annotated(self.text[:1].lower() + self.text[1:], self.entities)

    def replace(self, old: str, new: str) -> Annotated:
        """`old`, at word boundaries and outside entities, replaced by `new`."""
        result, rest = Annotated(""), self
        for match in reversed(list(re.finditer(rf"(?<!\w){re.escape(old)}(?!\w)", self.text))):
            start, end = match.span()
            if any(s < end and start < e for s, e, _ in self.entities):
                continue
            result, rest = Annotated(new) + rest[end:] + result, rest[:start]
        return rest + result

    def __getitem__(self, part: slice) -> Annotated:
        """The part of the text, with the entities that lie in it as a whole."""
        start, end, step = part.indices(len(self.text))
        if step != 1:
            raise ValueError("text is cut in one piece")
        inside = tuple((s - start, e - start, kind) for s, e, kind in self.entities if start <= s and e <= end)
        return Annotated(self.text[start:end], inside)

    def labelled(self, pattern: re.Pattern[str], kind: str) -> Annotated:
        """With every match of `pattern` that touches no entity as an entity of `kind`."""
        found = list(self.entities)
        for match in pattern.finditer(self.text):
            if match.end() > match.start() and all(e <= match.start() or match.end() <= s for s, e, _ in found):
                found.append((match.start(), match.end(), kind))
        return Annotated(self.text, tuple(sorted(found)))


def plain(text: Annotated | str) -> Annotated:
    """`text` without entities, if it is not annotated already."""
    return Annotated(text) if isinstance(text, str) else text


def entity(surface: str, kind: str) -> Annotated:
    """A text that is one entity as a whole."""
    return Annotated(surface, ((0, len(surface), kind),) if surface else ())


def join(separator: str, parts: Iterable[Annotated | str]) -> Annotated:
    """As str.join."""
    result: Annotated | None = None
    for part in parts:
        result = plain(part) if result is None else result + separator + part
    return result or Annotated("")


def phrase(template: str, slots: Mapping[str, Annotated | str] | None = None) -> Annotated:
    """`template` with its {slots} filled and its [bracketed] parts as entities. A name in brackets stays a name only.

    Raises KeyError for a slot that has no filling.
    """
    result, position = Annotated(""), 0
    for match in _BRACKETS.finditer(template):
        result += fill(template[position : match.start()], slots)
        surface, _, kind = match.group(1).partition("|")
        inner = fill(surface, slots)
        result += inner if inner.entities or kind == "-" else entity(inner.text, kind or "EVT")
        position = match.end()
    return result + fill(template[position:], slots)


def has_occasion(template: str) -> bool:
    """Whether a noun of `template` is marked as an occasion's, be it a filler."""
    return any(match.group(1).partition("|")[2] in ("", "EVT", "-") for match in _BRACKETS.finditer(template))


def fill(template: str, slots: Mapping[str, Annotated | str] | None = None) -> Annotated:
    """`template` with its {slots} filled. Raises KeyError for a slot that has no filling."""
    result, position = Annotated(""), 0
    for match in _SLOT.finditer(template):
        result = result + template[position : match.start()] + plain((slots or {})[match.group(1)])
        position = match.end()
    return result + template[position:]


def slots_of(template: str) -> frozenset[str]:
    """The names of the slots in `template`."""
    return frozenset(_SLOT.findall(template))
