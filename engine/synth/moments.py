"""When a question about a memory is asked, and how the memory's time is said then.

Nothing here parses, and nothing parses these phrases back with engine/timeparse/: the two check one another.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.synth import calendar, times_ahead, times_past
from engine.synth.annotated import Annotated, entity
from engine.synth.calendar import Span

_COARSE = timedelta(days=58)


@dataclass(frozen=True, slots=True)
class Moment:
    """A question's time, and the phrase for the memory's. `meant` is generous; None where the phrase is empty."""

    now: datetime
    phrase: Annotated
    meant: Span | None

    @property
    def coarse(self) -> bool:
        """Whether the phrase leaves open in which month it was."""
        return self.meant is None or self.meant[1] - self.meant[0] > _COARSE


def draw(
    rng: random.Random,
    t: datetime,
    created: datetime,
    horizon: datetime,
    british: bool,
    future: bool,
    said: bool = True,
) -> Moment | None:
    """A moment to ask about a memory of time `t`, written down at `created`. None where the way drawn won't do.

    `future` asks for a moment before `t`. `horizon` is the latest now. Unless `said`, the phrase is empty.
    """
    times = times_ahead if future else times_past
    saying = times.way.draw(rng, t, british) if said else times.unsaid(t, rng, british)
    if saying is None:
        return None
    low, high = max(saying.span[0], created + timedelta(minutes=1)), min(saying.span[1], horizon)
    if future:
        high = min(high, t - timedelta(minutes=20))
    else:
        low = max(low, t + timedelta(minutes=45))
    now = calendar.awake(rng, low, high)
    if now is None:
        return None
    phrase = entity(rng.choice(saying.words), "TIM")
    return Moment(now, phrase, saying.meant(now) if saying.meant else None)
