"""Phrases of a question ("the week before last", "early in June") resolved against its moment into weighted intervals.

One phrase may mean several things, so a question gets readings with weights. They serve a soft prior over memories
(`prior`) or the published hard filter (`inside`; PEARL, methods/pearl.md section 4.3). Points in time that are written
out in files are engine/datasets/times.py's. What the words mean is a table in engine/timerules.py; here phrases are
found, joined ("on Friday last week") and modified ("at the end of", "before").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from engine.datasets.times import read_time
from engine.timerules import NUMBER, RULES, UNIT, Meaning, Moment, number
from engine.timewords import DAY, UNIT_DAYS, Reading, Span, midnight, shift

NEUTRAL = 0.5  # the prior of a memory without any time, and of every memory where no phrase is understood
_EPOCH = datetime(1970, 1, 1)
_MOST_READINGS = 8
_PLAIN = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2019\u2018\u00a0\t\n\r", "-----''    ")


@dataclass(frozen=True, slots=True)
class Interval:
    """One reading of one phrase: [start, end), its share of belief (those of a question sum to 1), and where it stands."""

    start: datetime
    end: datetime
    weight: float
    phrase: str
    span: tuple[int, int]

    @property
    def line(self) -> str:
        """The reading for a person: `"last spring": 1 Mar 2023 to 31 May 2023`."""
        last = self.end - timedelta(microseconds=1)
        if self.start.date() == last.date():
            return f'"{self.phrase}": {_day(self.start)}'
        return f'"{self.phrase}": {_day(self.start)} to {_day(last)}'


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b} {moment.year}"


@dataclass(frozen=True, slots=True)
class _Phrase:
    start: int
    end: int
    meaning: Meaning


def intervals(text: str, now: str | datetime) -> tuple[Interval, ...]:
    """The readings of the temporal phrases in `text`, asked at `now` (local), the surest first; () if there are none.

    Never raises on any text. Raises ValueError if `now` is a string that is no time.
    """
    moment = _moment(now)
    plain = _plain(text)
    if not _TRIGGER.search(plain):
        return ()
    at = Moment(moment, _past(plain))
    phrases = _joined(plain, _found(plain, at), at)
    phrases = [_modified(plain, phrase, at) for phrase in phrases]
    readings = _combined(phrases)
    if readings and _TOLD.search(plain):
        readings = _with_the_telling(readings, at)
    total = sum(weight for _, _, weight, _ in readings)
    return tuple(
        Interval(start, end, weight / total, text[p.start : p.end], (p.start, p.end))
        for start, end, weight, p in readings
    )


def seconds(iso: str | None) -> float:
    """Seconds since 1970 of a local time, as if there were no zones; NaN for None and for what is no ISO-8601 time."""
    if iso is None:
        return float("nan")
    try:
        return (datetime.fromisoformat(iso).replace(tzinfo=None) - _EPOCH).total_seconds()
    except ValueError:
        return float("nan")


def inside(found: Sequence[Interval], times: np.ndarray, created: np.ndarray) -> np.ndarray:
    """The paper's hard filter, (n,) bool: does either time lie in any reading? `times`, `created`: (n,) seconds or NaN."""
    held = np.zeros(len(times), dtype=bool)
    for interval in found:
        start, end = _bounds(interval)
        held |= ((times >= start) & (times < end)) | ((created >= start) & (created < end))
    return held


def prior(
    found: Sequence[Interval],
    times: np.ndarray,
    created: np.ndarray,
    *,
    days: float = 1.5,
    created_weight: float = 0.8,
) -> np.ndarray:
    """How well each memory's times fit the readings, (n,) float32 in (0, 1]; `times`, `created`: (n,) seconds or NaN.

    1 inside the surest reading. Outside of a reading of L days the value is 1 / (1 + (d / s)^2) at distance d, with a
    softness s = `days` * sqrt(L). Readings are mixed by weight. A memory's value is the better of its time's and of
    `created_weight` times its creation's; without either it is `NEUTRAL`, as is every memory where `found` is empty.
    """
    by_time, by_creation = _fit(found, times, days), _fit(found, created, days)
    best = np.fmax(by_time, created_weight * by_creation)  # fmax passes over NaN
    smallest = np.finfo(np.float32).tiny
    return np.clip(np.where(np.isnan(best), NEUTRAL, best), smallest, 1.0).astype(np.float32)


def _fit(found: Sequence[Interval], times: np.ndarray, days: float) -> np.ndarray:
    """(n,) in (0, 1], NaN where the time is."""
    times = np.asarray(times, dtype=np.float64)
    if not found:
        return np.full(len(times), np.nan)
    total = np.zeros(len(times))
    for interval in found:
        start, end = _bounds(interval)
        distance = np.maximum(np.maximum(start - times, times - end), 0.0)  # (n,) seconds
        softness = 86400 * days * max((end - start) / 86400, 1.0) ** 0.5
        total += interval.weight / (1 + (distance / softness) ** 2)
    return np.minimum(total / max(interval.weight for interval in found), 1.0)


def _bounds(interval: Interval) -> tuple[float, float]:
    return (interval.start - _EPOCH).total_seconds(), (interval.end - _EPOCH).total_seconds()


def _moment(now: str | datetime) -> datetime:
    if isinstance(now, datetime):
        return now.replace(tzinfo=None)
    iso, _ = read_time(now)
    if iso is None:
        raise ValueError(f"not a time: {now!r}")
    return datetime.fromisoformat(iso)


def _plain(text: str) -> str:
    """Lower case with plain dashes and apostrophes, each character in its place."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    return lower.translate(_PLAIN)


# --- tense: is what is asked about over?
_FUTURE = re.compile(
    r"\b(?:will|won't|shall|going to|am i|are we|i'm|we're|when(?:'s| is| are)|what(?:'s| is) on|do i have)\b|'ll\b"
)
_PAST = re.compile(
    r"\b(?:did|didn't|was|were|had|went|met|saw|told|said|gave|got|bought|took|made|came|sent|ate|drank|found|left|lost"
    r"|wrote|won|paid|spoke|began|kept|brought|taught|sang|ran|drove|have (?:i|we) (?!to\b)|has|\w{2,}(?<!e)ed)\b"
)
_PLANNED = re.compile(r"\b(?:plan|plann(?:ed|ing)|schedul\w+|book|booked|arrange|arranged|supposed|remind|reminded)\b")


def _past(plain: str) -> float:
    if _FUTURE.search(plain):
        return 0.12
    if not _PAST.search(plain):
        return 0.5
    return 0.6 if _PLANNED.search(plain) else 0.88


# --- phrases
_TRIGGER = re.compile(
    r"[0-9]|day|ago|last|next|this|past|week|month|year|night|tom|rece|lately|soon|upcoming|coming|other|now|spring|summer"
    r"|autumn|fall|winter|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|christ|xmas|easter|hallow|thanks|valent|"
    r"(?:\b(?:in|within|back|time|hence|before|after|since|until|mon|tue|wed|thu|fri|sat)\b)"
)


def _found(plain: str, at: Moment) -> list[_Phrase]:
    phrases: list[_Phrase] = []
    for pattern, rule in RULES:
        for match in pattern.finditer(plain):
            start, end = match.end("lead") if "lead" in pattern.groupindex else match.start(), match.end()
            if any(start < p.end and p.start < end for p in phrases):
                continue
            with suppress(OverflowError, ValueError):  # a 31 June, a thousand decades ago
                meaning = rule(match, at)
                if meaning is not None and meaning.readings:
                    phrases.append(_Phrase(start, end, meaning))
    return sorted(phrases, key=lambda p: p.start)


# --- joining: the smaller phrase is looked for in the larger
_NEAR = re.compile(r"[ ,]*(?:\b(?:of|in|on|during|the|at|for|back|and|that)\b[ ,]*)*")
_NTH = re.compile(r"\b(?:the )?(first|second|third|fourth|last|1st|2nd|3rd|4th) $")
_ORDINALS = {"first": 0, "1st": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3, "last": -1}


def _joined(plain: str, phrases: list[_Phrase], at: Moment) -> list[_Phrase]:
    """Phrases after each recurring one ("Friday", "June", "Christmas") was picked from a larger one of the question."""
    order = sorted((p for p in phrases if p.meaning.cycle), key=lambda p: -_length(p))
    for small in order:
        if small not in phrases:
            continue
        larger = [p for p in phrases if p is not small and _length(p) > 1.9 * _length(small) and not p.meaning.vague]
        larger.sort(key=lambda p: abs(p.start - small.start))
        for big in larger:
            joined = _picked(plain, small, big)
            if joined is not None:
                phrases = sorted([*(p for p in phrases if p not in (small, big)), joined], key=lambda p: p.start)
                break
    return phrases


def _length(phrase: _Phrase) -> timedelta:
    start, end = phrase.meaning.frame or phrase.meaning.readings[0][:2]
    return end - start


def _picked(plain: str, small: _Phrase, big: _Phrase) -> _Phrase | None:
    cycle, frame = small.meaning.cycle, big.meaning.frame
    assert cycle is not None
    near = bool(_NEAR.fullmatch(plain[min(small.end, big.end) : max(small.start, big.start)]))
    frames: list[Reading] = [(*frame, 1.0)] if frame and near else list(big.meaning.readings)
    nth = _NTH.search(plain[: small.start]) if near else None
    which = (
        nth[1] if nth else "last" if near and re.match(r"last .* (?:of|in)\b", plain[small.start : big.start]) else None
    )
    readings: list[Reading] = []
    for start, end, weight in frames:
        spans = [
            s for s in cycle.spans(start, end) if s[0] >= start or s[1] <= end or cycle.kind in ("season", "holiday")
        ]
        if which is not None:
            spans = [s for s in spans if s[0] >= start]
            spans = spans[_ORDINALS[which] :][:1]
        elif not near:  # both speak of one time only if this reading was there before
            spans = [s for s in spans if s in [r[:2] for r in small.meaning.readings]]
        readings += [(*s, weight / len(spans)) for s in spans[:6]]
    if not readings:
        return None
    begin = nth.start() if nth else small.start
    span = (min(begin, big.start), max(small.end, big.end)) if near else (small.start, small.end)
    frame = readings[0][:2] if len(readings) == 1 else None
    return _Phrase(*span, Meaning(readings, cycle if len(readings) > 1 else None, frame))


# --- modifiers: what stands right before or after a phrase
Modifier = Callable[["re.Match[str]", Reading, Moment], Reading]


def _part(first: float, last: float) -> Modifier:
    """A part of the phrase's time, as fractions of it."""
    return lambda m, r, at: (r[0] + first * (r[1] - r[0]), r[0] + last * (r[1] - r[0]), r[2])


def _reach(r: Reading) -> timedelta:
    """How far a one-sided phrase reaches: "before Easter" a month, "before 2020" some years."""
    return max(timedelta(days=31), 2 * (r[1] - r[0]))


def _before(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    return (r[0] - _reach(r), r[0], r[2])


def _after(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    return (r[1], r[1] + _reach(r), r[2])


def _since(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    today = midnight(at.now) + DAY
    return (r[0], today if today > r[0] else r[1] + _reach(r), r[2])


def _until(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    today = midnight(at.now)
    return (today if today < r[1] and at.past < 0.8 else r[0] - _reach(r), r[1], r[2])


def _widened(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    margin = max(2 * DAY, (r[1] - r[0]) / 2)
    return (r[0] - margin, r[1] + margin, r[2])


def _beside(m: re.Match[str], r: Reading, at: Moment) -> Reading:
    """The week before Christmas; three weeks after Easter."""
    unit, before = m["unit"], m["side"] == "before"
    if not m["n"]:
        width = timedelta(days=max(UNIT_DAYS[unit], 1.0))
        return (r[0] - width, r[0], r[2]) if before else (r[1], r[1] + width, r[2])
    low, high = number(m["n"])
    slack = timedelta(days=UNIT_DAYS[unit] * 0.4)
    sign, edge = (-1, r[0]) if before else (1, r[1] - DAY)
    first, last = sorted(shift(edge, unit, sign * n) for n in (low, high))
    return (midnight(first - slack), midnight(last + slack) + DAY, r[2])


def _hours(first: float, last: float) -> Modifier:
    def part(m: re.Match[str], r: Reading, at: Moment) -> Reading:
        return (r[0] + first * DAY, r[0] + last * DAY, r[2]) if r[1] - r[0] <= DAY else r

    return part


_BEFORE: list[tuple[re.Pattern[str], Modifier]] = [
    (re.compile(rf"\b(?:{pattern})$"), modifier)
    for pattern, modifier in (
        (r"early[ -](?:in |on )?(?:the )?", _part(0, 0.4)),
        (r"mid(?:dle of)?[ -](?:the )?", _part(0.25, 0.75)),
        (r"late[ -](?:in |on )?(?:the )?", _part(0.6, 1)),
        (r"(?:beginning|start|first half|first part) (?:of|in) (?:the )?", _part(0, 0.4)),
        (r"(?:end|second half|last part|tail end) (?:of|in) (?:the )?", _part(0.6, 1)),
        (rf"(?:(?:the|a)|(?P<n>{NUMBER})) (?P<unit>{UNIT})s? (?P<side>before|after) ", _beside),
        (r"(?:before|prior to|ahead of|leading up to) (?:the )?", _before),
        (r"after (?:the )?", _after),
        (r"(?:ever )?since (?:the )?", _since),
        (r"(?:until|till|by) (?:the )?", _until),
        (r"(?:around|about|over|near) (?:the )?", _widened),
    )
]
_AFTER: list[tuple[re.Pattern[str], Modifier]] = [
    (re.compile(rf"(?:{pattern})\b"), modifier)
    for pattern, modifier in (
        (r"(?:'s)?,? (?:in the )?morning", _hours(0.1, 0.5)),
        (r"(?:'s)?,? (?:in the )?afternoon", _hours(0.5, 0.78)),
        (r"(?:'s)?,? (?:in the )?evening", _hours(0.68, 1)),
        (r"(?:'s)? night", _hours(0.68, 1.2)),
        (r",? onwards?", _since),
    )
]


def _modified(plain: str, phrase: _Phrase, at: Moment) -> _Phrase:
    for _ in range(2):  # "before the end of June"
        head = plain[max(0, phrase.start - 40) : phrase.start]
        for pattern, modifier in _BEFORE:
            if match := pattern.search(head):
                phrase = _apply(modifier, match, phrase, phrase.start - len(match[0]), phrase.end, at)
                break
    for pattern, modifier in _AFTER:
        if match := pattern.match(plain, phrase.end):
            return _apply(modifier, match, phrase, phrase.start, match.end(), at)
    return phrase


def _apply(modifier: Modifier, match: re.Match[str], phrase: _Phrase, start: int, end: int, at: Moment) -> _Phrase:
    with suppress(OverflowError, ValueError):
        readings = [modifier(match, reading, at) for reading in phrase.meaning.readings]
        return _Phrase(start, end, replace(phrase.meaning, readings=readings))
    return phrase


# --- several phrases of one question
_Held = tuple[datetime, datetime, float, _Phrase]


def _combined(phrases: list[_Phrase]) -> list[_Held]:
    """One list of readings, the surest first: where phrases nest their common part, otherwise each phrase's own."""
    sure = [p for p in phrases if not p.meaning.vague] or phrases[:1]
    held: list[list[_Held]] = []
    for phrase in sure:
        total = sum(weight for _, _, weight in phrase.meaning.readings)
        own = [(start, end, weight / total, phrase) for start, end, weight in phrase.meaning.readings if end > start]
        for i, others in enumerate(held):
            if common := _common(others, own):
                held[i] = common
                break
        else:
            held.append(own)
    merged: dict[tuple[Span, int], _Held] = {}
    for start, end, weight, phrase in (reading for readings in held for reading in readings):
        key = ((start, end), phrase.start)
        merged[key] = (start, end, weight + (merged[key][2] if key in merged else 0.0), phrase)
    return sorted(merged.values(), key=lambda r: -r[2])[:_MOST_READINGS]


def _common(a: list[_Held], b: list[_Held]) -> list[_Held]:
    common: list[_Held] = []
    for s1, e1, w1, p1 in a:
        for s2, e2, w2, p2 in b:
            start, end = max(s1, s2), min(e1, e2)
            shorter = min(e1 - s1, e2 - s2)
            if end > start and end - start > 0.6 * shorter:
                common.append((start, end, w1 * w2, p1 if e1 - s1 < e2 - s2 else p2))
    return common


# --- what was told about a time to come was told before it
_TOLD = re.compile(
    r"\b(?:did|have|has|had|was|were|told|said|sent|texted|mentioned)\b.*\b(?:remind|text|tell|told|mention|message|say"
    r"|said|email|talk|discuss|hear|confirm|suggest|invite|ask|plan|book|schedule|add|arrange|send|sent|write|call)\w*"
)


def _with_the_telling(readings: list[_Held], at: Moment) -> list[_Held]:
    """The days before the question too, where a past message or plan is asked for and its subject lies ahead."""
    ahead = sum(weight for start, _, weight, _ in readings if start > at.now)
    if ahead < 0.5 * sum(weight for _, _, weight, _ in readings):
        return readings
    today = midnight(at.now)
    with suppress(OverflowError):
        told = (today - 21 * DAY, today + DAY, 0.5 * ahead, readings[0][3])
        return sorted([*readings, told], key=lambda r: -r[2])
    return readings
