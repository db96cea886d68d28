"""Jobs at servers that misbehave: what is tried again, what is not, what ends the job, and what is said."""

from __future__ import annotations

import datetime
import email.utils
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from engine.artifacts import Workspace
from engine.errors import BuildError, InputError
from engine.llm.backends import hosts
from engine.llm.backends.openai import retry_after
from engine.llm.job import Generated, generate
from llm.server import Act, Script, Server, completion, good, prompt
from llm.tasks import ECHO, Echo, Word, config, words

Serve = Callable[..., Server]
ERROR = b'{"error": {"message": "%s", "type": "x"}}'


def first(act: Act, times: int = 1) -> Script:
    """`act` the first so many times that a prompt comes, then a good answer."""
    return lambda body, before: act if before < times else Act()


def run(workspace: Workspace, server: Server, count: int = 6, **options: Any) -> Generated[Word, Echo]:
    return generate(workspace, ECHO, words(count), config(server.url, **options))


@pytest.mark.parametrize(
    "act",
    [
        Act(status=500, raw=b"oops"),
        Act(status=502, raw=b"<html>"),
        Act(half=True),
        Act(reset=True),
        Act(raw=b"{not json"),
        Act(raw=b'{"choices": []}'),
        Act(raw=b'{"choices": [{"message": null}]}'),
        Act(raw=b'["a list"]'),
        Act(raw=completion("I would rather not.")),
        Act(raw=completion("")),
        Act(text='{"word": "another", "score": 1}'),
        Act(status=503, raw=b""),
        Act(status=529, raw=b"", headers={"Retry-After": "0"}),
    ],
    ids=lambda act: f"{act.status}-{act.half}-{act.reset}-{str(act.raw or act.text)[:20]}",
)
def test_one_mishap_is_made_up_for(workspace: Workspace, serve: Serve, act: Act, monkeypatch) -> None:
    monkeypatch.setattr(hosts, "FIRST_REST", 0.02)
    server = serve(first(act))
    made = run(workspace, server)
    assert [(name, [a.word for a in answers], reason) for name, answers, reason in made] == [
        (f"d{i}", [f"w{i}"], None) for i in range(6)
    ]
    assert made.counts.retried >= 6 and made.counts.failed == 0 and made.counts.asked == 6
    assert set(server.asked.values()) == {2}


def test_a_reply_without_content_is_no_crash(workspace: Workspace, serve: Serve) -> None:
    raw = b'{"choices": [{"message": {"role": "assistant", "content": null}, "finish_reason": "stop"}]}'
    made = run(workspace, serve(first(Act(raw=raw), 99)), count=1, attempts=2)
    assert list(made.failures()) == [("d0", "the reply is empty")]


def test_a_reply_as_a_stream_is_read_and_a_broken_one_is_not(workspace: Workspace, serve: Serve) -> None:
    def script(body: dict[str, Any], before: int) -> Act:
        text = good(body)
        chunks = [{"choices": [{"delta": {"content": part}}]} for part in (text[:5], text[5:])]
        chunks += [{"choices": [{"delta": {}, "finish_reason": "stop"}]}] if before else []
        return Act(raw=b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks))

    made = run(workspace, serve(script))
    assert (made.counts.answered, made.counts.repaired, made.counts.retried) == (6, 0, 6)


def test_another_attempt_draws_other_words(workspace: Workspace, serve: Serve) -> None:
    server = serve(first(Act(text="no"), 2))
    run(workspace, server, count=1)
    assert len({body["seed"] for body in server.bodies}) == 3


def test_attempts_come_to_an_end_and_transient_ones_are_due_again(workspace: Workspace, serve: Serve) -> None:
    healed: list[bool] = []
    server = serve(lambda body, _: Act() if healed or prompt(body)[-1] != "1" else Act(status=500, raw=ERROR % b"hm"))
    made = run(workspace, server, count=3, attempts=3)
    assert list(made.failures()) == [("d1", "500: hm")] and server.asked["the word: w1"] == 3
    healed.append(True)
    again = run(workspace, server, count=3)
    assert (again.counts.asked, again.counts.resent, again.counts.failed) == (1, 0, 0)


def test_time_outs_are_attempts(workspace: Workspace, serve: Serve) -> None:
    server = serve(first(Act(seconds=30)))
    made = run(workspace, server, count=2, timeout=0.3)
    assert (made.counts.answered, made.counts.retried) == (2, 2)
    stuck = generate(
        workspace, ECHO, words(1, 50), config(serve(first(Act(seconds=30), 9)).url, timeout=0.2, attempts=2)
    )
    assert list(stuck.failures()) == [("d50", "no reply within 0.2 s")]


def test_a_long_spike_is_waited_for(workspace: Workspace, serve: Serve) -> None:
    server = serve(lambda body, before: Act(seconds=1.0 if prompt(body)[-1] == "3" else 0.01))
    made = run(workspace, server, count=20)
    assert (made.counts.answered, made.counts.retried) == (20, 0)


def test_retry_after_is_kept_to_by_all(workspace: Workspace, serve: Serve) -> None:
    started = time.monotonic()
    busy = lambda body, _: Act(status=429, headers={"Retry-After": "1"}) if time.monotonic() < started + 0.5 else Act()  # noqa: E731
    server = serve(busy)
    made = run(workspace, server, count=30, attempts=1)
    assert made.counts.answered == 30, "a busy server costs no attempt"
    turned_away = [at for at in server.times if at < started + 0.5]
    assert min(at for at in server.times if at >= started + 0.5) - max(turned_away) >= 0.95
    assert len(server.times) == 30 + len(turned_away)


def test_retry_after_as_a_number_and_as_a_date() -> None:
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=20)
    assert retry_after("2") == 2 and retry_after("0.5") == 0.5 and retry_after("-3") == 0
    assert 18 < (retry_after(email.utils.format_datetime(soon, usegmt=True)) or 0) <= 20
    assert retry_after(email.utils.format_datetime(soon - datetime.timedelta(days=1))) == 0
    assert retry_after("99999999") == 600
    assert [retry_after(value) for value in (None, "", "soon", "nan")] == [None] * 4


def test_a_server_that_is_always_busy_ends_the_job(workspace: Workspace, serve: Serve, monkeypatch) -> None:
    monkeypatch.setattr(hosts, "FIRST_REST", 0.05)
    server = serve(lambda *_: Act(status=429, raw=ERROR % b"slow down"))
    with pytest.raises(BuildError, match=r"no server answers at .*slow down.*goes on from here"):
        run(workspace, server, patience=0.5)
    assert run(workspace, serve()).counts.answered == 6


@pytest.mark.parametrize(("wait", "least"), [("1", 1.5), ("0.1", 1.5), ("3", 3.0)])
def test_servers_that_only_ask_for_patience_end_the_job(
    workspace: Workspace, serve: Serve, wait: str, least: float
) -> None:
    server = serve(lambda *_: Act(status=429, raw=ERROR % b"later", headers={"Retry-After": wait}), latency=0.01)
    started = time.monotonic()
    with pytest.raises(BuildError, match=r"have only been busy for \d s at .*429: later.*goes on from here"):
        run(workspace, server, patience=1.5)
    assert least <= time.monotonic() - started < least + 2
    assert run(workspace, serve()).counts.answered == 6, "none is given up for it"


def test_a_server_that_works_on_some_while_it_turns_others_away_is_waited_for(
    workspace: Workspace, serve: Serve
) -> None:
    def script(*_: Any) -> Act:
        return Act(seconds=1.5) if server.now <= 2 else Act(status=429, headers={"Retry-After": "0.2"})

    server = serve(script)
    assert run(workspace, server, patience=0.5).counts.answered == 6


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_at_once(workspace: Workspace, serve: Serve, status: int, monkeypatch) -> None:
    monkeypatch.setenv("THAT_KEY", "sk-very-secret")
    server = serve(lambda *_: Act(status=status, raw=ERROR % b"bad key sk-very-secret"))
    with pytest.raises(InputError, match="environment variable THAT_KEY") as caught:
        run(workspace, server, count=500, key_env="THAT_KEY")
    assert "sk-very-secret" not in str(caught.value) and len(server.bodies) <= 8


def test_a_key_from_a_file_is_sent_without_its_line_break(workspace: Workspace, serve: Serve, monkeypatch) -> None:
    monkeypatch.setenv("THAT_KEY", "sk-very-secret\n")
    server = serve(lambda *_: Act(status=400, raw=ERROR % b"bad key sk-very-secret"))
    made = run(workspace, server, count=1, key_env="THAT_KEY")
    assert server.headers[0]["Authorization"] == "Bearer sk-very-secret"
    assert list(made.failures()) == [("d0", "400: bad key [key]")]
    monkeypatch.setenv("THAT_KEY", "sk-very\nsecret")
    with pytest.raises(InputError, match="THAT_KEY: this is no key"):
        run(workspace, server, count=2, key_env="THAT_KEY")
    assert len(server.bodies) == 1


def test_a_redirection_is_not_followed_with_the_key(workspace: Workspace, serve: Serve) -> None:
    other = serve()
    server = serve(lambda *_: Act(status=307, raw=b"", headers={"Location": f"{other.url}/chat/completions"}))
    with pytest.raises(InputError, match=r"sends requests elsewhere \(status 307\)\. Set llm\.server\.base_urls"):
        run(workspace, server)
    assert other.bodies == []
    assert run(workspace, other).counts.answered == 6, "none is given up for it"


@pytest.mark.parametrize(
    "message", [b"This model's maximum context length is 4096 tokens", b"unknown parameter: 'seed'"]
)
def test_what_the_server_refuses_fails_with_its_reason(workspace: Workspace, serve: Serve, message: bytes) -> None:
    server = serve(lambda body, _: Act(status=400, raw=ERROR % message) if prompt(body)[-1] == "1" else Act())
    made = run(workspace, server, count=3)
    assert list(made.failures()) == [("d1", f"400: {message.decode()}")] and server.asked["the word: w1"] == 1
    assert run(workspace, server, count=3).counts.asked == 0, "not asked again unless told"


@pytest.mark.parametrize("status", [400, 422])
def test_without_json_schema_where_the_server_has_none(workspace: Workspace, serve: Serve, status: int) -> None:
    refusal = Act(status=status, raw=ERROR % b"response_format of type json_schema is not supported")
    fenced = lambda body: Act(text=f"```json\n{good(body)}\n```")  # noqa: E731
    server = serve(lambda body, _: refusal if "response_format" in body else fenced(body))
    made = run(workspace, server, count=30)
    assert (made.counts.answered, made.counts.repaired, made.counts.retried) == (30, 30, 0)
    assert len(server.bodies) <= 30 + 8, "asked for only until it is known"
    on = generate(workspace, ECHO, words(1, 90), config(server.url, json_schema="on"))
    assert on.counts.failed == 1
    off = generate(workspace, ECHO, words(1, 91), config(server.url, json_schema="off"))
    assert off.counts.answered == 1


def test_a_server_that_knows_only_the_newer_limit(workspace: Workspace, serve: Serve) -> None:
    refusal = Act(status=400, raw=ERROR % b"Unsupported parameter: use 'max_completion_tokens' instead")
    server = serve(lambda body, _: refusal if "max_tokens" in body else Act())
    assert run(workspace, server).counts.answered == 6
    assert server.bodies[-1]["max_completion_tokens"] == 2048


def test_a_reply_that_was_cut_is_mended_and_counted(workspace: Workspace, serve: Serve) -> None:
    server = serve(lambda body, _: Act(text=good(body)[:-1], finish="length"))
    made = run(workspace, server)
    assert (made.counts.answered, made.counts.cut, made.counts.repaired) == (6, 6, 6)
    cut = generate(
        workspace, ECHO, words(1, 9), config(serve(lambda *_: Act(text="{", finish="length")).url, attempts=1)
    )
    assert "cut off at max_tokens" in next(cut.failures())[1]


def test_a_dead_server_rests_while_the_other_works(workspace: Workspace, serve: Serve) -> None:
    server = serve(latency=0.01)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    made = generate(workspace, ECHO, words(100), config(dead, server.url))
    assert made.counts.answered == 100 and made.counts.failed == 0
    assert made.counts.retried < 30, "the dead one is left alone"


def test_a_server_that_comes_back_is_used_again(workspace: Workspace, serve: Serve, monkeypatch) -> None:
    monkeypatch.setattr(hosts, "FIRST_REST", 0.1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    one, late = serve(latency=0.02), []

    def items():
        for i, item in enumerate(words(300)()):
            if i == 100:
                late.append(serve(latency=0.02, port=port))
            yield item

    made = generate(workspace, ECHO, items, config(one.url, f"http://127.0.0.1:{port}/v1"))
    assert made.counts.answered == 300 and len(late[0].bodies) > 20


def test_several_servers_share_the_load(workspace: Workspace, serve: Serve) -> None:
    servers = [serve(latency=0.02) for _ in range(3)]
    generate(workspace, ECHO, words(120), config(*(s.url for s in servers), slots=9))
    assert all(30 <= len(s.bodies) <= 50 for s in servers) and all(s.peak <= 3 for s in servers)


def test_when_no_server_is_there_the_job_says_so(workspace: Workspace, serve: Serve) -> None:
    server = serve()
    run(workspace, server, count=3)
    with pytest.raises(BuildError, match=r"no server answers at http://\S*:9/v1, http://\S*:8/v1 .*Start it"):
        generate(workspace, ECHO, words(6), config("http://127.0.0.1:9/v1", "http://127.0.0.1:8/v1", patience=0.5))
    made = run(workspace, server)
    assert (made.counts.answered, made.counts.from_log) == (3, 3)
