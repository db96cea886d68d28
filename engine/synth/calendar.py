"""Days, weeks, months, seasons and years as half-open spans [start, end), and how they are said in English.

Apart from engine/timeparse/words.py on purpose, though both reckon: code they shared would hide its faults from both.
"""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta

Span = tuple[datetime, datetime]
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SEASONS = ("winter", "spring", "summer", "autumn")  # of the northern half; winter is named by the year it ends in
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


def midnight(when: datetime | date) -> datetime:
    """The start of the day."""
    return datetime(when.year, when.month, when.day)


def day(when: datetime, offset: int = 0) -> Span:
    """The day of `when`, or one `offset` days later."""
    start = midnight(when) + offset * DAY
    return start, start + DAY


def week(when: datetime, offset: int = 0) -> Span:
    """The week of `when`, from Monday on, or one `offset` weeks later."""
    start = midnight(when) + timedelta(days=-when.weekday()) + offset * WEEK
    return start, start + WEEK


def weekend(when: datetime, offset: int = 0) -> Span:
    """Saturday and Sunday of the week of `when`, or of one `offset` weeks later."""
    start, end = week(when, offset)
    return start + 5 * DAY, end


def add_months(start: datetime, months: int) -> datetime:
    """The first of the month that is so many months after that of `start`."""
    index = start.year * 12 + start.month - 1 + months
    return datetime(index // 12, index % 12 + 1, 1)


def month(when: datetime, offset: int = 0) -> Span:
    """The month of `when`, or one `offset` months later."""
    return add_months(when, offset), add_months(when, offset + 1)


def year(when: datetime, offset: int = 0) -> Span:
    """The year of `when`, or one `offset` years later."""
    return datetime(when.year + offset, 1, 1), datetime(when.year + offset + 1, 1, 1)


def season(when: datetime, offset: int = 0) -> Span:
    """The three months of the season of `when`, or of the same season `offset` years later."""
    start = add_months(when, -(when.month % 3))
    start = add_months(start, 12 * offset)
    return start, add_months(start, 3)


def season_name(when: datetime, british: bool) -> str:
    """winter, spring, summer, and autumn or fall."""
    name = SEASONS[when.month % 12 // 3]
    return "fall" if name == "autumn" and not british else name


def part_of_month(when: datetime) -> tuple[str, Span]:
    """early, mid or late, and the days that may be meant."""
    start, end = month(when)
    if when.day <= 10:
        return "early", (start, start + 11 * DAY)
    if when.day <= 20:
        return "mid", (start + 9 * DAY, start + 21 * DAY)
    return "late", (start + 19 * DAY, end)


def ordinal(number: int) -> str:
    """1st, 2nd, 13th."""
    suffix = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


def widened(span: Span, days: float) -> Span:
    """A span with so many days more at both ends."""
    return span[0] - timedelta(days=days), span[1] + timedelta(days=days)


def awake(rng: random.Random, low: datetime, high: datetime) -> datetime | None:
    """A random minute in [low, high) between 7:00 and 23:30, or None if it does not meet one."""
    if high <= low:
        return None
    days = (midnight(high) - midnight(low)).days
    for _ in range(8):
        start = midnight(low) + rng.randint(0, days) * DAY
        when = start + timedelta(seconds=rng.randrange(7 * 3600, 23 * 3600 + 1800))
        if low <= when < high:
            return when
    return None


def at(when: date, hour: int, minute: int = 0) -> datetime:
    """A day's moment."""
    return datetime.combine(when, time(hour, minute))
