"""A way to say a memory's time, seen from a later or earlier now: the words, where now may lie, what they may mean.

The ways themselves are in engine/synth/times_past.py and times_ahead.py; engine/synth/moments.py draws one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.synth.calendar import DAY, Span, widened

Words = tuple[str, ...]
Meant = Callable[[datetime], Span]


@dataclass(frozen=True, slots=True)
class Saying:
    """`words` are said alike; each fits for any now in `span`. `meant` is generous; None where no time is said."""

    span: Span
    words: Words
    meant: Meant | None


Say = Callable[[datetime, random.Random, bool], Saying | None]  # (the memory's time, generator, British?)


class Ways:
    """Ways to say a time, each with its weight; a module registers its functions by decorating them."""

    def __init__(self) -> None:
        self.ways: list[Say] = []
        self.weights: list[float] = []

    def __call__(self, weight: float) -> Callable[[Say], Say]:
        def register(say: Say) -> Say:
            self.ways.append(say)
            self.weights.append(weight)
            return say

        return register

    def draw(self, rng: random.Random, t: datetime, british: bool) -> Saying | None:
        """One of the ways, drawn by weight; None where it does not fit `t`."""
        return rng.choices(self.ways, self.weights)[0](t, rng, british)


def always(span: Span, days: float = 0.0) -> Meant:
    """The same span at any now, with so many days more at both ends."""
    wide = widened(span, days)
    return lambda now: wide


def past(span: Span, days: int) -> Meant:
    """`span`, or all that lies up to `days` before now: people mix up last week and the past seven days."""
    return lambda now: (min(span[0], now - days * DAY), max(span[1], now))


def off_by(t: datetime, count: float, unit: timedelta, slack: float, words: Words) -> Saying:
    """`count` units from t to now, give or take `slack`; what is meant is wider by as much again and half a unit.

    A negative count is a time to come.
    """
    low, high = t + (count - slack) * unit, t + (count + slack) * unit
    reach = 2 * slack + 0.5
    return Saying((low, high), words, lambda now: (now - (count + reach) * unit, now - (count - reach) * unit))
