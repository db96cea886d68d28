"""Kill -9 while a run is saved or the store takes runs in: no run is half there, none is lost, none comes twice."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crash import harness, operations
from engine import runs, store
from engine.artifacts import Workspace

pytestmark = pytest.mark.integration


def moments(start: Path, operation: harness.Operation) -> list[tuple[str, Callable[[Path], None]]]:
    """Ten steps and five times at which the operation dies."""
    undisturbed = Path(shutil.copytree(start, start.with_name("undisturbed")))
    done = harness.run(operation, undisturbed)
    assert done.steps
    generator = random.Random(operation.__name__)
    return [
        *(
            (f"step {at}, {done.steps[at]}", lambda folder, at=at: harness.kill_at(operation, folder, at))
            for at in harness.moments(done.steps, 10, seed=1)
        ),
        *(
            (f"{seconds:.3f} s", lambda folder, seconds=seconds: harness.kill_after(operation, folder, seconds))
            for seconds in (generator.uniform(0, done.seconds) for _ in range(5))
        ),
    ]


def contents(run: runs.SavedRun) -> Any:
    """All that a run holds but its name and when it was made."""
    answers = run.run()
    return (
        {key: value for key, value in run.info.items() if key not in ("run", "created")},
        run.requests(),
        run.evaluation().qrels,
        {metric: run.evaluation().column(metric).tolist() for metric in run.info["metrics"]},
        [(request, documents, scores.tolist()) for request, documents, scores in answers.lists()],
    )


def test_saving_a_run(fresh: Callable[[str], Path]) -> None:
    start = fresh("start")
    before = {run.id for run in runs.everything(Workspace(start / "workspace"))}
    cases = moments(start, operations.save)
    expected = contents(runs.everything(Workspace(start.with_name("undisturbed") / "workspace"))[-1])
    for moment, die in cases:
        folder = Path(shutil.copytree(start, start.with_name("killed")))
        workspace = Workspace(folder / "workspace")
        die(folder)
        assert before <= {run.id for run in runs.everything(workspace)}, moment
        harness.run(operations.save, folder)
        new = [run for run in runs.everything(workspace) if run.id not in before]
        assert len(new) in (1, 2), moment  # a killed one that was complete is kept
        for run in new:
            assert contents(run) == expected, moment
        assert harness.leftovers(folder) == [], moment
        shutil.rmtree(folder)


def rows(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    with store.reading(workspace) as connection:
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in store.TABLES}


def whole(found: dict[str, list[tuple[Any, ...]]], expected: dict[str, list[tuple[Any, ...]]]) -> bool:
    """Whether every run that is there has all its rows, and nothing else is there."""
    there = {row[0] for row in found["runs"]}
    return all(found[name] == [row for row in expected[name] if row[0] in there] for name in found)


@pytest.mark.parametrize("first", [True, False], ids=["a new store", "a store that has two of three"])
def test_syncing_the_store(first: bool, fresh: Callable[[str], Path]) -> None:
    start = fresh("start")
    if not first:
        newest = runs.everything(Workspace(start / "workspace"))[-1].path
        shutil.move(newest, start / "aside")
        harness.run(operations.sync, start)
        shutil.move(start / "aside", newest)
    cases = moments(start, operations.sync)
    expected = rows(Workspace(start.with_name("undisturbed") / "workspace"))
    assert len(expected["runs"]) == 3
    for moment, die in cases:
        folder = Path(shutil.copytree(start, start.with_name("killed")))
        workspace = Workspace(folder / "workspace")
        die(folder)
        if workspace.store.exists():
            assert whole(rows(workspace), expected), moment  # also with the log that was left
        harness.run(operations.sync, folder)
        assert rows(workspace) == expected, moment
        left = sorted(path.name for path in workspace.root.glob("store*"))
        assert left == ["store.duckdb"], moment
        shutil.rmtree(folder)
