"""Encoding in two processes: vectors as from one, no orphans when the parent is killed, one line when a worker is.

The workers are spawned as they are in use, by a parent that runs a few lines of Python.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from crash import harness
from engine.vectors import VectorCache

pytestmark = pytest.mark.integration
COUNT, CHUNK = 6000, 24
SCRIPT = """
import sys
from pathlib import Path
from crash import tiny
from engine import vectors
from engine.encoder import Encoder, EncoderConfig
from engine.errors import QuintetError

if __name__ == "__main__":
    folder, count, chunk, processes = Path(sys.argv[1]), *map(int, sys.argv[2:])
    vectors.CHUNK = chunk
    encoder = Encoder(EncoderConfig(model=str(folder / "model" / "encoder")))
    texts = [text * 20 for text in tiny.texts(count)]  # a message to a worker is larger than the pipe
    try:
        print(vectors.write_vectors(folder / "out.npy", encoder, lambda: iter(texts), folder / "cache", processes))
    except QuintetError as error:
        sys.exit(f"error: {error}")
"""


def start(folder: Path, processes: int = 2) -> subprocess.Popen[str]:
    """`out.npy` from `cache` and the texts; a session of its own, so that nothing but a kill of ours reaches it."""
    script = folder / "encode.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, str(script), str(folder), str(COUNT), str(CHUNK), str(processes)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(harness.ROOTS), "QUINTET_NO_PROGRESS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def until(condition: Callable[[], object], what: str, limit: float = 120) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {limit} s"
        time.sleep(0.02)


def chunks(folder: Path) -> dict[Path, tuple[int, int]]:
    """The finished chunks, by what would change if one was written again."""
    files = sorted((folder / "cache").glob("*.keys.npy"))
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def workers(parent: int) -> list[int]:
    """The running processes that `parent` spawned to encode."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ppid = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if ppid == parent and b"spawn_main" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_two_processes_are_killed_and_go_on(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "model").symlink_to(prepared / "model")

    parent = start(tmp_path)
    until(lambda: len(chunks(tmp_path)) >= 20, "encoding")
    orphans = workers(parent.pid)
    assert len(orphans) == 2
    parent.kill()
    parent.communicate()
    until(lambda: not any(map(is_running, orphans)), "the end of both workers", limit=15)
    kept = chunks(tmp_path)
    assert 20 <= len(kept) < COUNT // CHUNK

    parent = start(tmp_path)
    until(lambda: len(chunks(tmp_path)) >= len(kept) + 20, "going on")
    os.kill(workers(parent.pid)[0], signal.SIGKILL)
    out, error = parent.communicate(timeout=60)
    assert parent.returncode == 1
    assert error.strip().splitlines() == [error.strip()], "one line"
    assert "an encoding process died" in error and "Run the same command again" in error
    assert out == ""
    assert harness.leftovers(tmp_path / "cache") == []
    assert chunks(tmp_path).items() >= kept.items()
    kept = chunks(tmp_path)
    assert len(kept) < COUNT // CHUNK

    parent = start(tmp_path)
    out, error = parent.communicate(timeout=120)
    assert parent.returncode == 0, error
    assert chunks(tmp_path).items() >= kept.items(), "finished chunks stay as they are"
    encoded = int(re.search(r"'encoded': (\d+)", out)[1])
    finished = sum(len(np.load(path)) for path in kept)
    assert finished + encoded == len(VectorCache(tmp_path / "cache")._keys)
    assert harness.leftovers(tmp_path) == []
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "model").symlink_to(prepared / "model")
    one = start(alone, processes=1)
    assert one.wait(timeout=120) == 0, one.stderr.read()
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), np.load(alone / "out.npy"), rtol=0, atol=1e-6)
