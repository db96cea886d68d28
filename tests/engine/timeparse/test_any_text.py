"""What holds of any text at any time, and how long it takes."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.timeparse import intervals
from timeparse.phrases import NOW, ROWS, TEXTS

MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))


@settings(max_examples=600, deadline=None)
@given(TEXTS, MOMENTS)
def test_any_text_at_any_time(text: str, now: datetime) -> None:
    found = intervals(text, now)
    if found:
        assert sum(i.weight for i in found) == pytest.approx(1)
    for interval in found:
        assert interval.start < interval.end and interval.weight > 0
        assert interval.phrase == text[slice(*interval.span)] != ""
        assert interval.phrase in interval.line
    assert [i.weight for i in found] == sorted((i.weight for i in found), reverse=True)


def test_accents_that_change_length_in_lower_case_do_not_move_spans() -> None:
    (found,) = intervals("İİİ and yesterday", NOW["W"])
    assert found.phrase == "yesterday" and found.span == (8, 17)


def test_a_very_long_text_takes_no_time() -> None:
    begin = time.process_time()
    for text in ("did remind today june friday " * 9000, "a" * 300_000, "last " * 60_000, ("in the of " * 30_000)):
        intervals(text, NOW["W"])
    assert time.process_time() - begin < 3


def test_it_is_fast() -> None:
    questions = [row[1] for row in ROWS]
    best = min(_timed(questions) for _ in range(5))
    assert best / len(questions) < 0.0006  # seconds of this process; half of it on an idle machine


def _timed(questions: list[str]) -> float:
    begin = time.process_time()
    for question in questions:
        intervals(question, NOW["W"])
    return time.process_time() - begin
