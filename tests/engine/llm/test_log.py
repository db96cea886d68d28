"""The log and its index: what is torn or damaged, full disks, long logs in little memory."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.artifacts import Workspace
from engine.errors import BuildError
from engine.llm import backends
from engine.llm import index as indexes
from engine.llm import log as logs
from engine.llm.index import ANSWERED, FAILED, REPLY, SENT, TRANSIENT, Entry, KeyIndex
from engine.llm.session import Session
from llm.child import ROOTS
from llm.tasks import ECHO, config, words

ANSWER = b'{"word":"a","score":1}'


def key(i: int) -> str:
    return f"{i:032x}"


def test_the_index_is_a_mapping_in_which_answers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexes, "MERGE", 7)
    draw, index, known = random.Random(0), KeyIndex(), {}
    names = [f"{draw.getrandbits(128):032x}" for _ in range(60)] + [
        key(0),
        key(256),
        "00" * 15 + "01",
        "ff" * 8 + "00" * 8,
    ]
    for offset in range(2000):
        name, state = draw.choice(names), draw.choice([SENT, ANSWERED, FAILED, TRANSIENT, REPLY])
        index.put(name, state, offset)
        if known.get(name, Entry(SENT, 0)).state != ANSWERED or name not in known:
            known[name] = Entry(state, offset)
        if offset % 97 == 0 and offset < 1000:
            assert {n: index.get(n) for n in names} == {n: known.get(n) for n in names}
    assert {n: index.get(n) for n in names} == {n: known.get(n) for n in names}
    assert len(index) == len(known)
    failed = index.count(FAILED)
    assert index.forgive() == failed and index.count(FAILED) == 0


def test_lines_come_back_as_they_were_written(tmp_path: Path) -> None:
    with logs.writing(tmp_path) as log:
        log.add_session(3, (1.0, 2.0))
        log.add_sent(key(1))
        log.add_answer(key(1), ANSWER, (10, 5), 0.5, 2, True)
        log.add_sent(key(2))
        log.add_failed(key(2), "because\nof \ud83d", (4, 0), 3, transient=False)
        log.add_reply(key(3), "text", (1, 1), mark="00")
        assert log.row(log.index.get(key(2)).offset)["reason"] == "because\nof ?", "also before it is flushed"
    with logs.writing(tmp_path) as log:
        assert [log.index.get(key(i)).state for i in (1, 2, 3)] == [ANSWERED, FAILED, REPLY]
        tally = log.tally
        assert (tally.answers, tally.repaired, tally.prompt_tokens, tally.completion_tokens) == (1, 1, 14, 5)
        assert (tally.total, tally.prices, tally.torn, tally.resent) == (3, (1.0, 2.0), 0, 0)
        line = logs.read_line(os.open(log.path, os.O_RDONLY), log.index.get(key(1)).offset, guess=3)
        assert logs.answer_json(line) == ANSWER
        log.add_retry()
        log.add_sent(key(2))
    index, tally = KeyIndex(), logs.Tally()
    logs.scan(tmp_path / logs.LOG, index, tally)
    assert index.get(key(2)).state == SENT and tally.resent == 0, "asked again on purpose is not sent twice"


def test_a_log_cut_at_every_byte(tmp_path: Path) -> None:
    with logs.writing(tmp_path) as log:
        for i in range(3):
            log.add_sent(key(i))
            log.add_answer(key(i), ANSWER, (10, 5), 0.5, 1, False)
    whole = (tmp_path / logs.LOG).read_bytes()
    for size in range(len(whole)):
        (tmp_path / logs.LOG).write_bytes(whole[:size])
        lines = whole[:size].count(b"\n")
        with logs.writing(tmp_path) as log:
            assert log.tally.torn == (size > 0 and whole[size - 1 : size] != b"\n")
            assert log.tally.answers == lines // 2
            log.add_answer(key(9), ANSWER, (1, 1), 0.1, 1, False)
        content = (tmp_path / logs.LOG).read_bytes()
        assert content.startswith(whole[: whole[:size].rfind(b"\n") + 1]) and content.count(b"\n") == lines + 1


def test_a_damaged_line_is_passed_over(tmp_path: Path) -> None:
    with logs.writing(tmp_path) as log:
        for i in range(3):
            log.add_answer(key(i), ANSWER, (10, 5), 0.5, 1, False)
    path = tmp_path / logs.LOG
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b'"usage"', b"\0\0\0\0") + b"[]\n\n" + lines[2])
    with logs.writing(tmp_path) as log:
        assert log.tally.torn == 3 and log.index.get(key(1)) is None and log.index.get(key(2)).state == ANSWERED


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.integration
def test_a_full_disk_loses_nothing_that_was_written(disk: Path) -> None:
    written = 0
    with pytest.raises(BuildError, match="no space left"), logs.writing(disk) as log:
        while True:
            for i in range(10):
                log.add_answer(key(written + i), ANSWER * 1, (1, 1), 0.1, 1, False)
            log.flush()
            written += 10
    with logs.writing(disk) as log:
        assert written <= log.tally.answers < written + 10 and log.tally.torn == 0
        assert all(log.index.get(key(i)) for i in range(written))


def test_an_error_of_the_last_write_is_not_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(BuildError, match="no space left"), logs.writing(tmp_path) as log:
        log.add_sent(key(1))
        monkeypatch.setattr(logs.os, "pwrite", full)
    monkeypatch.undo()
    assert (tmp_path / logs.LOG).read_bytes() == b""


MEMORY = """
import sys, tracemalloc
from pathlib import Path
from engine.artifacts import Workspace
from engine.llm import log as logs
from engine.llm.job import generate
from llm.tasks import ECHO, Word, config, words

count = int(sys.argv[2])
settings = config("http://127.0.0.1:9/v1")
folder = logs.job_folder(Workspace(sys.argv[1]), ECHO, settings)
folder.mkdir(parents=True)
long = b'{"word":"%s","score":1}'
generate_words = lambda: ((f"d{i}", Word(word=f"w{i}")) for i in range(count))
with logs.writing(folder) as log:
    for _, word in generate_words():
        key = ECHO.key(word, settings.model, settings.sampling)
        log.add_sent(key)
        log.add_answer(key, long % (b"x" * 500), (1, 1), 0.1, 1, False)
        log.flush()
tracemalloc.start()
made = generate(Workspace(sys.argv[1]), ECHO, generate_words, settings)
assert sum(len(answers) for _, answers, _ in made) == count
print(tracemalloc.get_traced_memory()[1])
"""


@pytest.mark.integration
def test_a_hundred_times_the_answers_take_a_few_megabytes_more(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(tmp_path / str(count)), str(count)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(ROOTS), "QUINTET_NO_PROGRESS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    few, many = peak(1000), peak(100_000)
    assert many - few < 8e6, f"{few / 1e6:.1f} MB and {many / 1e6:.1f} MB"


def test_a_write_nobody_waits_for_any_more_is_no_fault(workspace: Workspace) -> None:
    settings = config("http://127.0.0.1:9/v1")
    folder = logs.job_folder(workspace, ECHO, settings)
    logs.describe(folder, ECHO, settings)
    faults: list[Any] = []

    async def cancelled(log: logs.JobLog) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        session = Session(log, ECHO, words(1), settings, backends.make(ECHO, settings, folder), None)
        log.add_sent("1" * 32)
        session._flushed().cancel()
        await asyncio.sleep(0.01)

    with logs.writing(folder) as log:
        asyncio.run(cancelled(log))
        assert faults == [] and b'"sent"' in log.path.read_bytes()
