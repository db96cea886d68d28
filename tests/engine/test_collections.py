"""The main job on real input: known collections must give the known numbers, through the functions the doors call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import experiment, store
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.evaluation.significance import compare
from engine.runs import SavedRun

pytestmark = pytest.mark.integration

Evaluate = Callable[[str, str], SavedRun]


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory: pytest.TempPathFactory, collection: Callable[[str], Path]) -> Evaluate:
    """One workspace for all tests here, so that each collection is encoded once; each run is made once."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    done: dict[tuple[str, str], SavedRun] = {}

    def run(method: str, name: str) -> SavedRun:
        if (method, name) not in done:
            done[method, name] = experiment.evaluate(
                experiment.contestant(method), workspace, Dataset(collection(name)), "test"
            )
        return done[method, name]

    return run


def test_scifact(evaluate: Evaluate) -> None:
    bm25, dense, hybrid = (evaluate(method, "scifact") for method in ("bm25", "dense", "hybrid"))
    assert dense.info["requests"] == 300
    assert 0.640 <= dense.info["metrics"]["ndcg@10"] <= 0.650  # published: 0.645
    assert bm25.info["metrics"]["ndcg@10"] >= 0.665
    assert hybrid.info["metrics"]["ndcg@10"] > max(bm25.info["metrics"]["ndcg@10"], dense.info["metrics"]["ndcg@10"])
    comparison = compare({r.info["method"]: r.evaluation() for r in (hybrid, bm25, dense)}, "ndcg@10", seed=0)
    for opponent in comparison.contestants[1:]:
        assert opponent.difference is not None and opponent.difference.p_holm < 0.05


def test_pair_dev_within_each_users_own_store(evaluate: Evaluate) -> None:
    run = evaluate("dense", "pair_dev")
    assert run.info["metrics"]["hit@1"] == pytest.approx(0.2625, abs=0.005)
    for request, documents, _ in run.run().lists():
        assert all(document.split("/")[0] == request.split("/")[0] for document in documents)


def test_locomo(evaluate: Evaluate) -> None:
    run = evaluate("bm25", "locomo")
    assert run.info["requests"] == 1982
    assert run.info["metrics"]["recall@10"] >= 0.53


def test_a_saved_run_judges_as_it_did(evaluate: Evaluate) -> None:
    from engine.evaluation.metrics import evaluate as judge

    run = evaluate("bm25", "locomo")
    again = judge(run.run(), run.evaluation().qrels, run.info["metrics"])
    assert again.metrics == pytest.approx(run.info["metrics"], abs=1e-12)


def test_the_store_holds_what_the_folders_hold(evaluate: Evaluate) -> None:
    run = evaluate("bm25", "locomo")
    workspace = Workspace(run.path.parents[1])
    store.sync(workspace)
    [(mean, requests)] = store.query(
        workspace, "SELECT avg(value), count(*) FROM scores WHERE run = ? AND metric = 'ndcg@10'", [run.id]
    )
    assert requests == 1982
    assert mean == pytest.approx(run.info["metrics"]["ndcg@10"])
    assert store.sync(workspace) == 0
