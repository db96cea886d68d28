"""What readings do to memories: the soft prior and the hard filter."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.timeparse import NEUTRAL, Interval, inside, intervals, prior, seconds
from timeparse.phrases import NOW, TEXTS

DAY = 86400.0


def sole(days: int = 1) -> Interval:
    return Interval(datetime(2023, 6, 1), datetime(2023, 6, 1) + timedelta(days=days), 1.0, "x", (0, 1))


@settings(max_examples=150, deadline=None)
@given(
    TEXTS,
    st.lists(st.floats(-1e11, 1e11) | st.just(float("nan")), min_size=1, max_size=20),
    st.floats(0.05, 30),
    st.floats(0, 1),
)
def test_the_prior_is_soft(text: str, times: list[float], days: float, created_weight: float) -> None:
    found = intervals(text, NOW["W"])
    column = np.asarray(times)
    values = prior(found, column, column[::-1], days=days, created_weight=created_weight)
    assert values.dtype == np.float32 and values.shape == column.shape
    assert ((values > 0) & (values <= 1)).all()


@given(st.integers(1, 400))
def test_one_inside_a_sole_reading_and_falling_with_the_distance(days: int) -> None:
    start, end = seconds("2023-06-01"), seconds("2023-06-01") + days * DAY
    nothing = np.full(50, np.nan)
    later = end + np.arange(50) * DAY
    earlier = start - np.arange(50) * DAY
    assert prior([sole(days)], np.asarray([start, (start + end) / 2, end - 1]), nothing[:3]).tolist() == [1, 1, 1]
    for times in (later, earlier):
        values = prior([sole(days)], times, nothing)
        assert values[0] == pytest.approx(1) and (np.diff(values) < 0).all()


def test_a_longer_phrase_is_softer() -> None:
    nothing = np.asarray([np.nan])
    after = [
        prior([sole(d)], np.asarray([seconds("2023-06-01") + d * DAY + 5 * DAY]), nothing)[0] for d in (1, 30, 365)
    ]
    assert after[0] < after[1] < after[2]
    assert after[0] < 0.1 and after[2] > 0.9  # five days beside "on Friday", and beside "last year"


def test_the_better_of_time_and_creation_counts_and_neither_is_neutral() -> None:
    right, wrong, none = seconds("2023-06-01T12:00:00"), seconds("2021-01-01"), float("nan")
    times = np.asarray([right, wrong, none, right, none])
    created = np.asarray([none, right, right, right, none])
    values = prior([sole()], times, created, created_weight=0.5)
    np.testing.assert_allclose(values, [1, 0.5, 0.5, 1, NEUTRAL], atol=1e-6)
    assert inside([sole()], times, created).tolist() == [True, True, True, True, False]
    assert prior([], times, created).tolist() == [NEUTRAL] * 5
    assert not inside([], times, created).any()


def test_readings_are_mixed_by_weight() -> None:
    first = Interval(datetime(2023, 6, 1), datetime(2023, 6, 2), 0.75, "x", (0, 1))
    second = Interval(datetime(2013, 6, 1), datetime(2013, 6, 2), 0.25, "x", (0, 1))
    times = np.asarray([seconds("2023-06-01"), seconds("2013-06-01"), seconds("2018-06-01")])
    values = prior([first, second], times, np.full(3, np.nan))
    assert values[0] == 1 and values[1] == pytest.approx(1 / 3, abs=1e-4) and 0 < values[2] < 0.001


def test_the_hard_filter_includes_the_start_and_the_last_second() -> None:
    times = np.asarray([seconds(t) for t in ("2023-06-01", "2023-06-01T23:59:59", "2023-06-02", "2023-05-31T23:59:59")])
    assert inside([sole()], times, np.full(4, np.nan)).tolist() == [True, True, False, False]


def test_seconds() -> None:
    assert seconds("1970-01-02") == DAY and seconds("1970-01-01T00:00:01+05:00") == 1
    assert np.isnan(seconds(None)) and np.isnan(seconds("soon"))
