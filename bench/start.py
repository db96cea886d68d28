"""How long a command takes to say its first word, and one answer on a warm machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from bench.measure import timed
from bench.table import Row, Table, duration
from bench.world import World
from engine.files import replace_file

ROOT = Path(__file__).parent.parent
HELP_SECONDS = 0.5


def run(world: World) -> Table:
    bare = seconds(world, ["-c", "pass"])
    rows = [
        _row(f"`python -m {' '.join(command)}`", seconds(world, ["-m", *command]), bare, HELP_SECONDS)
        for command in (["admin", "--help"], ["admin", "search", "--help"])
    ]
    for name, folder in _datasets(world):
        command = ["-m", "admin", "search", "bm25", "zeta receptor binding", "--data", str(folder), "--k", "5"]
        rows.append(_row(f"`python -m admin search bm25 TEXT`, {name}", seconds(world, command), bare))
    note = (
        f"Wall time of a new process, median of {world.sizes.starts} [min..max], after one that does not count and "
        "builds what is missing. Direct: `python -c pass`."
    )
    return Table("start", note, rows)


def seconds(world: World, arguments: list[str]) -> list[float]:
    """Wall times of `python ARGUMENTS`, after one run that builds what is missing."""
    environment = {**os.environ, "QUINTET_WORKSPACE": str(world.scratch / "start"), "HF_HUB_OFFLINE": "1"}

    def once() -> None:
        subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, check=True, capture_output=True)

    once()
    return [timed(once)[0] for _ in range(world.sizes.starts)]


def _row(what: str, ours: list[float], bare: list[float], budget: float | None = None) -> Row:
    middle = median(ours)
    return Row(
        what,
        f"{duration(middle)} [{duration(min(ours))}..{duration(max(ours))}]",
        duration(median(bare)),
        "",
        "" if budget is None else f"< {budget} s",
        None if budget is None else middle < budget,
    )


def _datasets(world: World) -> list[tuple[str, Path]]:
    """The made-up documents as a dataset's folder, and SciFact where it is at hand."""
    folder = world.scratch / "dataset"
    if not folder.exists():
        folder.mkdir()
        lines = (json.dumps({"_id": d.id, "text": d.text, "user": d.user}) + "\n" for d in world.documents)
        replace_file(folder / "corpus.jsonl", "".join(lines).encode())
        replace_file(folder / "queries.jsonl", b'{"_id": "q", "text": "nothing"}\n')
    found = [(f"{len(world.documents):,} made-up documents", folder)]
    scifact = world.real / "scifact"
    return [*found, ("SciFact", scifact)] if scifact.is_dir() else found
