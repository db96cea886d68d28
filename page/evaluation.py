"""The Evaluation tab: who leads and how surely, for which segment, and two runs request by request."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine import leaderboard as board
from engine.artifacts import Workspace
from page import bars, cards
from page.guard import QUIET, guarded

SHOWN = 200  # requests of a duel in the table
PRESS = "Press a line above to see what both runs answered."


def tab(workspace: Workspace, own: gr.Tab) -> None:
    """Lay the tab out inside `own` and wire its callbacks; what it shows is read when a visitor opens it."""
    with gr.Row():
        which = gr.Dropdown([], label="Dataset and split", elem_id="board", filterable=False)
        metric = gr.Dropdown([], label="Metric", elem_id="metric", filterable=False)
    leaders = gr.HTML(cards.notice("Reading the runs …"), elem_id="leaderboard", padding=False, apply_default_css=False)
    by = gr.Dropdown([], label="By segment", elem_id="by", filterable=False)
    segments = gr.HTML(elem_id="segments", padding=False, apply_default_css=False)
    gr.Markdown("## Two runs, request by request", elem_id="duel-title")
    with gr.Row():
        first = gr.Dropdown([], label="First", elem_id="first", filterable=False)
        second = gr.Dropdown([], label="Second", elem_id="second", filterable=False)
    summary = gr.HTML(elem_id="duel", padding=False, apply_default_css=False)
    rounds = gr.HTML(elem_id="rounds", padding=False, apply_default_css=False, js_on_load=cards.press("request"))
    detail = gr.HTML(cards.notice(PRESS), elem_id="detail", padding=False, apply_default_css=False)

    choices = [which, metric, by, first, second]
    shown = [*choices, leaders, segments, summary, rounds, detail]

    @guarded(outputs=len(shown), notice=5)
    def show(*chosen: str | None) -> tuple[Any, ...]:
        """A board as it is chosen: leaderboard, segments and duel; what is chosen and not there falls back."""
        view = board.view(workspace, *chosen)
        runs = [(f"{e.label} · {e.created.replace('T', ' ')}", e.run) for e in view.entries]
        return (
            gr.Dropdown([(_title(b, view.boards), b.key) for b in view.boards], value=view.board.key),
            gr.Dropdown([*view.metrics], value=view.metric),
            gr.Dropdown([*view.fields], value=view.by),
            gr.Dropdown(runs, value=view.duel.first),
            gr.Dropdown(runs, value=view.duel.second),
            bars.leaderboard(view.entries, view.metric),
            bars.segments(view.bars, view.by or "", view.metric),
            bars.duel(view.duel, view.metric, SHOWN),
            bars.rounds(view.duel.ends(SHOWN)),
            cards.notice(PRESS),
        )

    @guarded(outputs=1)
    def open_request(a: str, b: str, request: Any) -> Any:
        """One request: what was asked, what would have been right, what both runs answered."""
        return _detail(board.detail(workspace, a, b, str(request)))

    def pressed(a: str, b: str, event: gr.EventData) -> Any:
        return open_request(a, b, getattr(event, "request", None))

    # What is chosen while an answer is on its way is asked for at once: it would be lost if the answer, which sets the
    # controls, came first.
    quiet: dict[str, Any] = {**QUIET, "trigger_mode": "multiple"}
    gr.on([own.select, *(choice.input for choice in choices)], show, choices, shown, **quiet)
    rounds.select(pressed, [first, second], [detail], **quiet)


def _title(one: board.Board, boards: tuple[board.Board, ...]) -> str:
    """A board's name; with the time of its last run where a dataset was changed and judged again."""
    name = f"{one.dataset} · {one.split}"
    alike = [b for b in boards if (b.dataset, b.split) == (one.dataset, one.split)]
    return name if len(alike) == 1 else f"{name} · judged {one.newest.replace('T', ' ')}"


def _detail(found: board.Detail) -> str:
    gold = frozenset(d.id for d in found.gold)
    columns = (("What answers it", found.gold), ("First run", found.first), ("Second run", found.second))
    parts = "".join(
        f'<section class="q-column"><h3>{title}</h3>{cards.plain(documents, gold, "Nothing found.")}</section>'
        for title, documents in columns
    )
    who = f" <span>asked of {cards.text(found.user)}’s store</span>" if found.user else ""
    return f'<p class="q-asked">“{cards.text(found.text)}”{who}</p><div class="q-columns">{parts}</div>'
