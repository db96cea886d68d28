"""The tables of docs/RESULTS_PERSONAL.md: what time, people, fitting and reranking add to the baselines.

    python -m bench.personal --collections DIR [--write docs/RESULTS_PERSONAL.md]

pair_dev and locomo are development sets: what was chosen there was chosen on them. Other people, in a folder of the
same layout, are judged by the same command (--judged DIR, repeatable). People to learn from are written first, then
dense's encoder, the reranker and the tagger are trained on them; all of it is kept in the workspace.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench import people, tagging, timephrases
from bench.ablations import table
from bench.table import tell
from engine import experiment, learning
from engine.artifacts import Workspace, hardware
from engine.datasets.reader import Dataset
from engine.runs import SavedRun

PEOPLE, PAIRS, SEED = 200, 50_000, 0
MODEL = learning.NAME
PLAIN = "as it is"
OFF = {"time": 0.0, "people": 0.0, "kind": 0.0, "context": 0.0}
FITTED = {"dense": f"build.model={MODEL}", "hybrid": f"build.dense.model={MODEL}"}
# Which lines each searcher gets; dense all, since there each part can be seen alone.
SHORT = (
    PLAIN,
    "+ time",
    "+ all (personal)",
    "personal + reranker",
    "fitted encoder + time",
    "fitted encoder, personal",
)
TALK = (PLAIN, "+ time", "+ people", "+ context", "+ all (personal)", "fitted encoder, personal")  # locomo: no kinds
RERANK = (f"search.rerank.model={MODEL}", "search.rerank.weight=0.5", "search.rerank.depth=10")


def settings(method: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    """(configuration, settings) of each line of a method's table."""
    personal = f"{method}_personal"

    def priors(*keep: str, hard: bool = False) -> tuple[str, ...]:
        off = tuple(f"search.priors.{name}={value}" for name, value in OFF.items() if name not in keep)
        return (*off, "search.priors.hard=true") if hard else off

    lines = {
        PLAIN: (method, ()),
        "reads kind and people": (personal, ("search.priors=null",)),
        "+ time": (personal, priors("time")),
        "+ time as a hard filter": (personal, priors("time", hard=True)),
        "+ people": (personal, priors("people")),
        "+ kind": (personal, priors("kind")),
        "+ context": (personal, priors("context")),
        "+ all (personal)": (personal, ()),
        "personal, reading only the content": (personal, _content(method)),
        "personal + reranker": (personal, RERANK),
    }
    if method in FITTED:
        lines |= {
            "fitted encoder": (method, (FITTED[method],)),
            "fitted encoder + time": (personal, (FITTED[method], *priors("time"))),
            "fitted encoder, personal": (personal, (FITTED[method],)),
            "fitted encoder, personal + reranker": (personal, (FITTED[method], *RERANK)),
        }
    return lines


def _content(method: str) -> tuple[str, ...]:
    parts = ("bm25.", "dense.") if method == "hybrid" else ("",)
    return tuple(f"build.{part}reads=content" for part in parts)


def main(arguments: Sequence[str]) -> None:
    """Print the tables, or put them between the marks of an existing page."""
    parser = argparse.ArgumentParser(prog="python -m bench.personal", description=__doc__)
    parser.add_argument("--collections", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--judged", type=Path, action="append", default=[], help="people kept aside; repeatable")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--write", type=Path, help="the page whose tables are replaced")
    options = parser.parse_args(arguments)
    text = "\n".join(_report(options.collections, options.judged, Workspace(options.workspace)))
    tell(text, options.write)


def learn(workspace: Workspace, collections: Path, people: Path | None = None) -> Path:
    """The invented people, else those in `people`, and the models trained on them; what is there is taken.

    Returns the people's folder.
    """
    wnut = collections / tagging.WNUT / "train.conll"
    dataset = Dataset(people) if people else learning.invented(workspace, PEOPLE, PAIRS, SEED)
    learning.learn(workspace, dataset, ["dense"])
    learning.learn(workspace, dataset, ["reranker"], [f"build.model={MODEL}"])
    learning.learn(workspace, dataset, ["tagger"], [f"build.conll={wnut}"] if wnut.is_file() else [])
    return dataset.path


def _report(collections: Path, judged: Sequence[Path], workspace: Workspace) -> Iterator[str]:
    yield f"Made {datetime.date.today()} on {hardware()}; seed 0, 10,000 resamples."
    synth = learn(workspace, collections)
    places = {"pair_dev": collections / "pair_dev", "locomo": collections / "locomo", "lives": Path("data/lives")}
    places = {name: path for name, path in places.items() if path.is_dir()} | {path.name: path for path in judged}
    yield from _times(places)
    for name, path in places.items():
        if name == "lives":
            continue  # planted: never among results
        yield from _searchers(name, path, workspace)
    yield "\n## Tagging\n"
    yield from tagging.table(tagging.measure(collections, synth, workspace.model("tagger", MODEL) / "tagger"))
    yield ""
    yield from people.report({"synth": synth, **{n: p for n, p in places.items() if n != "locomo"}}, 2000, 12)


def _times(places: Mapping[str, Path]) -> Iterator[str]:
    yield "\n## Phrases of time\n"
    yield "| | questions | get an interval | answer inside | store inside, weighted | ms a question |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, path in places.items():
        if (found := timephrases.measure(path))["queries"]:
            shares = " | ".join(f"{found[key]:.1%}" for key in ("understood", "held", "kept"))
            yield f"| {name} | {found['queries']} | {shares} | {found['milliseconds']:.2f} |"


def _searchers(name: str, path: Path, workspace: Workspace) -> Iterator[str]:
    metrics = ("hit@1", "mrr@10") if name != "locomo" else ("recall@10", "mrr@10")
    runs: dict[str, SavedRun] = {}
    for method in ("bm25", "dense", "hybrid"):
        lines = settings(method)
        kept = TALK if name == "locomo" else SHORT if method != "dense" else tuple(lines)
        for label, (config, chosen) in lines.items():
            if label not in kept:
                continue
            contestant = experiment.contestant(method, config, chosen)
            runs[f"{method}, {label}"] = experiment.evaluate(contestant, workspace, Dataset(path))
    yield f"\n## {name}: {next(iter(runs.values())).info['requests']} judged questions"
    for metric in metrics:
        yield from table(runs, metric, f"dense, {PLAIN}")


if __name__ == "__main__":
    main(sys.argv[1:])
