"""SPIKE's ablations for docs/RESULTS.md: every part of it alone, against the published form, with intervals.

Run by `python -m bench.results`. Settings of `spike` were chosen on data/almanac (its table comes first) and on
held-out needs; PrefEval's requests judge once each of what stands here, all of it decided beforehand.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from engine import experiment
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.demo import BUNDLED
from engine.evaluation.significance import compare
from engine.methods import imports
from engine.runs import SavedRun

METRIC = "ndcg@10"
BASE = "as published, need + explanation"
TWO = "build.parts=[need,explanation]"
NEEDS = "build.needs.k1=0.9"
FITTED = "the encoder fitted as in spike.yaml"
# label: (configuration, settings)
ABLATIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    BASE: ("spike_paper", (TWO,)),
    "no scenarios (a = 1)": ("spike_paper", (TWO, "search.a=1.0")),
    "scenarios alone (a = 0)": ("spike_paper", (TWO, "search.a=0.0")),
    "the first scenario only": ("spike_paper", (TWO, "build.per_document=1")),
    "the first two": ("spike_paper", (TWO, "build.per_document=2")),
    "mean instead of maximum": ("spike_paper", (TWO, "search.pool=mean")),
    "soft maximum": ("spike_paper", (TWO, "search.pool=soft")),
    "need only": ("spike_paper", ("build.parts=[need]",)),
    "explanation only": ("spike_paper", ("build.parts=[explanation]",)),
    "all five parts": ("spike_paper", ()),
    "with the needs' words (lexical 0.1)": ("spike_paper", (TWO, NEEDS, "search.lexical=0.1")),
    "with the fitted encoder": ("spike_paper", (TWO, FITTED)),
    "the fitted encoder, no scenarios (a = 1)": ("spike_paper", (TWO, FITTED, "search.a=1.0")),
    "ours without the fitted encoder": ("spike", ("build.adapt=null",)),
    "ours": ("spike", ()),
}
GRID_A, GRID_LEXICAL = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), (0.0, 0.05, 0.1, 0.2)


def report(collections: Path, workspace: Workspace) -> Iterator[str]:
    """Lines of Markdown."""
    yield from choice(workspace)
    folder = collections / "prefeval"
    if not folder.is_dir():
        yield "\n## PrefEval\n\nnot here"
        return
    yield "\n## PrefEval: SPIKE and its parts, 1,000 requests\n"
    yield "Scenarios by a large language model that saw the preferences only (4 each). All against the first line."
    yield from prefeval(folder, workspace)


def choice(workspace: Workspace) -> Iterator[str]:
    """How a, the pool and the words' weight were chosen."""
    folder = BUNDLED / "almanac"
    take_in(folder, workspace)
    yield "\n## How SPIKE's settings were chosen\n"
    yield f"{METRIC} on data/almanac (planted; 96 questions), need + explanation, encoder as it is."
    for pool in ("max", "soft"):
        yield f"\n| pool {pool}: a | " + " | ".join(f"lexical {weight}" for weight in GRID_LEXICAL) + " |"
        yield "| --- |" + " --- |" * len(GRID_LEXICAL)
        for a in GRID_A:
            cells = []
            for weight in GRID_LEXICAL:
                settings = ("build.adapt=null", f"search.a={a}", f"search.pool={pool}", f"search.lexical={weight}")
                cells.append(f"{_run('spike', settings, folder, workspace).info['metrics'][METRIC]:.4f}")
            yield f"| {a} | " + " | ".join(cells) + " |"


def prefeval(folder: Path, workspace: Workspace) -> Iterator[str]:
    """The ablations, and the two controls that need a workspace of their own: shuffled scenarios, BM25."""
    take_in(folder, workspace)
    adapt = experiment.contestant("spike").build.model_dump(mode="json")["adapt"]
    fitted = tuple(
        f"build.adapt.{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in adapt.items()
    )
    runs = {
        label: _run(config, tuple(s for setting in settings for s in (fitted if setting == FITTED else (setting,))),
                    folder, workspace)
        for label, (config, settings) in ABLATIONS.items()
    }  # fmt: skip
    runs["bm25"] = experiment.evaluate(experiment.contestant("bm25"), workspace, Dataset(folder))
    other = Workspace(workspace.root / "shuffled")
    file = shuffled(folder / "scenarios.jsonl.gz", other.root / "scenarios.jsonl", seed=0)
    imports()["spike-scenarios"].run(other, Dataset(folder), file)
    runs["scenarios shuffled across documents"] = _run("spike_paper", (TWO,), folder, other)
    yield from table(runs, METRIC, BASE)


def take_in(folder: Path, workspace: Workspace) -> None:
    """Import a dataset's own scenarios."""
    file = next(iter(sorted(folder.glob("scenarios.jsonl*"))))
    imports()["spike-scenarios"].run(workspace, Dataset(folder), file)


def shuffled(source: Path, target: Path, seed: int) -> Path:
    """The same scenarios, each document's given to another one."""
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    order = np.random.default_rng(seed).permutation(len(rows))
    target.parent.mkdir(parents=True, exist_ok=True)
    mixed = [{**rows[other], "id": row["id"]} for row, other in zip(rows, order.tolist(), strict=True)]
    target.write_text("".join(json.dumps(row) + "\n" for row in mixed), "utf-8")
    return target


def table(runs: Mapping[str, SavedRun], metric: str, baseline: str) -> Iterator[str]:
    """Means with intervals, and each against one of them."""
    comparison = compare({name: run.evaluation() for name, run in runs.items()}, metric, baseline=baseline, seed=0)
    yield f"\n| {metric} | mean [95 %] | against {baseline} [95 %] | p (Holm) | wins/ties/losses |"
    yield "| --- | --- | --- | --- | --- |"
    for c in comparison.contestants:
        low, high = c.interval or (c.mean, c.mean)
        mean = f"{c.mean:.4f} [{low:.4f}, {high:.4f}]"
        if (d := c.difference) is None:
            yield f"| {c.name} | {mean} | | | |"
            continue
        low, high = d.interval or (d.mean, d.mean)
        difference = f"{d.mean:+.4f} [{low:+.4f}, {high:+.4f}]"
        yield f"| {c.name} | {mean} | {difference} | {d.p_holm:.4f} | {d.wins}/{d.ties}/{d.losses} |"


def _run(config: str, settings: Sequence[str], folder: Path, workspace: Workspace) -> SavedRun:
    return experiment.evaluate(experiment.contestant("spike", config, settings), workspace, Dataset(folder))
