"""Rules for what is written out in a question: dates, years, quarters, decades, holidays of two countries."""

from __future__ import annotations

import re
from calendar import monthrange
from contextlib import suppress
from datetime import datetime

from engine.timeparse.readings import NOTHING, Meaning, Moment, cycle_of, resolve, weighted
from engine.timeparse.words import (
    DAY,
    MOTHERS_DAYS,
    NEW_YEAR_AHEAD,
    QUARTERS,
    Cycle,
    day_of_month,
    day_of_year,
    month_number,
    month_of,
    ordinal,
)


def nothing(m: re.Match[str], at: Moment) -> Meaning:
    """Habits ("every Monday", "the first Monday of each month"): no time."""
    return NOTHING


def dated(m: re.Match[str], at: Moment) -> Meaning:
    """5 May, May 5th 2023, the 21st of June, the fifth of March; the days beside a 29 February that there was not."""
    month, day = month_number(m["month"]), ordinal(m["day"] or m["word"])
    if m["year"] and (month, day) == (2, 29):
        march = datetime(year_number(m["year"], at), 3, 1)
        leap = (march - DAY).day == 29
        return Meaning([(march - DAY, march if leap else march + DAY, 1.0)])
    if m["year"]:
        with suppress(ValueError):
            start = datetime(year_number(m["year"], at), month, day)
            return Meaning([(start, start + DAY, 1.0)])
        return NOTHING  # 31 June 2023
    if day > 29 and day > monthrange(2024, month)[1]:
        return NOTHING
    return _recurring(day_of_year(month, day), at)


def nth_day(m: re.Match[str], at: Moment) -> Meaning:
    return _recurring(day_of_month(ordinal(m["day"])), at)


def _recurring(cycle: Cycle, at: Moment) -> Meaning:
    return Meaning(resolve(cycle, at), cycle)


def year_number(text: str, at: Moment) -> int:
    """Of 2022, '22 or (the summer of) 69: the latest such year that is at most five years ahead."""
    year = int(text.strip(" '"))
    return year if year > 99 else at.now.year + 5 - (at.now.year + 5 - year) % 100


def _plausible(year: int, at: Moment) -> bool:
    return at.now.year - 70 <= year <= at.now.year + 30


def of_year(m: re.Match[str], at: Moment) -> Meaning | None:
    """June 2022, May '23, summer of 2022, the summer of 69, Christmas 2019."""
    cycle, number = cycle_of(m["cycle"]), year_number(m["year"], at)
    if len(m["year"]) < 4 and not _plausible(number, at):
        return NOTHING
    year = datetime(number, 1, 1)
    found = [s for s in cycle.spans(year, datetime(year.year + 1, 1, 1)) if s[1] > year] if cycle else []
    if cycle is not None and cycle.name == "winter":  # the one that begins in the year, and the one that ends in it
        return Meaning(weighted(list(zip(reversed(found), (0.6, 0.4), strict=False))))
    found = [s for s in found if s[0].year == year.year]
    return Meaning([(*s, 1.0) for s in found[:1]]) if found else None


def year(m: re.Match[str], at: Moment) -> Meaning | None:
    """2019; 2019 or 2020."""
    years = [year_number(text, at) for text in re.findall("'?[0-9]+", m["year"])]
    spans = [(datetime(year, 1, 1), datetime(year + 1, 1, 1)) for year in years if _plausible(year, at)]
    return Meaning([(*span, 1.0) for span in spans], frame=spans[0] if len(spans) == 1 else None) if spans else None


def iso(m: re.Match[str], at: Moment) -> Meaning:
    start = datetime(int(m["year"]), int(m["month"]), int(m["day"]))
    return Meaning([(start, start + DAY, 1.0)])


def numeric(m: re.Match[str], at: Moment) -> Meaning:
    """5/12/2023: day first unless that is impossible, and both where both are possible."""
    year = int(m["year"]) + (2000 if len(m["year"]) == 2 else 0)
    orders = [(m["a"], m["b"], 0.65), (m["b"], m["a"], 0.35)]
    readings: dict[datetime, float] = {}
    for day, month, weight in orders[:1] if m[2] == "." and int(m["b"]) <= 12 else orders:  # dots: always day first
        with suppress(ValueError):
            readings.setdefault(datetime(year, int(month), int(day)), weight)
    return Meaning([(day, day + DAY, weight) for day, weight in readings.items()])


def quarter(m: re.Match[str], at: Moment) -> Meaning:
    """Q3 2022, the second quarter, the last quarter of 2022."""
    n = 4 if m["q"] in ("last", "final") else ordinal(m["q"])
    if not m["year"]:
        return _recurring(QUARTERS[n - 1], at)
    start = month_of(year_number(m["year"], at), 3 * n - 2)
    return Meaning([(start, month_of(start.year, start.month + 3), 1.0)])


def decade(m: re.Match[str], at: Moment) -> Meaning:
    """The 1990s, the nineties, the 90s."""
    words = ("fifties", "sixties", "seventies", "eighties", "nineties")
    word = m["decade"]
    tens = 50 + 10 * words.index(word) if word in words else int(re.sub("[^0-9]", "", word))
    first = tens if tens > 99 else (1900 if tens >= 30 else 2000) + tens
    span = (datetime(first, 1, 1), datetime(first + 10, 1, 1))
    return Meaning([(*span, 1.0)], frame=span)


def mothers_day(m: re.Match[str], at: Moment) -> Meaning:
    """In May in America, in Lent in Britain."""
    return Meaning([(a, b, w) for cycle in MOTHERS_DAYS for a, b, w in resolve(cycle, at)])


def new_year_ahead(m: re.Match[str], at: Moment) -> Meaning:
    """In the new year: its first weeks."""
    return _recurring(NEW_YEAR_AHEAD, at)
