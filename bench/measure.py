"""Comparing two ways to do one thing on a machine that is never quite idle.

Both are run in turns in one process, and what counts is the median of the ratios of neighbouring runs: whatever else
the machine does hits both alike. Seconds alone are told for orientation only.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

Call = Callable[[], Any]


@dataclass(frozen=True)
class Comparison:
    """Seconds of each run of ours and of the direct way; entries of one index were measured one after the other."""

    ours: tuple[float, ...]
    direct: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.ours or len(self.ours) != len(self.direct):
            raise ValueError("a comparison needs as many runs of ours as of the other, and at least one")

    @property
    def ratios(self) -> tuple[float, ...]:
        return tuple(a / b for a, b in zip(self.ours, self.direct, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the ratios: 1.1 means 10 % slower than the direct way."""
        return median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest ratio."""
        return min(self.ratios), max(self.ratios)


def side_by_side(
    ours: Call, direct: Call, repeats: int, *, warm_up: int = 1, clock: Callable[[], float] = time.perf_counter
) -> Comparison:
    """Run both `repeats` times in turns, the first of a pair changing, after `warm_up` runs that do not count."""
    for _ in range(warm_up):
        ours()
        direct()
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeats):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            seconds[which].append(timed((ours, direct)[which], clock)[0])
    return Comparison(tuple(seconds[0]), tuple(seconds[1]))


def timed(call: Call, clock: Callable[[], float] = time.perf_counter) -> tuple[float, Any]:
    """Seconds that `call` took, and what it returned. Rubbish of earlier runs is collected before."""
    gc.collect()
    start = clock()
    result = call()
    return clock() - start, result
