"""A diary in which no two entries overlap: when a scene's events can take place, at hours that suit them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache

from engine.synth.calendar import at
from engine.synth.scenes import Scene

GAP = timedelta(hours=3)  # between the starts of two events; an event takes less
# what an event's title or description says -> the hours that suit
_HOURS = (
    (r"\b(?:breakfast|dawn|sunrise|early|first light)\b", (7, 8)),
    (r"\bbrunch\b", (10, 11)),
    (r"\b(?:lunch|midday|noon)\b", (12, 13)),
    (r"\b(?:afternoon|picnic|after school)\b", (14, 15, 16)),
    (r"\b(?:dinner|supper|evening|night|concert|gala|party|pub|gig|drinks|disco|quiz|overnight|dusk)\b", (18, 19, 20)),
    (r"\b(?:morning|assembly|exam|surgery|scan|blood|check-?up|court|handover|kick-?off)\b", (8, 9, 10, 11)),
)
_BY_DOMAIN = {
    "health": (8, 9, 10, 11, 14, 15, 16, 17),
    "work": (9, 10, 11, 13, 14, 15, 16),
    "errands": (9, 10, 11, 12, 14, 15, 16, 17),
}
_WEEKDAY, _WEEKEND = (8, 12, 17, 18, 18, 19, 19, 20), (9, 10, 11, 12, 14, 15, 16, 18, 19)


class Diary:
    """The days from `first` to `last`. Every slot it gives is taken from then on."""

    def __init__(self, first: datetime, last: datetime) -> None:
        self._first, self._last = first, last
        self._span = (last - first).days
        self._taken: dict[date, list[datetime]] = {}

    def scattered(self, rng: random.Random, count: int) -> list[datetime]:
        """Days over some months, days to weeks apart, in order."""
        days: list[int] = []
        start = rng.randrange(self._span)
        for _ in range(count):
            days.append(start % self._span)
            start += rng.choice((3, 9, 21, 40, 75, 160, 365))
        return [self._first + timedelta(days=day) for day in sorted(days)]

    def series(self, rng: random.Random, count: int) -> list[datetime]:
        """Days on one weekday, mostly; one, two, four or more weeks apart, in order."""
        weeks = rng.choice((1, 2, 4, 4, 8, 13))
        weeks = max(1, min(weeks, self._span // 7 // max(count, 1)))
        day = rng.randrange(max(1, self._span - count * weeks * 7))
        days = []
        for _ in range(count):
            days.append(day)
            day += 7 * weeks * rng.choice((1, 1, 1, 2)) if day + 14 * weeks < self._span else 7
            day %= self._span
        return [self._first + timedelta(days=day) for day in sorted(days)]

    def slot(self, rng: random.Random, scene: Scene, index: int, day: datetime, hour: int | None) -> datetime | None:
        """A free slot for event `index` of the scene, that day or some days later; at `hour` if it suits."""
        for shift in self._shifts(rng):
            when = day + timedelta(days=shift)
            if when.weekday() >= 5 and scene.domain in ("work", "health") and shift < 10:
                continue
            hours = hours_of(scene, index) or (_WEEKEND if when.weekday() >= 5 else _WEEKDAY)
            chosen = hour if hour in hours else rng.choice(hours)
            start = at(when, chosen, rng.choice((0, 0, 0, 30, 30, 15, 45)))
            if self._clear(start) and start < self._last:
                self._taken.setdefault(start.date(), []).append(start)
                return start
        return None

    def _shifts(self, rng: random.Random) -> Iterator[int]:
        yield from range(15)
        yield from (rng.randrange(15, 120) for _ in range(20))

    def _clear(self, start: datetime) -> bool:
        days = (start.date() + timedelta(days=d) for d in (-1, 0, 1))
        return all(abs(start - other) >= GAP for d in days for other in self._taken.get(d, ()))


@cache
def hours_of(scene: Scene, index: int) -> tuple[int, ...]:
    """The hours that an event's own words, or else its scene's domain, speak for; () for none in particular."""
    words = " ".join(scene.events[index]).lower()
    for pattern, hours in _HOURS:
        if re.search(pattern, words):
            return hours
    return _BY_DOMAIN.get(scene.domain, ())
