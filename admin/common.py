"""What the commands share: their common options, and how tables and JSON are printed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.methods import MODULES

Data = Annotated[Path, typer.Option("--data", help="A dataset's folder.", show_default=False)]
Workspace = Annotated[
    Path, typer.Option("--workspace", envvar="QUINTET_WORKSPACE", help="Where all that is built lives.")
]
Config = Annotated[
    str | None, typer.Option("--config", help="A YAML file, or the name of one in configs/.", show_default="METHOD")
]
Set = Annotated[list[str] | None, typer.Option("--set", help="build.KEY=VALUE or search.KEY=VALUE; may be repeated.")]
Gpus = Annotated[int, typer.Option("--gpus", min=1, help="Encode on so many GPUs (CPU processes where there is none).")]
Model = Annotated[
    str | None, typer.Option("--model", help="A model that `train` made, by its name.", show_default=False)
]
Split = Annotated[str, typer.Option("--split", help="Which judgements: qrels/SPLIT.tsv.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of all that is drawn at random.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Method = Annotated[str, typer.Argument(metavar="METHOD", help=", ".join(MODULES) + ".", show_default=False)]
DEFAULT_WORKSPACE = Path("workspace")


def pair(text: str, where: str) -> tuple[str, str]:
    """KEY=VALUE as a pair. Raises InputError."""
    from engine.errors import InputError

    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(f"cannot read {text!r}", where=where, remedy="Write KEY=VALUE")
    return key.strip(), value


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def print_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns of text on stdout; numbers to the right, floats with four digits."""
    cells = [[_cell(value) for value in row] for row in rows]
    numeric = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    widths = [max(len(line[i]) for line in [list(header), *cells]) for i in range(len(header))]
    for line in [list(header), *cells]:
        padded = [c.rjust(w) if n else c.ljust(w) for c, w, n in zip(line, widths, numeric, strict=True)]
        typer.echo("  ".join(padded).rstrip())


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "" if value is None else str(value)
