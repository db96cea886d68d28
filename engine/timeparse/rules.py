"""The table of phrases behind engine/timeparse/: a pattern -> a function that says what it means, with weights.

A rule gets the match and the `Moment` of the question and gives a `Meaning`. Patterns see lower-case text whose dashes
and apostrophes are plain. The first rule that matches a stretch of text has it, so longer phrases come first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from engine.timeparse import dates
from engine.timeparse.numbers import NUMBER, number
from engine.timeparse.readings import Meaning, Moment, cycle_of, distant, resolve, weighted
from engine.timeparse.words import (
    DAY,
    HOLIDAY_PATTERN,
    HOURS,
    MONTHS,
    ORDINAL_WORD,
    SEASON_CYCLES,
    SHORT_DAYS,
    SHORT_MONTHS,
    UNIT_DAYS,
    WEEKDAYS,
    midnight,
    shift,
    unit_span,
)

Rule = Callable[["re.Match[str]", Moment], Meaning | None]

UNIT = rf"(?:{'|'.join(UNIT_DAYS)})"
_MONTH = "|".join(MONTHS)
_ANY_MONTH = rf"(?:{_MONTH}|(?:{SHORT_MONTHS})\.?)"
_DAY = "|".join(WEEKDAYS)
_SEASON = "|".join(SEASON_CYCLES)
_YEAR = r"(?:19[0-9]{2}|20[0-9]{2})(?![0-9])"
_SHORT_YEAR = r"'[0-9]{2}(?![0-9'])"
_STOP = r"(?= ?(?:$|[?.,;!])| (?:i|we|you|when|with|and|or|at|in|that|did|was|were)\b)"
_ONE_FURTHER = rf"(?P<far>the (?:{UNIT}|one) (?:before|after))(?: that| it)?{_STOP}"
_NTH = "first|second|third|fourth|last"
_ORDINAL = r"(?:[12][0-9]|3[01]|0?[1-9])(?:st|nd|rd|th)?"
_LAST = r"last|this past|the past|the previous|this last"
_NEXT = r"next|this coming|the coming|the upcoming|the following"
_WHICH = rf"(?P<which>{_LAST}|{_NEXT}|this|that)"


def _ago(m: re.Match[str], at: Moment) -> Meaning:
    low, high = number(m["n"] or "several")
    return distant(at.now, m["unit"], low, high, -1)


def _ahead(m: re.Match[str], at: Moment) -> Meaning | None:
    if "guess" in m.re.groupindex and (at.past > 0.8 or UNIT_DAYS[m["unit"]] < 1):
        return None  # "did I finish it in two weeks": how long, not when
    low, high = number(m["n"])
    return distant(at.now, m["unit"], low, high, 1)


_HALVES = {
    "decade": ("year", 5, 5), "year": ("month", 6, 6), "month": ("week", 2, 2), "week": ("day", 3, 4),
    "day": ("hour", 12, 12), "hour": ("minute", 30, 30),
}  # fmt: skip


def _half(m: re.Match[str], at: Moment) -> Meaning:
    return distant(at.now, *_HALVES[m["unit"]], 1 if m["ahead"] else -1)


def _one_or_two(m: re.Match[str], at: Moment) -> Meaning:
    return distant(at.now, m["unit"], 1, 2, 1 if m["ahead"] else -1)


def _and_a_half(m: re.Match[str], at: Moment) -> Meaning:
    low, high = number(m["n"])
    return distant(at.now, m["unit"], low + 0.5, high + 0.5, -1)


def _earlier_today(m: re.Match[str], at: Moment) -> Meaning:
    return Meaning([(midnight(at.now), max(at.now, midnight(at.now) + DAY / 24), 1.0)])


def _cycle_ago(m: re.Match[str], at: Moment) -> Meaning | None:
    """Two summers ago, three Fridays ago."""
    cycle, (low, high) = cycle_of(m["cycle"]), number(m["n"])
    if cycle is None or high > 12:
        return None
    spans = cycle.spans(at.now - timedelta(days=cycle.days * (high + 1.5)), at.now)
    over = [span for span in reversed(spans) if span[1] <= at.now]
    first, last = int(low), int(high)
    meant, next_to = over[first - 1 : last], over[last : last + 1]
    return Meaning(weighted([*((span, 0.7) for span in meant), *((span, 0.3) for span in next_to)]), cycle)


def _rolling(m: re.Match[str], at: Moment) -> Meaning:
    """The last three weeks, the next few days, the past year."""
    high = number(m["n"] or ("few" if m[0].endswith("s") else "one"))[1]
    sign = -1 if re.match(r"(?:the |these |this )?(?:last|past|previous|recent)", m["side"]) else 1
    unit, today = m["unit"], midnight(at.now)
    readings = []
    for n, weight in ((high, 0.7), (high * 1.3 + 0.2, 0.3)):
        edge = at.now + timedelta(days=sign * UNIT_DAYS[unit] * n)
        readings.append((min(midnight(edge), today), max(midnight(edge), today) + DAY, weight))
    return Meaning(readings, frame=readings[0][:2])


def _unit(m: re.Match[str], at: Moment) -> Meaning:
    """This, last and next week, month, quarter or year, and the ones before and after."""
    which, unit, now = m["which"], m["unit"], at.now
    n = 0 if re.match(r"(?:this|the|the current)$", which) else -1 if re.search(r"last|past|previous", which) else 1
    if far := m.groupdict().get("far"):
        n = 2 if "after" in far else -2
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
    there = midnight(shift(at.now, unit, sign * number(m["n"] or "one")[0]))
    exact = "day" in m[0] or "today" in m[0]
    widths = ((0.5, 0.7), (3, 0.3)) if exact else ((UNIT_DAYS[unit] / 14, 0.7), (UNIT_DAYS[unit] / 7, 0.3))
    return Meaning([(midnight(there - w * DAY), midnight(there + w * DAY) + DAY, weight) for w, weight in widths])


def days(first: float, count: float = 1) -> Rule:
    """A rule for `count` days that start `first` days from today's midnight."""

    def meaning(m: re.Match[str], at: Moment) -> Meaning:
        start = midnight(at.now) + first * DAY
        return Meaning([(start, start + count * DAY, 1.0)], frame=(start, start + count * DAY))

    return meaning


def window(*parts: tuple[float, float, float], vague: bool = True) -> Rule:
    """A rule of several windows: (first day, end, weight), in days from today's midnight; tomorrow begins at 1."""

    def meaning(m: re.Match[str], at: Moment) -> Meaning:
        today = midnight(at.now)
        return Meaning([(today + a * DAY, today + b * DAY, weight) for a, b, weight in parts], vague=vague)

    return meaning


_A_WHILE_AGO = window((-30, 1, 0.4), (-122, 1, 0.3), (-365, 1, 0.3))


def _hours(name: str, first_day: int = 0) -> Rule:
    """A rule for a part of today, or of a day near it."""
    first, last = HOURS[name]
    return days(first_day + first / 24, (last - first) / 24)


def _coming_hours(m: re.Match[str], at: Moment) -> Meaning | None:
    """In the morning, where what is to come is asked for: the next one that is not over."""
    if at.past >= 0.4:
        return None
    over = at.now >= midnight(at.now) + HOURS[m["part"]][1] * DAY / 24
    return _hours(m["part"], int(over))(m, at)


_VERB = re.compile(r" (?!(?:in|on|at|with|and|or|to|for|when|while)\b)[a-z]")  # "this may hurt"


def _recurring(m: re.Match[str], at: Moment) -> Meaning | None:
    cycle, groups = cycle_of(m["cycle"]), m.groupdict()
    which, far = groups.get("which", ""), groups.get("far", "")
    if cycle is None or (m["cycle"] == "may" and which in ("this", "that") and _VERB.match(m.string, m.end())):
        return None
    readings = resolve(cycle, at, which, far)
    return Meaning(readings, cycle, frame=readings[0][:2] if which else None) if readings else None


def _week_from(m: re.Match[str], at: Moment) -> Meaning | None:
    """Saturday week; a week on Tuesday; Friday fortnight."""
    cycle = cycle_of(m["cycle"])
    start = cycle.around(at.now - DAY)[2][0][0] if cycle else None
    if start is None:
        return None
    start += (14 if "fortnight" in m[0] or "two weeks" in m[0] else 7) * DAY
    return Meaning([(start, start + DAY, 1.0)])


RULES: list[tuple[re.Pattern[str], Rule]] = [
    (re.compile(rf"\b(?:{pattern})(?![\w])"), rule)
    for pattern, rule in (
        (rf"(?:the )?(?:{_NTH}) (?:{_DAY}|weekend|day|week) (?:of|in) (?:each|every) (?:week|month|quarter|year)",
         dates.nothing),
        (rf"(?:each|every)(?: other| second| single| (?:{_NTH})| {NUMBER})?"
         rf" (?:{_DAY}|{SHORT_DAYS}|{_SEASON}|{_ANY_MONTH}|{HOLIDAY_PATTERN}|{UNIT}s?)", dates.nothing),
        (rf"(?:{_DAY}|weekend|midweek) (?:morning|afternoon|evening|night)s", dates.nothing),
        (r"the day before yesterday", days(-2)),
        (r"the day after tomorrow", days(2)),
        (r"(?:the )?night before last", window((-31 / 24, -17 / 24, 0.75), (-2, -17 / 24, 0.25), vague=False)),
        (rf"(?P<n>{NUMBER}) (?P<unit>year|month|week) ago (?:today|to the day)(?P<side>)", _anniversary),
        (rf"(?:around |about )?this (?:time|day|date) (?P<n>{NUMBER}) (?P<unit>year|month|week)s? ago(?P<side>)",
         _anniversary),
        (r"(?:around |about )?this (?:time|day|date) (?P<n>)(?P<side>last|next) (?P<unit>year|month|week)",
         _anniversary),
        (rf"(?P<ahead>in )?an? (?P<unit>{UNIT}) or two(?(ahead)| (?:ago|back))", _one_or_two),
        (r"half an? (?P<unit>decade|year|month|week|day|hour) (?:ago|back|(?P<ahead>from now))", _half),
        (rf"(?:about |around )?(?P<n>{NUMBER}) (?P<unit>{UNIT})s? and a half (?:ago|back)", _and_a_half),
        (rf"(?:about |around |some |roughly |over |almost |nearly )?(?P<n>{NUMBER}) "
         rf"(?:good |short |long |whole |full )?(?P<unit>{UNIT})s?(?: or so)?"
         r" (?:ago|back|earlier(?! than)|prior(?! to))", _ago),
        (r"(?P<n>)(?P<unit>day|week|month|year)s (?:ago|back)", _ago),
        (rf"(?P<n>{NUMBER}) (?P<cycle>{_DAY}|{_SEASON}|januarie|februarie|{_MONTH}|christmas|easter)"
         r"(?:s|es)? (?:ago|back)", _cycle_ago),
        (rf"(?:a|two) (?:week|fortnight)s? (?:on|from|this) (?P<cycle>{_DAY})", _week_from),
        (rf"(?P<cycle>{_DAY}) (?:week|fortnight)", _week_from),
        (rf"(?:in )?(?P<n>{NUMBER}) (?P<unit>{UNIT})s?(?:'s?|s')? (?:from now|from today|hence|time)", _ahead),
        (rf"(?P<guess>in|within) (?:about |around )?(?P<n>{NUMBER}) (?P<unit>{UNIT})s?(?! of)", _ahead),
        (rf"(?P<side>(?:the |these |this )?(?:last|past|previous|next|coming)) (?!an? )"
         rf"(?P<n>{NUMBER}) (?P<unit>{UNIT})s?", _rolling),
        (r"(?:in )?(?P<side>recent|(?:the |these )(?:last|past|recent|next|coming)) "
         r"(?P<unit>day|week|month|year)s(?P<n>)(?! of)", _rolling),
        (r"(?P<n>)(?P<side>the past|the previous|this past) (?P<unit>week|month|quarter|year)", _rolling),
        (r"(?P<n>)(?P<side>the last|last|past|the next|next|the coming) (?P<unit>fortnight|decade)", _rolling),
        (r"(?P<lead>(?:in|over|during|for|within) )(?P<n>)(?P<side>the last|the next|the coming)"
         r" (?P<unit>week|month|quarter|year)(?! of)", _rolling),
        (rf"not (?P<which>last|next) (?P<unit>week|month|quarter|year)[, ]+(?:but )?{_ONE_FURTHER}", _unit),
        (rf"not (?P<which>last|next) (?P<cycle>weekend|{_DAY}|{_SEASON}|{_MONTH})[, ]+(?:but )?{_ONE_FURTHER}",
         _recurring),
        (r"(?P<which>(?:the )?)(?P<unit>week|month|quarter|year) (?P<far>before last|after next)", _unit),
        (r"(?P<part>earlier|later) (?:on )?this (?P<unit>week|month|quarter|year)", _part_of_unit),
        (rf"(?P<which>last) (?P<unit>week)(?! of)(?! in {_ANY_MONTH}\b)", _unit),
        (r"(?P<which>last) (?P<unit>month|quarter|year)(?! of)", _unit),
        (r"(?P<which>this|the current|next|this coming|the coming|the upcoming|the previous)"
         r" (?P<unit>week|month|quarter|year)(?! of)", _unit),
        (r"yesterday", days(-1)),
        (r"tomorrow", days(1)),
        (r"last night", window((-7 / 24, 7 / 24, 0.75), (-1, 7 / 24, 0.25), vague=False)),
        (r"tonight", _hours("night")),
        *((f"this {part}", _hours(part)) for part in ("morning", "afternoon", "evening")),
        (r"just now|earlier today", _earlier_today),
        (r"later today|today", days(0)),
        (r"the other (?:day|night|evening|morning|afternoon)", window((-10, 0, 0.7), (-21, 0, 0.3))),
        (r"the other week(?:end)?", window((-21, -3, 0.7), (-42, 0, 0.3))),
        (r"(?:a (?:little |short )?while|some time) (?:ago|back)", window((-122, -6, 0.5), (-400, -2, 0.5))),
        (r"(?:ages|a long time|long) ago|a long while (?:ago|back)", window((-1100, -150, 0.6), (-4000, -60, 0.4))),
        (r"the other month", window((-92, -20, 1.0))),
        (r"(?:most |more )?recently|lately|of late(?= ?(?:$|[?.,;!]))|these days",
         window((-14, 1, 0.4), (-45, 1, 0.4), (-92, 1, 0.2))),
        (r"(?:very |some time |sometime )?soon|upcoming|coming up|in the near future",
         window((0, 15, 0.5), (0, 46, 0.3), (0, 93, 0.2))),
        (r"(?P<year>[0-9]{4})[-/](?P<month>[0-9]{2})[-/](?P<day>[0-9]{2})", dates.iso),
        (r"(?P<a>[0-9]{1,2})([-/.])(?P<b>[0-9]{1,2})\2(?P<year>(?:19|20)?[0-9]{2})", dates.numeric),
        (rf"(?:the )?(?P<day>{_ORDINAL}(?: of)?|(?:{ORDINAL_WORD}) of) (?P<month>{_ANY_MONTH})"
         rf"(?:,? (?P<year>{_YEAR}|{_SHORT_YEAR}))?(?! (?:be|have)\b)",
         dates.dated),
        (rf"(?P<month>{_ANY_MONTH}) (?:(?:the )?(?P<day>{_ORDINAL})|the (?P<word>{ORDINAL_WORD}))"
         rf"(?:,? (?P<year>{_YEAR}|{_SHORT_YEAR}))?", dates.dated),
        (rf"(?P<cycle>{_ANY_MONTH}|{_SEASON}|{HOLIDAY_PATTERN})"
         rf"(?:,| of| in| back in)? (?P<year>{_YEAR}|{_SHORT_YEAR}|(?<= of )[0-9]{{2}}{_STOP})", dates.of_year),
        (r"(?P<cycle>may day|midweek)", _recurring),
        (rf"(?:the )?(?P<cycle>weekend|{_DAY}|{_SEASON}|{_MONTH}|{HOLIDAY_PATTERN})"
         r" (?P<far>before last|before this one|after next)",
         _recurring),
        (rf"(?:the )?q(?P<q>[1-4])(?: (?:of )?(?P<year>{_YEAR}))?", dates.quarter),
        (rf"(?:the )?(?P<q>first|second|third|fourth) quarter(?: of (?P<year>{_YEAR}))?(?! (?:of|in) the (?!year))",
         dates.quarter),
        (rf"(?:the )?(?P<q>last|final) quarter of (?P<year>{_YEAR})", dates.quarter),
        (r"(?:the )?(?P<q>last|final) quarter(?= of (?:last|this|next|the) year)(?P<year>)", dates.quarter),
        (r"the (?P<decade>(?:19|20)[0-9]0'?s|'?[3-9]0'?s|fifties|sixties|seventies|eighties|nineties)",
         dates.decade),
        (r"mother'?s'? day|mothering sunday", dates.mothers_day),
        (r"(?P<lead>in the )new year(?! ?')", dates.new_year_ahead),
        (rf"(?P<cycle>{_SEASON}|{_ANY_MONTH})"
         rf"(?= (?:of )?(?:last|this|next|the) year\b| {NUMBER} years? (?:ago|back)\b)",
         _recurring),
        (r"(?P<lead>(?:first|second|third|fourth|1st|2nd|3rd|4th|one|a) )(?P<cycle>weekend)(?= (?:of|in)\b)",
         _recurring),
        (rf"{_WHICH} (?P<cycle>weekend|{_DAY}|{HOLIDAY_PATTERN})", _recurring),
        (rf"(?P<which>last|next|this) (?P<cycle>{SHORT_DAYS})", _recurring),
        (rf"{_WHICH} (?P<cycle>{_SEASON})(?! (?:rolls?|onions?|water|down|over)\b)", _recurring),
        (rf"{_WHICH} (?P<cycle>{_ANY_MONTH})"
         r"(?! (?:be|not|have|help|seem|sound|well|also|for|against|to|through) )", _recurring),
        (rf"(?P<lead>(?:in|over|during|throughout|by|until|till|since|before|after|for|through|early|late|mid|of)[ -]"
         rf"(?:the )?)(?!(?<=(?:after|since) the )fall)(?P<cycle>{_SEASON})"
         r"(?! (?:rolls?|onions?|water|down|over|party)\b)",
         _recurring),
        (r"(?P<lead>(?:in|of|since|by|until|till|before|after|during|around|throughout|through|late|early|mid|between"
         rf")[ -])(?P<cycle>{_ANY_MONTH})(?! (?:i|we|you|be|have|not) )", _recurring),
        (rf"(?P<lead>between {_ANY_MONTH} and )(?P<cycle>{_ANY_MONTH})", _recurring),
        (rf"(?P<lead>(?:on|over|at|for|during|by|before|after|until|till|since|of|in) )the (?P<cycle>weekend|{_DAY})"
         r"(?=$| ?[?.,;!]| (?:with|at|in|before|after|when|while|to|and|that|i|we|was|is|did)\b)", _recurring),
        (r"(?P<lead>(?:beginning|start|middle|end|half|later|rest) (?:of|in) )(?P<which>the)"
         r" (?P<unit>week|month|quarter|year)(?! (?:before|after|of))", _unit),
        (r"(?P<cycle>january|february|july|september|october|november|december)", _recurring),
        (rf"(?P<cycle>{HOLIDAY_PATTERN}|{_DAY})", _recurring),
        (rf"(?P<lead>on )(?P<cycle>{SHORT_DAYS})", _recurring),
        (rf"(?P<lead>(?:on|by|before|after|until|till|since|around|(?:morning|afternoon|evening|night) of) )"
         rf"the (?P<day>{_ORDINAL}(?<=[a-z]))"
         r"(?=$| ?[?.,;!]| (?:at|with|for|in|of|and|or|to|this|last|next) )", dates.nth_day),
        (rf"the (?P<day>{_ORDINAL}(?<=[a-z]))(?= of (?:this|last|next|the) month\b)", dates.nth_day),
        (rf"(?P<lead>(?:between|from) )(?P<year>{_YEAR})(?= (?:and|to|until|till) {_YEAR})", dates.year),
        (rf"(?P<lead>(?:between|from) {_YEAR} (?:and|to|until|till) )(?P<year>{_YEAR})", dates.year),
        (r"(?P<lead>(?:in|of|from|since|during|by|until|till|before|after|around|year|early|late|mid|the|our)[ -])"
         rf"(?P<year>(?:{_YEAR}|{_SHORT_YEAR})(?:(?:, ?|,? or |,? and )(?:in )?{_YEAR})*)"
         r"(?! (?:words|people|steps|pounds|dollars|euros|metres|meters|miles|km|kcal|calories|grams|ml|others|ones"
         r"|\w+ers)\b|[%:.,]?[0-9])",
         dates.year),
        (r"in the (?P<part>morning|afternoon|evening)", _coming_hours),
        (r"(?P<lead>(?:my|our|his|her|their|the) )next(?= \w)"
         r"(?! (?:door|person|one|to|of|step|day|morning|afternoon|evening|night|time)\b)",
         window((0, 15, 0.4), (0, 46, 0.4), (0, 93, 0.2))),
        (r"last time", _A_WHILE_AGO),
        (r"(?P<lead>(?:did|was|were|have|has|had)\b.{0,60}?(?<!the )(?<!at )\b)last"
         r"(?= \w)(?! (?:name|surname|one|person|but|for|long|longer|until|of|an?|all)\b)", _A_WHILE_AGO),
    )
]  # fmt: skip
