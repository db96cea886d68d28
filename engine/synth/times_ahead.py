"""Ways to say a time to come: "next week", "on Friday", "in two weeks' time", "later this month"."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from engine.synth import calendar as cal
from engine.synth.calendar import DAY, HOUR, WEEK
from engine.synth.sayings import Saying, Ways, Words, always, off_by

way = Ways()


@way(14)
def unsaid(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    return Saying((t - rng.choice((7, 30, 90)) * DAY, t), ("",), None)


@way(4)
def today(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words: Words = (
        ("tonight", "this evening") if t.hour >= 18 else ("this afternoon",) if t.hour >= 12 else ("this morning",)
    )
    return Saying((cal.day(t)[0], t - HOUR), (*words, "later today", "today"), always(cal.day(t)))


@way(6)
def tomorrow(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    part = "tomorrow night" if t.hour >= 18 else "tomorrow afternoon" if t.hour >= 12 else "tomorrow morning"
    return Saying(cal.day(t, -1), ("tomorrow", "tomorrow", part), always(cal.day(t)))


@way(8)
def this_weekday(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name = cal.WEEKDAYS[t.weekday()]
    words = (f"this {name}", f"on {name}", f"this coming {name}")
    start = max(cal.week(t)[0], cal.day(t, -6)[0])
    return Saying((start, cal.day(t, -1)[0]), words, lambda now: (now, cal.day(t, 7)[1]))


@way(7)
def next_weekday(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name = cal.WEEKDAYS[t.weekday()]
    low, high = cal.week(t, -1)
    words = (f"next {name}",)
    return Saying((max(low, cal.day(t, -10)[0]), min(high, t - 2 * DAY)), words, lambda now: (now, cal.day(t, 7)[1]))


@way(12)
def this_weekend(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    if t.weekday() < 5:
        return None
    words = ("this weekend", "this weekend", "at the weekend" if british else "over the weekend", "this coming weekend")
    return Saying((cal.week(t)[0], cal.weekend(t)[0]), words, always(cal.weekend(t), 1))


@way(10)
def next_weekend(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    if t.weekday() < 5:
        return None
    return Saying(cal.week(t, -1), ("next weekend",), lambda now: (now, cal.weekend(t)[1] + DAY))


@way(20)
def next_week(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = ["next week"] * 4
    if t.weekday() in (0, 1):
        words += ["at the start of next week", "early next week"]
    if t.weekday() in (3, 4):
        words += ["towards the end of next week"]
    return Saying(cal.week(t, -1), tuple(words), always(cal.week(t), 1))


@way(7)
def this_week(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    return Saying((cal.week(t)[0], cal.day(t)[0]), ("this week", "later this week"), always(cal.week(t)))


@way(16)
def next_month(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = ["next month"] * 4
    if t.day <= 9:
        words += ["at the beginning of next month", "early next month"]
    if t.day >= 21:
        words += ["at the end of next month", "late next month"]
    return Saying(cal.month(t, -1), tuple(words), always(cal.month(t), 3))


@way(7)
def this_month(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = ["this month", "later this month"]
    if t.day >= 21:
        words += ["at the end of the month", "towards the end of the month"]
    return Saying((cal.month(t)[0], t - 3 * DAY), tuple(words), always(cal.month(t)))


@way(6)
def next_season(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    span, name = cal.season(t), cal.season_name(t, british)
    low = cal.add_months(span[0], -7)
    return Saying(
        (low, span[0] - 10 * DAY),
        (f"next {name}", f"this {name}", f"this coming {name}", f"in {name}"),
        always(span, 12),
    )


@way(5)
def next_year(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words: Words = ("next year", "next year", "early next year") if t.month <= 3 else ("next year",)
    return Saying(cal.year(t, -1), words, always(cal.year(t), 5))


@way(3)
def in_month(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name = cal.MONTHS[t.month - 1]
    part, part_span = cal.part_of_month(t)
    start = cal.month(t)[0]
    span = (cal.add_months(t, -7), start)
    if rng.random() < 0.4:
        words = {
            "early": (f"at the beginning of {name}", f"in early {name}"),
            "mid": (f"in mid-{name}", f"in the middle of {name}"),
            "late": (f"at the end of {name}", f"in late {name}"),
        }[part]
        return Saying(span, words, always(part_span, 4))
    return Saying(span, (f"in {name}", f"in {name}", f"this {name}", f"sometime in {name}"), always(cal.month(t), 4))


@way(2)
def on_date(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name, nth = cal.MONTHS[t.month - 1], cal.ordinal(t.day)
    words = (
        (f"on {t.day} {name}", f"on the {nth}", f"on the {nth} of {name}")
        if british
        else (f"on {name} {t.day}", f"on the {nth}")
    )
    return Saying((max(cal.month(t)[0], cal.day(t, -25)[0]), cal.day(t, -1)[0]), words, always(cal.day(t), 1))


@way(4)
def in_weeks(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    n = rng.choice((2, 2, 2, 3, 3, 4))
    number = cal.NUMBERS[n]
    words: Words = (f"in {number} weeks", f"in {n} weeks", f"{number} weeks from now", f"in {number} weeks' time")
    if n == 2:
        words = (*words, "in a couple of weeks", "in a fortnight" if british else "a couple weeks from now")
    return off_by(t, -n, WEEK, 0.3, words)


@way(2)
def in_days(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    n = rng.randint(2, 5)
    words: Words = (f"in {cal.NUMBERS[n]} days", f"in {n} days")
    if n == 2:
        words = (*words, "the day after tomorrow", "in a couple of days")
    return Saying(cal.day(t, -n), words, always(cal.day(t), 1))


@way(3)
def soon(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = ("in the next few days", "in the coming days", "in the next week or so")
    return Saying((t - timedelta(days=6), t - DAY), words, lambda now: (now, now + 14 * DAY))
