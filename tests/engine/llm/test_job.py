"""Jobs at a server that behaves: order, concurrency, going on, samples, who may call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.artifacts import Workspace
from engine.errors import InputError
from engine.llm.config import LlmConfig
from engine.llm.job import generate
from engine.llm.status import status
from engine.llm.task import Task
from llm.server import Act, Server, good, prompt
from llm.tasks import ECHO, Echo, Word, check, config, messages, words

Serve = Callable[..., Server]


def test_answers_come_in_the_items_order(workspace: Workspace, serve: Serve) -> None:
    server = serve(lambda body, _: Act(seconds=hash(prompt(body)) % 7 / 100))
    made = generate(workspace, ECHO, words(60), config(server.url), total=60)
    assert [(name, answers[0].word, reason) for name, answers, reason in made] == [
        (f"d{i}", f"w{i}", None) for i in range(60)
    ]
    assert (made.counts.asked, made.counts.answered, made.counts.failed) == (60, 60, 0)
    assert (made.counts.prompt_tokens, made.counts.completion_tokens) == (600, 300)
    assert [name for name, *_ in made] == [f"d{i}" for i in range(60)], "may be read again"


def test_never_more_requests_than_slots_and_no_more_read_ahead(workspace: Workspace, serve: Serve) -> None:
    server = serve(latency=0.02)
    ahead = []

    def items() -> Iterator[tuple[str, Word]]:
        for read, item in enumerate(words(50)()):
            ahead.append(read - len(server.bodies))
            yield item

    generate(workspace, ECHO, items, config(server.url, slots=5))
    assert server.peak == 5
    assert max(ahead[:50]) <= 5 + 5, "those in flight to be, and as many again"


def test_what_is_answered_is_never_asked_again(workspace: Workspace, serve: Serve) -> None:
    server = serve()
    generate(workspace, ECHO, words(20), config(server.url))
    more = generate(workspace, ECHO, words(30), config(server.url))
    assert (more.counts.asked, more.counts.from_log, more.counts.resent) == (10, 20, 0)
    assert sorted(server.prompts) == sorted(f"the word: w{i}" for i in range(30))
    again = generate(workspace, ECHO, words(30), config("http://127.0.0.1:9/v1"))
    assert again.counts.asked == 0 and len(list(again)) == 30, "no server is needed for what is there"


def test_the_same_inputs_share_one_request(workspace: Workspace, serve: Serve) -> None:
    server = serve(latency=0.02)
    items = [(f"d{i}", Word(word=f"w{i % 3}")) for i in range(12)]
    made = generate(workspace, ECHO, lambda: iter(items), config(server.url))
    assert len(server.bodies) == 3 and (made.counts.asked, made.counts.shared) == (3, 9)
    assert [answers[0].word for _, answers, _ in made] == [f"w{i % 3}" for i in range(12)]


def test_samples_have_seeds_of_their_own_and_may_be_added(workspace: Workspace, serve: Serve) -> None:
    server = serve()
    generate(workspace, ECHO, words(4), config(server.url, sampling={"seed": 7, "temperature": 1.0}))
    made = generate(workspace, ECHO, words(4), config(server.url, samples=3, sampling={"seed": 7, "temperature": 1.0}))
    assert (made.counts.asked, made.counts.from_log) == (8, 4)
    assert [a.score for _, answers, _ in made for a in answers] == [7, 8, 9] * 4


def test_the_request_is_what_servers_expect(workspace: Workspace, serve: Serve, monkeypatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-0123456789")
    server = serve()
    sampling = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 77, "seed": 3}
    generate(workspace, ECHO, words(1), config(server.url, key_env="MY_KEY", sampling=sampling))
    [body] = server.bodies
    schema = body.pop("response_format")["json_schema"]
    assert schema["name"] == "echo" and schema["strict"] is True
    assert schema["schema"]["required"] == ["word", "score"]
    assert body == {"model": "m", "messages": messages(Word(word="w0")), **sampling}
    assert server.headers[0]["Authorization"] == "Bearer sk-0123456789"


def test_a_failure_is_listed_and_not_asked_again_unless_told(workspace: Workspace, serve: Serve) -> None:
    bad = {"the word: w1"}
    server = serve(lambda body, _: Act(text="no idea") if prompt(body) in bad else Act())
    made = generate(workspace, ECHO, words(3), config(server.url, attempts=2))
    assert list(made.failures()) == [("d1", "no JSON in the reply")]
    assert (made.counts.failed, made.counts.retried, server.asked["the word: w1"]) == (1, 1, 2)
    bad.clear()
    again = generate(workspace, ECHO, words(3), config(server.url))
    assert (again.counts.asked, again.counts.failed) == (0, 1)
    told = generate(workspace, ECHO, words(3), config(server.url), retry=True)
    assert (told.counts.asked, told.counts.failed, list(told.failures())) == (1, 0, [])


def test_without_a_model_answers_are_extracted(workspace: Workspace) -> None:
    made = generate(workspace, ECHO, words(3), LlmConfig())
    for _ in range(2):
        assert list(made) == [(f"d{i}", [Echo(word=f"w{i}", score=0)], None) for i in range(3)]
        assert made.counts.answered == 3
    assert not (workspace.root / "jobs").exists()


def test_what_cannot_be_extracted_asks_for_a_model(workspace: Workspace) -> None:
    bare = Task("bare", 1, Word, Echo, messages, check)
    with pytest.raises(InputError, match=r"bare is not available without a language model\. Configure one"):
        generate(workspace, bare, words(1), LlmConfig())
    with pytest.raises(InputError, match="needs a model"):
        generate(workspace, ECHO, words(1), LlmConfig(backend="openai"))


def test_from_a_thread_and_inside_a_running_loop(workspace: Workspace, serve: Serve) -> None:
    server, counts = serve(), []

    def call(start: int) -> None:
        counts.append(generate(workspace, ECHO, words(5, start), config(server.url)).counts.answered)

    threads = [threading.Thread(target=call, args=(start,)) for start in (0, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    async def notebook() -> None:
        call(10)

    asyncio.run(notebook())
    assert counts == [5, 5, 5]


def test_an_error_in_the_items_comes_out_and_loses_nothing(workspace: Workspace, serve: Serve) -> None:
    server = serve(latency=0.01)

    def broken() -> Iterator[tuple[str, Word]]:
        yield from words(10)()
        raise RuntimeError("a damaged corpus")

    with pytest.raises(RuntimeError, match="a damaged corpus"):
        generate(workspace, ECHO, broken, config(server.url))
    made = generate(workspace, ECHO, words(10), config(server.url))
    assert (made.counts.asked, made.counts.from_log) == (0, 10)


def test_a_changed_answer_type_says_what_to_do(workspace: Workspace, serve: Serve) -> None:
    server = serve()
    generate(workspace, ECHO, words(1), config(server.url))

    class Other(Echo):
        more: str

    changed = Task("echo", 1, Word, Other, messages)
    with pytest.raises(InputError, match="Raise the task's version"):
        list(generate(workspace, changed, words(1), config(server.url)))


def test_texts_with_halves_of_characters_are_sent(workspace: Workspace, serve: Serve) -> None:
    server = serve(lambda body, _: Act(text=good(body).replace("?", "\ud83d")))
    loose = Task("loose", 1, Word, Echo, lambda w: [{"role": "user", "content": f"say \ud83d {w.word}"}])
    made = generate(workspace, loose, words(1), config(server.url))
    assert made.counts.answered == 1 and server.prompts == ["say ? w0"]


def test_the_status_tells_the_last_session_by_its_own_total(workspace: Workspace, serve: Serve) -> None:
    server = serve()
    folder = generate(workspace, ECHO, words(600), config(server.url), total=600).folder
    assert folder is not None
    seen = []

    def both() -> Iterator[tuple[str, Word]]:
        yield from words(20)()
        yield from words(30, 1000)()
        yield from words(1)()  # again

    def slow(body: dict[str, Any], _: int) -> Act:
        seen.append(status(folder))
        return Act(text="no") if prompt(body).endswith("w1003") else Act(seconds=0.05)

    server = serve(slow)
    generate(workspace, ECHO, both, config(server.url, slots=2, attempts=1), total=51)
    assert all(s.running and s.total == 51 and s.done <= 51 for s in seen)
    assert seen[-1].done >= 27 and seen[-1].eta is not None and seen[-1].eta < 10
    now = status(folder)
    assert (now.done, now.total, now.answered, now.failed) == (51, 51, 629, 1)
    generate(workspace, ECHO, words(600), config(server.url), total=600)
    now = status(folder)
    assert (now.done, now.total, now.answered, now.torn) == (600, 600, 629, 0)
