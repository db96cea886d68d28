"""TREC's SGML-like markup: elements such as <DOC> and <top> out of a file, and plain text out of their insides.

Not a parser of SGML: TREC's files are not valid SGML either, and their tags are often never closed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from engine.datasets.lines import MAX_LINE
from engine.errors import InputError

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--.*?-->", re.DOTALL)


def elements(lines: Iterable[tuple[int, str]], tag: str, name: str) -> Iterator[tuple[int, str]]:
    """(line it starts on, inside) of each <tag>...</tag>, whatever the case and however many share a line.

    Raises InputError for one that is never closed, or longer than the layout's 4 MiB a line.
    """
    opening = re.compile(rf"<{tag}(?:\s[^>]*)?>", re.IGNORECASE)
    closing = re.compile(rf"</{tag}\s*>", re.IGNORECASE)
    inside: list[str] | None = None
    start = size = 0
    for number, line in lines:
        position = 0
        while True:
            if inside is None:
                begin = opening.search(line, position)
                if begin is None:
                    break
                inside, start, size, position = [], number, 0, begin.end()
            end = closing.search(line, position)
            inside.append(line[position : end.start() if end else None])
            size += len(inside[-1])
            if size > MAX_LINE:
                raise InputError(
                    f"<{tag}> is over {MAX_LINE >> 20} MiB long", where=f"{name}:{start}", remedy="Split it"
                )
            if end is None:
                break
            yield start, "\n".join(inside)
            inside, position = None, end.end()
    if inside is not None:
        raise InputError(f"<{tag}> is never closed", where=f"{name}:{start}", remedy="Fetch the file again")


def first_of(block: str, tags: Iterable[str]) -> str:
    """The plain text of all elements of the first of `tags` that `block` has; empty if it has none of them."""
    for tag in tags:
        found = re.findall(rf"<{tag}(?:\s[^>]*)?>(.*?)</{tag}\s*>", block, re.IGNORECASE | re.DOTALL)
        if found:
            return plain(" ".join(found))
    return ""


def without(block: str, tags: Iterable[str]) -> str:
    """`block` without the elements named."""
    for tag in tags:
        block = re.sub(rf"<{tag}(?:\s[^>]*)?>.*?</{tag}\s*>", " ", block, flags=re.IGNORECASE | re.DOTALL)
    return block


def plain(markup: str) -> str:
    """Markup as one line of text: tags and comments out, entities resolved, runs of white space made one space."""
    return " ".join(html.unescape(_TAG.sub(" ", markup)).split())
