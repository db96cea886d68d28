"""The page's endpoints for programs: typed, named, JSON in and out. What visitors press are events of the tabs.

Each renders what the engine gives as JSON. An error is one sentence, sent as Gradio's own kind of error.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import gradio as gr
from pydantic import ConfigDict, ValidationError, validate_call

from engine import leaderboard as board
from engine.context import as_context
from engine.demo import Demo
from engine.errors import QuintetError
from page import weighing
from page.guard import UNKNOWN, log, sentence

MOST = 50  # answers a contestant gives at once
Record = dict[str, Any]


def serve(demo: Demo) -> None:
    """Register the endpoints inside the current Blocks."""
    workspace = demo.workspace

    def collections() -> list[Record]:
        """The collections that can be asked, each with the people whose stores it holds (none: it is everybody's)."""
        return [{"name": name, "people": arena.people} for name, arena in demo.arenas.items()]

    def store(collection: str, person: str | None = None) -> list[Record]:
        """One person's documents by time; all documents of a collection without people."""
        return [asdict(document) for document in demo.arena(collection).store(person)]

    def examples(collection: str, person: str | None = None, number: int = 8) -> list[Record]:
        """Questions of the collection's own, spread over its file, at most 50; the last one has no answer."""
        found = demo.arena(collection).examples(person, max(1, min(number, MOST)))
        return [{"id": request.id, "text": request.text, "time": request.time} for request in found]

    def ask(
        question: str, collection: str, person: str | None = None, time: str | None = None, k: int = 5
    ) -> list[Record]:
        """Every contestant's answers: for each hit its document, its score and the reasons.

        `person` is None for everybody's documents; `time` (ISO-8601) is when the question is asked; `k` is how many
        answers, at most 50.
        """
        asked = demo.arena(collection).ask(question, person, time, max(1, min(k, MOST)))
        return [answer.record() for answer in asked.answers]

    def understand(question: str, collection: str, person: str | None = None, time: str | None = None) -> Record:
        """What is understood of a personal question: intervals, whom it mentions, the kind it asks for, entities."""
        return demo.arena(collection).understand(question, person, time).record()

    def scenarios(question: str, collection: str, a: float | None = None, k: int = 5) -> Record:
        """Answers with the scenario that explains each; `a` (0 to 1) is the weight of the document itself.

        Without `a` it is the configured one; at 1 this is dense search. `without` are the ids that dense search gives.
        """
        with_them, alone = weighing.both(demo.arena(collection), question, a, max(1, min(k, MOST)))
        return {**with_them.answers[0].record(), "without": [hit.document.id for hit in alone.answers[0].hits]}

    def context(
        question: str, collection: str, person: str | None = None, method: str | None = None, k: int = 5
    ) -> str:
        """A contestant's answers as context for a language model's prompt, each with the scenario that it matched.

        `method` is the contestant's name, as in the answers of `ask`; None: the one that explains by scenarios.
        """
        arena = demo.arena(collection)
        name = weighing.named(arena).name if method is None else method
        asked = arena.ask_one(name, question, person, max(1, min(k, MOST)))
        return as_context(asked.answers[0].hits)

    def boards() -> list[Record]:
        """The datasets and splits that have judged runs, and the metrics of each."""
        return [{**asdict(b), "metrics": board.metrics(workspace, b.digest, b.split)} for b in board.boards(workspace)]

    def leaderboard(digest: str, split: str, metric: str) -> list[Record]:
        """Each contestant's newest run on a board by one metric, best first, with 95 % intervals."""
        return [{"label": e.label, **asdict(e)} for e in board.leaderboard(workspace, digest, split, metric)]

    def segments(digest: str, split: str, metric: str, by: str) -> list[Record]:
        """The same contestants in each segment of the requests."""
        entries = board.leaderboard(workspace, digest, split, metric)
        return [asdict(bar) for bar in board.segments(workspace, entries, metric, by)]

    def duel(first: str, second: str, metric: str) -> list[Record]:
        """Two runs request by request, the largest wins of the second first."""
        found = board.duel(workspace, first, second, metric)
        return [{**asdict(r), "difference": r.difference} for r in found.rounds]

    def request(first: str, second: str, request: str) -> Record:
        """One request of two runs: what was asked, what would have been right, what both answered."""
        return asdict(board.detail(workspace, first, second, request))

    for endpoint in (
        collections,
        store,
        examples,
        ask,
        understand,
        scenarios,
        context,
        boards,
        leaderboard,
        segments,
        duel,
        request,
    ):
        gr.api(_told(endpoint), api_name=endpoint.__name__, concurrency_limit=8)


def _told(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint with its arguments' types checked; whatever goes wrong is one sentence in Gradio's own error."""
    checked = validate_call(endpoint, config=ConfigDict(strict=True))

    @functools.wraps(endpoint)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return _values(checked(*arguments, **named))
        except QuintetError as error:
            told = sentence(error)
        except ValidationError as error:
            names = list(inspect.signature(endpoint).parameters)
            faults = [(f["loc"][0], f["msg"].lower()) for f in error.errors()]
            told = "; ".join(f"{names[at] if isinstance(at, int) else at}: {what}" for at, what in faults) + "."
        except Exception:
            log.exception("endpoint %s failed", endpoint.__name__)
            told = UNKNOWN
        raise gr.Error(told, print_exception=False)

    return call


def _values(given: Any) -> Any:
    """Strict JSON: tuples as lists, and null for a number that is none, such as the logarithm of a probability of 0."""
    if isinstance(given, Mapping):
        return {key: _values(value) for key, value in given.items()}
    if isinstance(given, (list, tuple)):
        return [_values(value) for value in given]
    return None if isinstance(given, float) and not math.isfinite(given) else given
