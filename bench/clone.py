"""From `git clone` to the first answer, as a newcomer goes. Needs the package registry: only run when it is named."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from bench.page import row
from bench.serving import Visitor, served
from bench.table import Table
from bench.world import World

ROOT = Path(__file__).parent.parent
PORT = 7860  # `make demo` has no other
LIMIT = 360.0  # seconds


def run(world: World) -> Table:
    folder = world.scratch / "clone"
    os.environ.pop("QUINTET_NO_TRAINING", None)  # a newcomer's page trains beside the first questions
    started = time.perf_counter()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    with served(["make", "demo"], folder, PORT):
        ready = time.perf_counter() - started
        Visitor(PORT).ask("lives", "helena", "who fixed the rotten wood?")
        answered = time.perf_counter() - started
    with served(["make", "demo"], folder, PORT) as again:
        pass
    note = (
        "`git clone` of this folder, then `make demo`: an environment, all requirements from the package registry "
        "(pip's cache as it was), the bundled world indexed and judged, the page served, one question asked."
    )
    rows = [
        row("clone to a page that is ready", [ready]),
        row("clone to the first answer", [answered], LIMIT),
        row("`make demo` again", [again], 10.0),
    ]
    return Table("clone", note, rows)
