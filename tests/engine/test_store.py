"""The store follows the run folders, and heals: whatever is in its file, it can be made again from them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from crash import tiny

from engine import runs, store
from engine.artifacts import Workspace
from engine.errors import BuildError
from engine.evaluation.metrics import evaluate
from engine.records import Request, Run

pytestmark = pytest.mark.integration
METRICS = ["ndcg@10", "mrr@10"]


def save(workspace: Workspace, seed: int, requests: int = 20) -> runs.SavedRun:
    asked = [Request(f"q{i}", text, user=("ann", None)[i % 2]) for i, text in enumerate(tiny.texts(requests, seed))]
    run = Run.from_scores(
        {r.id: {f"d{(i * seed + j) % 50}": 1 / (j + 1) for j in range(20)} for i, r in enumerate(asked)}
    )
    evaluation = evaluate(run, {r.id: {"d3": 1, "d5": 2} for r in asked}, METRICS)
    info = {
        "method": f"m{seed}", "config": "c", "model": None, "trained_on": None, "dataset": "made",
        "dataset_digest": "d", "collection": None, "split": "test", "seed": seed, "seconds": {},
    }  # fmt: skip
    return runs.save(workspace, info, run, evaluation, asked, {})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "locks and space")  # words that DuckDB's errors about locks and disks hold too
    for seed in (1, 2):
        save(made, seed)
    return made


def rows(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    return {name: store.query(workspace, f"SELECT * FROM {name} ORDER BY ALL") for name in store.TABLES}


def test_the_tables_say_what_the_folders_hold(workspace: Workspace) -> None:
    assert store.sync(workspace) == 2
    for run in runs.everything(workspace):
        mean = "SELECT metric, avg(value) FROM scores WHERE run = ? GROUP BY metric ORDER BY metric"
        assert dict(store.query(workspace, mean, [run.id])) == pytest.approx(run.info["metrics"])
        found = store.query(
            workspace, "SELECT request, document FROM hits WHERE run = ? ORDER BY request, rank", [run.id]
        )
        assert len(found) == 400
        first = run.run()
        assert [d for r, d in found if r == first.requests[0]] == first.documents(0)
        users = store.query(workspace, 'SELECT DISTINCT "user" FROM requests WHERE run = ? ORDER BY 1', [run.id])
        assert users == [("ann",), (None,)]


def test_what_is_there_is_not_taken_in_again_and_what_is_gone_is_dropped(workspace: Workspace) -> None:
    assert [store.sync(workspace), store.sync(workspace)] == [2, 0]
    third, before = save(workspace, 3), rows(workspace)
    assert store.sync(workspace) == 1
    shutil.rmtree(third.path)
    assert store.sync(workspace) == 1
    assert rows(workspace) == before


def test_a_run_saved_while_somebody_waits_for_the_lock_is_kept(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process saves and syncs a run between our call and our turn: it must not look gone to us."""
    lock, inside = store.lock, False

    def lock_after_another(path: Path, **options: Any):
        nonlocal inside
        if not inside:
            inside = True
            save(workspace, 3)
            store.sync(workspace)
        return lock(path, **options)

    monkeypatch.setattr(store, "lock", lock_after_another)
    store.sync(workspace)
    assert len(store.query(workspace, "SELECT run FROM runs")) == 3


def garble(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(20_000))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])


def foreign(path: Path) -> None:
    path.unlink()
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE theirs AS SELECT 1")


def older(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE version SET number = 0")


def without_tables(path: Path) -> None:
    path.unlink()
    duckdb.connect(str(path)).close()


def gone(path: Path) -> None:
    path.unlink()


HARMS = [garble, empty, cut, foreign, older, without_tables, gone]


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("first", [store.sync, rows])
def test_a_damaged_store_is_made_again(
    workspace: Workspace, harm: Callable[[Path], None], first: Callable[[Workspace], Any]
) -> None:
    store.sync(workspace)
    wanted = rows(workspace)
    harm(workspace.store)
    first(workspace)
    assert rows(workspace) == wanted
    assert [p.name for p in workspace.root.glob("store*")] == ["store.duckdb"]


def test_a_damage_that_only_reading_shows(workspace: Workspace) -> None:
    """300 bytes are overwritten at 12 places, one at a time: the answer is right, or a line says what to do."""
    for seed in range(3, 6):
        save(workspace, seed, requests=400)
    store.sync(workspace)
    wanted, whole = rows(workspace), workspace.store.read_bytes()
    generator = np.random.default_rng(0)
    healed = 0
    for start in generator.integers(4096, len(whole) - 300, size=12).tolist():
        workspace.store.write_bytes(whole[:start] + generator.bytes(300) + whole[start + 300 :])
        try:
            with store.reading(workspace) as connection:
                for name in store.TABLES:
                    found = connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()
                    assert found == wanted[name]
        except store.Damaged as error:
            assert "\n" not in str(error) and "Run the same command again" in str(error)
            assert not workspace.store.exists()
            healed += 1
        assert rows(workspace) == wanted
    assert healed


def test_a_torn_log_is_no_reason_to_fail(workspace: Workspace) -> None:
    store.sync(workspace)
    wanted = rows(workspace)
    for log in (b"", b"garbage" * 100, bytes(5000)):
        workspace.store.with_name("store.duckdb.wal").write_bytes(log)
        assert rows(workspace) == wanted
        store.sync(workspace)
        assert rows(workspace) == wanted


def test_a_wrong_question_is_one_line_and_harms_nothing(workspace: Workspace) -> None:
    store.sync(workspace)
    with pytest.raises(BuildError) as caught:
        store.query(workspace, "SELECT nonsense\nFROM runs")
    assert not isinstance(caught.value, store.Damaged) and "\n" not in str(caught.value)
    with pytest.raises(BuildError, match="read-only"), store.reading(workspace) as connection:
        connection.execute("DELETE FROM runs")
    assert len(store.query(workspace, "SELECT run FROM runs")) == 2


def test_a_store_of_no_runs(tmp_path: Path) -> None:
    assert store.query(Workspace(tmp_path / "nothing"), "SELECT * FROM runs") == []


def test_a_program_that_holds_the_file_is_named(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "WRITE_WAIT", 0.2)
    store.sync(workspace)
    with duckdb.connect(str(workspace.store), read_only=True):  # in this process, past our lock
        with pytest.raises(BuildError, match="another program holds this file"):
            store.sync(workspace)
        assert len(store.query(workspace, "SELECT run FROM runs")) == 2, "many may read"
    assert store.sync(workspace) == 0
