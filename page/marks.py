"""Texts as HTML with parts of them marked: matched words, and entities by their type. Everything is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from engine.records import Document

Mark = tuple[int, int, str]  # offsets, and what it is: WORD or an entity's type
WORD = ""
TYPES = {"PER": "person", "LOC": "place", "TIM": "time", "EVT": "event"}


def text(value: object) -> str:
    """Escaped for HTML, and for Gradio's template syntax, which would otherwise read ${...} and {{...}}."""
    return escape(str(value)).replace("$", "&#36;").replace("{", "&#123;").replace("}", "&#125;").replace("`", "&#96;")


def cut(what: str, most: int) -> str:
    """At most `most` characters, the last an ellipsis where there were more."""
    return what if len(what) <= most else what[: most - 1] + "…"


def words(spans: Iterable[tuple[int, int]]) -> list[Mark]:
    """Spans of matched words as marks."""
    return [(start, end, WORD) for start, end in spans]


def marked(content: str, marks: Iterable[Mark]) -> str:
    """`content` escaped, with its marks; those of words and of entities may overlap."""
    marks = [*marks]
    if not marks:
        return _separated(text(content))
    of_words = _cover(content, [(a, b, kind) for a, b, kind in marks if kind == WORD])
    entities = _cover(content, [(a, b, kind) for a, b, kind in marks if kind != WORD])
    pieces, start = [], 0
    for end in range(1, len(content) + 1):
        at = (of_words[start], entities[start])
        if end < len(content) and (of_words[end], entities[end]) == at:
            continue
        piece = text(content[start:end])
        piece = f"<mark>{piece}</mark>" if at[0] else piece
        pieces.append(_entity(piece, content, entities, start, end) if at[1] else piece)
        start = end
    return _separated("".join(pieces))


def _separated(markup: str) -> str:
    return markup.replace(" , ", ", ").replace(" | ", ' <span class="q-sep" aria-hidden="true">·</span> ')


def _cover(content: str, marks: Sequence[Mark]) -> list[tuple[int, str] | None]:
    """For each character the mark that it belongs to, as (its start, its kind); of overlapping ones the first."""
    cover: list[tuple[int, str] | None] = [None] * (len(content) + 1)
    for start, end, kind in sorted(marks):
        for place in range(max(0, start), min(end, len(content))):
            cover[place] = cover[place] or (start, kind)
    if all(kind == WORD for _, _, kind in marks):  # neighbouring words are one mark
        return [place and (0, WORD) for place in cover]
    return cover


def _entity(piece: str, content: str, cover: Sequence[tuple[int, str] | None], start: int, end: int) -> str:
    """One piece of an entity; where it is broken by a matched word, only the first piece says what it is."""
    kind = (cover[start] or (0, ""))[1]
    name = TYPES.get(kind, kind.lower())
    first = start == 0 or cover[start - 1] != cover[start]
    said = f' title="{text(name)}"' if first else ""
    return f'<span class="q-ent q-{text(kind.lower())}"{said}>{piece}</span>'


def shown(document: Document, marks: Sequence[Mark], most: int) -> str:
    """The title, if there is one, and at most `most` characters of the text, `marks` of `Document.content` marked."""
    content, end = document.content, len(document.title) if document.content.startswith(document.title) else 0
    title = marked(*excerpt(content[:end], [m for m in marks if m[1] <= end], most))
    body = [(max(a - end, 0), b - end, kind) for a, b, kind in marks if b > end]
    head = f'<strong class="q-title">{title}</strong>' if end else ""
    return head + marked(*excerpt(content[end:], body, most))


def excerpt(content: str, marks: Sequence[Mark], most: int) -> tuple[str, list[Mark]]:
    """At most `most` characters of `content`, around the first marked word, and the marks within them."""
    if len(content) <= most:
        return content, [*marks]
    first = min((start for start, _, kind in marks if kind == WORD), default=0)
    low = max(0, min(first - most // 4, len(content) - most))
    high = low + most
    before, after = "…" if low else "", "…" if high < len(content) else ""
    shift = len(before) - low
    inside = [(a + shift, b + shift, kind) for a, b, kind in marks if low <= a and b <= high]
    return before + content[low:high] + after, inside
