"""The calendar behind engine/timeparse/: spans of time, units, and what comes round again (weekdays, Easter).

Nothing here reads a question. Days are local and naive, weeks begin on Monday, spans include their start and exclude
their end. The holidays are those of Britain and America that the solar year and Easter fix; Lent, Ramadan, Diwali and
Hanukkah, which are spans of other calendars, are left out.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

Span = tuple[datetime, datetime]
Reading = tuple[datetime, datetime, float]  # a span and the share of belief in it

DAY = timedelta(days=1)
WEEK = timedelta(days=7)
UNIT_DAYS = {
    "minute": 1 / 1440, "hour": 1 / 24, "day": 1.0, "night": 1.0, "week": 7.0, "fortnight": 14.0, "weekend": 7.0,
    "month": 30.44, "quarter": 91.3, "year": 365.25, "decade": 3652.5,
}  # fmt: skip
HOURS = {"morning": (3, 12), "afternoon": (12, 19), "evening": (17, 24), "night": (17, 28)}
MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
SHORT_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec"  # a pattern
SHORT_DAYS = "mon|tues?|weds?|thu(?:rs?)?|fri|sat"  # a pattern, without "sun"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def midnight(moment: datetime) -> datetime:
    """The start of the day of `moment`."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def month_of(year: int, month: int) -> datetime:
    """The first of a month; months run on beyond 1..12 into other years."""
    return datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def shift(moment: datetime, unit: str, n: float) -> datetime:
    """`n` units later. Whole months and years keep the day of the month where there is one (29 Feb becomes 28 Feb)."""
    months = {"month": 1, "quarter": 3, "year": 12, "decade": 120}.get(unit, 0) * n
    if not months or months != int(months):
        return moment + timedelta(days=UNIT_DAYS[unit] * n)
    first = month_of(moment.year, moment.month + int(months))
    return moment.replace(first.year, first.month, min(moment.day, monthrange(first.year, first.month)[1]))


def unit_span(unit: str, now: datetime, n: int = 0) -> Span:
    """The calendar unit (day, week, month, ...) that lies `n` units from the one that holds `now`."""
    if unit in ("week", "fortnight"):
        width = WEEK if unit == "week" else 2 * WEEK
        start = midnight(now) - now.weekday() * DAY + n * width
        return start, start + width
    if unit == "month":
        return month_of(now.year, now.month + n), month_of(now.year, now.month + n + 1)
    if unit == "quarter":
        first = (now.month - 1) // 3 * 3 + 1 + 3 * n
        return month_of(now.year, first), month_of(now.year, first + 3)
    if unit == "year":
        return datetime(now.year + n, 1, 1), datetime(now.year + n + 1, 1, 1)
    if unit == "decade":
        first = now.year // 10 * 10 + 10 * n
        return datetime(first, 1, 1), datetime(first + 10, 1, 1)
    start = midnight(now) + n * DAY
    return start, start + DAY


@dataclass(frozen=True, slots=True)
class Cycle:
    """What comes round again. `spans(first, last)` lists, in order, those that overlap the two moments."""

    name: str
    kind: str  # weekday, weekend, monthday, month, season or holiday
    days: float  # from one to the next, about
    spans: Callable[[datetime, datetime], list[Span]]

    def around(self, now: datetime) -> tuple[list[Span], Span | None, list[Span]]:
        """(those over, the latest first; the one that holds `now`; those to come, the nearest first)."""
        reach = timedelta(days=self.days * 4.2)
        found = self.spans(now - reach, now + reach)
        current = next((span for span in found if span[0] <= now < span[1]), None)
        return [s for s in reversed(found) if s[1] <= now], current, [s for s in found if s[0] > now]

    def shares_frame(self, span: Span, now: datetime) -> bool:
        """Whether `span` begins in the week (weekdays, weekends), the month (days of it) or the year of `now`."""
        frame = {"weekday": "week", "weekend": "week", "monthday": "month"}.get(self.kind, "year")
        start, end = unit_span(frame, now)
        return start <= span[0] < end


def yearly(name: str, kind: str, of_year: Callable[[int], Span | None], years: int = 1) -> Cycle:
    """A cycle of which each year begins one, or (29 February) none; from one to the next it is `years` years."""

    def spans(first: datetime, last: datetime) -> list[Span]:
        each = (of_year(year) for year in range(max(first.year - 1, 2), min(last.year + 1, 9997)))
        return [span for span in each if span is not None and span[0] < last and span[1] > first]

    return Cycle(name, kind, 365.25 * years, spans)


def weekly(name: str, kind: str, weekday: int, days: int) -> Cycle:
    """`days` days from each `weekday` (Monday is 0)."""

    def spans(first: datetime, last: datetime) -> list[Span]:
        start = midnight(first) + (weekday - first.weekday()) % 7 * DAY - WEEK
        count = max(0, (last - start).days // 7 + 1)
        each = [(start + i * WEEK, start + i * WEEK + days * DAY) for i in range(min(count, 600))]
        return [span for span in each if span[0] < last and span[1] > first]

    return Cycle(name, kind, 7, spans)


def day_of_month(day: int) -> Cycle:
    """The 3rd, the 31st of whichever months have one."""

    def spans(first: datetime, last: datetime) -> list[Span]:
        found: list[Span] = []
        at = month_of(first.year, first.month)
        while at < last and len(found) < 600:
            if day <= monthrange(at.year, at.month)[1]:
                found.append((at.replace(day=day), at.replace(day=day) + DAY))
            at = month_of(at.year, at.month + 1)
        return [span for span in found if span[0] < last and span[1] > first]

    return Cycle(f"day {day}", "monthday", 30.44, spans)


def day_of_year(month: int, day: int) -> Cycle:
    """A day such as 5 May, each year that has it."""

    def of_year(year: int) -> Span | None:
        if day > monthrange(year, month)[1]:
            return None
        return datetime(year, month, day), datetime(year, month, day) + DAY

    return yearly(f"{day} {MONTHS[month - 1]}", "holiday", of_year, 4 if (month, day) == (2, 29) else 1)


def _fixed(month: int, day: int, days: int) -> Callable[[int], Span]:
    return lambda year: (datetime(year, month, day), datetime(year, month, day) + days * DAY)


def _easter(offset: int, days: int) -> Callable[[int], Span]:
    def of_year(year: int) -> Span:
        from dateutil.easter import easter

        start = datetime.combine(easter(year), datetime.min.time()) + offset * DAY
        return start, start + days * DAY

    return of_year


def _nth(month: int, weekday: int, n: int, days: int = 1) -> Callable[[int], Span]:
    """The n-th `weekday` of a month; n = -1 is the last."""

    def of_year(year: int) -> Span:
        if n > 0:
            start = datetime(year, month, 1) + timedelta((weekday - date(year, month, 1).weekday()) % 7 + 7 * (n - 1))
        else:
            last = month_of(year, month + 1) - DAY
            start = last - (last.weekday() - weekday) % 7 * DAY
        return start, start + days * DAY

    return of_year


def _months(first: int, count: int) -> Callable[[int], Span]:
    return lambda year: (month_of(year, first), month_of(year, first + count))


# Pattern of the name -> the days. The longer names come first: the first pattern that matches wins.
_HOLIDAYS: dict[str, Callable[[int], Span]] = {
    r"christmas eve": _fixed(12, 24, 1),
    r"christmas day": _fixed(12, 25, 1),
    r"boxing day": _fixed(12, 26, 1),
    r"christmas(?:time)?|xmas": _fixed(12, 24, 3),
    r"new year'?s?'? eve|nye|hogmanay": _fixed(12, 31, 1),
    r"new year'?s?'?(?: day)?": _fixed(1, 1, 1),
    r"hallowe'?en": _fixed(10, 31, 1),
    r"thanksgiving": _nth(11, 3, 4, 4),
    r"(?:st\.? )?valentine'?s?'?(?: day)?": _fixed(2, 14, 1),
    r"good friday": _easter(-2, 1),
    r"easter sunday": _easter(0, 1),
    r"easter monday": _easter(1, 1),
    r"easter": _easter(-2, 4),
    r"shrove tuesday|pancake day|mardi gras": _easter(-47, 1),
    r"whitsun|pentecost": _easter(49, 2),
    r"(?:st\.? )?patrick'?s day": _fixed(3, 17, 1),
    r"april fool'?s?'?(?: day)?": _fixed(4, 1, 1),
    r"(?:the )?(?:4th|fourth) of july|independence day": _fixed(7, 4, 1),
    r"bonfire night|guy fawkes(?: night)?": _fixed(11, 5, 1),
    r"labou?r day": _nth(9, 0, 1),
    r"may day": _fixed(5, 1, 1),
    r"memorial day": _nth(5, 0, -1),
    r"father'?s'? day": _nth(6, 6, 3),
    r"midsummer": _fixed(6, 21, 4),
}
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}

HOLIDAY_PATTERN = "|".join(_HOLIDAYS)
MONTH_CYCLES = {name: yearly(name, "month", _months(i, 1)) for i, name in enumerate(MONTHS, 1)}
SEASON_CYCLES = {name: yearly(name, "season", _months(month, 3)) for name, month in _SEASONS.items()}
HOLIDAY_CYCLES = [(pattern, yearly(pattern, "holiday", f)) for pattern, f in _HOLIDAYS.items()]
WEEKDAY_CYCLES = {name: weekly(name, "weekday", i, 1) for i, name in enumerate(WEEKDAYS)}
QUARTERS = [yearly(f"q{n}", "season", _months(3 * n - 2, 3)) for n in (1, 2, 3, 4)]
MOTHERS_DAYS = [yearly("mother's day", "holiday", f) for f in (_nth(5, 6, 2), _easter(-21, 1))]
NEW_YEAR_AHEAD = yearly("new year", "holiday", _fixed(1, 1, 46))
WEEKEND = weekly("weekend", "weekend", 5, 2)
MIDWEEK = weekly("midweek", "weekend", 1, 3)


def month_number(word: str) -> int:
    """1..12 of a month's name or its first three letters (or more)."""
    return next(i for i, name in enumerate(MONTHS, 1) if name.startswith(word[:3]))


_FIRST = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
)  # fmt: skip
_ORDINALS = {
    **{word: n for n, word in enumerate(_FIRST, 1)},
    **{f"twenty-{word}": 20 + n for n, word in enumerate(_FIRST[:9], 1)},
    **{"twentieth": 20, "thirtieth": 30, "thirty-first": 31},
}
ORDINAL_WORD = "|".join(word.replace("-", "[- ]") for word in sorted(_ORDINALS, key=len, reverse=True))


def ordinal(word: str) -> int:
    """1..31 of "5", "5th", "fifth", "twenty first"."""
    digits = re.sub("[^0-9]", "", word)
    return int(digits) if digits else _ORDINALS[word.removesuffix(" of").replace(" ", "-")]
