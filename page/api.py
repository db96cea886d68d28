"""The page's endpoints for programs: typed, named, JSON in and out. What visitors press are events of the tabs.

Each calls one function of the engine. An error is one sentence, sent as Gradio's own kind of error.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import gradio as gr

from engine import leaderboard as board
from engine.demo import Demo
from engine.errors import QuintetError

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
        return [a.record() for a in demo.arena(collection).ask(question, person, time, max(1, min(k, MOST)))]

    def boards() -> list[Record]:
        """The datasets and splits that have judged runs, and the metrics of each."""
        return [{**asdict(b), "metrics": board.metrics(workspace, b.digest, b.split)} for b in board.boards(workspace)]

    def leaderboard(digest: str, split: str, metric: str) -> list[Record]:
        """Each contestant's newest run on a board by one metric, best first, with 95 % intervals."""
        return [asdict(entry) for entry in board.leaderboard(workspace, digest, split, metric)]

    def segments(digest: str, split: str, metric: str, by: str) -> list[Record]:
        """The same contestants in each segment of the requests."""
        runs = [entry.run for entry in board.leaderboard(workspace, digest, split, metric)]
        return [asdict(bar) for bar in board.segments(workspace, runs, metric, by)]

    def duel(first: str, second: str, metric: str) -> list[Record]:
        """Two runs request by request, the largest wins of the second first."""
        return [{**asdict(r), "difference": r.difference} for r in board.duel(workspace, first, second, metric)]

    def request(first: str, second: str, request: str) -> Record:
        """One request of two runs: what was asked, what would have been right, what both answered."""
        return asdict(board.detail(workspace, first, second, request))

    for endpoint in (collections, store, examples, ask, boards, leaderboard, segments, duel, request):
        gr.api(_told(endpoint), api_name=endpoint.__name__, concurrency_limit=8)


def _told(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint; what the engine refuses becomes Gradio's error with the same sentence."""

    @functools.wraps(endpoint)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return endpoint(*arguments, **named)
        except QuintetError as error:
            raise gr.Error(str(error), print_exception=False) from None

    return call
