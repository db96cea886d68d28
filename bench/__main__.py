"""`python -m bench [NAME ...]`: measure, print the tables, and with `--write` keep them.

Takes about eight minutes in all on two cores. It says what is so and fails on nothing; a budget that is not met is told
in the table.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from bench.table import Table
from bench.world import QUICK, Sizes, World
from engine.artifacts import hardware
from engine.files import replace_file

BENCHMARKS = (
    "start",
    "dense",
    "lexical",
    "scoring",
    "hybrid",
    "encoding",
    "growth",
    "memory",
    "llm",
    "page",
    "spike",
    "weighing",
    "decoding",
    "generative",
)
ON_REQUEST = ("clone",)  # installs from the package registry
PACKAGES = (
    "numpy", "faiss-cpu", "bm25s", "PyStemmer", "pytrec-eval-terrier", "torch", "transformers", "sentence-transformers",
)  # fmt: skip
ROOT = Path(__file__).parent.parent


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"which; without one: {', '.join(BENCHMARKS)}; on request: {', '.join(ON_REQUEST)}",
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run, not how fast is it")
    parser.add_argument("--write", type=Path, metavar="FILE", help="keep the tables in this Markdown file")
    parser.add_argument(
        "--collections",
        type=Path,
        metavar="DIR",
        default=os.environ.get("QUINTET_COLLECTIONS", ROOT.parent / "shared" / "datasets"),
        help="the folder with real collections, of which scifact is used if it is there",
    )
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in (*BENCHMARKS, *ON_REQUEST)]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join((*BENCHMARKS, *ON_REQUEST))}")
    os.environ["QUINTET_NO_PROGRESS"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["QUINTET_NO_TRAINING"] = "1"  # a page's own training would stand beside what is measured
    tables = []
    with tempfile.TemporaryDirectory(prefix="quintet-bench-") as scratch:
        world = World(QUICK if given.quick else Sizes(), Path(scratch), Path(given.collections))
        for name in given.names or BENCHMARKS:
            table: Table = importlib.import_module(f"bench.{name}").run(world)
            tables.append(table)
            print(table, end="\n\n", flush=True)  # noqa: T201
    if given.write:
        replace_file(given.write, page(tables, arguments).encode())


def page(tables: Sequence[Table], arguments: Sequence[str]) -> str:
    """docs/BENCHMARKS.md: when, where and with what, then the tables."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    intro = f"""# Benchmarks

Written by `python -m bench {" ".join(arguments)}` on {datetime.date.today().isoformat()}; `make bench` prints the same.
{hardware()}; Python {platform.python_version()}, {versions}.

Each row runs ours and the direct way in turns in one process, on the same data, and checks that they agree. The
ratio is the median of the ratios of neighbouring runs, with the lowest and the highest: the machine was not idle,
and that hits both alike. Seconds are for orientation. A budget of <= 1.10 means at most 10 % slower than the
library called directly.
"""
    return "\n\n".join([intro.rstrip(), *map(str, tables)]) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
