"""A job's log: what was sent, answered and failed, a JSON line each, only ever appended to.

    jobs/NAME-DIGEST/job.json    which task, version and model; written once
    jobs/NAME-DIGEST/log.jsonl   {"event": "session" | "sent" | "answer" | "failed" | "passed" | ...}

An answer once written is never asked for again. What a killed process left half-written at the end is cut off when the
log is next opened for writing; a line that is damaged elsewhere is skipped, and its request counts as not asked. One
process writes at a time; whoever reads beside it sees all lines that are complete. Nothing here knows of servers.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.artifacts import Workspace, digest
from engine.errors import InputError
from engine.files import full_disk, lock, write_json
from engine.llm.config import LlmConfig
from engine.llm.index import ANSWERED, FAILED, REPLY, SENT, TRANSIENT, KeyIndex
from engine.llm.task import Task

JOB, LOG, LOCK, REQUESTS = "job.json", "log.jsonl", ".lock", "requests.jsonl"
RETRY = b'{"event":"retry"}\n'  # a line of the log: what failed may be asked again
BLOCK = 1 << 20  # bytes that are read at once
ANSWER = b',"answer":'  # the last field of an answer's line


@dataclass
class Tally:
    """What a log holds, in sum. `torn` lines were cut off or skipped; times are seconds since 1970."""

    answers: int = 0
    repaired: int = 0
    resent: int = 0
    torn: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    started: float = 0.0  # of the last session
    answers_before: int = 0  # before the last session
    total: int | None = None  # requests of the last session, where known
    done: int = 0  # those of the last session that it has answered, given up or passed over
    prices: tuple[float, float] = (0.0, 0.0)  # of the last session, per million tokens in and out


def job_folder(workspace: Workspace, task: Task[Any, Any], config: LlmConfig) -> Path:
    """Where this task's job for this model lives. More samples of the same belong to the same job."""
    what = digest([task.name, task.version, _without_samples(config)])
    return workspace.root / "jobs" / f"{task.name}-{what[:16]}"


def _without_samples(config: LlmConfig) -> dict[str, Any]:
    return {key: value for key, value in config.identity().items() if key != "samples"}


def scan(path: Path, index: KeyIndex, tally: Tally, start: int = 0) -> int:
    """Take a log's complete lines into `index` and `tally`, from byte `start` on; returns where the last one ends."""
    try:
        file = path.open("rb", buffering=0)
    except FileNotFoundError:
        return start
    with file:
        file.seek(start)
        offset, rest = start, b""
        while block := file.read(BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                _take(line, offset, index, tally)
                offset += len(line) + 1
    return offset


def _take(line: bytes, offset: int, index: KeyIndex, tally: Tally) -> None:
    try:
        row = orjson.loads(line)
        event = row["event"]
        if event == "session":
            tally.started, tally.total, tally.answers_before = row["epoch"], row["total"], tally.answers
            tally.done = 0
            tally.prices = row["prices"][0], row["prices"][1]
        elif event == "passed":
            tally.done += row["count"]
        elif event == "retry":
            index.forgive()
        elif event == "sent":
            known = index.get(row["key"])
            tally.resent += known is not None and known.state == SENT
            index.put(row["key"], SENT, offset)
        elif event == "reply":
            index.put(row["key"], REPLY, offset)
        else:
            used, written = row["usage"]
            index.put(row["key"], ANSWERED if event == "answer" else TRANSIENT if row["transient"] else FAILED, offset)
            tally.answers += event == "answer"
            tally.done += "mark" not in row  # that of an import belongs to no session
            tally.repaired += bool(row.get("repaired"))
            tally.prompt_tokens += used
            tally.completion_tokens += written
    except (ValueError, KeyError, TypeError):
        tally.torn += 1


def read_line(descriptor: int, offset: int, guess: int = 4096) -> bytes:
    """The line that begins at `offset`, without its end."""
    line = os.pread(descriptor, guess, offset)
    while (end := line.find(b"\n")) < 0:
        more = os.pread(descriptor, BLOCK, offset + len(line))
        if not more:
            return line
        line += more
    return line[:end]


def answer_json(line: bytes) -> bytes:
    """The answer in an answer's line, as it was written."""
    return line[line.index(ANSWER) + len(ANSWER) : -1]


class JobLog:
    """A log opened for writing: `add_...` collects lines, `flush` writes them in one go. See `writing`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG
        self.index, self.tally = KeyIndex(), Tally()
        self._lines: list[bytes] = []
        self._error: Exception | None = None  # of a write; told again by every later one
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        self._end = scan(self.path, self.index, self.tally)
        if os.fstat(self._descriptor).st_size > self._end:  # killed while it wrote
            os.ftruncate(self._descriptor, self._end)
            self.tally.torn += 1
        self._next = self.start = self._end

    def add_session(self, total: int | None, prices: tuple[float, float]) -> None:
        at = datetime.datetime.now().isoformat(timespec="seconds")
        row = {"event": "session", "at": at, "epoch": time.time(), "total": total, "prices": prices}
        self._add(orjson.dumps(row) + b"\n")

    def add_passed(self, count: int) -> None:
        """The session had no need to ask so many more of its requests."""
        self._add(orjson.dumps({"event": "passed", "count": count}) + b"\n")

    def add_retry(self) -> None:
        """All that failed is due again."""
        self._add(RETRY)
        self.index.forgive()

    def add_sent(self, key: str) -> None:
        self.index.put(key, SENT, self._next)
        self._add(b'{"event":"sent","key":"%s"}\n' % key.encode())

    def add_answer(
        self, key: str, answer: bytes, usage: tuple[int, int], seconds: float, attempt: int, repaired: bool
    ) -> None:
        """`answer` is JSON without line breaks; `usage` are prompt and generated tokens of all attempts."""
        self.index.put(key, ANSWERED, self._next)
        self._add(
            b'{"event":"answer","key":"%s","usage":[%d,%d],"seconds":%.3f,"attempt":%d,"repaired":%s,"answer":%s}\n'
            % (key.encode(), *usage, seconds, attempt, b"true" if repaired else b"false", answer)
        )

    def add_failed(
        self, key: str, reason: str, usage: tuple[int, int], attempt: int, transient: bool, mark: str = ""
    ) -> None:
        """`transient`: nothing was wrong with the request, so the next session asks again. `mark`: as for replies."""
        self.index.put(key, TRANSIENT if transient else FAILED, self._next)
        row = {"event": "failed", "key": key, "usage": usage, "attempt": attempt, "transient": transient}
        row |= {"reason": reason.encode("utf-8", "replace").decode()} | ({"mark": mark} if mark else {})
        self._add(orjson.dumps(row) + b"\n")

    def add_reply(self, key: str, text: str, usage: tuple[int, int], mark: str) -> None:
        """A reply from elsewhere, to be checked when the job next runs; `mark` names the line it came from."""
        self.index.put(key, REPLY, self._next)
        text = text.encode("utf-8", "replace").decode()
        self._add(orjson.dumps({"event": "reply", "key": key, "usage": usage, "text": text, "mark": mark}) + b"\n")

    def row(self, offset: int) -> dict[str, Any]:
        """The line at `offset`, which may be one that is not written yet."""
        if offset >= self._end:
            self.flush()
        row: dict[str, Any] = orjson.loads(read_line(self._descriptor, offset))
        return row

    def flush(self) -> None:
        """Write what was added. Raises BuildError when the disk is full; the lines that still fitted are kept."""
        lines, self._lines = self._lines, []  # first: whatever interrupts, no line is written twice
        if self._error is not None:
            raise self._error
        if not lines:
            return
        data = memoryview(b"".join(lines))
        done = 0
        try:
            while done < len(data):
                done += os.pwrite(self._descriptor, data[done:], self._end + done)
        except OSError as error:
            whole = bytes(data[:done]).rfind(b"\n") + 1
            os.ftruncate(self._descriptor, self._end + whole)
            self._end = self._next = self._end + whole
            self._error = full_disk(error, self.path)
            raise self._error from error
        self._end += done

    def close(self) -> None:
        """Write the rest, and have it on the disk before anybody is told that it is."""
        try:
            self.flush()
        finally:
            os.ftruncate(self._descriptor, self._end)  # what an interrupted write left behind
            os.fsync(self._descriptor)
            os.close(self._descriptor)

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._next += len(line)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[JobLog]:
    """The log of `folder`, for this process alone; waits for another that writes it."""
    with lock(folder / LOCK, label=f"the job {folder.name}"):
        try:
            log = JobLog(folder)
        except OSError as error:
            raise full_disk(error, folder) from error
        try:
            yield log
        finally:
            log.close()


def describe(folder: Path, task: Task[Any, Any], config: LlmConfig) -> None:
    """Write job.json, unless it is there. Holds no secret, no URL."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise full_disk(error, folder) from error
    if not (folder / JOB).exists():
        created = datetime.datetime.now().isoformat(timespec="seconds")
        about = {"task": task.name, "version": task.version, "identity": _without_samples(config), "created": created}
        write_json(folder / JOB, about)


def find(workspace: Workspace, name: str) -> Path:
    """The job's folder that `name`, or its beginning, names. Raises InputError."""
    known = folders(workspace)
    if not name.strip():
        remedy = f"Name one of: {', '.join(f.name for f in known) or 'none'}"
        raise InputError("the name of a job is empty", where="JOB", remedy=remedy)
    found = [f for f in known if f.name == name] or [f for f in known if f.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} jobs begin so" if found else "there is no such job"
    names = ", ".join(f.name for f in found or known) or "none"
    raise InputError(what, where=name, remedy=f"Name one of: {names}")


def folders(workspace: Workspace) -> list[Path]:
    """The jobs of a workspace, by name."""
    return sorted(path.parent for path in (workspace.root / "jobs").glob(f"*/{JOB}"))


def about(folder: Path) -> dict[str, Any]:
    """What job.json says. Raises InputError if it is damaged."""
    try:
        found: dict[str, Any] = json.loads((folder / JOB).read_text("utf-8"))
        _ = found["task"], found["version"], found["identity"]["backend"], found["identity"]["model"]
        return found
    except (ValueError, KeyError, TypeError):
        what, remedy = "this file is damaged", "Delete it alone: the job's command writes it again"
        raise InputError(what, where=str(folder / JOB), remedy=remedy) from None
