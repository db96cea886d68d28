"""What stands right before or after a phrase and changes its time: "at the end of", "three weeks before", "evening".

A modifier turns one reading into another. engine/timeparse/phrases.py says which of them apply.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from engine.timeparse.numbers import NUMBER, number, unread
from engine.timeparse.readings import Moment
from engine.timeparse.rules import UNIT
from engine.timeparse.words import DAY, HOURS, UNIT_DAYS, WEEK, WEEKEND, Reading, midnight, shift, unit_span

Modifier = Callable[["re.Match[str]", Reading, Moment], Reading]


def _part(first: float, last: float) -> Modifier:
    """A part of the phrase's time, as fractions of it, in whole days where it has some."""

    def part(m: re.Match[str], r: Reading, at: Moment) -> Reading:
        start, end = r[0] + first * (r[1] - r[0]), r[0] + last * (r[1] - r[0])
        if r[1] - r[0] <= 2 * DAY:
            return (start, end, r[2])
        return (midnight(start), end if end == midnight(end) else midnight(end) + DAY, r[2])

    return part


def _half(second: bool) -> Modifier:
    """Of a year six months, of anything else whole days."""

    def half(m: re.Match[str], r: Reading, at: Moment) -> Reading:
        middle = r[0] + (r[1] - r[0]) / 2
        if r[:2] == unit_span("year", r[0]):
            middle = shift(r[0], "month", 6)
        elif r[1] - r[0] > DAY:
            middle = midnight(middle)
        return (middle, r[1], r[2]) if second else (r[0], middle, r[2])

    return half


def _reach(r: Reading) -> timedelta:
    """How far a one-sided phrase reaches: "before Easter" a month, "before 2020" some years."""
    return max(timedelta(days=31), 2 * (r[1] - r[0]))


def _before(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    return (r[0] - _reach(r), r[0], r[2])


def _after(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    end, today = r[1] + _reach(r), midnight(at.now) + DAY
    return (r[1], min(end, today) if at.past > 0.8 and r[1] < today else end, r[2])


def _week_of(n: int) -> Modifier:
    """The first, second, third week of a month; -1 is the last."""
    return lambda m, r, at: (r[1] - WEEK, r[1], r[2]) if n < 0 else (r[0] + n * WEEK, r[0] + (n + 1) * WEEK, r[2])


def _since(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    today = midnight(at.now) + DAY
    return (r[0], today, r[2]) if today > r[0] else (r[0], r[1] + _reach(r), r[2] / 100)


def _until(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    today = midnight(at.now)
    return (today if today < r[1] and at.past < 0.8 else r[0] - _reach(r), r[1], r[2])


def _widened(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    margin = max(2 * DAY, (r[1] - r[0]) / 2)
    return (r[0] - margin, r[1] + margin, r[2])


def _calendar_week(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    start, end = unit_span("week", r[0])
    return (start, max(end, r[1]), r[2])


def _weekend_of(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    """The weekend that a day lies in or next to."""
    return (*WEEKEND.spans(r[0] - 2 * DAY, r[0] + 4 * DAY)[0], r[2])


def _beside(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    """The week before Christmas; three weeks after Easter."""
    unit, before = m["unit"], m["side"] == "before"
    if unit == "weekend" and not m["n"]:
        spans = WEEKEND.spans(r[0] - 9 * DAY, r[1] + 9 * DAY)
        sides = [s for s in reversed(spans) if s[1] <= r[0]] if before else [s for s in spans if s[0] >= r[1]]
        return (*sides[0], r[2])
    if not m["n"]:
        width = timedelta(days=max(UNIT_DAYS[unit], 1.0))
        return (r[0] - width, r[0], r[2]) if before else (r[1], r[1] + width, r[2])
    if unread(m.string, *m.span("n")):
        raise ValueError("the tail of a number")
    low, high = number(m["n"])
    slack = timedelta(days=UNIT_DAYS[unit] * 0.4)
    sign, edge = (-1, r[0]) if before else (1, r[1] - DAY)
    first, last = sorted(shift(edge, unit, sign * n) for n in (low, high))
    return (midnight(first - slack), midnight(last + slack) + DAY, r[2])


def _hours(name: str) -> Modifier:
    """A part of the day on which the reading begins; longer readings stay as they are."""
    first, last = HOURS[name]

    def part(m: re.Match[str], r: Reading, at: Moment) -> Reading:
        if r[1] - r[0] > DAY:
            return r
        return (midnight(r[0]) + first * DAY / 24, midnight(r[0]) + last * DAY / 24, r[2])

    return part


# Those of the first list take a part of the time that a phrase names on the calendar, not of "about a month ago".
PARTS: list[tuple[re.Pattern[str], Modifier]] = [
    (re.compile(rf"\b(?:{pattern})$"), modifier)
    for pattern, modifier in (
        (r"(?:rest|remainder) of (?:the )?", lambda m, r, at: (max(r[0], midnight(at.now)), r[1], r[2])),
        (r"(?:the )?(?:last|final) day (?:of|in) (?:the )?", lambda m, r, at: (r[1] - DAY, r[1], r[2])),
        (r"(?:the )?first day (?:of|in) (?:the )?", lambda m, r, at: (r[0], r[0] + DAY, r[2])),
        (r"(?:last|final)(?: few)? days of (?:the )?", _part(0.8, 1)),
        (r"first(?: few)? days of (?:the )?", _part(0, 0.2)),
        (r"(?:the )?weekend of (?:the )?", _weekend_of),
        *((rf"(?:the )?{part} of (?:the )?", _hours(part)) for part in HOURS),
        *((rf"{nth} week (?:of|in) (?:the )?", _week_of(n)) for n, nth in enumerate(("first", "second", "third"))),
        (r"(?:last|final) week (?:of|in) (?:the )?", _week_of(-1)),
        (r"(?:the )?week (?:of|beginning|commencing|starting) (?:the )?", _calendar_week),
        (r"early[ -](?:in |on )?(?:the )?", _part(0, 0.4)),
        (r"mid(?:dle of)?[ -](?:the )?", _part(0.25, 0.75)),
        (r"late[ -](?:in |on )?(?:the )?", _part(0.6, 1)),
        (r"(?:the )?first half (?:of|in) (?:the )?", _half(second=False)),
        (r"(?:the )?(?:second|last|latter) half (?:of|in) (?:the )?", _half(second=True)),
        (r"(?:beginning|start|first part) (?:of|in) (?:the )?", _part(0, 0.4)),
        (r"(?:end|last part|tail end) (?:of|in) (?:the )?", _part(0.6, 1)),
    )
]
BESIDE: list[tuple[re.Pattern[str], Modifier]] = [
    (re.compile(rf"\b(?:{pattern})$"), modifier)
    for pattern, modifier in (
        (rf"(?:(?:the|a)|(?P<n>{NUMBER})) (?P<unit>{UNIT})s? (?P<side>before|after) ", _beside),
        (r"(?:before|prior to|ahead of|leading up to|run-?up to) (?:the )?", _before),
        (r"after (?:the )?", _after),
        (r"(?:ever )?since (?:the )?", _since),
        (r"(?:until|till|by|up to) (?:the )?", _until),
        (r"(?:around|over) (?:the )?", _widened),
    )
]
AFTER: list[tuple[re.Pattern[str], Modifier]] = [
    (re.compile(rf"(?:{pattern})\b"), modifier)
    for pattern, modifier in (
        *((rf"(?:'s)?,? (?:in the )?{part}", _hours(part)) for part in HOURS),
        (r",? onwards?", _since),
    )
]
