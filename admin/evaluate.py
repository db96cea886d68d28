"""`evaluate`, `score`, `compare`, `export`: runs made, judged, set side by side, and taken elsewhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from admin import common

if TYPE_CHECKING:
    from engine.evaluation.metrics import Evaluation
    from engine.evaluation.significance import Comparison
    from engine.runs import SavedRun


class Missing(StrEnum):
    """What becomes of judged requests without an answer."""

    zero = "zero"
    skip = "skip"


class Form(StrEnum):
    """How a comparison is written."""

    text = "text"
    markdown = "markdown"
    latex = "latex"


class File(StrEnum):
    """What of a run is written."""

    trec = "trec"
    csv = "csv"
    json = "json"


Metric = Annotated[list[str] | None, typer.Option("--metric", help="Such as ndcg@10; may be repeated.")]
MissingOption = Annotated[
    Missing, typer.Option("--missing", help="Judged requests without an answer: score 0, or skip.")
]
By = Annotated[str | None, typer.Option("--by", help="Also by segment: user, gold.kind or any field of the queries.")]
LATEX = str.maketrans({c: f"\\{c}" for c in "%_&#${}"} | {"\\": "\\textbackslash{}", "^": "\\^{}", "~": "\\~{}"})
PRINTED = (
    "method",
    "config",
    "model",
    "trained_on",
    "dataset",
    "split",
    "requests",
    "missing",
    "metrics",
    "seconds",
    "run",
)


def evaluate(
    method: common.Method,
    data: common.Data,
    split: common.Split = "test",
    k: Annotated[int, typer.Option("--k", min=1, help="How many answers a request gets.")] = 100,
    metric: Metric = None,
    missing: MissingOption = Missing.zero,
    by: By = None,
    query_field: Annotated[
        str | None, typer.Option("--query-field", help="Take queries from this field (rewrites).")
    ] = None,
    model: common.Model = None,
    config: common.Config = None,
    settings: common.Set = None,
    seed: common.Seed = 0,
    gpus: common.Gpus = 1,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Search all judged requests of a dataset with METHOD, judge the answers and keep the run."""
    from engine import experiment
    from engine.artifacts import Workspace
    from engine.datasets.reader import Dataset
    from engine.judging import METRICS

    run = experiment.evaluate(
        experiment.contestant(method, config, settings or (), model),
        Workspace(workspace),
        Dataset(data),
        split,
        k=k,
        metrics=metric or METRICS,
        missing=missing.value,
        query_field=query_field,
        by=by,
        seed=seed,
        processes=gpus,
    )
    _print_run(run, by, seed, json)
    _keep(run, workspace)


def score(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run file in TREC's format, gz or not.")],
    qrels: Annotated[
        Path | None, typer.Option("--qrels", help="A qrels file: TREC's four columns or BEIR's tsv.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="Instead: judge by this dataset and keep the run.")
    ] = None,
    split: common.Split = "test",
    name: Annotated[str | None, typer.Option("--name", help="With --data: what the run is called.")] = None,
    metric: Metric = None,
    missing: MissingOption = Missing.zero,
    by: By = None,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Judge a run that another tool made, to the same digits as trec_eval."""
    from engine import judging
    from engine.artifacts import Workspace
    from engine.datasets.reader import Dataset
    from engine.errors import InputError
    from engine.evaluation.trec import read_qrels

    if (qrels is None) == (data is None):
        raise InputError("judgements come from one place", remedy="Give either --qrels FILE or --data DIR")
    metrics = metric or judging.METRICS
    if data is not None:
        saved = judging.score(
            Workspace(workspace), run, Dataset(data), split, name=name, metrics=metrics, missing=missing.value, by=by
        )
        _print_run(saved, by, 0, json)
        _keep(saved, workspace)
        return
    assert qrels is not None
    if by:
        raise InputError("a qrels file knows no segments", where="--by", remedy="Judge by a dataset with --data DIR")
    _, evaluation = judging.judge_file(run, read_qrels(qrels), metrics, missing.value)
    counts = {key: getattr(evaluation, key) for key in ("requests", "missing", "unjudged", "duplicates")}
    if json:
        common.print_json({"run": str(run), "qrels": str(qrels), **counts, "metrics": evaluation.metrics})
    else:
        _print_means(evaluation)
        typer.echo(", ".join(f"{value} {key}" for key, value in counts.items()))


def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="A B ...", help="Runs by id or part of it, or methods: their newest run.")
    ],
    metric: Metric = None,
    data: Annotated[Path | None, typer.Option("--data", help="Only runs on this dataset.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Only runs on this split.")] = None,
    by: By = None,
    form: Annotated[Form, typer.Option("--format", help="text, or a table for a paper.")] = Form.text,
    seed: common.Seed = 0,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Set runs side by side: means with 95 % intervals, differences to the first, and whether they may be luck."""
    from dataclasses import asdict

    from engine import runs
    from engine.artifacts import Workspace
    from engine.datasets.reader import Dataset
    from engine.errors import InputError
    from engine.evaluation.significance import compare as set_against

    digest = Dataset(data).digest if data else None
    chosen = [runs.find(Workspace(workspace), name, digest, split) for name in names]
    if len({run.id for run in chosen}) < len(chosen):
        raise InputError("the same run is named twice", remedy="Name different runs")
    if len({run.info["dataset_digest"] for run in chosen}) > 1:
        found = ", ".join(f"{run.id} on {run.info['dataset']}" for run in chosen)
        raise InputError(
            f"these runs are on different datasets: {found}", remedy="Add --data DIR, or name runs on one dataset"
        )
    if len({run.info["collection"] for run in chosen} - {None}) > 1:
        typer.echo("note: documents were added or removed between these runs; they searched different ones", err=True)
    labels = _names(chosen)
    evaluations = dict(zip(labels, (run.evaluation() for run in chosen), strict=True))
    comparisons = [set_against(evaluations, m, seed=seed) for m in metric or ["ndcg@10"]]
    if json:
        common.print_json(
            {"runs": dict(zip(labels, [r.id for r in chosen], strict=True)), "by": [asdict(c) for c in comparisons]}
        )
        return
    for comparison in comparisons:
        _print_comparison(comparison, form)
    if by:
        for name, run in zip(labels, chosen, strict=True):
            typer.echo(f"\n{name}")
            _print_segments(run, by, [c.metric for c in comparisons], seed)


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id or part of it, or a method: its newest run.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    form: Annotated[
        File, typer.Option("--format", help="trec: ranked answers; csv: metrics a request; json: all about it.")
    ] = File.trec,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
) -> None:
    """Write a run to a file that other tools read."""
    from engine import runs
    from engine.artifacts import Workspace

    saved = runs.find(Workspace(workspace), run)
    runs.export(saved, out, form.value)
    typer.echo(f"{saved.id} written to {out}")


def _keep(run: SavedRun, workspace: Path) -> None:
    """Take the run into the store; if that cannot be done now, the run is safe and the next command does it."""
    import sys

    from engine import store
    from engine.artifacts import Workspace
    from engine.errors import QuintetError

    sys.stdout.flush()  # the store may have to wait for another program
    try:
        store.sync(Workspace(workspace))
    except QuintetError as error:
        typer.echo(f"note: {error}", err=True)


def _print_run(run: SavedRun, by: str | None, seed: int, json: bool) -> None:
    info = run.info
    if json:
        document: dict[str, Any] = {key: info[key] for key in PRINTED}
        if by:
            document["segments"] = _segments(run, by, list(info["metrics"]), seed)
        common.print_json(document)
        return
    typer.echo(
        f"{info['method']} on {info['dataset']}, {info['split']}: {info['requests']} requests,"
        f" {info['missing']} without an answer"
    )
    _print_means(run.evaluation())
    if info["seconds"]:
        typer.echo(", ".join(f"{name} {value:.1f} s" for name, value in info["seconds"].items()))
    typer.echo(f"run {run.id}")
    if by:
        _print_segments(run, by, list(info["metrics"]), seed)


def _print_means(evaluation: Evaluation) -> None:
    common.print_table(("metric", "mean"), list(evaluation.metrics.items()))


def _segments(run: SavedRun, by: str, metrics: list[str], seed: int) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from engine.evaluation.segments import by_label, labels_of

    return [asdict(s) for s in by_label(run.evaluation(), labels_of(run.requests(), by), metrics, seed)]


def _print_segments(run: SavedRun, by: str, metrics: list[str], seed: int) -> None:
    rows = [
        (s["label"], s["requests"], *(_with_interval(s["metrics"][m], s["intervals"][m]) for m in metrics))
        for s in _segments(run, by, metrics, seed)
    ]
    common.print_table((by, "requests", *metrics), rows)


def _names(chosen: list[SavedRun]) -> list[str]:
    """Methods' names where they tell the runs apart, ids elsewhere."""
    methods = [run.info["method"] for run in chosen]
    return methods if len(set(methods)) == len(methods) else [run.id for run in chosen]


def _print_comparison(comparison: Comparison, form: Form) -> None:
    header = (
        comparison.metric,
        "mean [95 %]",
        f"against {comparison.baseline} [95 %]",
        "p",
        "p (Holm)",
        "wins/ties/losses",
    )
    rows = []
    for c in comparison.contestants:
        d = c.difference
        rows.append(
            (c.name, _with_interval(c.mean, c.interval), "", "", "", "")
            if d is None
            else (
                c.name,
                _with_interval(c.mean, c.interval),
                _with_interval(d.mean, d.interval, sign="+"),
                f"{d.p:.4f}",
                f"{d.p_holm:.4f}",
                f"{d.wins}/{d.ties}/{d.losses}",
            )
        )
    if form is Form.text:
        common.print_table(header, rows)
        drawn = f"{comparison.resamples} resamples, seed {comparison.seed}"
        typer.echo(f"{comparison.requests} requests; paired randomisation test and bootstrap, {drawn}")
    elif form is Form.markdown:
        for line in (header, ["---"] * len(header), *rows):
            typer.echo("| " + " | ".join(line) + " |")
    else:
        typer.echo("\\begin{tabular}{l" + "r" * (len(header) - 1) + "}\n\\toprule")
        for i, line in enumerate((header, *rows)):
            typer.echo(" & ".join(cell.translate(LATEX) for cell in line) + " \\\\" + ("\n\\midrule" if i == 0 else ""))
        typer.echo("\\bottomrule\n\\end{tabular}")


def _with_interval(mean: float, interval: tuple[float, float] | list[float] | None, sign: str = "") -> str:
    inside = f" [{interval[0]:{sign}.4f}, {interval[1]:{sign}.4f}]" if interval else ""
    return f"{mean:{sign}.4f}{inside}"
