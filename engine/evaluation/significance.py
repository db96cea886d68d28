"""What may be luck: intervals for means and differences, the paired randomisation test, Holm's correction, `compare`.

Everything is drawn from an explicit seed, and one drawing serves all contestants, so that what is said of one does not
depend on who else is compared. It reads values per request out of `Evaluation`s and knows nothing of runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.errors import InputError
from engine.evaluation.metrics import Evaluation, Metric

Interval = tuple[float, float]

CONFIDENCE = 0.95
# Values this near are a tie: sums of the same gains in another order differ by less, other ranks by more.
TIE = 1e-9
# Numbers drawn at once. It keeps memory near 50 MB however many requests and resamples there are.
BATCH = 2**20


@dataclass(frozen=True, slots=True)
class Difference:
    """A contestant against the baseline: the mean difference, its interval, how likely luck makes one so large.

    `p` is of this comparison alone, `p_holm` holds over all made with it; wins, ties and losses are counts of requests.
    """

    mean: float
    interval: Interval | None
    p: float
    p_holm: float
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True, slots=True)
class Contestant:
    """One evaluation in a comparison; the baseline has no `difference`. Of one request alone there is no interval."""

    name: str
    mean: float
    interval: Interval | None
    difference: Difference | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Contestants by one metric over the same requests, in the order in which they were given."""

    metric: str
    baseline: str
    requests: int
    seed: int
    resamples: int
    contestants: tuple[Contestant, ...]


def compare(
    evaluations: Mapping[str, Evaluation],
    metric: str | Metric,
    baseline: str | None = None,
    seed: int = 0,
    resamples: int = 10_000,
) -> Comparison:
    """Set all `evaluations` against one of them (the first, if `baseline` is None) by one metric, request by request.

    Raises InputError if there are fewer than two, if they were judged on different requests or by different judgements,
    or if one lacks the metric.
    """
    names = list(evaluations)
    if len(names) < 2:
        raise InputError("a comparison needs at least two contestants", remedy="Name one more")
    base = names[0] if baseline is None else baseline
    if base not in evaluations:
        raise InputError(
            f"the baseline '{base}' is not among the contestants: {', '.join(names)}", remedy="Name one of them"
        )
    _check_same_judgements(evaluations)
    values = np.stack([evaluations[name].column(metric) for name in names])  # (contestants, requests)
    others = [name for name in names if name != base]
    differences = np.delete(values, names.index(base), axis=0) - values[names.index(base)]
    intervals = mean_intervals(np.vstack([values, differences]), seed, resamples)
    p = randomisation_test(differences, seed, resamples)
    found = {
        name: Difference(
            mean=float(row.mean()),
            interval=interval,
            p=float(raw),
            p_holm=float(corrected),
            wins=int((row > TIE).sum()),
            ties=int((np.abs(row) <= TIE).sum()),
            losses=int((row < -TIE).sum()),
        )
        for name, row, interval, raw, corrected in zip(
            others, differences, intervals[len(names) :], p, holm(p), strict=True
        )
    }
    contestants = tuple(
        Contestant(name, float(row.mean()), interval, found.get(name))
        for name, row, interval in zip(names, values, intervals[: len(names)], strict=True)
    )
    return Comparison(str(metric), base, values.shape[1], seed, resamples, contestants)


def mean_intervals(values: np.ndarray, seed: int, resamples: int = 10_000) -> list[Interval | None]:
    """The 95 % bootstrap interval of the mean of each row of `values` (rows, requests); None if there is one request.

    Percentile intervals (Efron 1979), by scipy.stats.bootstrap: to the mean of many requests the correction of BCa adds
    little, costs a jackknife quadratic in them, and is undefined (NaN) where all values are equal, as differences can
    be. All rows share the resampled requests, so an interval of a - b is that of the paired difference.
    """
    from scipy.stats import bootstrap

    rows, n = values.shape
    if n < 2:
        return [None] * rows

    def means(requests: np.ndarray, axis: int) -> np.ndarray:
        """Means of each row over resampled `requests` (batch, n) -> (rows, batch), as products with their counts."""
        requests = np.atleast_2d(requests)
        batch = len(requests)
        cells = requests + n * np.arange(batch)[:, None]
        counts = np.bincount(cells.ravel(), minlength=batch * n).reshape(batch, n).astype(np.float64)
        # Row by row: of one product, BLAS may round the last bit of equal rows differently.
        return np.stack([counts @ row for row in values]) / n

    found = bootstrap(
        (np.arange(n),),
        means,
        vectorized=True,
        axis=-1,
        method="percentile",
        confidence_level=CONFIDENCE,
        n_resamples=resamples,
        batch=max(1, BATCH // n),
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return list(zip(found.low.tolist(), found.high.tolist(), strict=True))


def randomisation_test(differences: np.ndarray, seed: int, resamples: int = 10_000) -> np.ndarray:
    """Two-sided p of the paired randomisation test (Fisher 1935; Smucker, Allan and Carterette 2007) for each row.

    `differences` are (comparisons, requests) of one contestant less another. If the two were alike, the sign of each
    request's difference would be a coin's: p is the share of sign flips whose mean is at least as far from 0 as the one
    found, that one counted among them, (b + 1) / (m + 1), so never 0 (Phipson and Smyth 2010). Flips are drawn as bits
    and summed as a product, about 100 times faster than scipy.stats.permutation_test, to which the tests hold it.
    """
    comparisons, n = differences.shape
    rng = np.random.default_rng(seed)
    sums = differences.sum(axis=1)
    # Flips that undo each other come out equal but for rounding; they must count as at least as far.
    least = np.abs(sums) - 1e-12 * np.abs(differences).sum(axis=1)
    as_far = np.zeros(comparisons, dtype=np.int64)
    width = (n + 7) // 8
    batch = max(1, BATCH // n)
    for start in range(0, resamples, batch):
        size = min(batch, resamples - start)
        drawn = np.frombuffer(rng.bytes(size * width), dtype=np.uint8).reshape(size, width)
        flipped = np.unpackbits(drawn, axis=1, count=n).astype(np.float64)  # (size, requests): 1 where the sign changes
        flipped_sums = sums[:, None] - 2 * (differences @ flipped.T)  # (comparisons, size)
        as_far += (np.abs(flipped_sums) >= least[:, None]).sum(axis=1)
    return (as_far + 1) / (resamples + 1)


def holm(p: Sequence[float] | np.ndarray) -> np.ndarray:
    """p values corrected for having made all these comparisons, by the step-down procedure of Holm (1979).

    The k-th smallest of m is multiplied by m - k + 1, never falls below the one before it, and is at most 1.
    """
    raw = np.asarray(p, dtype=np.float64)
    order = np.argsort(raw, kind="stable")
    stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    corrected = np.empty_like(raw)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def _check_same_judgements(evaluations: Mapping[str, Evaluation]) -> None:
    """InputError unless all were judged on the same requests by the same judgements."""
    everywhere = set().union(*(e.per_request.requests for e in evaluations.values()))
    faults = []
    for name, evaluation in evaluations.items():
        absent = sorted(everywhere.difference(evaluation.per_request.requests))
        if absent:
            shown = ", ".join(absent[:3]) + (" ..." if len(absent) > 3 else "")
            faults.append(f"{name} lacks {len(absent)} of {len(everywhere)} ({shown})")
    if faults:
        raise InputError(
            f"the contestants were not judged on the same requests: {'; '.join(faults)}",
            remedy="Evaluate them on the same split, with missing requests scored 0",
        )
    known = {name: e.qrels for name, e in evaluations.items() if e.qrels}
    for name, qrels in known.items():
        first = next(iter(known))
        if qrels != known[first]:
            raise InputError(
                f"{first} and {name} were judged by different judgements", remedy="Evaluate them with the same qrels"
            )
