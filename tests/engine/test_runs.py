"""Runs on disk: what goes in comes back, the newest is the newest, and an ambiguous name is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import runs
from engine.artifacts import Workspace
from engine.errors import InputError
from engine.evaluation.metrics import evaluate
from engine.evaluation.trec import read_run
from engine.records import Request, Run

pytestmark = pytest.mark.integration
REQUESTS = [
    Request("q1", "Where's the “boat”?", user="ann", fields={"kind": "where", "n": 3, "long": [1]}),
    Request("q2", "", user=None),
    Request("q3", "missing answer\nin two lines", user="zoë"),
    Request("unjudged", "nobody asks"),
]
QRELS = {"q1": {"d1": 1, "d9": 0}, "q2": {"d2": 2, "d3": 1}, "q3": {"d1": 1}}
ANSWERS: Mapping[str, Mapping[str, float]] = {
    "q1": {"d1": 0.5, "d2": 0.5, "日本": -1.0},
    "q2": {"d3": 2.0},
    "unjudged": {"d1": 1.0},
}


def save(workspace: Workspace, answers: Mapping[str, Mapping[str, float]] = ANSWERS, **info: Any) -> runs.SavedRun:
    run = Run.from_scores(answers)
    evaluation = evaluate(run, QRELS, ["ndcg@10", "mrr@10"])
    about = {
        "method": "bm25", "config": "bm25", "model": None, "trained_on": None, "dataset": "made up/é",
        "dataset_digest": "digest", "collection": None, "split": "test", "seed": 0, "seconds": {}, **info,
    }  # fmt: skip
    return runs.save(workspace, about, run, evaluation, REQUESTS, {"gold.kind": {"q1": "event"}})


def test_everything_comes_back(workspace: Workspace) -> None:
    saved = save(workspace)
    [back] = runs.everything(workspace)
    assert back.path == saved.path and back.info == saved.info
    assert back.requests() == [
        Request("q1", "Where's the “boat”?", user="ann", fields={"kind": "where", "n": "3", "gold.kind": "event"}),
        Request("q2", "", user=None),
        Request("q3", "missing answer\nin two lines", user="zoë"),
    ]
    assert [request.user is None for request in back.requests()] == [False, True, False], "None, not numpy's masked"
    evaluation = evaluate(Run.from_scores(ANSWERS), QRELS, ["ndcg@10", "mrr@10"])
    again = back.evaluation()
    assert again.metrics == evaluation.metrics and again.qrels == evaluation.qrels
    assert (again.requests, again.missing, again.unjudged) == (3, 1, 1)
    for metric in evaluation.metrics:
        np.testing.assert_array_equal(again.column(metric), evaluation.column(metric))
    wanted = Run.from_scores(ANSWERS)
    assert [(r, d, s.tolist()) for r, d, s in back.run().lists()] == [(r, d, s.tolist()) for r, d, s in wanted.lists()]
    assert next(iter(back.run().lists()))[1] == ["d2", "d1", "日本"]


def test_a_run_without_any_answer(workspace: Workspace) -> None:
    back = save(workspace, {})
    assert len(back.run()) == 0 and back.info["missing"] == 3
    assert back.evaluation().metrics == {"ndcg@10": 0.0, "mrr@10": 0.0}


def test_ids_sort_by_time_and_make_good_names(workspace: Workspace) -> None:
    saved = [save(workspace, seed=seed).id for seed in range(8)]
    assert [run.id for run in runs.everything(workspace)] == saved
    assert all(name.isascii() or "é" in name for name in saved) and not any("/" in name for name in saved)
    assert runs.find(workspace, "bm25").id == saved[-1], "a method means its newest run"


def test_a_run_is_found_by_part_of_its_name(workspace: Workspace) -> None:
    one, two = save(workspace), save(workspace, method="dense", split="dev", dataset_digest="other")
    assert runs.find(workspace, one.id).id == one.id
    assert runs.find(workspace, two.id[-6:]).id == two.id
    assert runs.find(workspace, "made_up", dataset="other").id == two.id
    assert runs.find(workspace, "made_up", split="test").id == one.id
    with pytest.raises(InputError, match="names 2 runs"):
        runs.find(workspace, "made_up")
    with pytest.raises(InputError, match="there is no run 'nothing'"):
        runs.find(workspace, "nothing")
    with pytest.raises(InputError, match="there is no run"):
        runs.find(Workspace(workspace.root / "empty"), "bm25")


@pytest.mark.parametrize("name", [runs.RUN, runs.PER_REQUEST, runs.HITS, runs.JUDGEMENTS])
def test_a_run_that_was_cut_short_is_not_there(workspace: Workspace, name: str) -> None:
    good, bad = save(workspace), save(workspace)
    (bad.path / name).write_bytes((bad.path / name).read_bytes()[:-1])
    assert [run.id for run in runs.everything(workspace)] == [good.id]


def test_exports_are_read_by_others(workspace: Workspace, tmp_path: Path) -> None:
    saved = save(workspace, {request: {d: s for d, s in of.items() if d != "日本"} for request, of in ANSWERS.items()})
    for form in ("trec", "csv", "json"):
        runs.export(saved, tmp_path / form, form)
    assert [(r, d) for r, d, _ in read_run(tmp_path / "trec").lists()] == [(r, d) for r, d, _ in saved.run().lists()]
    with (tmp_path / "csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["request"] for row in rows] == ["q1", "q2", "q3"]
    np.testing.assert_allclose([float(row["mrr@10"]) for row in rows], saved.evaluation().column("mrr@10"))
    assert json.loads((tmp_path / "json").read_text("utf-8")) == saved.info
    assert {p.name for p in tmp_path.iterdir()} == {"trec", "csv", "json", "workspace"}
