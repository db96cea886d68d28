"""A contestant that explains by scenarios, asked with them and without: what the Scenarios tab and its endpoint share.

Which contestant that is, its declaration says; none is named here.
"""

from __future__ import annotations

from typing import Any

from engine.arena import Arena, Asked
from engine.errors import InputError
from engine.methods.base import Method
from engine.records import MatchedScenario, Request

PLAIN = {"a": 1.0, "lexical": 0.0}  # the document's own vector and nothing else: dense search


def explainer(arena: Arena) -> Method | None:
    """The first contestant that explains by MatchedScenario and can be told the weight of the document itself."""
    for method in arena.contestants:
        if MatchedScenario in method.explains and "a" in method.search_options.model_fields:
            return method
    return None


def named(arena: Arena) -> Method:
    """The same; InputError if none of them does."""
    if method := explainer(arena):
        return method
    raise InputError(f"{arena.dataset.name} has no scenarios", remedy="Choose a collection that has, or import some")


def weight(arena: Arena) -> float:
    """The weight of the document itself that the contestant searches with unless told otherwise."""
    return float(getattr(arena.options(named(arena).name), "a"))  # noqa: B009


def options(arena: Arena, a: float | None) -> dict[str, Any]:
    """What the contestant searches with at `a`; at 1 whatever else it takes from scenarios is left out, too.

    InputError unless `a` is between 0 and 1.
    """
    method = named(arena)
    if a is not None and not 0 <= a <= 1:
        raise InputError("the weight a is a number between 0 and 1")
    told = {} if a is None else dict(PLAIN) if a == 1 else {"a": a}
    there = {name: value for name, value in told.items() if name in method.search_options.model_fields}
    return {**arena.options(method.name).model_dump(), **there}


def both(arena: Arena, question: str, a: float | None, k: int = 5) -> tuple[Asked, Asked]:
    """The answers with scenarios at `a` (None: as configured), and those of dense search alone."""
    name = named(arena).name
    with_them = arena.ask_one(name, question, None, k, options(arena, a))
    return with_them, arena.ask_one(name, question, None, k, options(arena, 1))


def examples(arena: Arena, number: int) -> list[Request]:
    """Questions of the collection's own; first one whose right answer stands elsewhere without scenarios, if any does.

    It asks as many of them as it takes to find that one: for laying the page out, not for a visitor to wait for.
    """
    found = arena.examples(None, number)
    telling = next((i for i, request in enumerate(found) if _differs(*both(arena, request.text, None))), 0)
    return [*found[telling : telling + 1], *found[:telling], *found[telling + 1 :]]


def _differs(with_them: Asked, without: Asked) -> bool:
    right = {document.id for document in with_them.right or ()}
    where = [[hit.document.id in right for hit in asked.answers[0].hits] for asked in (with_them, without)]
    return where[0] != where[1]
