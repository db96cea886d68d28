"""What understanding a personal question adds to searching for it, and how long people are invented."""

from __future__ import annotations

import time
from functools import partial

from bench.measure import side_by_side
from bench.page import row
from bench.table import Table, compared
from bench.world import World
from engine import experiment
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.demo import BUNDLED
from engine.methods.base import Searcher
from engine.priors import Priors
from engine.records import Request
from engine.synth.dataset import write

PEOPLE, PAIRS = 200, 50_000
LIMIT = 600.0  # seconds for so many pairs


def run(world: World) -> Table:
    dataset, quick = Dataset(BUNDLED / "lives"), world.sizes.starts == 1
    goal = experiment.target(Workspace(world.scratch / "weighing"), dataset)
    requests = dataset.requests("test")[: 20 if quick else None]
    people, pairs = (3, 60) if quick else (PEOPLE, PAIRS)
    started = time.perf_counter()
    write(world.scratch / "people", people, pairs, 0)
    rows = [row(f"`data synth personal`, {pairs:,} pairs", [time.perf_counter() - started], LIMIT)]
    for method in ("bm25", "dense"):
        priors = experiment.open_searcher(experiment.contestant(method, f"{method}_personal"), goal)
        assert isinstance(priors, Priors)
        for request in requests:  # their vectors are made once, for both
            priors.search([request], 10)
        both = side_by_side(partial(_each, priors, requests), partial(_each, priors.searcher, requests), 5)
        rows.append(compared(f"{method}_personal, one question at a time", both, budget=None, per=len(requests)))
    note = (
        "data/lives, stores of about 120 memories. Ours: a searcher with the priors around it; "
        "direct: the same searcher alone, the questions' vectors remembered for both."
    )
    return Table("weighing", note, rows)


def _each(searcher: Searcher, requests: list[Request]) -> None:
    for request in requests:
        searcher.search([request], 10)
