"""What the words mean, as weighted readings: so many units ago, the last or the next or this one of what comes round.

Between the calendar (engine/timeparse/words.py) and the table of phrases (engine/timeparse/rules.py). The weights
were chosen on the questions of pair_dev (bench/timephrases.py); they do not claim to be how often people mean what.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.timeparse.words import (
    DAY,
    HOLIDAY_CYCLES,
    MIDWEEK,
    MONTH_CYCLES,
    SEASON_CYCLES,
    SHORT_DAYS,
    SHORT_MONTHS,
    UNIT_DAYS,
    WEEKDAY_CYCLES,
    WEEKEND,
    Cycle,
    Reading,
    Span,
    midnight,
    shift,
    unit_span,
)


@dataclass(frozen=True, slots=True)
class Moment:
    """When the question was asked, and the belief (0 to 1) that what it asks about is over."""

    now: datetime
    past: float = 0.5


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a phrase may mean; `cycle` if a larger phrase may pick another instance of it, `frame` to be picked from."""

    readings: Sequence[Reading]
    cycle: Cycle | None = None
    frame: Span | None = None
    vague: bool = False  # says so little that any other phrase of the question goes before it


NOTHING = Meaning(())  # of words that look like a time and are none: no part of them is read either


def distant(now: datetime, unit: str, low: float, high: float, sign: int) -> Meaning:
    """`low` to `high` units ago (sign -1) or from now (+1): never one-sided, and wider with the unit and the number.

    Half of the belief is in the near window (half a unit around), the rest in one twice as wide; people round.
    """
    if UNIT_DAYS[unit] < 1:
        near, far = sorted(shift(now, unit, sign * n) for n in (low * 0.6, high * 1.4 + 1))
        return Meaning([(near, far, 1.0)])
    exact = low == high and unit in ("day", "night") and (high < 20 or high % 10)  # 100 days are about as many
    slacks = ((0.0, 0.75), (1.0, 0.25)) if exact else ((max(0.35, 0.03 * high), 0.6), (0.7 + 0.1 * high, 0.4))
    first, last = sorted(shift(now, unit, sign * n) for n in (low, high))
    readings = []
    for slack, weight in slacks:
        margin = timedelta(days=UNIT_DAYS[unit] * slack)
        start, end = midnight(first - margin), midnight(last + margin) + DAY
        if sign < 0 and low >= 1:
            end = min(end, midnight(now) + DAY)
        elif sign > 0 and low >= 1:
            start = max(start, midnight(now))
        readings.append((start, end, weight))
    frame_unit = {"night": "day", "weekend": "week", "fortnight": "week"}.get(unit, unit)
    frame = (unit_span(frame_unit, first)[0], unit_span(frame_unit, last)[1])
    return Meaning(readings, frame=frame)


def cycle_of(word: str) -> Cycle | None:
    """The cycle that a weekday, month, season, holiday or "weekend" names."""
    word = word.strip(" .").replace("arie", "ary")  # "two Januaries ago", without its s
    for table in (WEEKDAY_CYCLES, MONTH_CYCLES, SEASON_CYCLES):
        if word in table:
            return table[word]
    if word in ("weekend", "midweek"):
        return WEEKEND if word == "weekend" else MIDWEEK
    for pattern, cycle in HOLIDAY_CYCLES:
        if re.fullmatch(pattern, word):
            return cycle
    for short, table in ((SHORT_DAYS, WEEKDAY_CYCLES), (SHORT_MONTHS, MONTH_CYCLES)):
        if re.fullmatch(short, word):
            return next(cycle for name, cycle in table.items() if name.startswith(word[:3]))
    return None


def weighted(spans: Sequence[tuple[Span, float]]) -> list[Reading]:
    """Spans with weights as readings; what weighs nothing is left out."""
    return [(*span, weight) for span, weight in spans if weight > 0]


def resolve(cycle: Cycle, at: Moment, which: str = "", far: str = "") -> list[Reading]:
    """Which instances of a cycle are meant by last, next, this or nothing before it, and how surely.

    `far` is "before last" or "after next", or words like these.
    """
    over, current, ahead = cycle.around(at.now)
    spans: list[tuple[Span, float]]
    if far:
        near, line = (ahead, "next") if "after" in far else (over, "last")
        fresh = current is None and near[:1] and cycle.shares_frame(near[0], at.now)
        spans = list(zip(near[1:3], (0.65, 0.35) if fresh or line == "next" else (0.85, 0.15), strict=False))
    elif re.search("last|past|previous", which):
        spans = _last(cycle, which, over, current, at)
    elif re.search("next|coming|following", which):
        fresh = current is None and ahead[:1] and cycle.shares_frame(ahead[0], at.now)
        spans = list(zip(ahead[:2], (0.55, 0.45) if fresh else (0.9, 0.1), strict=False))
        spans = [(ahead[0], 1.0)] if ahead and which in ("this coming", "the coming", "the upcoming") else spans
    else:
        spans = _nearest(over, current, ahead, at, cycle, this=which == "this")
    return weighted(spans)


def _last(cycle: Cycle, which: str, over: list[Span], current: Span | None, at: Moment) -> list[tuple[Span, float]]:
    if re.match("this|the past", which):
        return list(zip(over[:2], (0.95, 0.05), strict=False))
    if current is not None and cycle.kind in ("season", "weekend"):
        run = (at.now - current[0]) / (current[1] - current[0])  # late in it, it may already be called the last one
        return [(over[0], 1 - 0.4 * run), (current, 0.4 * run)] if over else []
    if current is None and over and cycle.shares_frame(over[0], at.now):
        return list(zip(over[:2], (0.55, 0.45), strict=False))
    return list(zip(over[:2], (0.9, 0.1), strict=False))


def _nearest(
    over: list[Span], current: Span | None, ahead: list[Span], at: Moment, cycle: Cycle, *, this: bool
) -> list[tuple[Span, float]]:
    if current is not None:
        if this:
            return [(current, 1.0)]
        run = (at.now - current[0]) / (current[1] - current[0])  # when it has hardly begun, the past one may be meant
        rest = 0.25 if at.past < 0.8 else 0.65 - 0.5 * run
        near = [(over[0], rest * at.past)] if over else []
        return [(current, 1 - rest), *near, *((s, rest - rest * at.past) for s in ahead[:1])]
    if not this:
        return [*((s, at.past) for s in over[:1]), *((s, 1 - at.past) for s in ahead[:1])]
    soft = timedelta(days=cycle.days / 6)
    forward = {"weekday": 4.0, "weekend": 2.0}.get(
        cycle.kind, 1.0
    )  # "this Sunday" looks ahead unless the tense is past
    past = 0.0 if forward > 1 and at.past < 0.2 else at.past  # "what are we doing this weekend?"
    scores = [(s, past / ((at.now - s[1] + soft) / DAY) ** 2) for s in over[:1]]
    scores += [(s, forward * (1 - at.past) / ((s[0] - at.now + soft) / DAY) ** 2) for s in ahead[:1]]
    total = sum(score for _, score in scores)
    return [(s, score / total) for s, score in scores if score > 0.04 * total]
