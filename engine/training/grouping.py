"""Which examples judge a trained model instead of teaching it, and in which order the others come.

Pure functions of names and a seed: the same on every machine, in every process and after every resume.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar


class Held(Protocol):
    """An example, and what it is held out with: a person, a store, a document."""

    @property
    def held_with(self) -> str: ...


Example = TypeVar("Example", bound=Held)


def split(examples: Sequence[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Examples to learn from and examples to judge by, apart by `held_with`: what is learned judges nothing."""
    held = held_out(sorted({example.held_with for example in examples}), share, seed)
    return [e for e in examples if e.held_with not in held], [e for e in examples if e.held_with in held]


def held_out(names: Sequence[str], share: float, seed: int) -> set[str]:
    """A `share` of the names, one at least where a share is asked for; two names at least are left to learn from."""
    count = min(max(1, round(share * len(names))), len(names) - 2) if share else 0
    return set(random.Random(seed).sample(names, max(count, 0)))


def grouped_order(groups: Sequence[Hashable], size: int, seed: int, epoch: int) -> list[int]:
    """Every position of `groups` once, in runs of `size` of one group; `groups[i]` is what position i is of.

    Within a group positions are shuffled, then cut into runs; the runs of all groups are shuffled. What is left over
    of each group, or is a group smaller than `size`, is put together in random order and cut into runs as well, of
    several groups these. Batches whose length is a multiple of `size` hold whole runs: only the epoch's last run may
    be shorter, and stands last.
    """
    generator = random.Random(f"{seed} {epoch}")
    members: dict[Hashable, list[int]] = {}
    for position, group in enumerate(groups):
        members.setdefault(group, []).append(position)
    runs, parts = [], []
    for positions in members.values():
        generator.shuffle(positions)
        whole = len(positions) // size * size
        runs += _cut(positions[:whole], size)
        parts.append(positions[whole:])
    generator.shuffle(parts)
    mixed = _cut([position for part in parts for position in part], size)
    last = mixed.pop() if mixed and len(mixed[-1]) < size else []
    runs += mixed
    generator.shuffle(runs)
    return [position for run in runs for position in run] + last


def _cut(positions: list[int], size: int) -> list[list[int]]:
    return [positions[start : start + size] for start in range(0, len(positions), size)]
