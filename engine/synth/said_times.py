"""Whether a phrase may be said at one time of another: a coarse check of what moments.py says, written apart from it.

It is no parser: it gives no interval, and what it does not know it lets pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

_MONTHS = "january february march april may june july august september october november december".split()  # noqa: SIM905
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()  # noqa: SIM905
_SEASON = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11), "fall": (9, 10, 11)}
_NUMBER = {
    **{"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10},
    **{"a": 1, "an": 1, "a couple of": 2, "a couple": 2, "a few": 3.5, "half a": 0.5},
}
_UNIT = {"day": 1.0, "week": 7.0, "month": 30.44, "year": 365.25, "fortnight": 14.0}
_COUNT = r"(?P<n>\d+|half a|a couple of|a couple|a few|a|one|two|three|four|five|six|seven|eight|nine|ten)"
_SPAN = re.compile(rf"{_COUNT}(?:(?:-|–| or )(?P<m>\w+))? (?P<unit>day|week|month|year|fortnight)s?\b")
_BEHIND = re.compile(r"\b(?:did i last|was the last time|did [\w -]+ and i)\b")
# a clause that tells of something past: "the time I spent", "the place where we shaped it", "that made me"; not what
# was agreed ("the event I planned"), a passive ("am I supposed") or a perfect ("have I got")
_TOLD = (
    r"(?!planned|arranged|scheduled|agreed|booked|added|saved)(?:\w{2,}[^e\W]ed|was|were|wasn't|had|gave|spent|went|got"
    r"|made|took|met|saw|did|wore|ran|left|turned|fell|sang|sat|slept|stood|held|fought|blew|dealt|built|brought"
    r"|bought|lost|won|swam|threw|wrote|told|knew|felt|found)\b"
)
_RECALLED = re.compile(
    rf"(?<!\bam )(?<!\bdo )(?<!\bdid )(?<!\bhave )\b(?:i|we|somebody|nobody|everyone) (?:all |really )?{_TOLD}"
    rf"|\w (?:when|where) (?!am\b|are\b|is\b|do\b|did\b|will\b|i\b)(?:[\w'-]+ ){{1,3}}?{_TOLD}"
    r"|(?<!\bis )\b(?:that|which) (?:made|left|got|had|gave|split|took|kept|\w{2,}[^e\W]ed (?=me\b|us\b|my\b|our\b))"
    r"|\b(?:time|hours?|days?|evening|night|moment|afternoon|week|year)s? spent\b"
)
# what was written then cannot be written tomorrow; what is planned can be planned for tomorrow
_NOTING = re.compile(r"\bdid i (?:write|note|jot|put|make plans|say yes)\b")
_COMING = re.compile(r"\b(?:next|tomorrow|tonight|coming|upcoming|from now|later|in)\b")

Check = Callable[[re.Match[str], datetime, datetime], bool]


def looks_ahead(question: str) -> bool | None:
    """True for a question about what is to come, False for what has been, None where the tense leaves it open."""
    text = question.lower()
    if re.match(r"(?:\W*\w+[,:] )?(?:when|where|who|what)?\s*(?:am i|will)\b", text) or "next time" in text:
        return True
    return False if _BEHIND.search(text) and "planned" not in text else None


def recalls(question: str) -> bool:
    """Whether a clause of the question tells of something as past: "the time I spent among men in white"."""
    return bool(_RECALLED.search(question.lower().replace("’", "'")))


def noted_ahead(question: str, phrases: Iterable[str]) -> bool:
    """Whether the question has something written down in the future, by one of its time phrases."""
    return bool(_NOTING.search(question.lower())) and any(_COMING.search(phrase.lower()) for phrase in phrases)


def day_named(phrase: str, said: datetime) -> date | None:
    """The day that "Saturday", "tomorrow" or "tonight" names within a week of `said`; None for any other phrase."""
    phrase = phrase.lower()
    if phrase in ("today", "tonight"):
        return said.date()
    if phrase == "tomorrow":
        return said.date() + timedelta(days=1)
    if phrase in _DAYS:
        return said.date() + timedelta(days=(_DAYS.index(phrase) - said.weekday() - 1) % 7 + 1)
    return None


def may_mean(phrase: str, t: datetime, now: datetime) -> bool:
    """Whether somebody may say `phrase` at `now` about something at `t`."""
    phrase = phrase.lower()
    for pattern, check in _CHECKS:
        match = pattern.search(phrase)
        if match and not check(match, t, now):
            return False
    return True


def _monday(when: datetime) -> date:
    return when.date() - timedelta(days=when.weekday())


def _months(t: datetime, now: datetime) -> int:
    return (now.year - t.year) * 12 + now.month - t.month


def _offset(word: str) -> int:
    return {"last": 1, "this past": 1, "this": 0, "next": -1}[word]


def _unit_of_calendar(match: re.Match[str], t: datetime, now: datetime) -> bool:
    """last week, this month, next year, next weekend."""
    offset = _offset(match.group(1))
    unit = match.group(2)
    if unit == "year":
        return now.year - t.year == offset
    if unit == "month":
        return _months(t, now) == offset
    if unit == "weekend" and t.weekday() < 5:
        return False
    return (_monday(now) - _monday(t)).days == 7 * offset


def _before_last(match: re.Match[str], t: datetime, now: datetime) -> bool:
    unit = match.group(1)
    if unit in _SEASON:
        return t.month in _SEASON[unit] and 300 < (now - t).days < 830
    if unit == "year":
        return now.year - t.year == 2
    if unit == "month":
        return _months(t, now) == 2
    return (_monday(now) - _monday(t)).days == 14


def _weekday(match: re.Match[str], t: datetime, now: datetime) -> bool:
    return t.weekday() == _DAYS.index(match.group())


def _month(match: re.Match[str], t: datetime, now: datetime) -> bool:
    return t.month == _MONTHS.index(match.group()) + 1


def _season(match: re.Match[str], t: datetime, now: datetime) -> bool:
    return t.month in _SEASON[match.group(1)]


def _year(match: re.Match[str], t: datetime, now: datetime) -> bool:
    # a winter belongs to two years
    return abs(t.year - int(match.group())) <= (1 if t.month in (12, 1, 2) else 0)


def _count(word: str) -> float:
    return float(word) if word.isdigit() else float(_NUMBER[word])


def _distance(match: re.Match[str], t: datetime, now: datetime) -> bool:
    """three weeks ago, in two days, 3-4 months back."""
    low = _count(match["n"])
    high = _count(match["m"]) if match["m"] else low
    days = _UNIT[match["unit"]]
    apart = abs((now - t).total_seconds()) / 86400
    return (0.6 * low - 0.5) * days <= apart <= (1.4 * high + 0.5) * days + 1


def _days_back(days: int) -> Check:
    return lambda match, t, now: (now.date() - t.date()).days == days


def _always(ahead: bool) -> Check:
    return lambda match, t, now: (t > now) == ahead


def _hours(first: int, last: int) -> Check:
    return lambda match, t, now: first <= t.hour < last


def _day_of_month(match: re.Match[str], t: datetime, now: datetime) -> bool:
    return t.day == int(match.group(1))


def _part(match: re.Match[str], t: datetime, now: datetime) -> bool:
    first, last = _PARTS[match.group(1)]
    return first <= t.day <= last


_EARLY, _MIDDLE, _LATE = (1, 13), (8, 23), (18, 31)
_PARTS = {
    **{"early": _EARLY, "beginning": _EARLY, "start": _EARLY},
    **{"mid": _MIDDLE, "middle": _MIDDLE, "late": _LATE, "end": _LATE},
}


_CHECKS: tuple[tuple[re.Pattern[str], Check], ...] = tuple(
    (re.compile(pattern), check)
    for pattern, check in (
        (
            r"^(?:.* )?(?<!time )(last|this|next|this past)(?: coming)? (week|month|year|weekend)\b(?! or so)",
            _unit_of_calendar,
        ),
        (r"\bthis time last year\b", lambda match, t, now: 320 < (now - t).days < 410),
        (r"\bthe (week|month|year|weekend|spring|summer|autumn|fall|winter) before last\b", _before_last),
        (r"\b(?:" + "|".join(_DAYS) + r")\b", _weekday),
        (r"\b(?:" + "|".join(_MONTHS) + r")\b", _month),
        (r"\b(" + "|".join(_SEASON) + r")s?\b", _season),
        (r"\b20\d\d\b", _year),
        (_SPAN.pattern + r" (?:ago|back)\b", _distance),
        (rf"\bin {_SPAN.pattern}", _distance),
        (r"\b(?:ago|back|yesterday|last|lately|recently|earlier|past)\b", _always(False)),
        (r"\b(?:tomorrow|next|coming|from now|later)\b", _always(True)),
        (r"^yesterday|^last night|^yesterday evening", _days_back(1)),
        (r"^(?:today|this morning|this afternoon|this evening|tonight|earlier today|later today)$", _days_back(0)),
        (r"\bmorning\b", _hours(0, 12)),
        (r"\bafternoon\b", _hours(12, 18)),
        (r"\b(?:evening|(?<= )night|tonight)\b", _hours(17, 24)),  # what keeps one up "at [night]" is no time of it
        (r"\b(?:on|the) (?:\w+ )?(\d{1,2})(?:st|nd|rd|th)?\b(?! (?:days|weeks|months|years))", _day_of_month),
        (rf"\b({'|'.join(_PARTS)})(?: of |-| )(?:the |last |next )?(?:month|{'|'.join(_MONTHS)})\b", _part),
    )
)
