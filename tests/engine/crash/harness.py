"""Run an operation in a process of its own and kill it: after so many seconds, or at its n-th step in the file system.

A step is what Python reports to audit hooks before it happens: a file opened for writing, a rename, a removal, a folder
made, a lock taken, and fsync, which Python does not report and is counted by hand. Processes come from a fork server
that has torch, FAISS and DuckDB loaded already; each runs one function `operation(folder)` of crash/operations.py.
"""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

Operation = Callable[[Path], Any]
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "fcntl.flock", "crash.sql")

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["crash.operations"])
ROOTS = [str(Path(__file__).parents[3]), str(Path(__file__).parents[1])]  # of `engine` and of `crash`


@dataclass(frozen=True)
class Done:
    """What became of a process: its exit code, seconds, steps taken (None if it was killed), and stderr."""

    code: int
    seconds: float
    steps: list[str] | None
    stderr: str


@cache
def _start_server() -> None:
    """Python 3.11's fork server preloads from its environment's path only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(ROOTS))
        forkserver.ensure_running()


class Child:
    """A running operation."""

    def __init__(self, operation: Operation, folder: Path, stop_at: int | None = None, error: Path | None = None):
        self.folder = folder
        self.error = error or folder.parent / f"{folder.name}.stderr"
        _start_server()
        self._end, theirs = _context.Pipe(duplex=False)
        self.process = _context.Process(target=_run, args=(operation, folder, stop_at, self.error, theirs), daemon=True)
        self.process.start()
        theirs.close()
        assert self._end.recv() == "started"
        self._started = time.perf_counter()

    def wait(self, limit: float = 60) -> Done:
        if not self._end.poll(limit):  # also readable when the child has died
            self.process.kill()
            raise AssertionError(f"still running after {limit} s: {self.error.read_text()}")
        seconds, steps = time.perf_counter() - self._started, None
        with contextlib.suppress(EOFError):  # killed before it could say
            seconds, steps = self._end.recv()  # before joining: the child ends only when all it says is read
        self.process.join()
        return Done(self.process.exitcode, seconds, steps, self.error.read_text())

    def kill(self) -> None:
        self.process.kill()


def run(operation: Operation, folder: Path) -> Done:
    """Run an operation to its end, which must be a good one."""
    done = Child(operation, folder).wait()
    assert done.code == 0, done.stderr
    return done


def kill_at(operation: Operation, folder: Path, step: int) -> None:
    """Run an operation and kill it before its step number `step` (from 0)."""
    done = Child(operation, folder, stop_at=step).wait()
    assert done.code == -signal.SIGKILL, f"step {step} was not reached: {done.stderr}"


def kill_after(operation: Operation, folder: Path, seconds: float) -> None:
    """Run an operation and kill it after so long, wherever it is; it may have ended by then."""
    child = Child(operation, folder)
    time.sleep(seconds)
    child.kill()
    done = child.wait()
    assert done.code in (0, -signal.SIGKILL), done.stderr


def moments(steps: list[str], count: int, seed: int) -> list[int]:
    """`count` random steps or more; always among them: renamed folders and what follows, vectors without their keys."""
    folders = [i for i, step in enumerate(steps) if step.startswith("os.rename") and not step.endswith(".tmp")]
    keys = [i for i, step in enumerate(steps) if step.startswith("open") and ".keys.npy" in step][:1]
    tender = {at for at in (*folders, *(i + 1 for i in folders), *keys) if at < len(steps)}
    others = sorted(set(range(len(steps))) - tender)
    chosen = random.Random(seed).sample(others, min(len(others), max(count - len(tender), 3)))
    return sorted(tender | set(chosen))


def _run(operation: Operation, folder: Path, stop_at: int | None, error: Path, end: Any) -> None:
    os.environ["QUINTET_NO_PROGRESS"] = "1"
    os.dup2(os.open(error, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), 2)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), line_buffering=True)
    end.send("started")
    started, steps = time.perf_counter(), _count_steps(folder, stop_at)
    operation(folder)
    end.send((time.perf_counter() - started, steps))


def _count_steps(folder: Path, stop_at: int | None) -> list[str]:
    """The list that will name each step from now on; dies by SIGKILL before step `stop_at`."""
    steps: list[str] = []
    root = str(folder)

    def step(event: str, what: Any) -> None:
        name = os.fsdecode(what) if isinstance(what, str | bytes | os.PathLike) else what
        # a removal inside of shutil.rmtree is relative to an open folder, a lock names a descriptor
        if isinstance(name, str) and Path(name).is_absolute() and not name.startswith(root):
            return
        if len(steps) == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)
        steps.append(f"{event} {name}")

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING):
            step(event, arguments[0])

    fsync = os.fsync

    def counted(descriptor: int) -> None:
        step("os.fsync", descriptor)
        fsync(descriptor)

    os.fsync = counted
    sys.addaudithook(hook)
    return steps


def snapshot(folder: Path) -> dict[str, Any]:
    """Every file below `folder` and its bytes; of manifests, all but when, where and how long. Locks are left out."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.name == "manifest.json":
            manifest = json.loads(path.read_text("utf-8"))
            found[name] = {k: v for k, v in manifest.items() if k not in ("seconds", "created", "hardware")}
        elif path.is_file() and not (path.name.startswith(".") and path.name.endswith("lock")):
            found[name] = path.read_bytes()
    return found


def leftovers(folder: Path) -> list[str]:
    """What killed processes left: temporary files, half-built folders, folders out of the way."""
    return [str(p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.suffix in (".tmp", ".building", ".old")]
