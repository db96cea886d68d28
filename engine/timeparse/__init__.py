"""Phrases of a question ("the week before last") resolved against its moment into weighted intervals.

One phrase may mean several things, so a question gets readings with weights. They serve a soft prior over memories
(`prior`) or the published hard filter (`inside`; PEARL, methods/pearl.md section 4.3). Points in time that are
written out in files are engine/datasets/times.py's. What the words mean is a table in engine/timeparse/rules.py, how
phrases are put together is in engine/timeparse/phrases.py; here are the tense of the question and what a reading does
to memories.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from engine.datasets.times import read_time
from engine.timeparse.phrases import Held, readings_of
from engine.timeparse.readings import Moment
from engine.timeparse.words import DAY, MONTHS, midnight

NEUTRAL = 0.5  # the prior of a memory without any time, and of every memory where no phrase is understood
_LONGEST = 2000  # characters of a question that are read
_EPOCH = datetime(1970, 1, 1)
_PLAIN = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2019\u2018\u00a0\t\n\r", "-----''    ")


@dataclass(frozen=True, slots=True)
class Interval:
    """One reading of one phrase: [start, end), its share of belief, the words of the question and where they stand.

    The weights of a question sum to 1.
    """

    start: datetime
    end: datetime
    weight: float
    phrase: str
    span: tuple[int, int]

    @property
    def line(self) -> str:
        """The reading for a person: `"last spring": 1 Mar 2023 to 31 May 2023`, `"this evening": 6 Mar 2024, 17:00 to
        24:00`.

        Hours are told unless it begins and ends at midnight.
        """
        last = self.end - timedelta(microseconds=1)
        same = self.start.date() == last.date()
        if self.start == midnight(self.start) and self.end == midnight(self.end):
            return f'"{self.phrase}": {_day(self.start)}' + ("" if same else f" to {_day(last)}")
        hour = "24:00" if self.end == midnight(self.end) else f"{self.end:%H:%M}"
        return f'"{self.phrase}": {_day(self.start)}, {self.start:%H:%M} to ' + (
            hour if same else f"{_day(last)}, {hour}"
        )


def _day(moment: datetime) -> str:
    return f"{moment.day} {MONTHS[moment.month - 1][:3].title()} {moment.year}"


def intervals(text: str, now: str | datetime) -> tuple[Interval, ...]:
    """The readings of the temporal phrases in `text`, asked at `now` (local), the surest first; () if there are none.

    Never raises on any text. Raises ValueError if `now` is a string that is no time.
    """
    moment = _moment(now)
    plain = _plain(text[:_LONGEST])
    at = Moment(moment, _past(plain))
    readings: list[Held] = []
    with suppress(OverflowError):  # at either end of the calendar, in the years 1 and 9999
        readings = readings_of(plain, at)
        if readings and _TOLD.search(plain):
            readings = _with_the_telling(readings, at)
    total = sum(weight for _, _, weight, _ in readings)
    return tuple(
        Interval(start, end, weight / total, text[p.start : p.end], (p.start, p.end))
        for start, end, weight, p in readings
    )


def seconds(iso: str | None) -> float:
    """Seconds since 1970 of a local time, as if there were no zones; NaN for None and for what is no ISO-8601 time."""
    if iso is None:
        return float("nan")
    try:
        return (datetime.fromisoformat(iso).replace(tzinfo=None) - _EPOCH).total_seconds()
    except ValueError:
        return float("nan")


def inside(found: Sequence[Interval], times: np.ndarray, created: np.ndarray) -> np.ndarray:
    """The paper's hard filter, (n,) bool: is either time in any reading? `times`, `created`: (n,) seconds or NaN."""
    held = np.zeros(len(times), dtype=bool)
    for interval in found:
        start, end = _bounds(interval)
        held |= ((times >= start) & (times < end)) | ((created >= start) & (created < end))
    return held


def prior(
    found: Sequence[Interval],
    times: np.ndarray,
    created: np.ndarray,
    *,
    days: float = 1.0,
    created_weight: float = 0.8,
) -> np.ndarray:
    """How well each memory's times fit the readings, (n,) float32 in (0, 1]; `times`, `created`: (n,) seconds or NaN.

    1 inside the surest reading. Outside of a reading of L days the value is 1 / (1 + (d / s)^2) at distance d, with a
    softness s = `days` * sqrt(L). Readings are mixed by weight. A memory's value is the better of its time's and of
    `created_weight` times its creation's; without either it is `NEUTRAL`, as is every memory where `found` is empty.
    """
    by_time, by_creation = _fit(found, times, days), _fit(found, created, days)
    best = np.fmax(by_time, created_weight * by_creation)  # fmax passes over NaN
    smallest = np.finfo(np.float32).tiny
    return np.clip(np.where(np.isnan(best), NEUTRAL, best), smallest, 1.0).astype(np.float32)


def _fit(found: Sequence[Interval], times: np.ndarray, days: float) -> np.ndarray:
    """(n,) in (0, 1], NaN where the time is."""
    times = np.asarray(times, dtype=np.float64)
    if not found:
        return np.full(len(times), np.nan)
    total = np.zeros(len(times))
    for interval in found:
        start, end = _bounds(interval)
        distance = np.maximum(np.maximum(start - times, times - end), 0.0)  # (n,) seconds
        softness = 86400 * days * max((end - start) / 86400, 1.0) ** 0.5
        total += interval.weight / (1 + (distance / softness) ** 2)
    return np.minimum(total / max(interval.weight for interval in found), 1.0)


def _bounds(interval: Interval) -> tuple[float, float]:
    return (interval.start - _EPOCH).total_seconds(), (interval.end - _EPOCH).total_seconds()


def _moment(now: str | datetime) -> datetime:
    if isinstance(now, datetime):
        return now.replace(tzinfo=None)
    iso, _ = read_time(now)
    if iso is None:
        raise ValueError(f"not a time: {now!r}")
    return datetime.fromisoformat(iso)


def _plain(text: str) -> str:
    """Lower case with plain dashes and apostrophes, each character in its place."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return lower.translate(_PLAIN)


# --- tense: is what is asked about over?
_FUTURE = re.compile(
    r"\b(?:will|won't|shall|going to|must|should|needs? to|(?:am|do) i|(?:are|do|can) we|i'm|we're|when(?:'s| is| are)"
    r"|what(?:'s| is) (?:on|planned|happening))\b|'ll\b"
)
_PAST = re.compile(
    r"\b(?:did|didn't|was|were|had|went|met|saw|told|said|gave|got|bought|took|made|came|sent|ate|drank|found|left|lost"
    r"|wrote|won|paid|spoke|began|kept|brought|taught|sang|ran|drove|have (?:i|we) (?!to\b)|has"
    r"|(?!(?:suppos|schedul|plann|book|invit|expect|call|nam|marri)ed)\w{2,}(?<!e)ed)\b"
)
_PLANNED = re.compile(r"\b(?:plan|plann(?:ed|ing)|schedul\w+|book|booked|arrange|arranged|supposed|remind|reminded)\b")


def _past(plain: str) -> float:
    future, past = _FUTURE.search(plain), _PAST.search(plain)
    if bool(future) == bool(past):
        return 0.5
    if future:
        return 0.12
    return 0.6 if _PLANNED.search(plain) else 0.88


# --- what was told about a time to come was told before it
_TOLD = re.compile(
    r"\b(?:(?:did|have|has|had|was|were)\b.{0,160}\b(?:remind|text|tell|told|mention|message|say|said|e-?mail|talk|discuss"
    r"|hear|confirm|suggest|recommend|inform|invite|promise|chat|ask|plan|book|schedule|add|arrange|send|sent|write|call)"
    r"|(?:remind|text|mention|messag|e-?mail|suggest|recommend|inform|invit|promis|add|book|arrang)ed\b|(?:told|sent)\b)"
)


def _with_the_telling(readings: list[Held], at: Moment) -> list[Held]:
    """The days before the question too, where a past message or plan is asked for and its subject lies ahead.

    The nearer the subject, the nearer the telling: tonight's dinner was talked of this week, next month's this month.
    """
    today = midnight(at.now)
    ahead = [r for r in readings if r[1] > at.now and (r[0] >= today or today - 7 * DAY < r[0] < r[1] - 2 * DAY)]
    belief = sum(weight for _, _, weight, _ in ahead)
    if belief < 0.5 * sum(weight for _, _, weight, _ in readings):
        return readings
    distance = max(ahead[0][0] - at.now, DAY)
    told = (today - min(6 * DAY + distance, 30 * DAY), today + DAY, 0.6 * belief, ahead[0][3])
    return sorted([*readings, told], key=lambda r: -r[2])
