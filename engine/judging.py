"""What a run is worth: runs of other tools, judged and kept, and what every judgement of a run is filed under."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine import methods, runs
from engine.artifacts import Workspace, digest
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.evaluation.metrics import Evaluation, parse_metrics
from engine.evaluation.metrics import evaluate as judge
from engine.evaluation.segments import labels_of
from engine.evaluation.trec import read_run
from engine.index.collection import Collection
from engine.records import Judgement, Run

GOLD_KIND = "gold.kind"  # a label that comes of the documents, not of the requests
METRICS = ("ndcg@10", "recall@10", "recall@100", "mrr@10", "hit@1", "map@100")


def score(
    workspace: Workspace,
    file: Path,
    dataset: Dataset,
    split: str = "test",
    *,
    name: str | None = None,
    metrics: Iterable[str] = METRICS,
    missing: str = "zero",
    by: str | None = None,
) -> runs.SavedRun:
    """Judge a run that another tool made for `dataset`, and keep it beside our own, as method `name`."""
    judgements = dataset.judgements(split)
    requests = dataset.requests(split)
    if name is not None and not 0 < len(name.strip()) <= 80:
        raise InputError("a run's name has 1 to 80 characters", where="--name", remedy="Give it a shorter name")
    if name in methods.MODULES:
        raise InputError(f"{name!r} is a method of ours", where="--name", remedy="Give the foreign run another name")
    if by:
        labels_of(requests, by)
    run, evaluation = judge_file(file, judgements, metrics, missing)
    info: dict[str, Any] = {
        "method": name or file.name.removesuffix(".gz").rsplit(".", 1)[0],
        "config": "foreign",
        "source": str(file),
        "model": None,
        "trained_on": None,
        "dataset": dataset.name,
        "dataset_digest": dataset.digest,
        "collection": None,
        "split": split,
        "qrels": qrels_digest(judgements),
        "seed": None,
        "missing_as": missing,
        "seconds": {},
    }
    return runs.save(workspace, info, run, evaluation, requests, {})


def judge_file(
    file: Path, judgements: Iterable[Judgement], metrics: Iterable[str], missing: str
) -> tuple[Run, Evaluation]:
    """A run file and what it is worth. InputError if none of its requests is judged: zeros would say nothing."""
    wanted, run = parse_metrics(metrics), read_run(file)
    evaluation = judge(run, judgements, wanted, missing=missing)
    if evaluation.missing == evaluation.requests:
        asked, judged = run.requests[0], min(evaluation.qrels)
        raise InputError(
            f"none of its {len(run)} requests is judged (it has {asked!r}, the judgements {judged!r})",
            where=str(file),
            remedy="Give the judgements that belong to it",
        )
    return run, evaluation


def gold_labels(judgements: Iterable[Judgement], documents: Collection) -> dict[str, dict[str, str]]:
    """The kind of the document that answers each request, where documents have kinds: a label to group by."""
    kinds: dict[str, set[str]] = {}
    for judgement in judgements:
        row = documents.row_of.get(judgement.document) if judgement.gain > 0 else None
        kind = documents.document(row).kind if row is not None else None
        if kind:
            kinds.setdefault(judgement.request, set()).add(kind)
    return {GOLD_KIND: {request: "+".join(sorted(found)) for request, found in kinds.items()}} if kinds else {}


def qrels_digest(judgements: Iterable[Judgement]) -> str:
    """Names a set of judgements, whatever their order: runs are comparable where this is the same."""
    return digest(sorted([j.request, j.document, j.gain] for j in judgements))
