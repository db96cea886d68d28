"""The registry of methods: a new method is a folder here and one line in `MODULES`."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING

from engine.errors import InputError

if TYPE_CHECKING:
    from engine.methods.base import Import, Method

MODULES = {
    "bm25": "engine.methods.baselines.bm25",
    "dense": "engine.methods.baselines.dense",
    "hybrid": "engine.methods.baselines.hybrid",
    "pearl": "engine.methods.pearl.method",
    "spike": "engine.methods.spike.method",
}


def get(name: str, where: str = "") -> Method:
    """The declaration of a method. Raises InputError for an unknown name, with the nearest known one.

    `where` is what the error says of where the name stands.
    """
    if name not in MODULES:
        near = difflib.get_close_matches(name, MODULES, n=1, cutoff=0.4)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        remedy = f"{hint}Methods are: {', '.join(MODULES)}"
        raise InputError(f"there is no method {name!r}", where=where, remedy=remedy)
    return import_module(MODULES[name]).METHOD


def table() -> str:
    """The methods as a Markdown table, for the README."""
    rows = [
        (f"`{m.name}`", m.task, m.summary, f"[{m.paper.title}]({m.paper.url}), {m.paper.venue}" if m.paper else "")
        for m in everything()
    ]
    lines = [("name", "task", "what it does", "source"), ("---",) * 4, *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def imports() -> dict[str, Import]:
    """What the methods take in from elsewhere, by kind."""
    return {taken.kind: taken for method in everything() for taken in method.imports}


def everything() -> list[Method]:
    """All declarations, in the order of the registry."""
    return [get(name) for name in MODULES]
