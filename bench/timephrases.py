"""How well the phrases of questions are understood: how many get an interval, and whether the answer lies inside.

    python -m bench.timephrases --collections DIR

A collection counts if its judged queries have a user and a time. This is a command, not a test: it says what is so and
fails on nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.timeparse import inside, intervals, seconds


def measure(folder: Path, split: str = "test") -> dict[str, Any]:
    """Shares over the judged queries that have a user and a time; `queries` is 0 if there are none.

    `understood`: get an interval. Of those: `held`, a right answer lies inside one of the readings; `kept`, the part of
    the user's store that lies inside, readings weighted. `milliseconds` of the processor go into one question.
    """
    dataset = Dataset(folder)
    stores: dict[str, list[int]] = {}
    rows: dict[str, int] = {}
    stamps = []
    for i, document in enumerate(dataset.documents()):
        rows[document.id] = i
        stores.setdefault(document.user or "", []).append(i)
        stamps.append((seconds(document.time), seconds(document.created)))
    times, created = np.asarray(stamps, dtype=np.float64).reshape(-1, 2).T  # (n,), (n,)
    gold: dict[str, list[int]] = {}
    for judgement in dataset.judgements(split):
        if judgement.gain > 0 and judgement.document in rows:
            gold.setdefault(judgement.request, []).append(rows[judgement.document])
    asked = [r for r in dataset.requests() if r.user in stores and r.time and r.id in gold]
    held, kept, spent = [], [], 0.0
    for request in asked:
        begin = time.process_time()
        found = intervals(request.text, request.time or "")
        spent += time.process_time() - begin
        if not found:
            continue
        own, right = np.asarray(stores[request.user or ""]), np.asarray(gold[request.id])
        held.append(bool(inside(found, times[right], created[right]).any()))
        kept.append(sum(i.weight * float(inside([i], times[own], created[own]).mean()) for i in found))
    return {
        "queries": len(asked),
        "understood": len(held) / len(asked) if asked else 0.0,
        "held": float(np.mean(held)) if held else 0.0,
        "kept": float(np.mean(kept)) if kept else 0.0,
        "milliseconds": 1000 * spent / len(asked) if asked else 0.0,
    }


def main(arguments: Sequence[str]) -> None:
    """Print one line per collection."""
    parser = argparse.ArgumentParser(prog="python -m bench.timephrases", description=__doc__)
    parser.add_argument("--collections", type=Path, required=True, help="folder of the collections, or one of them")
    options = parser.parse_args(arguments)
    one = (options.collections / "queries.jsonl").exists()
    for folder in [options.collections] if one else sorted(p for p in options.collections.iterdir() if p.is_dir()):
        sys.stdout.write(_line(folder) + "\n")


def _line(folder: Path) -> str:
    try:
        found = measure(folder)
    except InputError as error:
        return f"{folder.name}: {error}"
    if not found["queries"]:
        return f"{folder.name}: no judged query has a user and a time"
    return (
        f"{folder.name}: {found['queries']} queries, {found['understood']:.1%} understood, of those "
        f"{found['held']:.1%} held; {found['kept']:.1%} of the store kept; {found['milliseconds']:.3f} ms a question"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
