"""Rules for what is written out in a question: dates, years, quarters, decades, holidays of two countries."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime

from engine.timeparse.readings import Meaning, Moment, cycle_of, resolve, weighted
from engine.timeparse.words import (
    DAY,
    MOTHERS_DAYS,
    NEW_YEAR_AHEAD,
    QUARTERS,
    day_of_month,
    day_of_year,
    month_number,
)


def dated(m: re.Match[str], at: Moment) -> Meaning | None:
    """5 May, May 5th 2023, the 21st of June."""
    month, day = month_number(m["month"]), int(re.sub("[a-z]", "", m["day"]))
    if m["year"]:
        start = datetime(int(m["year"]), month, day)
        return Meaning([(start, start + DAY, 1.0)])
    cycle = day_of_year(month, day)
    readings = resolve(cycle, "", "", at)
    return Meaning(readings, cycle) if readings else None


def nth_day(m: re.Match[str], at: Moment) -> Meaning | None:
    cycle = day_of_month(int(re.sub("[a-z]", "", m["day"])))
    readings = resolve(cycle, "", "", at)
    return Meaning(readings, cycle) if readings else None


def of_year(m: re.Match[str], at: Moment) -> Meaning | None:
    """June 2022, summer of 2022, Christmas 2019."""
    cycle, year = cycle_of(m["cycle"]), datetime(int(m["year"]), 1, 1)
    found = [s for s in cycle.spans(year, datetime(year.year + 1, 1, 1)) if s[1] > year] if cycle else []
    if cycle is not None and cycle.name == "winter":  # the one that begins in the year, and the one that ends in it
        return Meaning(weighted(list(zip(reversed(found), (0.6, 0.4), strict=False))))
    found = [s for s in found if s[0].year == year.year]
    return Meaning([(*s, 1.0) for s in found[:1]]) if found else None


def year(m: re.Match[str], at: Moment) -> Meaning | None:
    year = int(m["year"])
    if not at.now.year - 70 <= year <= at.now.year + 30:
        return None
    span = (datetime(year, 1, 1), datetime(year + 1, 1, 1))
    return Meaning([(*span, 1.0)], frame=span)


def iso(m: re.Match[str], at: Moment) -> Meaning:
    start = datetime(int(m["year"]), int(m["month"]), int(m["day"]))
    return Meaning([(start, start + DAY, 1.0)])


def numeric(m: re.Match[str], at: Moment) -> Meaning | None:
    """5/12/2023: day first unless that is impossible, and both where both are possible."""
    year = int(m["year"]) + (2000 if len(m["year"]) == 2 else 0)
    orders = [(m["a"], m["b"], 0.65), (m["b"], m["a"], 0.35)]
    readings: dict[datetime, float] = {}
    for day, month, weight in orders[:1] if m[2] == "." and int(m["b"]) <= 12 else orders:  # dots: always day first
        with suppress(ValueError):
            readings.setdefault(datetime(year, int(month), int(day)), weight)
    return Meaning([(day, day + DAY, weight) for day, weight in readings.items()])


def quarter(m: re.Match[str], at: Moment) -> Meaning | None:
    """Q3 2022, the second quarter."""
    word = m["q"]
    cycle = QUARTERS[int(word) - 1 if word.isdigit() else ("first", "second", "third", "fourth").index(word)]
    if m["year"]:
        start = datetime(int(m["year"]), 1, 1)
        return Meaning([(*cycle.spans(start, start.replace(month=12))[int(cycle.name[1:]) - 4], 1.0)])
    readings = resolve(cycle, "", "", at)
    return Meaning(readings, cycle) if readings else None


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
    return Meaning([(a, b, w) for cycle in MOTHERS_DAYS for a, b, w in resolve(cycle, "", "", at)])


def new_year_ahead(m: re.Match[str], at: Moment) -> Meaning:
    """In the new year: its first weeks."""
    return Meaning(resolve(NEW_YEAR_AHEAD, "", "", at), NEW_YEAR_AHEAD)
