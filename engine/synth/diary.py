"""A diary in which no two entries overlap: when a scene's events can take place, at hours that suit them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from engine.synth.calendar import at
from engine.synth.scenes import Scene

GAP = timedelta(hours=3)  # between the starts of two events; an event takes less
# what is said in a scene's titles -> the hours that suit
_HOURS = (
    (r"breakfast|dawn|sunrise|early", (7, 8)),
    (r"brunch", (10, 11)),
    (r"lunch|midday", (12, 13)),
    (r"tea\b|afternoon|picnic", (14, 15, 16)),
    (r"dinner|supper|evening|night|concert|gala|party|pub|gig|late|drinks|disco|quiz", (18, 19, 20)),
    (r"morning|assembly|school|exam|surgery|scan|blood|clinic|check-?up|vet|dentist", (8, 9, 10, 11)),
)
_BY_DOMAIN = {
    "health": (8, 9, 10, 11, 14, 15, 16, 17),
    "work": (9, 10, 11, 13, 14, 15, 16),
    "school": (9, 10, 11, 14, 15),
    "errands": (9, 10, 11, 12, 14, 15, 16, 17),
}
_WEEKDAY, _WEEKEND = (8, 12, 17, 18, 18, 19, 19, 20), (9, 10, 11, 12, 14, 15, 16, 18, 19)


class Diary:
    """The days from `first` to `last`. Every slot it gives is taken from then on."""

    def __init__(self, first: datetime, last: datetime) -> None:
        self._first, self._last = first, last
        self._taken: dict[date, list[datetime]] = {}

    def scattered(self, rng: random.Random, scene: Scene, count: int) -> list[datetime]:
        """Slots over some months, days to weeks apart, in order."""
        span = (self._last - self._first).days
        days: list[int] = []
        start = rng.randrange(span)
        for _ in range(count):
            days.append(start % span)
            start += rng.choice((3, 9, 21, 40, 75, 160, 365))
        slots = (self._free(rng, scene, self._first + timedelta(days=day), _hours(scene)) for day in days)
        return sorted(slot for slot in slots if slot)

    def series(self, rng: random.Random, scene: Scene, count: int) -> list[datetime]:
        """Slots on one weekday at one hour, mostly; one, two, four or more weeks apart, in order."""
        span = (self._last - self._first).days
        weeks = rng.choice((1, 2, 4, 4, 8, 13))
        weeks = max(1, min(weeks, span // 7 // max(count, 1)))
        length = count * weeks * 7
        day = rng.randrange(max(1, span - length))
        hour = rng.choice(_hours(scene) or _WEEKDAY)
        slots = []
        for _ in range(count):
            slots.append(self._free(rng, scene, self._first + timedelta(days=day), (hour,)))
            day += 7 * weeks * rng.choice((1, 1, 1, 2)) if day + 14 * weeks < span else 7
            day %= span
        return sorted(slot for slot in slots if slot)

    def _free(self, rng: random.Random, scene: Scene, day: datetime, hours: tuple[int, ...]) -> datetime | None:
        """A slot that day or some days later."""
        for shift in self._shifts(rng):
            when = day + timedelta(days=shift)
            if when.weekday() >= 5 and scene.domain in ("work", "school", "health") and shift < 10:
                continue
            choice = hours or (_WEEKEND if when.weekday() >= 5 else _WEEKDAY)
            start = at(when, rng.choice(choice), rng.choice((0, 0, 0, 30, 30, 15, 45)))
            if self._clear(start) and start < self._last:
                self._taken.setdefault(start.date(), []).append(start)
                return start
        return None

    def _shifts(self, rng: random.Random) -> Iterator[int]:
        yield 0
        yield from range(1, 15)
        yield from (rng.randrange(15, 120) for _ in range(20))

    def _clear(self, start: datetime) -> bool:
        days = (start.date() + timedelta(days=d) for d in (-1, 0, 1))
        return all(abs(start - other) >= GAP for d in days for other in self._taken.get(d, ()))


def _hours(scene: Scene) -> tuple[int, ...]:
    """The hours that the scene's titles or its domain speak for; () for none in particular."""
    titles = " ".join(title for title, _ in scene.events).lower()
    for pattern, hours in _HOURS:
        if len(re.findall(pattern, titles)) >= 2:
            return hours
    return _BY_DOMAIN.get(scene.domain, ())
