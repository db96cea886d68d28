"""Ways to say a time that has passed: "last week", "a couple of months ago", "in early May", "two summers ago"."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from engine.synth import calendar as cal
from engine.synth.calendar import DAY, HOUR, WEEK, widened
from engine.synth.sayings import Saying, Ways, Words, always, off_by, past

way = Ways()


@way(15)
def unsaid(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    days = rng.choice((3, 14, 60, 200, 500))
    return Saying((t + HOUR, t + days * DAY), ("",), None)


@way(4)
def earlier_today(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words: Words = ("this morning",) if t.hour < 12 else ("this afternoon",) if t.hour < 17 else ()
    return Saying((t + HOUR, cal.day(t)[1]), (*words, "earlier today", "today"), always(cal.day(t)))


@way(5)
def yesterday(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = ("last night", "yesterday evening", "yesterday") if t.hour >= 18 else ("yesterday",)
    return Saying(cal.day(t, 1), words, always(cal.day(t)))


@way(9)
def last_weekday(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name = cal.WEEKDAYS[t.weekday()]
    start = cal.day(t, 1)[0]
    words = (f"last {name}", f"on {name}", f"this past {name}") if british else (f"last {name}", f"this past {name}")
    return Saying((start, start + 6 * DAY), words, always((cal.day(t, -7)[0], cal.day(t)[1])))  # or a week before


@way(13)
def last_weekend(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    if t.weekday() < 5:
        return None
    start = cal.week(t, 1)[0]
    words = ("last weekend", "last weekend", "at the weekend" if british else "over the weekend", "this past weekend")
    return Saying((start, start + 5 * DAY), words, always(widened(cal.weekend(t), 1)))


@way(2)
def weekend_before_last(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    if t.weekday() < 5:
        return None
    start = cal.week(t, 2)[0]
    return Saying((start, start + 5 * DAY), ("the weekend before last", "two weekends ago"), always(cal.weekend(t), 1))


@way(17)
def last_week(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    return Saying(cal.week(t, 1), ("last week",), past(cal.week(t), 14))


@way(1)
def past_week(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = ("in the past week", "in the past few days", "over the past few days")
    return Saying((t + DAY, t + 6 * DAY), words if rng.random() < 0.5 else words[:1], lambda now: (now - 9 * DAY, now))


@way(2)
def week_before_last(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    return Saying(cal.week(t, 2), ("the week before last",), always(cal.week(t), 2))


@way(5)
def this_week(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    return Saying((t + HOUR, cal.week(t)[1]), ("this week", "earlier this week"), always(cal.week(t)))


@way(22)
def last_month(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = ["last month"] * 5
    part, _ = cal.part_of_month(t)
    if part == "early":
        words += ["at the start of last month", "early last month"]
    if part == "late":
        words += ["at the end of last month", "late last month"]
    return Saying(cal.month(t, 1), tuple(words), past(cal.month(t), 30))


@way(6)
def this_month(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    return Saying((t + DAY, cal.month(t)[1]), ("this month", "earlier this month"), always(cal.month(t)))


@way(2)
def month_before_last(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    return Saying(cal.month(t, 2), ("the month before last",), always(cal.month(t), 3))


@way(14)
def last_year(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = ["last year"] * 5
    if t.month <= 3:
        words += ["early last year", "at the start of last year"]
    if t.month >= 10:
        words += ["late last year", "towards the end of last year"]
    return Saying(cal.year(t, 1), tuple(words), always(cal.year(t), 10))


@way(5)
def this_year(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = ("this year", "earlier this year")
    return Saying((t + 20 * DAY, cal.year(t)[1]), words, always(cal.year(t)))


@way(2)
def year_before_last(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    return Saying(cal.year(t, 2), ("the year before last",), always(cal.year(t), 10))


@way(14)
def last_season(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    span, name = cal.season(t), cal.season_name(t, british)
    words = (
        f"last {name}",
        f"last {name}",
        f"last {name}",
        f"over the {name}",
        f"in the {name}",
        f"back in the {name}",
    )
    latest = cal.add_months(span[1], 8)
    return Saying((span[1] + 15 * DAY, latest), words if rng.random() < 0.3 else words[:3], always(span, 12))


@way(8)
def this_season(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    span, name = cal.season(t), cal.season_name(t, british)
    words = (f"this {name}", f"this {name}", f"earlier this {name}")
    return Saying((t + 8 * DAY, span[1] + 10 * DAY), words, always(span, 5))


@way(3)
def seasons_ago(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name = cal.season_name(t, british)
    low, high = cal.season(t, 1)[1] + 15 * DAY, cal.add_months(cal.season(t, 1)[1], 8)
    return Saying((low, high), (f"two {name}s ago", f"the {name} before last"), always(cal.season(t), 12))


@way(4)
def days_ago(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    n = rng.randint(2, 6)
    words: Words = (f"{cal.NUMBERS[n]} days ago", f"{n} days ago")
    if n == 2:
        words = (*words, "the day before yesterday", "a couple of days ago", "the other day")
    elif n in (3, 4):
        words = (*words, "a few days ago", "a few days back")
    return Saying(cal.day(t, n), words, always(cal.day(t), 1.5 if n > 2 else 1))


@way(7)
def weeks_ago(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    n = rng.choice((2, 2, 2, 3, 3, 4, 5, 6, 7, 8, 10))
    words: Words = (f"{n} weeks ago", f"{cal.NUMBERS[n]} weeks ago", f"about {cal.NUMBERS[n]} weeks ago")
    if n == 2:
        words = ("2 weeks ago", "two weeks ago", "a couple of weeks ago", "a couple weeks back")
        words = (*words, "a fortnight ago") if british else words
    elif n == 3:
        words = (*words, "a few weeks ago", "a few weeks back", "two or three weeks ago")
    return off_by(t, n, WEEK, 0.3 + 0.06 * n, words)


@way(7)
def months_ago(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    n = rng.choice((2, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9))
    words: Words = (f"{n} months ago", f"{cal.NUMBERS[n]} months ago", f"about {cal.NUMBERS[n]} months back")
    if n == 2:
        words = (*words, "a couple of months ago", "a couple of months back", "a couple months ago")
    elif n == 6:
        words = ("6 months ago", "six months ago", "half a year ago", "about half a year ago")
    elif n in (3, 4):
        words = (*words, "a few months ago", "a few months back")
    return off_by(t, n, timedelta(days=30.44), 0.3 + 0.06 * n, words)


@way(2)
def two_numbers_ago(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    n, unit, name = rng.choice(
        ((3, 30.44, "months"), (4, 30.44, "months"), (2, 30.44, "months"), (2, 7, "weeks"), (3, 7, "weeks"))
    )
    words = (
        f"{n}-{n + 1} {name} ago",
        f"{n}–{n + 1} {name} ago",
        f"{cal.NUMBERS[n]} or {cal.NUMBERS[n + 1]} {name} ago",
    )
    return off_by(t, n + 0.5, timedelta(days=unit), 0.45, words)


@way(4)
def years_ago(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    n = rng.choice((1, 1, 2, 2, 3))
    one = ("a year ago", "about a year ago", "around this time last year", "this time last year")
    more = (f"{n} years ago", f"{cal.NUMBERS[n]} years ago", f"about {cal.NUMBERS[n]} years ago")
    words = one if n == 1 else (*more, "a couple of years ago", "a couple of years back") if n == 2 else more
    return off_by(t, n, timedelta(days=365.25), 0.07 if n == 1 else 0.2, words)


@way(3)
def in_month(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name = cal.MONTHS[t.month - 1]
    words = (f"in {name}", f"in {name}", f"back in {name}", f"this {name}" if t.month > 1 else f"in {name}")
    end = cal.month(t)[1]
    # "this June" only within its year
    latest = min(cal.add_months(end, 9), cal.year(t)[1]) if t.month > 1 else cal.add_months(end, 9)
    return Saying((end + 2 * DAY, latest), words, always(cal.month(t), 4))


@way(1.5)
def part_of_month(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name, (part, span) = cal.MONTHS[t.month - 1], cal.part_of_month(t)
    words = {
        "early": (f"in early {name}", f"at the beginning of {name}", f"at the start of {name}"),
        "mid": (f"in mid-{name}", f"in the middle of {name}", f"around the middle of {name}"),
        "late": (f"in late {name}", f"at the end of {name}", f"towards the end of {name}"),
    }[part]
    return Saying((cal.month(t)[1], cal.add_months(t, 9)), words, always(span, 4))


@way(4)
def last_named_month(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name = cal.MONTHS[t.month - 1]
    words = (f"last {name}", f"last {name}", f"in {name} last year", f"in {name} of last year")
    return Saying((cal.year(t)[1], cal.month(t, 12)[0]), words, always(cal.month(t), 4))


@way(1)
def day_in_month(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    weekday, name = cal.WEEKDAYS[t.weekday()], cal.MONTHS[t.month - 1]
    words = (f"that {weekday} in {name}", f"on a {weekday} in {name}", f"one {weekday} in {name}")
    return Saying((cal.month(t)[1], cal.add_months(t, 10)), words, always(cal.month(t), 2))


@way(1.5)
def on_date(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name, nth = cal.MONTHS[t.month - 1], cal.ordinal(t.day)
    words = (f"on {t.day} {name}", f"on the {nth} of {name}") if british else (f"on {name} {t.day}", f"on {name} {nth}")
    return Saying((cal.day(t, 3)[0], cal.day(t, 300)[0]), words, always(cal.day(t), 1))


@way(2)
def in_year(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = (f"in {t.year}", f"in {t.year}", f"back in {t.year}", f"at some point in {t.year}")
    return Saying((cal.year(t)[1], cal.year(t, 4)[0]), words, always(cal.year(t)))


@way(1.5)
def month_and_year(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    name, season = cal.MONTHS[t.month - 1], cal.season_name(t, british)
    span = (cal.month(t)[1] + 100 * DAY, cal.year(t, 4)[0])
    if rng.random() < 0.4 and t.month not in (12, 1, 2):
        words = (f"in the {season} of {t.year}", f"in {season} {t.year}", f"back in {season} {t.year}")
        return Saying(span, words, always(cal.season(t), 12))
    return Saying(
        span, (f"in {name} {t.year}", f"in {name} {t.year}", f"back in {name} {t.year}"), always(cal.month(t), 4)
    )


@way(2)
def holiday(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    for name, month, first, last in _HOLIDAYS:
        start = datetime(t.year, month, first)
        span = (start, start + (last - first + 1) * DAY)
        if span[0] <= t < span[1]:
            return Saying(
                (span[1] + 5 * DAY, span[1] + 280 * DAY), (name, name.replace("around", "back around")), always(span, 4)
            )
    return None


_HOLIDAYS = (
    ("just before Christmas", 12, 15, 23),
    ("around Christmas", 12, 20, 28),
    ("right after New Year", 1, 2, 10),
    ("around Valentine's Day", 2, 10, 17),
    ("around Halloween", 10, 26, 31),
    ("in the run-up to Christmas", 12, 5, 20),
)


@way(2)
def lately(t: datetime, rng: random.Random, british: bool) -> Saying | None:
    words = ("in the past few weeks", "over the past month", "recently", "lately")
    return Saying((t + 3 * DAY, t + 24 * DAY), words, lambda now: (now - 45 * DAY, now))
