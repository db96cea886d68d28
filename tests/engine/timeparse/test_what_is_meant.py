"""Phrases of questions -> intervals, against the table of what English speakers mean."""

from __future__ import annotations

from datetime import datetime

import pytest

from engine.timeparse import Interval, intervals
from timeparse.phrases import NO_TIMES, NOW, ROWS


def moments(cell: str) -> list[datetime]:
    return [datetime.fromisoformat(d if "T" in d else f"{d}T12") for d in cell.split()]


def holds(interval: Interval, moment: datetime) -> bool:
    return interval.start <= moment < interval.end


@pytest.mark.parametrize(("now", "question", "within", "without"), ROWS, ids=[f"{r[0]}: {r[1]}" for r in ROWS])
def test_what_a_speaker_means(now: str, question: str, within: str, without: str) -> None:
    found = intervals(question, NOW[now])
    lines = [f"{i.line} {i.weight:.2f}" for i in found]
    for moment in moments(within):
        assert any(holds(i, moment) for i in found), f"{moment} is in none of {lines}"
    assert found and holds(found[0], moments(within)[0]), f"{moments(within)[0]} is not in the surest of {lines}"
    for moment in moments(without):
        assert not any(holds(i, moment) for i in found), f"{moment} is in one of {lines}"


def test_the_table_is_large_and_says_nothing_twice() -> None:
    assert len(ROWS) >= 170 and len({row[:2] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time(text: str) -> None:
    assert intervals(text, NOW["W"]) == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("where was I last spring?", '"last spring": 1 Mar 2023 to 31 May 2023'),
        ("and Yesterday?", '"Yesterday": 5 Mar 2024'),
        ("this evening", '"this evening": 6 Mar 2024, 17:00 to 24:00'),
        ("this morning", '"this morning": 6 Mar 2024, 03:00 to 12:00'),
        ("tonight", '"tonight": 6 Mar 2024, 17:00 to 7 Mar 2024, 04:00'),
        ("earlier today", '"earlier today": 6 Mar 2024, 00:00 to 14:30'),
        ("late March 2023", '"late March 2023": 19 Mar 2023 to 31 Mar 2023'),  # parts of days are not told
    ],
)
def test_a_line_for_a_person(text: str, line: str) -> None:
    assert intervals(text, NOW["R"])[0].line == line


def test_now_may_be_a_datetime_a_day_or_with_an_offset_but_not_nonsense() -> None:
    expected = intervals("yesterday", "2023-06-14T10:00:00")
    assert intervals("yesterday", datetime(2023, 6, 14, 10)) == expected
    assert intervals("yesterday", "2023-06-14") == expected
    assert intervals("yesterday", "2023-06-14T10:00:00+05:00") == expected
    with pytest.raises(ValueError, match="not a time"):
        intervals("yesterday", "some day")
