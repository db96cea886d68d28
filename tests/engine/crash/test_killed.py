"""Kill -9 in the middle of everything that writes: the same call again finishes, and what it makes is byte for byte
what an undisturbed process makes from the same start.

Each operation dies at ten random steps in the file system (all renames among them) and at random times.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from crash import harness, operations
from engine.vectors import content_keys

pytestmark = pytest.mark.integration
STEPS, TIMES = 10, 3

# An operation, and what has run before it.
CASES = {
    "encode": (operations.encode, []),
    "write lexical": (operations.write_lexical, []),
    "replace lexical": (operations.rewrite_lexical, [operations.write_lexical]),
    "write dense": (operations.write_dense, []),
    "write hnsw": (operations.write_hnsw, []),
    "write spike": (operations.write_spike, []),
    "import scenarios": (operations.take_in, [operations.made_elsewhere]),
    "make a collection": (operations.ensure, []),
    "add": (operations.add, []),
    "remove": (operations.remove, []),
    "compact": (operations.compact, []),
    "grow": (operations.grow, []),
}


class Trial:
    """An operation, the folder it starts from, and what an undisturbed run of it makes."""

    def __init__(self, operation: harness.Operation, start: Path) -> None:
        self.operation, self.start = operation, start
        undisturbed = self.copy("undisturbed")
        self.done = harness.run(operation, undisturbed)
        self.expected = snapshot(undisturbed)
        assert harness.leftovers(undisturbed) == []

    def copy(self, name: str) -> Path:
        folder = self.start.with_name(f"{self.start.name}-{name}")
        shutil.rmtree(folder, ignore_errors=True)
        return Path(shutil.copytree(self.start, folder))


def snapshot(folder: Path) -> dict[str, object]:
    return {name: data for name, data in harness.snapshot(folder).items() if name != "encoded.txt"}


def finishes(trial: Trial, folder: Path, moment: object) -> None:
    """The same call again repairs `folder`, encodes no finished chunk again and leaves nothing behind."""
    chunks = {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in finished_chunks(folder)}
    keys = [np.load(path) for path in chunks if path.name.endswith(".keys.npy")]
    harness.run(trial.operation, folder)
    made = snapshot(folder)
    assert made.keys() == trial.expected.keys(), f"killed at {moment}"
    different = [name for name in made if made[name] != trial.expected[name]]
    assert different == [], f"killed at {moment}"
    assert harness.leftovers(folder) == [], f"killed at {moment}"
    assert all((p.stat().st_ino, p.stat().st_mtime_ns) == before for p, before in chunks.items())
    if (folder / "encoded.txt").exists() and keys:
        again = content_keys((folder / "encoded.txt").read_text().splitlines())
        assert not np.isin(again, np.concatenate(keys)).any(), f"killed at {moment}"


def finished_chunks(folder: Path) -> list[Path]:
    return [
        p for keys in folder.rglob("*.keys.npy") for p in (keys, keys.with_name(keys.name.replace("keys", "vectors")))
    ]


@pytest.mark.parametrize("name", CASES)
def test_the_next_call_finishes(name: str, fresh: Callable[[str], Path]) -> None:
    trial = prepare(name, fresh("start"))
    kill(trial, harness.moments(trial.done.steps, STEPS, seed=sum(map(ord, name))), random_times(name, trial, TIMES))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_next_call_finishes_wherever_it_was_killed(name: str, fresh: Callable[[str], Path]) -> None:
    trial = prepare(name, fresh("start"))
    kill(trial, range(len(trial.done.steps)), random_times(name, trial, 30))


def prepare(name: str, start: Path) -> Trial:
    operation, before = CASES[name]
    for earlier in before:
        harness.run(earlier, start)
    return Trial(operation, start)


def kill(trial: Trial, steps: Iterable[int], times: Iterable[float]) -> None:
    for step in steps:
        folder = trial.copy("killed")
        harness.kill_at(trial.operation, folder, step)
        finishes(trial, folder, f"step {step}, {trial.done.steps[step]}")
    for seconds in times:
        folder = trial.copy("killed")
        harness.kill_after(trial.operation, folder, seconds)
        finishes(trial, folder, f"{seconds:.3f} s")


def random_times(name: str, trial: Trial, count: int) -> list[float]:
    generator = random.Random(name)
    return [generator.uniform(0, trial.done.seconds) for _ in range(count)]
