"""The phrases in a question: found by the table of engine/timeparse/rules.py, joined, modified, and combined into
readings.

Joined: the smaller is looked for in the larger ("on Friday last week", "Christmas two years ago"). Modified: by what
stands right before or after ("at the end of", "before", "in the morning"). Combined: where two nest, their common
part.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.timeparse.modifiers import AFTER, BESIDE, PARTS, Modifier
from engine.timeparse.numbers import unread
from engine.timeparse.readings import NOTHING, Meaning, Moment
from engine.timeparse.rules import RULES
from engine.timeparse.words import SHORT_DAYS, WEEK, Cycle, Reading, Span, ordinal

_MOST_READINGS = 8
_MOST_PHRASES = 10  # of one question; joining looks at all pairs


@dataclass(frozen=True, slots=True)
class Phrase:
    start: int
    end: int
    meaning: Meaning


Held = tuple[datetime, datetime, float, Phrase]  # a reading, and the phrase that it is of


def readings_of(plain: str, at: Moment) -> list[Held]:
    """The readings of all phrases, the surest first. `plain` is lower case with plain dashes and apostrophes."""
    if not _TRIGGER.search(plain):
        return []
    phrases = [_modified(plain, phrase, at) for phrase in _joined(plain, _found(plain, at), at)]
    return _combined(phrases)


# --- phrases
# A quick look for a word that some rule needs. Tests hold it to the rules: what each of them matches passes it.
_TRIGGER = re.compile(
    r"[0-9]|day|ago|last|next|this|past|week|month|quarter|year|night|tom|rece|lately|soon|upcoming|coming|other|now"
    r"|spring|summer|autumn|fall|winter|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|christ|xmas|easter|hallow|thanks"
    r"|valent|late|earlier|prior|previous|fawkes|patrick|nye|hogm|mardi|pente|whit|mother|fift|sixt|sevent|eight|ninet"
    r"|\b(?:in|within|back|time|hence|before|after|since|until)\b"
    rf"|\b(?:{SHORT_DAYS})\b"
)


def _found(plain: str, at: Moment) -> list[Phrase]:
    phrases: list[Phrase] = []
    for pattern, rule in RULES:
        for match in pattern.finditer(plain):
            start, end = match.end("lead") if "lead" in pattern.groupindex else match.start(), match.end()
            if any(start < p.end and p.start < end for p in phrases):
                continue
            with suppress(OverflowError, ValueError):  # a 31 June, a thousand decades ago
                partly = "n" in pattern.groupindex and unread(plain, *match.span("n"))
                meaning = NOTHING if partly else rule(match, at)
                if meaning is not None:
                    phrases.append(Phrase(start, end, meaning))
    return sorted((p for p in phrases if p.meaning.readings), key=lambda p: p.start)[:_MOST_PHRASES]


# --- joining: the smaller phrase is looked for in the larger
_NEAR = re.compile(r"[ ,]*(?:\b(?:of|in|on|during|the|at|for|back|and|that)\b[ ,]*)*")
_NTH = re.compile(r"\b(?:the )?(first|second|third|fourth|last|1st|2nd|3rd|4th) $")


def _joined(plain: str, phrases: list[Phrase], at: Moment) -> list[Phrase]:
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
    for join in (_weekday_beside, _between):
        for i in reversed(range(len(phrases) - 1)):  # "the Tuesday before the Thursday before Easter"
            if (joined := join(plain, *phrases[i : i + 2])) is not None:
                phrases[i : i + 2] = [joined]
    return phrases


def _weekday_beside(plain: str, left: Phrase, right: Phrase) -> Phrase | None:
    """The Thursday before Easter; the weekend after next Tuesday."""
    cycle, gap = left.meaning.cycle, plain[left.end : right.start].replace(" the ", " ")
    if cycle is None or cycle.kind not in ("weekday", "weekend") or gap not in (" before ", " after "):
        return None
    readings: list[Reading] = []
    for start, end, weight in right.meaning.readings:
        if gap == " before ":
            spans = [s for s in cycle.spans(start - 2 * WEEK, start) if s[1] <= start][-1:]
        else:
            spans = [s for s in cycle.spans(end, end + 2 * WEEK) if s[0] >= end][:1]
        readings += [(*span, weight) for span in spans]
    return Phrase(left.start, right.end, Meaning(readings)) if readings else None


def _latest(cycle: Cycle, before: datetime) -> list[Reading]:
    spans = cycle.spans(before - timedelta(days=cycle.days * 1.1), before)
    return [(*span, 1.0) for span in spans[-1:]]


def _between(plain: str, left: Phrase, right: Phrase) -> Phrase | None:
    """Between last Wednesday and next Sunday; from May to July."""
    lead = re.search(r"\b(?:between|from) (?:the )?$", plain[max(0, left.start - 14) : left.start])
    if lead is None:
        return None
    if not re.fullmatch(r" (?:and|to|until|till|through) (?:the )?", plain[left.end : right.start]):
        return None
    cycle = left.meaning.cycle
    readings = [
        (first[0], last[1], first[2] * last[2])
        for last in right.meaning.readings
        for first in (_latest(cycle, last[0]) if cycle and not left.meaning.frame else left.meaning.readings)
        if timedelta(0) < last[1] - first[0] < timedelta(days=732 if last[1] - last[0] < timedelta(days=300) else 20000)
    ]
    return Phrase(left.start - len(lead[0]), right.end, Meaning(readings)) if readings else None


def _length(phrase: Phrase) -> timedelta:
    start, end = phrase.meaning.frame or phrase.meaning.readings[0][:2]
    return end - start


def _picked(plain: str, small: Phrase, big: Phrase) -> Phrase | None:
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
            spans = spans[-1:] if which == "last" else spans[ordinal(which) - 1 :][:1]
        elif not near:  # both speak of one time only if this reading was there before
            spans = [s for s in spans if s in [r[:2] for r in small.meaning.readings]]
        readings += [(*s, weight / len(spans)) for s in spans[:6]]
    if not readings:
        return None
    begin = nth.start() if nth else small.start
    span = (min(begin, big.start), max(small.end, big.end)) if near else (small.start, small.end)
    frame = readings[0][:2] if len(readings) == 1 else None
    return Phrase(*span, Meaning(readings, cycle, frame))


# --- modifiers: what stands right before or after a phrase
_BEFORE = [*((*part, True) for part in PARTS), *((*beside, False) for beside in BESIDE)]


def _modified(plain: str, phrase: Phrase, at: Moment) -> Phrase:
    for _ in range(2):  # "before the end of June"
        head = plain[max(0, phrase.start - 40) : phrase.start]
        for pattern, modifier, of_calendar in _BEFORE:
            if match := pattern.search(head):
                cycle = phrase.meaning.cycle
                if match[0].startswith("over") and (cycle is None or cycle.kind != "holiday"):
                    break  # "over the last two months" is no wider than they are
                if of_calendar:
                    phrase = replace(phrase, meaning=_on_the_calendar(phrase.meaning))
                phrase = _apply(modifier, match, phrase, phrase.start - len(match[0]), phrase.end, at)
                break
    for pattern, modifier in AFTER:
        if match := pattern.match(plain, phrase.end):
            return _apply(modifier, match, phrase, phrase.start, match.end(), at)
    return phrase


def _on_the_calendar(meaning: Meaning) -> Meaning:
    """Without the readings that only overlap the unit which the phrase names: "about a month ago" beside last month."""
    frame = meaning.frame
    if frame is None or meaning.cycle or all(r[:2] != frame for r in meaning.readings):
        return meaning
    kept = [r for r in meaning.readings if r[:2] == frame or r[1] <= frame[0] or r[0] >= frame[1]]
    return replace(meaning, readings=kept)


def _apply(modifier: Modifier, match: re.Match[str], phrase: Phrase, start: int, end: int, at: Moment) -> Phrase:
    with suppress(OverflowError, ValueError, IndexError):
        readings = [modifier(match, reading, at) for reading in phrase.meaning.readings]
        if at.past > 0.8 and any(start < at.now for start, _, _ in readings):  # "late summer" of one that is over
            readings = [(a, b, w if a < at.now else w / 10) for a, b, w in readings]
        return Phrase(start, end, replace(phrase.meaning, readings=readings))
    return phrase


# --- several phrases of one question
def _combined(phrases: list[Phrase]) -> list[Held]:
    """One list of readings, the surest first: where phrases nest their common part, otherwise each phrase's own."""
    sure = [p for p in phrases if not p.meaning.vague] or phrases[:1]
    held: list[list[Held]] = []
    for phrase in sure:
        total = sum(weight for _, _, weight in phrase.meaning.readings)
        own = [(start, end, weight / total, phrase) for start, end, weight in phrase.meaning.readings if end > start]
        for i, others in enumerate(held):
            if common := _common(others, own):
                held[i] = common
                break
        else:
            held.append(own)
    merged: dict[tuple[Span, int], Held] = {}
    for start, end, weight, phrase in (reading for readings in held for reading in readings):
        key = ((start, end), phrase.start)
        merged[key] = (start, end, weight + (merged[key][2] if key in merged else 0.0), phrase)
    return sorted(merged.values(), key=lambda r: -r[2])[:_MOST_READINGS]


def _common(a: list[Held], b: list[Held]) -> list[Held]:
    common: list[Held] = []
    for s1, e1, w1, p1 in a:
        for s2, e2, w2, p2 in b:
            start, end = max(s1, s2), min(e1, e2)
            shorter = min(e1 - s1, e2 - s2)
            if end > start and end - start > 0.6 * shorter:
                common.append((start, end, w1 * w2, p1 if e1 - s1 < e2 - s2 else p2))
    return common
