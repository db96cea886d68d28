"""When a question is asked, and how it says the memory's time."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta

import pytest

from engine.synth import moments, said_times

HORIZON = datetime(2026, 12, 31)


def drawn(future: bool, number: int, seed: int = 0) -> list[tuple[datetime, datetime, moments.Moment]]:
    rng = random.Random(seed)
    found: list[tuple[datetime, datetime, moments.Moment]] = []
    while len(found) < number:
        t = datetime(2020, 1, 1, 8) + timedelta(minutes=15 * rng.randrange(4 * 24 * 1200))
        t = t.replace(hour=8 + t.hour % 14)
        created = t - timedelta(days=rng.choice((1, 9, 40, 200)))
        moment = moments.draw(rng, t, created, HORIZON, rng.random() < 0.5, future)
        if moment is not None:
            found.append((t, created, moment))
    return found


@pytest.mark.parametrize("future", [False, True])
def test_the_phrase_fits_and_its_span_holds_the_memory(future: bool) -> None:
    for t, created, moment in drawn(future, 3000):
        said = f"{moment.phrase.text!r} at {moment.now} of {t}"
        assert created < moment.now and (moment.now < t) == future, said
        assert 7 <= moment.now.hour <= 23 and moment.now <= HORIZON
        assert (moment.meant is None) == (not moment.phrase), said
        if moment.meant is not None:
            assert moment.meant[0] <= t < moment.meant[1], f"{said}: {moment.meant}"
            assert moment.phrase.surfaces() == [(moment.phrase.text, "TIM")]
        assert said_times.may_mean(moment.phrase.text, t, moment.now), said


def test_variety() -> None:
    past = Counter(moment.phrase.text for _, _, moment in drawn(False, 3000))
    ahead = Counter(moment.phrase.text for _, _, moment in drawn(True, 1500))
    # most say it relatively: few dates and months by name
    assert len(past) > 300 and len(ahead) > 150
    assert 0.05 < past[""] / 3000 < 0.35
    for phrase in (
        "last week",
        "last month",
        "last spring",
        "yesterday",
        "two weeks ago",
        "in June",
        "the week before last",
    ):
        assert past[phrase], phrase
    for phrase in ("next week", "tomorrow", "this weekend", "next month"):
        assert ahead[phrase], phrase


@pytest.mark.parametrize(
    ("phrase", "t", "now", "fits"),
    [
        ("last week", "2024-05-08", "2024-05-13", True),
        ("last week", "2024-05-08", "2024-05-11", False),
        ("last Tuesday", "2024-05-07", "2024-05-10", True),
        ("last Tuesday", "2024-05-08", "2024-05-10", False),
        ("two weeks ago", "2024-05-08", "2024-05-22", True),
        ("two weeks ago", "2024-05-08", "2024-07-22", False),
        ("in early May", "2024-05-08", "2024-07-22", True),
        ("in early May", "2024-05-28", "2024-07-22", False),
        ("next month", "2024-05-08", "2024-04-02", True),
        ("next month", "2024-05-08", "2024-06-02", False),
        ("this past weekend", "2024-05-05", "2024-05-07", True),
        ("this weekend", "2024-05-05", "2024-05-07", False),
        ("in 2022", "2024-05-05", "2024-05-07", False),
        ("yesterday", "2024-05-05", "2024-05-07", False),
    ],
)
def test_the_check_of_phrases_tells_right_from_wrong(phrase: str, t: str, now: str, fits: bool) -> None:
    at = datetime.fromisoformat
    assert said_times.may_mean(phrase, at(t + "T10:00"), at(now + "T12:00")) is fits
