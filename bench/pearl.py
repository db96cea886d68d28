"""The tables of docs/RESULTS_PEARL.md: PEARL beside its opponents, what log p(id | question) adds, and its ablations.

    python -m bench.pearl --collections DIR [--only main|ablations] [--write docs/RESULTS_PEARL.md]

pair_dev and locomo are development sets. All models learn from the same invented people as those of `bench.personal`,
and every searcher has the same priors, fusion and reranker. Ablations are small models (`--questions`), of five seeds.
"""

from __future__ import annotations

import argparse
import datetime
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.ablations import table
from bench.personal import FITTED, MODEL, PAIRS, PEOPLE, RERANK, SEED, learn
from bench.table import tell
from engine import experiment, learning
from engine import runs as saved
from engine.artifacts import Workspace, hardware
from engine.datasets.reader import Dataset
from engine.runs import SavedRun

SEEDS = range(5)
QUESTIONS = 400  # of an ablation's model: what two cores train in half a minute
WEIGHTS, CHOSEN = (0.0, 0.1, 0.2, 0.4), 0.2
BEAMS = (1, 5, 20, 100)
TIME = ("search.priors.people=0.0", "search.priors.kind=0.0", "search.priors.context=0.0")
FIT_BESIDE = f"search.beside.methods.dense.model={MODEL}"
BESIDE: Mapping[str, tuple[str, ...]] = {"dense": (), "fitted dense": (FIT_BESIDE,)}
# What each ablation changes of pearl.yaml; every one is a model of its own.
PUBLISHED_EMR = ("build.training.emr.relative=false", "build.training.emr.cap=0.005")
PUBLISHED_PCL = tuple(
    f"build.training.pcl.{key}"
    for key in ("surfaces=false", "normalise=false", "masked=false", "refresh=false", "beta=0")
)
DIGITS = ("build.decoder=digits", "build.training.blend=1.0")
ABLATIONS: Mapping[str, tuple[str, ...]] = {
    "ours": (),
    "without tags": ("build.tags=false", "build.transposition=null"),
    "without EMR": ("build.training.emr.weight=0.0",),
    "without PCL": ("build.training.pcl.weight=0.0",),
    "EMR and PCL as published": (*PUBLISHED_EMR, *PUBLISHED_PCL),
    "without transposition": ("build.transposition=null",),
    "with generated questions": ("build.generator.questions=400", "build.generator.per_passage=2"),
    "random ids": ("build.docids.scheme=random",),
    "the published decoder and losses": (*DIGITS, *PUBLISHED_EMR, *PUBLISHED_PCL),
}
BASE = "ours"


def main(arguments: Sequence[str]) -> None:
    """Print the tables, or put them between the marks of an existing page."""
    parser = argparse.ArgumentParser(prog="python -m bench.pearl", description=__doc__)
    parser.add_argument("--collections", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--people", type=Path, help="learn from these people instead of writing some")
    parser.add_argument("--only", choices=("main", "ablations"), help="one part alone")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="that an ablation's model learns from")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="of each ablation, from 0 on")
    parser.add_argument("--write", type=Path, help="the page whose tables are replaced")
    options = parser.parse_args(arguments)
    workspace = Workspace(options.workspace)
    people = Dataset(learn(workspace, options.collections, options.people))
    made = f"Made {datetime.date.today()} on {hardware()}; seed {SEED}, 10,000 resamples"
    lines = [f"{made}; trained on invented people ({PEOPLE}, {PAIRS:,} questions)."]
    if options.only != "ablations":
        learning.learn(workspace, people, ["pearl"])
        for name in ("pair_dev", "locomo"):
            lines += compared(name, options.collections / name, workspace)
        lines += beams(options.collections / "pair_dev", workspace)
    if options.only != "main":
        lines += ablations(options.collections / "pair_dev", people, workspace, options.questions, range(options.seeds))
    tell("\n".join(lines), options.write)


def compared(name: str, path: Path, workspace: Workspace) -> Iterator[str]:
    """PEARL and its opponents with the same time prior, fusion and reranker; and each fusion without PEARL."""
    model = f"build.model={MODEL}"
    lines: dict[str, tuple[str, str, tuple[str, ...]]] = {
        "pearl, raw": ("pearl", "pearl", (model,)),
        "pearl, + time": ("pearl", "pearl", (model, "search.beams=500", "search.priors.time=0.75", *TIME)),
        "pearl, + all": ("pearl", "pearl", (model, "search.beams=500", "search.priors.time=0.75")),
        "pearl + fitted dense, all + reranker": ("pearl", "pearl_personal", (model, FIT_BESIDE, *RERANK)),
    }
    for method in ("bm25", "dense", "hybrid"):
        lines[f"{method}, raw"] = (method, method, ())
        lines[f"{method}, + time"] = (method, f"{method}_personal", TIME)
        lines[f"{method}, + all (personal)"] = (method, f"{method}_personal", ())
        lines[f"{method}, + all + reranker"] = (method, f"{method}_personal", RERANK)
        if method in FITTED:
            lines[f"{method}, fitted, + all"] = (method, f"{method}_personal", (FITTED[method],))
    if name == "locomo":  # rerankers were not trained for conversations
        lines = {label: chosen for label, chosen in lines.items() if "reranker" not in label}
    runs = {label: _run(*chosen, path, workspace) for label, chosen in lines.items()}
    fused = {label: _weighed(beside, path, workspace) for label, beside in BESIDE.items()}
    for label, weighed in fused.items():
        runs[f"pearl + {label}, all (weight {CHOSEN})"] = weighed[CHOSEN]
    yield f"\n## {name}: {next(iter(runs.values())).info['requests']} judged questions"
    metrics = ("hit@1", "mrr@10") if name != "locomo" else ("recall@10", "mrr@10")
    for metric in metrics:
        yield from table(runs, metric, "bm25, raw")
    for label, weighed in fused.items():
        yield f"\n### {name}: what log p(id | question) adds beside {label}, by its weight; all priors on"
        for metric in metrics:
            yield from table({f"weight {weight}": run for weight, run in weighed.items()}, metric, "weight 0.0")


def _weighed(beside: Sequence[str], path: Path, workspace: Workspace) -> dict[float, SavedRun]:
    """The same fusion with each weight of log p, and without it."""
    return {
        weight: _run(
            "pearl",
            "pearl_personal",
            (f"build.model={MODEL}", *beside, f"search.beside.weights=[{weight},1.0]"),
            path,
            workspace,
        )
        for weight in WEIGHTS
    }


def beams(path: Path, workspace: Workspace) -> Iterator[str]:
    """How many ids are followed at once, over what p is normalised, and who makes the ids."""
    settings = {f"{number} beams": (f"search.beams={number}",) for number in BEAMS}
    settings["20 beams, p over this store's ids alone"] = ("search.normalise=legal",)
    settings["20 beams, ids made by the model"] = ("build.ids=model",)
    runs = {
        label: _run("pearl", "pearl", (f"build.model={MODEL}", *chosen), path, workspace)
        for label, chosen in settings.items()
    }
    yield "\n## Beams, normalisation and model-made ids, raw, pair_dev"
    yield from table(runs, "hit@1", "20 beams")


def ablations(path: Path, people: Dataset, workspace: Workspace, questions: int, seeds: Sequence[int]) -> Iterator[str]:
    """Each part left out, or as published; several seeds, raw generation on pair_dev."""
    found: dict[str, list[SavedRun]] = {}
    path = _every_third(path, workspace)
    for seed in seeds:
        for label, settings in ABLATIONS.items():
            found.setdefault(label, []).append(_ablated(label, settings, seed, path, people, workspace, questions))
    asked = found[BASE][0].info["requests"]
    head = f"{questions:,} questions to learn from, seeds 0 to {seeds[-1]}, raw; {asked} of pair_dev judge"
    yield f"\n## Ablations: {head}"
    yield "\nIntervals over questions of the mean of the seeds (bootstrap), against `ours`; and each seed's mean.\n"
    yield "| | hit@1 [95 %] | against ours [95 %] | mrr@10 | against ours [95 %] | hit@1 of each seed |"
    yield "| --- | --- | --- | --- | --- | --- |"
    columns = {label: {m: _mean(those, m) for m in ("hit@1", "mrr@10")} for label, those in found.items()}
    for label, those in found.items():
        cells = []
        for metric in ("hit@1", "mrr@10"):
            values = columns[label][metric]
            cells.append(_interval(values) if metric == "hit@1" else f"{values.mean():.4f}")
            cells.append("" if label == BASE else _interval(values - columns[BASE][metric], "+"))
        each = " ".join(f"{run.info['metrics']['hit@1']:.3f}" for run in those)
        yield f"| {label} | " + " | ".join(cells) + f" | {each} |"


def _every_third(path: Path, workspace: Workspace) -> Path:
    """The same collection with a third of its questions: 45 models are judged on them."""
    folder = workspace.root / "ablations" / path.name
    if not folder.is_dir():
        (folder / "qrels").mkdir(parents=True)
        for file in path.glob("*.jsonl*"):
            shutil.copy(file, folder)
        head, *rows = (path / "qrels" / "test.tsv").read_text("utf-8").splitlines(keepends=True)
        (folder / "qrels" / "test.tsv").write_text("".join([head, *rows[::3]]), "utf-8")
    return folder


def _ablated(
    label: str, settings: Sequence[str], seed: int, path: Path, people: Dataset, workspace: Workspace, questions: int
) -> SavedRun:
    name = f"ablation-{list(ABLATIONS).index(label)}-{seed}"
    seeded = (*settings, f"build.training.seed={seed}", f"build.docids.seed={seed}", f"build.questions={questions}")
    trainee = experiment.trainee("pearl", None, (f"build.tagger={MODEL}", *seeded))
    trainee.train(experiment.target(workspace, people), people, trainee.build, name)
    return _judged(name, path, workspace) or _run("pearl", "pearl", (f"build.model={name}",), path, workspace)


def _judged(name: str, path: Path, workspace: Workspace) -> SavedRun | None:
    """The run of a model that was judged before, if that model has not been trained again since."""
    digest, folder = Dataset(path).digest, workspace.trained("pearl", name)
    made = folder.stat().st_mtime
    same = [
        run
        for run in saved.everything(workspace)
        if (run.info["model"], run.info["dataset_digest"]) == (name, digest) and run.path.stat().st_mtime > made
    ]
    return same[-1] if same else None


def _mean(judged: Sequence[SavedRun], metric: str) -> np.ndarray:
    """(requests,) the mean of a metric over the seeds."""
    return np.mean([run.per_request()[metric].astype(np.float64) for run in judged], axis=0)


def _interval(values: np.ndarray, sign: str = "") -> str:
    """Mean and percentile bootstrap over questions."""
    draws = np.random.default_rng(0).integers(0, len(values), (10_000, len(values)), dtype=np.int32)
    means = np.concatenate([values[some].mean(axis=1) for some in np.array_split(draws, 100)])
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{values.mean():{sign}.4f} [{low:{sign}.4f}, {high:{sign}.4f}]"


def _run(method: str, config: str, settings: Sequence[str], path: Path, workspace: Workspace) -> SavedRun:
    return experiment.evaluate(experiment.contestant(method, config, settings), workspace, Dataset(path))


if __name__ == "__main__":
    main(sys.argv[1:])
