"""One progress bar on stderr for all that lasts over a second; silent in scripts that ask for silence."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


def track(items: Iterable[T], label: str, total: int | None = None, unit: str = "") -> Iterable[T]:
    """Iterate over `items` behind a bar that appears after one second; a single item, as a visitor's, gets none."""
    if isinstance(items, Sized) and len(items) <= 1:
        return items
    from tqdm import tqdm

    return tqdm(items, **_style(label, total, unit))


@contextmanager
def bar(label: str, total: int | None = None, unit: str = "") -> Iterator[Any]:
    """A bar to move by hand with `.update(n)`; appears after one second."""
    from tqdm import tqdm

    with tqdm(**_style(label, total, unit)) as progress:
        yield progress


def _style(label: str, total: int | None, unit: str) -> dict[str, Any]:
    return {
        "desc": label,
        "total": total,
        "unit": f" {unit}" if unit else "",
        "delay": 1,
        "mininterval": 0.5,
        "leave": False,
        "dynamic_ncols": True,
        "disable": bool(os.environ.get("QUINTET_NO_PROGRESS")),
    }
