"""Times as they stand in files -> ISO-8601 local time, or None where a reader could be wrong about them.

This reads points in time that are written out in full. Phrases such as "last week" are engine/timeparse/'s.
"""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache

# Anything that the text leaves open is filled from the default: two that differ everywhere show what was left open.
# The days are two weeks apart, so that a bare weekday cannot fall on the same day from both.
_DEFAULTS = (datetime(2001, 1, 1, 0), datetime(2004, 2, 15, 5))
_LONGEST = 64  # characters; nothing longer is a time, and dateutil is slow on it
# What Python reads as ISO-8601 is wider (any character between date and time) and wrong for ten digits in a row.
_ISO = re.compile(r"(?P<day>[0-9]{4}(?:-[0-9]{2}-[0-9]{2}|[0-9]{4}|-?W[0-9]{2}(?:-?[0-9])?))(?P<time>[Tt ].+)?")
_YEAR_FIRST = re.compile(r"\d{4}\D")


def read_time(text: str) -> tuple[str | None, bool]:
    """(`YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS[.ffffff]`, was it ISO-8601 already); (None, False) where it can't be read.

    An offset is dropped and the wall clock kept. Forms other than ISO are accepted only if year, month and day are all
    written and can be read in one way: `03/04/2023` and `8 May 23` are not.
    """
    text = text.strip()
    if iso := _ISO.fullmatch(text):
        try:
            day = date.fromisoformat(iso["day"])
        except ValueError:  # 2023-13-05 is a mistake, and not the 13th of May
            return None, False
        if iso["time"] is None:
            return day.isoformat(), True
        with suppress(ValueError):  # the time of day may be in another form
            return datetime.fromisoformat(text).replace(tzinfo=None).isoformat(), True
    return (None, False) if len(text) > _LONGEST else (_read_other(text), False)


@lru_cache(maxsize=1 << 16)
def _read_other(text: str) -> str | None:
    if text.isdigit():  # a Unix time, a day without dashes, a plain number: anybody's guess
        return None
    # 2023/05/08 is read in one order only; 03/04/2023 and 03-04-05 in as many as there are
    orders = [(False, True)] if _YEAR_FIRST.match(text) else [(False, False), (True, False), (False, True)]
    readings = [_parse(text, default, *order) for default in _DEFAULTS for order in orders]
    first, last = readings[0], readings[-1]
    if first is None or last is None or any(r is None or r.date() != first.date() for r in readings):
        return None
    if first.hour != last.hour:  # no hour was written
        return first.date().isoformat()
    return first.replace(microsecond=0).isoformat()


def _parse(text: str, default: datetime, day_first: bool, year_first: bool) -> datetime | None:
    from dateutil import parser

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of time zones with unknown names, which are dropped anyway
            return parser.parse(text, default=default, dayfirst=day_first, yearfirst=year_first, ignoretz=True)
    except Exception:  # dateutil raises more than it documents (IndexError, decimal errors) on text that is no time
        return None
