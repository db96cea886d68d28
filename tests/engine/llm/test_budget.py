"""Ceilings on tokens and money: never exceeded, what is in flight is kept, earlier sessions count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.artifacts import Workspace
from engine.errors import BuildError
from engine.llm.job import generate
from engine.llm.task import Task
from llm.server import Act, Server
from llm.tasks import ECHO, Echo, Word, config, words

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


HAN = "\u6f22"
LONG = Task("long", 1, Word, Echo, lambda w: [{"role": "user", "content": HAN * 6000 + f" {w.word}"}])


def count(body: dict[str, Any], rate: float = 1.0) -> dict[str, int]:
    """What a server tells that takes `rate` tokens for a character."""
    return {"prompt_tokens": int(rate * len(body["messages"][-1]["content"])), "completion_tokens": 5}


@pytest.mark.parametrize("rate", [1.0, 2.5])
def test_prompts_of_another_script_keep_to_the_ceiling(workspace: Workspace, serve: Serve, rate: float) -> None:
    server = serve(lambda body, _: Act(usage=count(body, rate)), latency=0.02)
    with pytest.raises(BuildError, match="max_tokens_total=100000 is reached"):
        generate(workspace, LONG, words(50), config(server.url, sampling=SHORT, max_tokens_total=100_000, slots=50))
    spent = sum(count(body, rate)["prompt_tokens"] + 5 for body in server.bodies)
    assert 80_000 < spent <= 100_000


@pytest.mark.parametrize("usage", [{"prompt_tokens": -9, "completion_tokens": -9}, {"prompt_tokens": 10**18}, {}])
@pytest.mark.parametrize("written", [None, 0.5, True, 10**18])
def test_a_count_that_cannot_be_true_is_an_estimate(
    workspace: Workspace, serve: Serve, usage: dict[str, Any], written: Any
) -> None:
    told = usage | ({} if written is None else {"completion_tokens": written})
    made = generate(workspace, LONG, words(2), config(serve(lambda *_: Act(usage=told)).url, sampling=SHORT))
    assert 12_000 < made.counts.prompt_tokens < 13_000 and 10 < made.counts.completion_tokens < 30


@pytest.mark.parametrize(
    "act",
    [Act(status=500, raw=b""), Act(half=True), Act(raw=b"{"), Act(seconds=9)],
    ids=["500", "half", "rubbish", "late"],
)
def test_what_failed_after_it_was_sent_may_have_been_charged(workspace: Workspace, serve: Serve, act: Act) -> None:
    server = serve(lambda *_: act)
    with pytest.raises(BuildError, match=r"max_tokens_total=20000 is reached: 1\d,\d+ tokens were spent"):
        generate(
            workspace, LONG, words(9), config(server.url, sampling=SHORT, max_tokens_total=20_000, timeout=0.3, slots=2)
        )
    assert len(server.bodies) == 3


def test_a_busy_server_charges_nothing(workspace: Workspace, serve: Serve) -> None:
    server = serve(lambda _, before: Act() if before else Act(status=429, headers={"Retry-After": "0.1"}))
    made = generate(workspace, LONG, words(3), config(server.url, sampling=SHORT, max_tokens_total=7000))
    assert (made.counts.answered, made.counts.prompt_tokens) == (3, 30)


def test_the_first_request_is_counted_before_others_follow(workspace: Workspace, serve: Serve) -> None:
    server = serve(latency=0.2)
    run(workspace, server, 9, max_tokens_total=100_000)
    assert server.times[1] - server.times[0] >= 0.2 > server.times[-1] - server.times[1] and server.peak == 8
