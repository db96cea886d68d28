"""Where the sentences of a text are."""

from __future__ import annotations

import re


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) offsets of the sentences of `text`; at least one, blanks trimmed."""
    spans = [(m.start(), m.end()) for m in re.finditer(r"\S(?:.*?[.!?](?=\s)|.*?$)", text, flags=re.DOTALL)]
    return [s for s in spans if s[1] > s[0]] or [(0, len(text))]
