"""Jobs killed at random moments, interrupted, and run twice at once: nothing lost, nothing asked twice that was
answered, and what was in flight is counted.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.artifacts import Workspace
from engine.llm import log as logs
from engine.llm.index import ANSWERED, SENT, KeyIndex
from llm.child import finish, start
from llm.server import Act, Server, prompt
from llm.tasks import ECHO, config, words

pytestmark = pytest.mark.integration
Serve = Callable[..., Server]
COUNT, SLOTS, KILLS = 400, 8, 10


def folder(workspace: Workspace) -> Path:
    return logs.job_folder(workspace, ECHO, config("http://any/v1"))


def keys() -> dict[str, str]:
    """The prompt of each key."""
    settings = config("http://any/v1")
    return {ECHO.key(word, settings.model, settings.sampling): f"the word: {word.word}" for _, word in words(COUNT)()}


def scanned(workspace: Workspace) -> tuple[KeyIndex, logs.Tally]:
    index, tally = KeyIndex(), logs.Tally()
    logs.scan(folder(workspace) / logs.LOG, index, tally)
    return index, tally


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_killed_at_random_moments(workspace: Workspace, serve: Serve) -> None:
    draw = random.Random(0)
    server = serve(lambda body, _: Act(seconds=0.002 + hash(prompt(body)) % 17 / 1000))
    answered: set[str] = set()
    for _ in range(KILLS):
        before = len(server.bodies)
        process = start(workspace.root, server.url, COUNT, SLOTS)
        reached = len(server.bodies) + draw.randint(1, 30)
        until(lambda reached=reached, process=process: len(server.bodies) >= reached or process.poll() is not None)
        time.sleep(draw.random() / 50)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        time.sleep(0.05)  # what was sent reaches the server
        assert not answered & set(server.prompts[before:]), "no answer of an earlier session was asked for again"
        index, _ = scanned(workspace)
        assert answered <= {asked for key, asked in keys().items() if (e := index.get(key)) and e.state == ANSWERED}
        answered = {asked for key, asked in keys().items() if (e := index.get(key)) and e.state == ANSWERED}
        in_flight = index.count(SENT)
        assert in_flight <= SLOTS
        assert len(set(server.prompts)) <= len(answered) + in_flight, "none was sent without a word in the log"
        if draw.random() < 0.5:  # as a kill in the middle of a write leaves it
            with (folder(workspace) / logs.LOG).open("ab") as log:
                log.write(b'{"event":"answer","key":"00')
    asked_before = list(server.prompts)
    index, _ = scanned(workspace)
    answered = {asked for key, asked in keys().items() if (e := index.get(key)) and e.state == ANSWERED}
    counts, _ = finish(start(workspace.root, server.url, COUNT, SLOTS))
    assert counts["answers"] == COUNT and counts["from_log"] == len(answered)
    assert not answered & set(server.prompts[len(asked_before) :])
    twice = len(server.bodies) - COUNT
    _, tally = scanned(workspace)
    assert twice <= tally.resent <= KILLS * SLOTS
    assert tally.answers == COUNT, "no answer was written twice"
    assert tally.torn == 0, "torn lines are cut off"


@pytest.mark.parametrize("how", ["", "own handler"])
def test_an_interrupt_ends_it_cleanly(workspace: Workspace, serve: Serve, how: str) -> None:
    server = serve(latency=0.05)
    process = start(workspace.root, server.url, COUNT, SLOTS, how)
    until(lambda: len(server.bodies) > 40)
    process.send_signal(signal.SIGINT)
    _, error = finish(process, code=130)
    assert error == ""
    index, _ = scanned(workspace)
    assert index.count(ANSWERED) >= 32 and index.count(SENT) <= SLOTS
    counts, _ = finish(start(workspace.root, server.url, COUNT, SLOTS))
    assert counts["resent"] == index.count(SENT) and counts["answers"] == COUNT


def test_two_processes_on_one_job(workspace: Workspace, serve: Serve) -> None:
    server = serve(latency=0.02)
    both = [start(workspace.root, server.url, COUNT, SLOTS) for _ in range(2)]
    done = [finish(process) for process in both]
    assert sorted(counts["asked"] for counts, _ in done) == [0, COUNT] and len(server.bodies) == COUNT
    assert [counts["answers"] for counts, _ in done] == [COUNT, COUNT]
    assert sum("waiting for process" in error and "to finish the job echo-" in error for _, error in done) == 1


def test_a_reader_beside_the_writer(workspace: Workspace, serve: Serve) -> None:
    from engine.llm.status import status

    server = serve(latency=0.01)
    process = start(workspace.root, server.url, COUNT, SLOTS)
    until(lambda: server.bodies)
    seen = []
    while process.poll() is None:
        state = status(folder(workspace))
        assert state.torn == 0 and state.in_flight <= SLOTS
        seen.append((state.answered, state.running))
    finish(process)
    assert [answered for answered, _ in seen] == sorted(answered for answered, _ in seen)
    assert any(running for _, running in seen)
    assert status(folder(workspace)).answered == COUNT
