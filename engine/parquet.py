"""Columns to Parquet and back, through DuckDB (pyarrow is not among the dependencies)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import InputError


def write_parquet(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    """Write (n,) arrays as the columns of one file. Raises OSError if the disk is full."""
    import duckdb

    with duckdb.connect() as connection:
        connection.register("columns", dict(columns))
        try:
            connection.execute(
                "COPY (SELECT * FROM columns) TO $path (FORMAT parquet, COMPRESSION zstd)", {"path": str(path)}
            )
        except duckdb.IOException as error:
            raise OSError(28 if "space" in str(error).lower() else 5, str(error)) from None


def read_parquet(path: Path) -> dict[str, np.ndarray]:
    """The columns of a file; text columns are object arrays. Raises InputError for a file that is damaged."""
    import duckdb

    with duckdb.connect() as connection:
        try:
            return connection.execute("SELECT * FROM read_parquet($path)", {"path": str(path)}).fetchnumpy()
        except duckdb.Error as error:
            reason = str(error).strip().splitlines()[0][:100]
            remedy = "Remove the folder that it is in, and evaluate again"
            raise InputError(f"this file is damaged ({reason})", where=str(path), remedy=remedy) from None


def text_column(values: Any) -> np.ndarray:
    """(n,) object array of strings (None allowed), which DuckDB takes as VARCHAR also when it is empty."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
