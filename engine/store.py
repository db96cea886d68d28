"""The run folders as one DuckDB file, for leaderboards and comparisons.

The folders are the truth; the file is derived and can be deleted at any time. `sync` takes complete folders in, in one
transaction. DuckDB lets either one process write or many read, so that our own processes queue at a lock file; whoever
reads opens a connection, asks, and closes it.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import runs
from engine.artifacts import Workspace, lock
from engine.errors import BuildError, QuintetError

if TYPE_CHECKING:
    import duckdb

VERSION = 1
WAIT = 30.0  # seconds to wait for a foreign program that holds the file

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


def sync(workspace: Workspace) -> int:
    """Bring the store in line with the run folders; returns how many runs were taken in or dropped.

    Waits for other processes. Raises BuildError if a foreign program holds the file too long; the folders are safe
    then, and the next sync takes them.
    """
    folders = {run.id: run for run in runs.everything(workspace)}
    with lock(_lock_file(workspace), label="the store"):
        if not _is_ours(workspace.store):
            _remove(workspace.store)
        with _connect(workspace.store, read_only=False) as connection:
            connection.execute("BEGIN")
            if not _tables(connection):
                connection.execute(SCHEMA)
                connection.execute("INSERT INTO version VALUES ($number)", {"number": VERSION})
            known = {run for (run,) in connection.execute("SELECT run FROM runs").fetchall()}
            for gone in sorted(known - folders.keys()):
                for table in TABLES:
                    connection.execute(f"DELETE FROM {table} WHERE run = $run", {"run": gone})
            new = sorted(folders.keys() - known)
            for name in new:
                _insert(connection, folders[name])
            connection.execute("COMMIT")
            return len(new) + len(known - folders.keys())


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
    """A read-only connection for the length of a `with` block. Makes the store from the folders if it is not there."""
    if not workspace.store.exists():
        sync(workspace)
    with (
        lock(_lock_file(workspace), shared=True, label="the store"),
        _connect(workspace.store, read_only=True) as connection,
    ):
        yield connection


def query(workspace: Workspace, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """The rows of one read-only query."""
    with reading(workspace) as connection:
        return connection.execute(sql, parameters or []).fetchall()


def _lock_file(workspace: Workspace) -> Path:
    return workspace.root / ".store.lock"


@contextlib.contextmanager
def _connect(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    import duckdb

    deadline = time.monotonic() + WAIT
    while True:
        try:
            connection = duckdb.connect(str(path), read_only=read_only)
            break
        except duckdb.IOException as error:
            if "lock" not in str(error).lower():
                raise QuintetError(
                    f"cannot be opened ({_first_line(error)})",
                    where=str(path),
                    remedy="Delete it: it is rebuilt from the runs",
                ) from None
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
        raise BuildError(
            f"the store could not be written or read ({_first_line(error)}); the runs themselves are saved",
            where=str(path),
            remedy="Free space on the disk, or delete this file: it is rebuilt from the runs",
        ) from None
    finally:
        connection.close()


def _is_ours(path: Path) -> bool:
    """Whether the file is a store of this version; a torn or older one is made again."""
    if not path.exists():
        return True
    try:
        with _connect(path, read_only=False) as connection:  # read-write replays what a killed writer left in the log
            return not _tables(connection) or connection.execute("SELECT number FROM version").fetchall() == [
                (VERSION,)
            ]
    except BuildError:
        raise
    except QuintetError:
        return False


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]


def _remove(path: Path) -> None:
    for file in (path, path.with_name(path.name + ".wal")):
        file.unlink(missing_ok=True)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
