"""The one evaluator: a run and judgements in, metrics out, for our own runs and those of other tools alike.

pytrec_eval computes every value; this module sees to it that it judges the order which the run has, that requests
without an answer are counted rather than dropped, and that the value of each request is kept. It does not sort a run,
nor say which difference is luck (`significance`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from engine.errors import InputError
from engine.evaluation.measures import MEASURES, Metric, parse_metrics
from engine.records import Judgement, Run

__all__ = ["MEASURES", "Evaluation", "Metric", "PerRequest", "Qrels", "evaluate", "parse_metrics", "to_qrels"]

Qrels = Mapping[str, Mapping[str, int]]  # {request: {document: gain}}

# All that a metric depends on: how long the list is, and at which positions (from 0, best first) the documents of which
# positive gain are. One that is not in the list stands at its end.
Outcome = tuple[int, tuple[tuple[int, int], ...]]

MISSING = ("zero", "skip")
# trec_eval's ndcg takes time and memory that grow with the square of the largest gain: 2 s per request at 100,000.
MAX_GAIN = 1000
# Outcomes handed to pytrec_eval at once: its copy of their lists is all that is held beside the run.
CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class PerRequest:
    """The value of each metric for each request: `values[metric][i]` (float64) belongs to `requests[i]`, ids sorted."""

    requests: tuple[str, ...]
    values: dict[str, np.ndarray]  # metric -> (requests,)

    def __post_init__(self) -> None:
        if any(a >= b for a, b in pairwise(self.requests)):
            raise ValueError("the requests of an evaluation are sorted and each there once")
        if any(len(values) != len(self.requests) for values in self.values.values()):
            raise ValueError("the columns of an evaluation are as long as its requests")


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a run is worth. `metrics` are means over `per_request`.

    `requests` have judgements, `missing` of them have no answer (or an empty one); `unjudged` requests of the run have
    no judgement, and count nowhere; `duplicates` are repeated documents in the lists, of which the first counted.
    `qrels` are the judgements, by which `compare` sees that two evaluations were judged alike; {} if not at hand.
    """

    metrics: dict[str, float]
    requests: int
    missing: int
    unjudged: int
    duplicates: int
    qrels: Qrels = field(repr=False)
    per_request: PerRequest = field(repr=False)

    def column(self, metric: str | Metric) -> np.ndarray:
        """The values of one metric, (requests,) float64; InputError if it was not computed."""
        key = str(metric)
        if key not in self.per_request.values:
            raise InputError(f"{key} was not computed", remedy=f"There are {', '.join(self.per_request.values)}")
        return self.per_request.values[key]


def evaluate(
    run: Run, judgements: Iterable[Judgement] | Qrels, metrics: Iterable[str | Metric], missing: str = "zero"
) -> Evaluation:
    """Judge a run in its own order.

    Every request with a judgement counts, also if all its gains are 0 or less (its value is then 0, as with
    `trec_eval -c`). A judged request without an answer scores 0, or is left out of the means if `missing` is "skip".
    Raises InputError for unknown metrics, contradicting or unusable judgements, or if there is nothing to average.
    """
    wanted = parse_metrics(metrics)
    if missing not in MISSING:
        raise InputError(f"missing requests can be {' or '.join(MISSING)}, not '{missing}'", remedy="Write one of them")
    qrels = to_qrels(judgements)
    judged = sorted(qrels)
    numbers = {request: i for i, request in enumerate(run.requests)}
    if len(numbers) < len(run):
        raise InputError("a request is answered twice in one run", remedy="Merge its lists")
    lengths = np.diff(run.offsets)
    answered = [request for request in judged if request in numbers and lengths[numbers[request]]]
    if not judged or (missing == "skip" and not answered):
        what = "no request of the run has a judgement" if judged else "there are no judgements"
        raise InputError(what, remedy="Do the run and the judgements name the same requests?")

    depth = None if any(metric.cutoff is None for metric in wanted) else max(metric.cutoff or 0 for metric in wanted)
    outcomes, duplicates = _outcomes(run, [numbers[r] for r in answered], [qrels[r] for r in answered], depth)
    # Many requests come out alike: those with one relevant document can do so in no more ways than there are ranks.
    kinds = {outcome: i for i, outcome in enumerate(dict.fromkeys(outcomes))}
    values = _values(list(kinds), wanted)[:, [kinds[outcome] for outcome in outcomes]]
    if missing == "zero":
        column = {request: i for i, request in enumerate(judged)}
        full = np.zeros((len(wanted), len(judged)))
        full[:, [column[request] for request in answered]] = values
        rows, values = tuple(judged), full
    else:
        rows = tuple(answered)
    return Evaluation(
        metrics={str(metric): float(row.mean()) for metric, row in zip(wanted, values, strict=True)},
        requests=len(judged),
        missing=len(judged) - len(answered),
        unjudged=sum(request not in qrels for request in run.requests),
        duplicates=duplicates,
        qrels=qrels,
        per_request=PerRequest(rows, {str(metric): row for metric, row in zip(wanted, values, strict=True)}),
    )


def to_qrels(judgements: Iterable[Judgement] | Qrels) -> Qrels:
    """Judgements as {request: {document: gain}}, without requests that have none.

    InputError if a document is judged twice with different gains, or a gain is no whole number up to MAX_GAIN.
    """
    qrels: Qrels
    if isinstance(judgements, Mapping):
        qrels = {request: row for request, row in judgements.items() if row}
    else:
        qrels = _gathered(judgements)
    for request, row in qrels.items():
        for document, gain in row.items():
            if not isinstance(gain, (int, np.integer)) or gain > MAX_GAIN:
                what = f"the gain of '{document}' for '{request}' is {gain!r}"
                raise InputError(f"{what}, not a whole number up to {MAX_GAIN}", remedy="Correct the judgements")
    return qrels


def _gathered(judgements: Iterable[Judgement]) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for judgement in judgements:
        known = qrels.setdefault(judgement.request, {}).setdefault(judgement.document, judgement.gain)
        if known != judgement.gain:
            what = f"'{judgement.document}' is judged both {known} and {judgement.gain}"
            raise InputError(f"{what} for '{judgement.request}'", remedy="Keep the right one")
    return qrels


def _outcomes(
    run: Run, numbers: list[int], gains: list[Mapping[str, int]], depth: int | None
) -> tuple[list[Outcome], int]:
    """What came of the requests `numbers` of the run, cut at `depth`, and how many documents their lists repeat."""
    outcomes, duplicates = [], 0
    for number, judged in zip(numbers, gains, strict=True):
        documents = run.documents(number)
        position = dict(zip(documents, range(len(documents)), strict=True))
        if len(position) < len(documents):
            duplicates += len(documents) - len(position)
            position = {document: i for i, document in enumerate(dict.fromkeys(documents))}
        end = len(position) if depth is None else min(depth, len(position))
        found = [(min(position.get(document, end), end), int(gain)) for document, gain in judged.items() if gain > 0]
        outcomes.append((end, tuple(sorted(found))))
    return outcomes, duplicates


def _values(outcomes: list[Outcome], metrics: tuple[Metric, ...]) -> np.ndarray:
    """The value of each metric for each outcome, (metrics, outcomes), from pytrec_eval.

    Documents go there by their position, best first, with scores that count down (exact in its float32 up to 2**24). So
    it can't put a list in an order of its own, and ids on which it fails (a NUL, a lone surrogate, a request called
    "no query") never reach it; nor do requests without a positive gain, for which it may not return.
    """
    from pytrec_eval import RelevanceEvaluator

    measures = {metric.trec_name for metric in metrics}
    keys = [metric.trec_name.replace(".", "_") for metric in metrics]
    ids = [f"{i:08d}" for i in range(max((end for end, _ in outcomes), default=0))]
    absent = [f"absent{i}" for i in range(max((len(found) for _, found in outcomes), default=0))]
    values = np.zeros((len(metrics), len(outcomes)))
    relevant = [i for i, (_, found) in enumerate(outcomes) if found]
    for start in range(0, len(relevant), CHUNK):
        lists: dict[str, dict[str, int]] = {}
        relevance: dict[str, dict[str, int]] = {}
        by_length: dict[int, dict[str, int]] = {}  # lists of one length are the same to trec_eval until they are judged
        chunk = relevant[start : start + CHUNK]
        for i in chunk:
            end, found = outcomes[i]
            if end not in by_length:
                by_length[end] = dict(zip(ids[:end], range(end, 0, -1), strict=True))
            lists[str(i)] = by_length[end]
            relevance[str(i)] = {
                ids[position] if position < end else other: gain
                for (position, gain), other in zip(found, absent, strict=False)
            }
        answers = RelevanceEvaluator(relevance, measures).evaluate(lists)
        for row, key in zip(values, keys, strict=True):
            row[chunk] = [answers[str(i)][key] for i in chunk]
    for row, metric in zip(values, metrics, strict=True):
        if metric.measure.reciprocal and metric.cutoff:
            row[row < 1 / metric.cutoff] = 0.0
    return values
