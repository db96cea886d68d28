"""Tests of significance against exact enumeration, SciPy, hand-worked corrections and planted truths."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from engine.errors import InputError
from engine.evaluation.metrics import evaluate
from engine.evaluation.significance import compare, holm, mean_intervals, randomisation_test
from engine.records import Run


def exact_p(row):
    """The share of all sign flips, the identity among them, whose mean is as far from 0 as that of `row`."""
    flips = np.array(list(product([-1, 1], repeat=len(row))))
    return float((np.abs(flips @ row) >= abs(row.sum()) - 1e-12).mean())


@pytest.mark.parametrize(
    "row",
    [
        np.array([0.4, -0.1, 0.3, 0.2, 0.0, 0.5, -0.2]),
        np.array([1.0, 1.0, 1.0, -1.0, 0.0, 0.0, 1.0, 1.0]),  # ties among the flips
        np.array([0.1, 0.2, -0.3]),  # sums to 0 but for rounding
        np.full(9, 0.1),
    ],
)
def test_p_is_that_of_all_flips(row):
    drawn = randomisation_test(row[None], seed=0, resamples=20_000)[0]
    assert drawn == pytest.approx(exact_p(row), abs=0.015)
    scipy = stats.permutation_test((row, np.zeros_like(row)), lambda x, y: (x - y).mean(), permutation_type="samples")
    # SciPy doubles the smaller tail; ours counts both. For sign flips the two are mirror images.
    assert min(scipy.pvalue, 1.0) == pytest.approx(exact_p(row), abs=1e-9)


def test_p_is_never_nothing_and_never_more_than_one():
    rows = np.stack([np.full(200, 0.5), np.zeros(200)])
    assert randomisation_test(rows, seed=3, resamples=999).tolist() == [1 / 1000, 1.0]


def test_p_depends_on_the_seed_and_not_on_the_company():
    rows = np.random.default_rng(0).normal(0.05, 1, (3, 301))
    together = randomisation_test(rows, seed=5, resamples=2000)
    assert together.tolist() == [randomisation_test(row[None], seed=5, resamples=2000)[0] for row in rows]
    assert together.tolist() != randomisation_test(rows, seed=6, resamples=2000).tolist()


def test_batches_together_make_up_all_the_resamples(monkeypatch):
    rows = np.random.default_rng(0).normal(0.05, 1, (2, 104))
    whole = randomisation_test(rows, seed=5, resamples=1000), mean_intervals(rows, seed=5, resamples=1000)
    monkeypatch.setattr("engine.evaluation.significance.BATCH", 104 * 64)  # 15 full batches and a part of one
    in_parts = randomisation_test(rows, seed=5, resamples=1000), mean_intervals(rows, seed=5, resamples=1000)
    assert in_parts[0].tolist() == whole[0].tolist()
    np.testing.assert_allclose(in_parts[1], whole[1], rtol=0, atol=1e-12)


def test_under_the_null_p_is_uniform():
    rows = np.random.default_rng(1).normal(0, 1, (400, 30))
    p = randomisation_test(rows, seed=0, resamples=999)
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_intervals_are_scipys_percentile_ones():
    values = np.random.default_rng(0).random((2, 50))
    for row, interval in zip(values, mean_intervals(values, seed=0, resamples=4000), strict=True):
        theirs = stats.bootstrap((row,), np.mean, method="percentile", n_resamples=4000, rng=0).confidence_interval
        assert interval == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_the_interval_of_a_difference_is_the_paired_one():
    """Two contestants that differ by little everywhere: each is uncertain, their difference is not."""
    base = np.random.default_rng(0).random(80)
    low, high = mean_intervals(np.stack([base, base + 0.01]) - base, seed=0, resamples=500)[1]
    assert (low, high) == pytest.approx((0.01, 0.01))


@pytest.mark.parametrize("constant", [0.0, 0.3, 1.0])
def test_where_all_are_equal_the_interval_is_a_point(constant):
    assert mean_intervals(np.full((1, 20), constant), seed=0, resamples=200)[0] == pytest.approx((constant, constant))


def test_one_request_has_no_interval():
    assert mean_intervals(np.array([[0.5], [1.0]]), seed=0) == [None, None]


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(7)
    draws = rng.beta(1, 3, (150, 60))  # skewed, mean 1/4
    covered = [
        low <= 0.25 <= high
        for row in draws
        for low, high in mean_intervals(row[None], seed=int(rng.integers(1e6)), resamples=400)
    ]
    assert 0.88 <= np.mean(covered) <= 0.99


def test_holm_by_hand():
    # Sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2, then 0.04 x 1, which may not fall below 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([0.02]).tolist() == [0.02]
    assert holm([]).tolist() == []


def judged(ranks, metrics=("mrr", "hit@1"), gain=1):
    """An evaluation in which request i has its one relevant document at ranks[i] (from 1)."""
    lists = {f"q{i:03d}": ["x" * (j + 1) for j in range(rank - 1)] + ["gold"] for i, rank in enumerate(ranks)}
    return evaluate(Run.from_lists(lists), {request: {"gold": gain} for request in lists}, metrics)


def test_compare():
    rng = np.random.default_rng(0)
    ranks = rng.integers(1, 6, 120)
    better = np.maximum(ranks - (rng.random(120) < 0.4), 1)
    found = compare({"base": judged(ranks), "better": judged(better), "same": judged(ranks)}, "mrr", resamples=2000)
    assert (found.metric, found.baseline, found.requests, found.seed, found.resamples) == ("mrr", "base", 120, 0, 2000)
    base, first, same = found.contestants
    assert [c.name for c in found.contestants] == ["base", "better", "same"]
    assert base.difference is None and base.mean == pytest.approx((1 / ranks).mean())
    won = int((better < ranks).sum())
    assert (first.difference.wins, first.difference.ties, first.difference.losses) == (won, 120 - won, 0)
    assert first.difference.mean == pytest.approx(first.mean - base.mean)
    assert 0 < first.difference.interval[0] < first.difference.mean < first.difference.interval[1]
    assert first.interval[0] < first.mean < first.interval[1]
    assert (first.difference.p, first.difference.p_holm) == (1 / 2001, 2 / 2001)
    assert (same.difference.p, same.difference.interval, same.difference.ties) == (1.0, (0.0, 0.0), 120)
    assert same.interval == base.interval


def test_compare_is_repeatable_and_the_baseline_can_be_named():
    evaluations = {"a": judged([1, 2, 3, 1]), "b": judged([1, 1, 3, 2])}
    one, two = compare(evaluations, "mrr", seed=4, resamples=200), compare(evaluations, "mrr", seed=4, resamples=200)
    assert one == two
    turned = compare(evaluations, "mrr", baseline="b", seed=4, resamples=200).contestants[0].difference
    forth = one.contestants[1].difference
    assert (turned.mean, turned.p) == (-forth.mean, forth.p)
    assert (turned.wins, turned.losses) == (forth.losses, forth.wins)


def test_compare_refuses_what_cannot_be_compared():
    a, b, short = judged([1, 2, 3]), judged([2, 2, 1]), judged([1, 2])
    with pytest.raises(InputError, match=r"short lacks 1 of 3 \(q002\)"):
        compare({"a": a, "short": short}, "mrr")
    with pytest.raises(InputError, match="different judgements"):
        compare({"a": a, "b": judged([2, 2, 1], gain=2)}, "mrr")
    with pytest.raises(InputError, match="map was not computed"):
        compare({"a": a, "b": b}, "map")
    with pytest.raises(InputError, match="'c' is not among the contestants: a, b"):
        compare({"a": a, "b": b}, "mrr", baseline="c")
    with pytest.raises(InputError, match="at least two"):
        compare({"a": a}, "mrr")
