"""What a visitor sees when something is wrong: one sentence, and the page lives on."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import gradio as gr

from engine.errors import QuintetError
from page import cards

log = logging.getLogger("quintet.page")
# How the events of the controls are wired. Programs have page/api.py's endpoints. Each event takes a few milliseconds,
# to which Gradio's queue would add three times as much.
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "undocumented", "queue": False}
UNKNOWN = "Something went wrong on our side; it has been noted. Please try again."


def sentence(error: QuintetError) -> str:
    """What an error says to a visitor: what is wrong and what to do, no path of the server."""
    return f"{error.what[:1].upper()}{error.what[1:]}. {error.remedy}".strip().rstrip(".") + "."


def guarded(outputs: int, notice: int = -1) -> Callable[[Callable[..., tuple[Any, ...]]], Callable[..., Any]]:
    """Wrap a callback of `outputs` values: an error becomes a sentence in output number `notice`, the others stay."""

    def wrap(callback: Callable[..., tuple[Any, ...]]) -> Callable[..., Any]:
        @functools.wraps(callback)
        def call(*arguments: Any) -> Any:
            try:
                return callback(*arguments)
            except QuintetError as error:
                told = sentence(error)
            except Exception:
                log.exception("callback %s failed", callback.__name__)
                told = UNKNOWN
            values = [gr.skip()] * outputs
            values[notice] = cards.notice(told, "error")
            return tuple(values) if outputs > 1 else values[0]

        return call

    return wrap
