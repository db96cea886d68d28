"""Judging a run beside pytrec_eval, which does the sums for both."""

from __future__ import annotations

from statistics import mean
from typing import Any

import numpy as np

from bench.measure import side_by_side
from bench.table import Row, Table, compared
from bench.world import World
from engine.evaluation.metrics import evaluate, parse_metrics
from engine.records import Run

METRICS = parse_metrics(["ndcg@10", "recall@10", "recall@100", "mrr", "hit@1", "map@100"])
DOCUMENTS = 100_000


def run(world: World) -> Table:
    rows: list[Row] = []
    for requests, length in world.sizes.scored:
        made, qrels, repeats = *_run(requests, length), world.sizes.repeats // 2 + 1
        given = dictionaries(made)
        _agree(made, qrels)
        what = f"{requests:,} requests x {length:,} documents"

        def ours(made: Run = made, qrels: dict = qrels) -> Any:
            return evaluate(made, qrels, METRICS)

        def direct(made: Run = made, qrels: dict = qrels) -> Any:
            return pytrec(dictionaries(made), qrels)

        def direct_given(given: dict = given, qrels: dict = qrels) -> Any:
            return pytrec(given, qrels)

        rows.append(compared(what, side_by_side(ours, direct, repeats)))
        rows.append(compared(f"{what}, dictionaries given", side_by_side(ours, direct_given, repeats), budget=None))
    note = (
        f"`evaluate` with {', '.join(map(str, METRICS))}. Direct: the run's columns as dictionaries, then "
        "`RelevanceEvaluator.evaluate` with the same measures. 'Dictionaries given' leaves making them out of the "
        "time of the direct way only."
    )
    return Table("scoring", note, rows)


def dictionaries(run: Run) -> dict[str, dict[str, float]]:
    """The run as pytrec_eval wants it."""
    return {request: dict(zip(documents, scores.tolist(), strict=True)) for request, documents, scores in run.lists()}


def pytrec(run: dict[str, dict[str, float]], qrels: dict[str, dict[str, int]]) -> dict[str, dict[str, float]]:
    from pytrec_eval import RelevanceEvaluator

    return RelevanceEvaluator(qrels, {metric.trec_name for metric in METRICS}).evaluate(run)


def _run(requests: int, length: int) -> tuple[Run, dict[str, dict[str, int]]]:
    """A seeded run, and 1 to 19 judged documents a request, half of them in its list."""
    rng = np.random.default_rng(0)
    ids = [f"document-{i}" for i in range(DOCUMENTS)]
    rows = rng.permuted(np.tile(np.arange(10 * length, dtype=np.int64), (requests, 1)), axis=1)[:, :length]
    rows += rng.integers(0, DOCUMENTS - 10 * length, (requests, 1))
    scores = np.tile(np.arange(length, 0, -1, dtype=np.float32), (requests, 1))  # no ties: pytrec_eval orders by score
    qrels = {}
    for i, judged in enumerate(rng.integers(1, 20, requests).tolist()):
        found = rng.choice(rows[i], size=min(judged // 2, length), replace=False)
        others = rng.integers(0, DOCUMENTS, judged - len(found))
        qrels[f"q{i}"] = {ids[row]: int(gain) for row, gain in zip([*found, *others], rng.integers(1, 4, judged))}  # noqa: B905
    offsets = np.arange(requests + 1, dtype=np.int64) * length
    return Run(tuple(qrels), offsets, rows.ravel(), ids, scores.ravel()), qrels


def _agree(run: Run, qrels: dict[str, dict[str, int]]) -> None:
    """Raises AssertionError if the two ways come to other means."""
    ours, direct = evaluate(run, qrels, METRICS).metrics, pytrec(dictionaries(run), qrels)
    for metric in METRICS:
        key = metric.trec_name.replace(".", "_")
        np.testing.assert_allclose(ours[str(metric)], mean(values[key] for values in direct.values()), atol=1e-9)
