"""The Evaluation tab: who leads and how surely, for which segment, and two runs request by request."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine import leaderboard as board
from engine.artifacts import Workspace
from engine.errors import InputError
from page import bars, cards
from page.guard import guarded

SHOWN = 200  # requests of a duel in the table: those on which the runs differ most, from both ends
NO_RUNS = "No run has been judged yet: python -m admin evaluate METHOD --data DIR"


def tab(workspace: Workspace, page: gr.Blocks) -> None:
    """Lay the tab out inside `page` and wire its callbacks."""
    with gr.Row():
        which = gr.Dropdown([], label="Dataset and split", elem_id="board", filterable=False)
        metric = gr.Dropdown([], label="Metric", elem_id="metric", filterable=False)
    leaders = gr.HTML(cards.notice(NO_RUNS), elem_id="leaderboard", padding=False, apply_default_css=False)
    by = gr.Dropdown([], label="By segment", elem_id="by", filterable=False)
    segments = gr.HTML(elem_id="segments", padding=False, apply_default_css=False)
    gr.Markdown("### Two runs, request by request")
    with gr.Row():
        first = gr.Dropdown([], label="First", elem_id="first", filterable=False)
        second = gr.Dropdown([], label="Second", elem_id="second", filterable=False)
    summary = gr.HTML(elem_id="duel", padding=False, apply_default_css=False)
    rounds = gr.HTML(elem_id="rounds", padding=False, apply_default_css=False, js_on_load=cards.press("request"))
    detail = gr.HTML(
        cards.notice("Press a line above to see what both runs answered."), elem_id="detail", padding=False
    )

    shown = [which, metric, leaders, by, segments, first, second, summary, rounds]

    @guarded(outputs=len(shown), notice=2)
    def open_board(digest_and_split: str | None = None) -> tuple[Any, ...]:
        """A dataset's leaderboard with everything below it; the one with most runs if none is named."""
        boards = {f"{b.digest}/{b.split}": f"{b.dataset} · {b.split}" for b in board.boards(workspace)}
        if not boards:
            raise InputError(NO_RUNS)
        key = digest_and_split if digest_and_split in boards else next(iter(boards))
        digest, split = key.split("/", 1)
        names = board.metrics(workspace, digest, split)
        options = gr.Dropdown([(label, value) for value, label in boards.items()], value=key)
        return options, gr.Dropdown(names, value=names[0]), *_board(workspace, digest, split, names[0])

    @guarded(outputs=len(shown) - 2, notice=0)
    def open_metric(key: str, name: str) -> tuple[Any, ...]:
        """The same dataset by another metric."""
        digest, split = key.split("/", 1)
        return _board(workspace, digest, split, name)

    @guarded(outputs=1)
    def open_segments(key: str, name: str, field: str) -> Any:
        """Each contestant in each segment of a field."""
        digest, split = key.split("/", 1)
        runs = [e.run for e in board.leaderboard(workspace, digest, split, name)]
        return bars.segments(board.segments(workspace, runs, name, field), field, name)

    @guarded(outputs=2, notice=0)
    def open_duel(a: str, b: str, name: str) -> tuple[Any, ...]:
        """Two runs request by request: wins, ties and losses, and the requests on which they differ most."""
        return _duel(workspace, a, b, name)

    @guarded(outputs=1)
    def open_request(a: str, b: str, request: str) -> Any:
        """One request: what was asked, what would have been right, what both runs answered."""
        return _detail(board.detail(workspace, a, b, request))

    def pressed(a: str, b: str, event: gr.EventData) -> Any:
        return open_request(a, b, str(event.request))

    # Programs have page/api.py's endpoints; these are the events of the controls.
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "undocumented", "queue": False}
    which.input(open_board, [which], shown, **quiet)
    metric.input(open_metric, [which, metric], shown[2:], **quiet)
    by.input(open_segments, [which, metric, by], [segments], **quiet)
    gr.on([first.input, second.input], open_duel, [first, second, metric], [summary, rounds], **quiet)
    rounds.select(pressed, [first, second], [detail], **quiet)
    page.load(open_board, [which], shown, **quiet)


def _board(workspace: Workspace, digest: str, split: str, metric: str) -> tuple[Any, ...]:
    entries = board.leaderboard(workspace, digest, split, metric)
    if not entries:
        raise InputError(f"no run has the metric {metric[:40]!r}", remedy="Choose another")
    runs = [e.run for e in entries]
    fields = board.segment_names(workspace, runs[0])
    field = fields[0] if fields else None
    grouped = (
        bars.segments(board.segments(workspace, runs, metric, field), field, metric)
        if field
        else bars.segments([], "", "")
    )
    names = [(f"{e.method} · {e.config} · {e.created.replace('T', ' ')}", e.run) for e in entries]
    pair = (runs[1], runs[0]) if len(runs) > 1 else (runs[0], runs[0])
    return (
        bars.leaderboard(entries, metric),
        gr.Dropdown(fields, value=field),
        grouped,
        gr.Dropdown(names, value=pair[0]),
        gr.Dropdown(names, value=pair[1]),
        *_duel(workspace, *pair, metric),
    )


def _duel(workspace: Workspace, first: str, second: str, metric: str) -> tuple[str, str]:
    rounds = board.duel(workspace, first, second, metric)
    if not rounds:
        return cards.notice("These two runs share no request."), ""
    wins, losses = sum(r.difference > 1e-9 for r in rounds), sum(r.difference < -1e-9 for r in rounds)
    mean = sum(r.difference for r in rounds) / len(rounds)
    kept = rounds if len(rounds) <= SHOWN else [*rounds[: SHOWN // 2], *rounds[-SHOWN // 2 :]]
    line = (
        f"The second wins {wins}, ties {len(rounds) - wins - losses} and loses {losses} of {len(rounds)} requests;"
        f" mean difference {mean:+.4f} {metric}."
    )
    if len(kept) < len(rounds):
        line += f" The {SHOWN} on which they differ most are listed."
    return cards.notice(line, "info"), bars.rounds(kept)


def _detail(found: board.Detail) -> str:
    gold = frozenset(d.id for d in found.gold)
    columns = (("What answers it", found.gold), ("First run", found.first), ("Second run", found.second))
    parts = "".join(
        f'<section class="q-column"><h3>{title}</h3>{cards.plain(documents, gold, "Nothing found.")}</section>'
        for title, documents in columns
    )
    who = f' <span class="q-count">{cards.text(found.user)}</span>' if found.user else ""
    return f'<h3 class="q-asked">{cards.text(found.text)}{who}</h3><div class="q-columns">{parts}</div>'
