"""The run folders as one DuckDB file, for leaderboards and comparisons.

The folders are the truth; the file is derived and can be deleted at any time. `sync` takes complete folders in, in one
transaction. DuckDB lets either one process write or many read, so that our own processes queue at a lock file; whoever
reads opens a connection, asks, and closes it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import runs
from engine.artifacts import Workspace
from engine.errors import BuildError
from engine.files import lock

if TYPE_CHECKING:
    import duckdb

VERSION = 1
WRITE_WAIT, READ_WAIT = 30.0, 3.0  # seconds to wait for a foreign program that holds the file; a reader is a visitor
# How DuckDB says that another program, or another thread outside our lock, has the file open,
HELD = ("Could not set lock", "with a different configuration")
# that the file itself is broken,
TORN = ("Corrupt database file", "Could not read enough bytes", "not a valid DuckDB")
# and that the system refuses, which says nothing about the file.
SYSTEM = tuple(os.strerror(e) for e in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO))

SCHEMA = """
CREATE TABLE version (number INTEGER);
CREATE TABLE runs (
    run VARCHAR PRIMARY KEY, method VARCHAR, config VARCHAR, model VARCHAR, dataset VARCHAR, dataset_digest VARCHAR,
    split VARCHAR, created VARCHAR, requests INTEGER, missing INTEGER, info VARCHAR
);
CREATE TABLE metrics (run VARCHAR, metric VARCHAR, value DOUBLE);
CREATE TABLE requests (run VARCHAR, request VARCHAR, text VARCHAR, "user" VARCHAR, fields VARCHAR);
CREATE TABLE scores (run VARCHAR, request VARCHAR, metric VARCHAR, value DOUBLE);
CREATE TABLE judgements (run VARCHAR, request VARCHAR, document VARCHAR, gain INTEGER);
CREATE TABLE hits (run VARCHAR, request VARCHAR, rank INTEGER, document VARCHAR, score FLOAT);
"""
TABLES = ("runs", "metrics", "requests", "scores", "judgements", "hits")


class Damaged(BuildError):
    """The file is no store of this version, or torn. Nothing is lost: it can be made again from the folders."""


def sync(workspace: Workspace) -> int:
    """Bring the store in line with the run folders; returns how many runs were taken in or dropped.

    Waits for other processes; a damaged file is made again. Raises BuildError if the disk is full or a foreign program
    holds the file too long; the folders are safe then, and the next sync takes them.
    """
    with lock(_lock_file(workspace), label="the store"):
        try:
            return _take_in(workspace)
        except Damaged:
            _remove(workspace.store)
            return _take_in(workspace)


def _take_in(workspace: Workspace) -> int:
    folders = {run.id: run for run in runs.everything(workspace)}  # under the lock: others save and sync meanwhile
    is_new = not workspace.store.exists()
    try:
        with _connect(workspace.store, read_only=False) as connection:
            connection.execute("BEGIN")
            if is_new:
                connection.execute(SCHEMA)
                connection.execute("INSERT INTO version VALUES ($number)", {"number": VERSION})
            else:
                _check_version(connection, workspace.store)
            known = {run for (run,) in connection.execute("SELECT run FROM runs").fetchall()}
            for gone in sorted(known - folders.keys()):
                for table in TABLES:
                    connection.execute(f"DELETE FROM {table} WHERE run = $run", {"run": gone})
            new = sorted(folders.keys() - known)
            for name in new:
                _insert(connection, folders[name])
            connection.execute("COMMIT")
            return len(new) + len(known - folders.keys())
    except BaseException:
        if is_new:
            _remove(workspace.store)
        raise


def _insert(connection: duckdb.DuckDBPyConnection, run: runs.SavedRun) -> None:
    info = run.info
    row = {key: info[key] for key in ("method", "config", "model", "dataset", "dataset_digest", "split", "created")}
    connection.execute(
        "INSERT INTO runs VALUES ($run, $method, $config, $model, $dataset, $dataset_digest, $split, $created,"
        " $requests, $missing, $info)",
        {**row, "run": run.id, "requests": info["requests"], "missing": info["missing"], "info": json.dumps(info)},
    )
    per_request, judged, hits = (str(run.path / name) for name in (runs.PER_REQUEST, runs.JUDGEMENTS, runs.HITS))
    for metric, value in info["metrics"].items():
        connection.execute("INSERT INTO metrics VALUES (?, ?, ?)", [run.id, metric, value])
        column = '"' + metric.replace('"', '""') + '"'
        connection.execute(
            f"INSERT INTO scores SELECT ?, request, ?, {column} FROM read_parquet(?)", [run.id, metric, per_request]
        )
    connection.execute(
        'INSERT INTO requests SELECT ?, request, text, "user", fields FROM read_parquet(?)', [run.id, per_request]
    )
    connection.execute(
        "INSERT INTO judgements SELECT ?, request, document, gain FROM read_parquet(?)", [run.id, judged]
    )
    connection.execute("INSERT INTO hits SELECT ?, request, rank, document, score FROM read_parquet(?)", [run.id, hits])


@contextlib.contextmanager
def reading(workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection for the length of a `with` block. Makes the store from the folders if it is not there.

    So it does if the file is damaged. Where that shows only while reading, Damaged is raised, and the next call does.
    """
    try:
        with contextlib.ExitStack() as stack:
            try:
                connection = stack.enter_context(_opened(workspace))
            except Damaged:
                sync(workspace)
                connection = stack.enter_context(_opened(workspace))
            yield connection
    except Damaged:
        with lock(_lock_file(workspace), label="the store"):
            _remove(workspace.store)
        raise


def query(workspace: Workspace, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """The rows of one read-only query."""
    for _ in range(2):
        with contextlib.suppress(Damaged), reading(workspace) as connection:
            return connection.execute(sql, parameters or []).fetchall()
    raise Damaged("cannot be read, nor made again", where=str(workspace.store), remedy="Check the disk")


@contextlib.contextmanager
def _opened(workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    if not workspace.store.exists():
        sync(workspace)
    with (
        lock(_lock_file(workspace), shared=True, label="the store"),
        _connect(workspace.store, read_only=True) as connection,
    ):
        _check_version(connection, workspace.store)
        yield connection


def _lock_file(workspace: Workspace) -> Path:
    return workspace.root / ".store.lock"


@contextlib.contextmanager
def _connect(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    deadline = time.monotonic() + (READ_WAIT if read_only else WRITE_WAIT)
    told = False
    while True:
        try:
            connection = duckdb.connect(str(path), read_only=read_only)
            break
        except duckdb.Error as error:
            if not any(sign in str(error) for sign in HELD):
                raise _fault(error, path, unless=SYSTEM) from None
            if not read_only and not told:
                told = True
                print(f"waiting up to {WRITE_WAIT:.0f} s for another program to close {path}", file=sys.stderr)  # noqa: T201
            if time.monotonic() > deadline:
                raise BuildError(
                    "another program holds this file; the runs themselves are saved",
                    where=str(path),
                    remedy="Close that program; the next command takes the runs in",
                ) from None
            time.sleep(0.1)
    try:
        yield connection
    except duckdb.Error as error:
        raise _fault(error, path) from None
    finally:
        connection.close()


def _fault(error: Exception, path: Path, unless: Sequence[str] | None = None) -> BuildError:
    """What to raise for an error of DuckDB's: Damaged if it shows signs of that, or none of `unless`."""
    text = str(error)
    if any(sign in text for sign in TORN) if unless is None else not any(sign in text for sign in unless):
        return Damaged(
            f"the store is damaged ({_first_line(error)}); the runs themselves are safe",
            where=str(path),
            remedy="Run the same command again: it is rebuilt from the runs",
        )
    return BuildError(
        f"the store could not be written or read ({_first_line(error)}); the runs themselves are saved",
        where=str(path),
        remedy="Free space on the disk, or delete this file: it is rebuilt from the runs",
    )


def _check_version(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    if ("version",) not in tables or connection.execute("SELECT number FROM version").fetchall() != [(VERSION,)]:
        raise Damaged("not a store of this version", where=str(path), remedy="Delete it: it is rebuilt from the runs")


def _remove(path: Path) -> None:
    """The file and what DuckDB keeps beside it: its log, its spilled data."""
    if path.is_dir():
        raise BuildError("this is a folder, not the store", where=str(path), remedy="Move it away")
    for file in (path, *path.parent.glob(f"{path.name}.*")):
        if file.is_dir():
            shutil.rmtree(file, ignore_errors=True)
        else:
            file.unlink(missing_ok=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
