"""The table of phrases behind engine/timeparse.py: a pattern -> a function that says what it means, with weights.

A rule gets the match and the `Moment` of the question and gives a `Meaning`. Patterns see lower-case text whose dashes
and apostrophes are plain. The first rule that matches a stretch of text has it, so longer phrases come first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.timewords import (
    DAY,
    HOLIDAY_CYCLES,
    HOLIDAY_PATTERN,
    MONTH_CYCLES,
    MONTHS,
    NUMBERS,
    SEASON_CYCLES,
    UNIT_DAYS,
    WEEKDAY_CYCLES,
    WEEKDAYS,
    WEEKEND,
    Cycle,
    Reading,
    Span,
    day_of_month,
    day_of_year,
    midnight,
    month_number,
    month_of,
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


Rule = Callable[["re.Match[str]", Moment], Meaning | None]

NUMBER = (
    r"(?:[0-9]{1,3}(?: ?(?:-|to|or) ?[0-9]{1,3})?|(?:a |the )?(?:couple|few)(?: of)?|several|some"
    r"|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
    r"(?:(?: ?(?:-|to|or) ?)(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve))?|an?)"
)
UNIT = r"(?:minute|hour|day|night|week|fortnight|weekend|month|quarter|year|decade)"
_MONTH = "|".join(MONTHS)
_SHORT = r"jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec"
_ANY_MONTH = rf"(?:{_MONTH}|(?:{_SHORT})\.?)"
_DAY = "|".join(WEEKDAYS)
_SHORT_DAY = r"mon|tues?|weds?|thu(?:rs?)?|fri|sat"
_SEASON = r"spring|summer|autumn|fall|winter"
_YEAR = r"(?:19[0-9]{2}|20[0-9]{2})(?![0-9])"
_ORDINAL = r"(?:[12][0-9]|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_LAST = r"last|this past|the past|the previous|this last"
_NEXT = r"next|this coming|the coming|the upcoming|the following"
_WHICH = rf"(?P<which>{_LAST}|{_NEXT}|this|that|the(?! past))"


def number(text: str) -> tuple[int, int]:
    """(at least, at most) of a number in words or digits: "a few" is (3, 5), "3-4" is (3, 4). ValueError if none."""
    digits = [int(d) for d in re.findall(r"[0-9]+", text)]
    if digits:
        return min(digits), max(digits)
    words = [NUMBERS[w] for w in re.findall(r"[a-z]+", text) if w in NUMBERS and w not in ("a", "an")]
    words = words or [NUMBERS["a"]]
    return min(lo for lo, _ in words), max(hi for _, hi in words)


def distant(now: datetime, unit: str, low: float, high: float, sign: int) -> Meaning:
    """`low` to `high` units ago (sign -1) or from now (+1): never one-sided, and wider with the unit and the number.

    Half of the belief is in the near window (half a unit around), the rest in one twice as wide; people round.
    """
    if UNIT_DAYS[unit] < 1:
        near, far = sorted(shift(now, unit, sign * n) for n in (low * 0.6, high * 1.4 + 1))
        return Meaning([(near, far, 1.0)])
    exact = low == high and unit in ("day", "night")
    slacks = ((0.0, 0.75), (1.0, 0.25)) if exact else ((0.5, 0.6), (1.0 + 0.1 * high, 0.4))
    readings = []
    for slack, weight in slacks:
        margin = timedelta(days=UNIT_DAYS[unit] * slack)
        first, last = sorted(shift(now, unit, sign * n) for n in (low, high))
        start, end = midnight(first - margin), midnight(last + margin) + DAY
        if sign < 0 and low >= 1:
            end = min(end, midnight(now) + DAY)
        elif sign > 0 and low >= 1:
            start = max(start, midnight(now))
        readings.append((start, end, weight))
    frame_unit = {"night": "day", "weekend": "week", "fortnight": "week"}.get(unit, unit)
    frame = (unit_span(frame_unit, first)[0], unit_span(frame_unit, last)[1])
    return Meaning(readings, frame=frame)


def _ago(m: re.Match[str], at: Moment) -> Meaning:
    low, high = number(m["n"])
    return distant(at.now, m["unit"], low, high, -1)


def _ahead(m: re.Match[str], at: Moment) -> Meaning | None:
    if m.re.groupindex.get("guess") and m["guess"] and (at.past > 0.8 or UNIT_DAYS[m["unit"]] < 1):
        return None  # "did I finish it in two weeks": how long, not when
    low, high = number(m["n"])
    return distant(at.now, m["unit"], low, high, 1)


def _half(m: re.Match[str], at: Moment) -> Meaning:
    sign = 1 if m["ahead"] else -1
    months = 6 if m["unit"] == "year" else 0
    if months:
        return distant(at.now, "month", months, months, sign)
    return distant(at.now, "week", 2, 2, sign) if m["unit"] == "month" else distant(at.now, "day", 3, 4, sign)


def _cycle_ago(m: re.Match[str], at: Moment) -> Meaning | None:
    """Two summers ago, three Fridays ago."""
    cycle, (low, high) = cycle_of(m["cycle"]), number(m["n"])
    if cycle is None or high > 4:
        return None
    over = cycle.around(at.now)[0]
    picked = [(over[i - 1], 0.7) for i in range(low, high + 1) if i <= len(over)]
    return Meaning(weighted([*picked, *((span, 0.3) for span in over[high : high + 1])]), cycle)


def _rolling(m: re.Match[str], at: Moment) -> Meaning:
    """The last three weeks, the next few days, the past year."""
    low, high = number(m["n"] or "one")
    sign = -1 if re.match(r"(?:the |these |this )?(?:last|past|previous)", m["side"]) else 1
    unit, today = m["unit"], midnight(at.now)
    readings = []
    for n, weight in ((high, 0.7), (high * 1.3 + 0.2, 0.3)):
        edge = at.now + timedelta(days=sign * UNIT_DAYS[unit] * n)
        readings.append((min(midnight(edge), today), max(midnight(edge), today) + DAY, weight))
    return Meaning(readings, frame=readings[0][:2])


def _unit(m: re.Match[str], at: Moment) -> Meaning:
    """This, last and next week, month, quarter or year, and the ones before and after."""
    which, unit, now = m["which"], m["unit"], at.now
    n = 0 if re.match(r"(?:this|the current)$", which) else -1 if re.search(r"last|past|previous", which) else 1
    far = m.re.groupindex.get("far") and m["far"]
    n = -2 if far and "last" in far else 2 if far else n
    span = unit_span(unit, now, n)
    if far:
        return Meaning([(*span, 0.8), (*distant(now, unit, 2, 2, -1 if n < 0 else 1).readings[0][:2], 0.2)], frame=span)
    if n == 0:
        late = unit == "week" and now.weekday() == 6  # on a Sunday, this week may be the one about to begin
        other = unit_span(unit, now, 1)
        return Meaning(
            [(*span, 0.6 + 0.4 * at.past), (*other, 0.4 - 0.4 * at.past)] if late else [(*span, 1.0)], None, span
        )
    around = distant(now, unit, 1, 1, n).readings[0][:2]
    return Meaning([(*span, 0.75), (*around, 0.25)], frame=span)


def _part_of_unit(m: re.Match[str], at: Moment) -> Meaning:
    """Earlier this month, later this year."""
    start, end = unit_span(m["unit"], at.now)
    today = midnight(at.now)
    return Meaning([(start, today + DAY, 1.0) if m["part"] == "earlier" else (today, max(end, today + DAY), 1.0)])


def _anniversary(m: re.Match[str], at: Moment) -> Meaning:
    """Around this time last year; this day last month; a year ago today."""
    unit, sign = m["unit"], 1 if m["side"] == "next" else -1
    there = midnight(shift(at.now, unit, sign))
    exact = "day" in m[0] or "today" in m[0]
    widths = ((0.5, 0.7), (3, 0.3)) if exact else ((UNIT_DAYS[unit] / 14, 0.7), (UNIT_DAYS[unit] / 7, 0.3))
    return Meaning([(midnight(there - w * DAY), midnight(there + w * DAY) + DAY, weight) for w, weight in widths])


def days(first: float, count: float = 1, *, sure: float = 1.0) -> Rule:
    """A rule for `count` days that start `first` days from today's midnight; what is not sure lies a day around."""

    def meaning(m: re.Match[str], at: Moment) -> Meaning:
        start = midnight(at.now) + first * DAY
        span = (start, start + count * DAY)
        around = [(span[0] - DAY / 2, span[1] + DAY / 2, 1 - sure)] if sure < 1 else []
        return Meaning([(*span, sure), *around], frame=span)

    return meaning


def window(*parts: tuple[float, float, float]) -> Rule:
    """A rule of several windows: (first day, last day, weight), counted from today; past ones end with today."""

    def meaning(m: re.Match[str], at: Moment) -> Meaning:
        today = midnight(at.now)
        return Meaning([(today + a * DAY, today + (b + 1) * DAY, weight) for a, b, weight in parts], vague=True)

    return meaning


def _future_evening(m: re.Match[str], at: Moment) -> Meaning | None:
    return days(0.5, 0.5)(m, at) if at.past < 0.4 else None


def cycle_of(word: str) -> Cycle | None:
    """The cycle that a weekday, month, season, holiday or "weekend" names."""
    word = word.strip(" .")
    for table in (WEEKDAY_CYCLES, MONTH_CYCLES, SEASON_CYCLES):
        if word in table:
            return table[word]
    if word == "weekend":
        return WEEKEND
    for pattern, cycle in HOLIDAY_CYCLES:
        if re.fullmatch(pattern, word):
            return cycle
    if len(word) >= 3 and any(name.startswith(word[:3]) for name in WEEKDAYS):
        return next(c for name, c in WEEKDAY_CYCLES.items() if name.startswith(word[:3]))
    return MONTH_CYCLES[MONTHS[month_number(word) - 1]] if re.fullmatch(_SHORT, word) else None


def weighted(spans: Sequence[tuple[Span, float]]) -> list[Reading]:
    """Spans with weights as readings; what weighs nothing is left out."""
    return [(*span, weight) for span, weight in spans if weight > 0]


def resolve(cycle: Cycle, which: str, far: str, at: Moment) -> list[Reading]:
    """Which instances of a cycle are meant by last, next, this or nothing before it, and how surely."""
    over, current, ahead = cycle.around(at.now)
    spans: list[tuple[Span, float]]
    if far:
        near, line = (over, "last") if "last" in far else (ahead, "next")
        fresh = current is None and near[:1] and cycle.shares_frame(near[0], at.now)
        spans = list(zip(near[1:3], (0.65, 0.35) if fresh or line == "next" else (0.85, 0.15), strict=False))
    elif re.search("last|past|previous", which):
        spans = _last(cycle, over, current, at)
    elif re.search("next|coming|following", which):
        fresh = ahead[:1] and cycle.shares_frame(ahead[0], at.now)
        spans = list(zip(ahead[:2], (0.55, 0.45) if fresh else (0.9, 0.1), strict=False))
        spans = [(ahead[0], 1.0)] if ahead and which in ("this coming", "the coming", "the upcoming") else spans
    else:
        spans = _nearest(over, current, ahead, at, cycle, this=which == "this")
    return weighted(spans)


def _last(cycle: Cycle, over: list[Span], current: Span | None, at: Moment) -> list[tuple[Span, float]]:
    if current is not None and cycle.kind in ("season", "weekend"):
        run = (at.now - current[0]) / (current[1] - current[0])  # late in it, it may already be called the last one
        return [(over[0], 1 - 0.4 * run), (current, 0.4 * run)] if over else []
    if current is None and over and cycle.shares_frame(over[0], at.now):
        return list(zip(over[:2], (0.65, 0.35), strict=False))
    return list(zip(over[:2], (0.9, 0.1), strict=False))


def _nearest(
    over: list[Span], current: Span | None, ahead: list[Span], at: Moment, cycle: Cycle, *, this: bool
) -> list[tuple[Span, float]]:
    if current is not None:
        if this:
            return [(current, 1.0)]
        near = [(over[0], 0.25 * at.past)] if over else []
        return [(current, 0.75), *near, *((s, 0.25 - 0.25 * at.past) for s in ahead[:1])]
    if not this:
        return [*((s, at.past) for s in over[:1]), *((s, 1 - at.past) for s in ahead[:1])]
    soft = timedelta(days=cycle.days / 6)
    scores = [(s, (0.4 + at.past) / ((at.now - s[1] + soft) / DAY) ** 2) for s in over[:1]]
    scores += [(s, (1.4 - at.past) / ((s[0] - at.now + soft) / DAY) ** 2) for s in ahead[:1]]
    total = sum(score for _, score in scores)
    return [(s, score / total) for s, score in scores if score > 0.04 * total]


def _recurring(m: re.Match[str], at: Moment) -> Meaning | None:
    cycle = cycle_of(m["cycle"])
    if cycle is None:
        return None
    groups = m.groupdict()
    readings = resolve(cycle, groups.get("which") or "", groups.get("far") or "", at)
    return Meaning(readings, cycle, frame=readings[0][:2] if groups.get("which") else None) if readings else None


def _week_from(m: re.Match[str], at: Moment) -> Meaning | None:
    """Saturday week; a week on Tuesday; Friday fortnight."""
    cycle = cycle_of(m["cycle"])
    start = cycle.around(at.now - DAY)[2][0][0] if cycle else None
    if start is None:
        return None
    start += (14 if "fortnight" in m[0] or "two weeks" in m[0] else 7) * DAY
    return Meaning([(start, start + DAY, 1.0)])


def _dated(m: re.Match[str], at: Moment) -> Meaning | None:
    """5 May, May 5th 2023, the 21st of June."""
    month, day = month_number(m["month"]), int(re.sub("[a-z]", "", m["day"]))
    if m["year"]:
        start = datetime(int(m["year"]), month, day)
        return Meaning([(start, start + DAY, 1.0)])
    cycle = day_of_year(month, day)
    readings = resolve(cycle, "", "", at)
    return Meaning(readings, cycle) if readings else None


def _day_of_month(m: re.Match[str], at: Moment) -> Meaning | None:
    cycle = day_of_month(int(re.sub("[a-z]", "", m["day"])))
    readings = resolve(cycle, "", "", at)
    return Meaning(readings, cycle) if readings else None


def _of_year(m: re.Match[str], at: Moment) -> Meaning | None:
    """June 2022, summer of 2022, Christmas 2019."""
    cycle, year = cycle_of(m["cycle"]), datetime(int(m["year"]), 1, 1)
    found = [s for s in cycle.spans(year, datetime(year.year + 1, 1, 1)) if s[1] > year] if cycle else []
    if cycle is not None and cycle.name == "winter":  # the one that begins in the year, and the one that ends in it
        return Meaning(weighted(list(zip(reversed(found), (0.6, 0.4), strict=False))))
    found = [s for s in found if s[0].year == year.year]
    return Meaning([(*s, 1.0) for s in found[:1]]) if found else None


def _year(m: re.Match[str], at: Moment) -> Meaning | None:
    year = int(m["year"])
    if not at.now.year - 70 <= year <= at.now.year + 30:
        return None
    span = (datetime(year, 1, 1), datetime(year + 1, 1, 1))
    return Meaning([(*span, 1.0)], frame=span)


def _iso(m: re.Match[str], at: Moment) -> Meaning:
    start = datetime(int(m["year"]), int(m["month"]), int(m["day"]))
    return Meaning([(start, start + DAY, 1.0)])


def _numeric(m: re.Match[str], at: Moment) -> Meaning | None:
    """5/12/2023: day first unless that is impossible, and both where both are possible."""
    a, b = int(m["a"]), int(m["b"])
    year = int(m["year"]) + (2000 if len(m["year"]) == 2 else 0)
    orders = [((b, a), 0.65), ((a, b), 0.35)]
    days = [(datetime(year, mo, d), w) for (mo, d), w in orders if 1 <= mo <= 12 and 1 <= d <= 28]
    if not days or max(a, b) > 28:
        mo, d = (b, a) if b <= 12 else (a, b)
        days = [(datetime(year, mo, d), 1.0)]
    days = days[:1] if a == b else days
    return Meaning([(day, day + DAY, w) for day, w in days])


RULES: list[tuple[re.Pattern[str], Rule]] = [
    (re.compile(rf"\b(?:{pattern})(?![\w])"), rule)
    for pattern, rule in (
        (r"the day before yesterday", days(-2)),
        (r"the day after tomorrow", days(2)),
        (r"the night before last", days(-2 + 0.7, 0.6, sure=0.8)),
        (rf"(?P<n>{NUMBER}) (?P<unit>year|month|week) ago (?:today|to the day)(?P<side>)", _anniversary),
        (r"(?:around |about )?this (?:time|day|date) (?P<side>last|next) (?P<unit>year|month|week)", _anniversary),
        (rf"(?:about |around |some |roughly |over |almost |nearly )?(?P<n>{NUMBER}) (?:short |long |whole )?"
         rf"(?P<unit>{UNIT})s? (?:ago|back|earlier(?! than)|prior(?! to))", _ago),
        (rf"half an? (?P<unit>year|month|week) (?:ago|back|(?P<ahead>from now))", _half),
        (rf"(?P<n>{NUMBER}) (?P<cycle>{_DAY}|{_SEASON}|christmas|easter)(?:s|es)? (?:ago|back)", _cycle_ago),
        (rf"(?:(?:a|two) (?:week|fortnight|weeks)s? (?:on|from|this) (?P<cycle>{_DAY}))", _week_from),
        (rf"(?P<cycle>{_DAY}) (?:week|fortnight)", _week_from),
        (rf"(?:in )?(?P<n>{NUMBER}) (?P<unit>{UNIT})s?(?:'s?|s')? (?:from now|from today|hence|time)", _ahead),
        (rf"(?P<guess>in|within) (?:about |around )?(?P<n>{NUMBER}) (?P<unit>{UNIT})s?(?! of)", _ahead),
        (rf"(?P<side>(?:the |these |this )?(?:last|past|previous|next|coming)) "
         rf"(?P<n>{NUMBER}) (?P<unit>{UNIT})s?", _rolling),
        (rf"(?P<n>)(?P<side>the past|the previous|this past) (?P<unit>month|quarter|year)", _rolling),
        (r"(?P<which>the) (?P<unit>week|month|quarter|year) (?P<far>before last|after next)", _unit),
        (r"(?P<part>earlier|later) (?:on )?this (?P<unit>week|month|quarter|year)", _part_of_unit),
        (r"(?P<which>this past|last|this|the current|next|this coming|the coming|the upcoming|the previous)"
         r" (?P<unit>week|fortnight|month|quarter|year|decade)(?! of)", _unit),
        (r"yesterday", days(-1)),
        (r"tomorrow", days(1)),
        (r"last night", days(-0.3, 0.6, sure=0.6)),
        (r"tonight", days(0.68, 0.5)),
        (r"this morning", days(0.1, 0.42)),
        (r"this afternoon", days(0.48, 0.3)),
        (r"this evening", days(0.68, 0.32)),
        (r"just now|earlier today|today", days(0)),
        (r"the other (?:day|night|evening|morning|afternoon)", window((-10, -1, 0.7), (-21, -1, 0.3))),
        (r"the other week(?:end)?", window((-21, -4, 0.7), (-42, -1, 0.3))),
        (r"the other month", window((-92, -21, 1.0))),
        (r"(?:most |more )?recently|lately|of late|these days", window((-14, 0, 0.4), (-45, 0, 0.4), (-92, 0, 0.2))),
        (r"(?:very |some time |sometime )?soon|upcoming|coming up|in the near future",
         window((0, 14, 0.5), (0, 45, 0.3), (0, 92, 0.2))),
        (r"(?P<year>[0-9]{4})[-/](?P<month>[0-9]{2})[-/](?P<day>[0-9]{2})", _iso),
        (r"(?P<a>[0-9]{1,2})([-/.])(?P<b>[0-9]{1,2})\2(?P<year>(?:19|20)?[0-9]{2})", _numeric),
        (rf"(?:the )?(?P<day>{_ORDINAL})(?: of)? (?P<month>{_ANY_MONTH})(?:,? (?P<year>{_YEAR}))?", _dated),
        (rf"(?P<month>{_ANY_MONTH}) (?:the )?(?P<day>{_ORDINAL})(?:,? (?P<year>{_YEAR}))?", _dated),
        (rf"(?:in |of |last |the |that )*(?P<cycle>{_ANY_MONTH}|{_SEASON}|{HOLIDAY_PATTERN})"
         rf"(?:,| of| in| back in)? (?P<year>{_YEAR})", _of_year),
        (rf"(?:the )(?P<cycle>weekend|{_DAY}|{_SEASON}|{_MONTH}|{HOLIDAY_PATTERN}) (?P<far>before last|after next)",
         _recurring),
        (rf"{_WHICH} (?P<cycle>weekend|{_DAY}|{HOLIDAY_PATTERN})", _recurring),
        (rf"{_WHICH.replace('|the(?! past)', '')} (?P<cycle>{_SHORT_DAY})", _recurring),
        (rf"{_WHICH.replace('|the(?! past)', '')} (?P<cycle>{_SEASON})(?! rolls?| onions?| water| down| over)", _recurring),
        (rf"{_WHICH.replace('|the(?! past)', '')} (?P<cycle>{_ANY_MONTH})"
         r"(?! (?:be|not|have|help|seem|sound|well|also|for|against|to|through) )", _recurring),
        (rf"(?P<lead>(?:in|over|during|throughout|by|until|till|since|before|after|for|through|early|late|mid|of)[ -]"
         rf"(?:the )?)(?P<cycle>{_SEASON})(?! rolls?| onions?| water| down| over| party)", _recurring),
        (rf"(?P<lead>(?:in|of|since|by|until|till|before|after|during|around|throughout|through|late|early|mid|and)[ -])"
         rf"(?P<cycle>{_ANY_MONTH})(?! (?:i|we|you|be) )", _recurring),
        (r"(?P<cycle>january|february|july|september|october|november|december)", _recurring),
        (rf"(?P<cycle>{HOLIDAY_PATTERN}|{_DAY})", _recurring),
        (rf"(?P<lead>on )(?P<cycle>{_SHORT_DAY})", _recurring),
        (rf"(?P<lead>(?:on|by|before|after|until|till|since|around) )the (?P<day>{_ORDINAL}(?<=[a-z]))"
         r"(?=$| ?[?.,;!]| (?:at|with|for|in|of|and|or|to|this|last|next) )", _day_of_month),
        (rf"(?P<lead>(?:in|of|from|since|during|by|until|till|before|after|around|year) )(?P<year>{_YEAR})"
         r"(?! (?:words|people|steps|pounds|dollars|euros|metres|meters|miles|km|kcal|calories)|[%:.,]?[0-9])", _year),
        (r"in the (?:morning|afternoon|evening)", _future_evening),
        (r"last time", window((-30, 0, 0.4), (-122, 0, 0.3), (-365, 0, 0.3))),
        (r"(?P<lead>(?:did|was|were|have|has|had|'ve)\b.{0,60}?(?<!the )(?<!at )\b)last"
         r"(?= \w)(?! (?:name|surname|one|person|but|for|long|longer|until|of)\b)",
         window((-30, 0, 0.4), (-122, 0, 0.3), (-365, 0, 0.3))),
    )
]  # fmt: skip
