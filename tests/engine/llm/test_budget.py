"""Ceilings on tokens and money: never exceeded, what is in flight is kept, earlier sessions count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.artifacts import Workspace
from engine.errors import BuildError
from engine.llm.job import generate
from llm.server import Act, Server
from llm.tasks import ECHO, config, words

Serve = Callable[..., Server]
SHORT = {"max_tokens": 50}


def run(workspace: Workspace, server: Server, count: int, **options: Any):
    return generate(workspace, ECHO, words(count), config(server.url, sampling=SHORT, **options))


def test_tokens(workspace: Workspace, serve: Serve) -> None:
    server = serve(latency=0.01)
    with pytest.raises(BuildError, match=r"max_tokens_total=600 is reached: \d+ tokens were spent\. Raise llm"):
        run(workspace, server, 100, max_tokens_total=600)
    spent = 15 * len(server.bodies)
    assert 450 <= spent <= 600, "close to it, never above"
    made = run(workspace, server, 100, max_tokens_total=3000)
    assert made.counts.from_log == spent // 15, "what was in flight was finished and kept"
    assert made.counts.resent == 0 and len(server.bodies) == 100


def test_earlier_sessions_count(workspace: Workspace, serve: Serve) -> None:
    server = serve()
    run(workspace, server, 20)
    with pytest.raises(BuildError, match="300 tokens were spent"):
        run(workspace, server, 21, max_tokens_total=300)
    assert len(server.bodies) == 20
    assert run(workspace, server, 20, max_tokens_total=300).counts.from_log == 20, "reading costs nothing"


def test_money(workspace: Workspace, serve: Serve) -> None:
    server = serve()
    prices = {"price_in": 1000.0, "price_out": 4000.0}  # 0.03 a request, 0.25 at the most
    with pytest.raises(
        BuildError, match=r"max_cost=0\.9 is reached: \d+ tokens and 0\.\d+ were spent\. Raise .*max_cost"
    ):
        run(workspace, server, 100, max_cost=0.9, **prices)
    assert 0.6 <= 0.03 * len(server.bodies) <= 0.9
    made = run(workspace, server, 30, max_cost=9.0, **prices)
    assert made.counts.cost == pytest.approx(0.03 * made.counts.asked)


def test_replies_that_were_of_no_use_cost_too(workspace: Workspace, serve: Serve) -> None:
    server = serve(lambda *_: Act(text="no"))
    with pytest.raises(BuildError, match="max_tokens_total=300"):
        run(workspace, server, 100, max_tokens_total=300, attempts=3)
    assert 15 * len(server.bodies) <= 300


def test_a_server_that_counts_nothing_is_counted_for(workspace: Workspace, serve: Serve) -> None:
    server = serve(lambda *_: Act(usage=None))
    made = run(workspace, server, 3)
    assert made.counts.prompt_tokens > 30 and made.counts.completion_tokens > 9


def test_nothing_is_sent_with_a_ceiling_of_nothing(workspace: Workspace, serve: Serve) -> None:
    server = serve()
    with pytest.raises(BuildError, match="0 tokens were spent"):
        run(workspace, server, 100, max_tokens_total=10)
    assert server.bodies == []
