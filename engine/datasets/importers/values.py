"""Whole files of values: JSON documents, and tables in Parquet or JSONL. Lines of text are engine/datasets/lines.py's.

DuckDB reads Parquet and is imported when the first such file is.
"""

from __future__ import annotations

import glob
import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.datasets.importers.base import Row, rows_of
from engine.datasets.jsonl import Malformed, decode
from engine.errors import InputError

TABLES = (".parquet", ".jsonl", ".jsonl.gz")
_MAX_JSON = 256 << 20  # bytes: such a file is held whole
_BATCH = 512  # rows fetched at a time


def load_json(path: Path) -> Any:
    """The value in a JSON file, .gz or not. Raises InputError, with the line, for any other file and over 256 MiB."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            content = stream.read(_MAX_JSON + 1)
        if len(content) > _MAX_JSON:
            raise InputError(
                f"over {_MAX_JSON >> 20} MiB of JSON in one value", where=path.name, remedy="Split the file"
            )
        return decode(content.decode("utf-8-sig"))
    except Malformed as error:
        raise InputError(error.message, where=f"{path.name}:{error.line}", remedy="Mend the file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}", where=path.name, remedy="Save it as UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"it cannot be read ({error})", where=path.name, remedy="Fetch it again") from error


def read_table(paths: Sequence[Path], columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of tables that are parts of one, with `columns` and those of `optional` that they have.

    Lists come as lists. Raises InputError for a column that is missing and a file that can't be read.
    """
    for path in paths:
        rows = _parquet(path, (*columns, *optional)) if path.suffix == ".parquet" else _jsonl(path)
        for number, row in rows:
            missing = [name for name in columns if name not in row]
            if missing:
                there = ", ".join(row)
                raise InputError(f"no column {missing[0]!r}", where=f"{path.name}:{number}", remedy=f"It has {there}")
            yield {name: row[name] for name in (*columns, *optional) if name in row}


def _jsonl(path: Path) -> Iterator[tuple[int, Row]]:
    yield from rows_of(path, path.name)


def _parquet(path: Path, wanted: Sequence[str]) -> Iterator[tuple[int, Row]]:
    import duckdb

    try:
        with duckdb.connect() as connection:
            files = [glob.escape(str(path))]  # DuckDB takes a name for a pattern
            described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", files).fetchall()
            there = [name for name, *_ in described]
            columns = ", ".join(f'"{name}"' for name in there if name in wanted)
            if not columns:
                raise InputError(f"no column {wanted[0]!r}", where=path.name, remedy=f"It has {', '.join(there)}")
            found = connection.execute(f"SELECT {columns} FROM read_parquet(?)", files)
            names = [name for name in there if name in wanted]
            number = 0
            while batch := found.fetchmany(_BATCH):
                for values in batch:
                    number += 1
                    yield number, dict(zip(names, values, strict=True))
    except duckdb.Error as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"it cannot be read as Parquet ({reason})", where=path.name, remedy="Fetch it again"
        ) from error
