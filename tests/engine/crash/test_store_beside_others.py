"""The store while others use it: evaluations at the same time, a reader in a loop, a program that holds the file."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from crash import harness
from engine import runs, store
from engine.artifacts import Workspace

pytestmark = pytest.mark.integration
EVALUATIONS = 4


def evaluate(folder: Path) -> None:
    """`python -m admin evaluate bm25` in this process; what it prints goes to stdout.PID."""
    from admin.cli import run

    store.WRITE_WAIT = 1.0
    out = os.open(folder / f"stdout.{os.getpid()}", os.O_WRONLY | os.O_CREAT)
    os.dup2(out, 1)
    code = run(
        ["evaluate", "bm25", "--data", str(folder / "world"), "--workspace", str(folder / "workspace"), "--json"]
    )
    assert code == 0, code


def read(folder: Path) -> None:
    """Through our own door, until `finished` is there: each answer is of one moment."""
    while not (folder / "finished").exists():
        with store.reading(Workspace(folder / "workspace")) as connection:
            taken = {run for (run,) in connection.execute("SELECT run FROM runs").fetchall()}
            judged = connection.execute("SELECT run, count(*) FROM requests GROUP BY run").fetchall()
        assert dict(judged) == dict.fromkeys(taken, 3)


def read_directly(folder: Path) -> None:
    """As another program would: a read-only connection, held for a while, again and again."""
    import duckdb

    while not (folder / "finished").exists():
        with (
            contextlib.suppress(duckdb.Error),  # not there yet, or being written: that program's own affair
            duckdb.connect(str(folder / "workspace" / "store.duckdb"), read_only=True) as connection,
        ):
            connection.execute("SELECT count(*) FROM runs").fetchall()
            time.sleep(0.05)
        time.sleep(0.05)


def hold(folder: Path) -> None:
    """A program that has the file open for writing until `finished` is there."""
    import duckdb

    with duckdb.connect(str(folder / "workspace" / "store.duckdb")):
        (folder / "held").touch()
        while not (folder / "finished").exists():
            time.sleep(0.02)


def write_and_die(folder: Path) -> None:
    """A writer whose last transaction is in the log only."""
    import duckdb

    connection = duckdb.connect(str(folder / "workspace" / "store.duckdb"))
    connection.execute("SET checkpoint_threshold = '1GB'")
    connection.execute("CREATE TABLE note AS SELECT 1 AS written")
    os.kill(os.getpid(), signal.SIGKILL)


def taken(folder: Path) -> list[str]:
    return [run for (run,) in store.query(Workspace(folder / "workspace"), "SELECT run FROM runs ORDER BY run")]


def saved(folder: Path) -> list[str]:
    return [run.id for run in runs.everything(Workspace(folder / "workspace"))]


@pytest.fixture
def folder(world: Path, tmp_path: Path) -> Path:
    assert world == tmp_path / "world"
    return tmp_path


def start(folder: Path, *operations: Callable[[Path], None]) -> list[harness.Child]:
    return [harness.Child(o, folder, error=folder / f"{i}.{o.__name__}.stderr") for i, o in enumerate(operations)]


def test_evaluations_at_once_beside_readers(folder: Path) -> None:
    readers = start(folder, read, read_directly)
    for child in start(folder, *[evaluate] * EVALUATIONS):
        done = child.wait()
        assert done.code == 0, done.stderr
        assert "Traceback" not in done.stderr
    (folder / "finished").touch()
    for child in readers:
        done = child.wait()
        assert done.code == 0, done.stderr
    store.sync(Workspace(folder / "workspace"))
    assert len(taken(folder)) == EVALUATIONS
    assert taken(folder) == saved(folder)
    for table in ("requests", "judgements", "metrics", "scores", "hits"):
        rows = store.query(Workspace(folder / "workspace"), f"SELECT count(*), count(DISTINCT t) FROM {table} t")
        assert rows[0][0] == rows[0][1] > 0, f"{table}: nothing comes twice"


def test_a_program_that_holds_the_file(folder: Path) -> None:
    harness.run(evaluate, folder)
    [holder] = start(folder, hold)
    while not (folder / "held").exists():
        time.sleep(0.01)
    done = harness.run(evaluate, folder)
    waiting, note = done.stderr.splitlines()
    assert waiting.startswith("waiting up to 1 s for another program")
    assert note.startswith("note: ") and "another program holds this file" in note
    assert all(json.loads(out.read_text())["run"] in saved(folder) for out in folder.glob("stdout.*"))
    assert len(saved(folder)) == 2, "the run itself is safe"
    (folder / "finished").touch()
    assert holder.wait().code == 0
    harness.run(evaluate, folder)
    assert len(saved(folder)) == 3 and taken(folder) == saved(folder)


def test_a_log_that_a_killed_writer_left(folder: Path) -> None:
    harness.run(evaluate, folder)
    [writer] = start(folder, write_and_die)
    assert writer.wait().code == -signal.SIGKILL
    assert (folder / "workspace" / "store.duckdb.wal").exists()
    workspace = Workspace(folder / "workspace")
    assert store.query(workspace, "SELECT written FROM note") == [(1,)], "what it committed counts"
    store.sync(workspace)
    assert taken(folder) == saved(folder) and len(saved(folder)) == 1
    assert not (folder / "workspace" / "store.duckdb.wal").exists()
