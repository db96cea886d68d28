"""The tables of docs/RESULTS.md: every baseline on every collection, with intervals, and how the defaults were chosen.

    python -m bench.results --collections DIR [--write docs/RESULTS.md]

Settings are chosen on pair_dev and locomo alone (DESIGN.md section 9); the other collections are judged once with what
came out. This is a command, not a test: it says what is so and fails on nothing.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import ablations
from bench.ablations import table
from bench.table import tell
from engine import experiment
from engine.artifacts import Workspace, hardware
from engine.datasets.reader import Dataset
from engine.methods import MODULES
from engine.runs import SavedRun

DEVELOPMENT = (("pair_dev", "mrr@10"), ("locomo", "recall@10"))
JUDGED = (
    ("scifact", ("ndcg@10", "recall@100")),
    ("cranfield", ("ndcg@10",)),
    ("pair_dev", ("hit@1", "mrr@10")),
    ("locomo", ("recall@10", "mrr@10")),
)
BM25_CHOICES = {
    "Anserini (k1 0.9, b 0.4)": (0.9, 0.4),
    "Elasticsearch (k1 1.2, b 0.75)": (1.2, 0.75),
    "bm25s (k1 1.5, b 0.75)": (1.5, 0.75),
}


def main(arguments: Sequence[str]) -> None:
    """Print the tables, or put them between the marks of an existing page."""
    parser = argparse.ArgumentParser(prog="python -m bench.results", description=__doc__)
    parser.add_argument("--collections", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--write", type=Path, help="the page whose tables are replaced")
    options = parser.parse_args(arguments)
    text = "\n".join(_report(options.collections, Workspace(options.workspace)))
    tell(text, options.write)


def _report(collections: Path, workspace: Workspace) -> Iterator[str]:
    yield f"Made {datetime.date.today()} on {hardware()}; seed 0, 10,000 resamples."
    for name, metrics in JUDGED:
        if not (collections / name).is_dir():
            yield f"\n## {name}\n\nnot here"
            continue
        methods = [
            m for m in MODULES if m != "pearl" and (m != "spike" or name == "scifact")
        ]  # elsewhere there are no scenarios
        runs = {m: _evaluate(m, (), collections / name, workspace) for m in methods}
        yield f"\n## {name}, test: {next(iter(runs.values())).info['requests']} judged queries"
        for metric in metrics:
            yield from table(runs, metric, "hybrid")
    yield "\n## How BM25's defaults were chosen\n"
    yield "Three published pairs of k1 and b, with and without stemming, on the two development collections only.\n"
    yield "| k1 and b | stemmer | " + " | ".join(f"{name} {metric}" for name, metric in DEVELOPMENT) + " |"
    yield "| --- | --- | --- | --- |"
    for label, (k1, b) in BM25_CHOICES.items():
        for stemmer in ("english", "null"):
            settings = (f"build.k1={k1}", f"build.b={b}", f"build.stemmer={stemmer}")
            cells = []
            for name, metric in DEVELOPMENT:
                run = _evaluate("bm25", settings, collections / name, workspace)
                cells.append(f"{run.info['metrics'][metric]:.4f}")
            yield f"| {label} | {stemmer} | " + " | ".join(cells) + " |"

    yield from ablations.report(collections, workspace)


def _evaluate(method: str, settings: tuple[str, ...], folder: Path, workspace: Workspace) -> SavedRun:
    return experiment.evaluate(experiment.contestant(method, None, settings), workspace, Dataset(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
