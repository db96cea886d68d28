"""Directions that must show in a planted world, data/almanac, whose questions share no words with their answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine import experiment
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.evaluation.metrics import evaluate
from engine.methods.spike.config import SpikeOptions
from engine.methods.spike.importing import import_scenarios

ALMANAC = Path(__file__).parents[4] / "data" / "almanac"


@pytest.mark.integration
def test_scenarios_help_and_only_those_of_the_document_itself(tmp_path: Path) -> None:
    dataset, workspace = Dataset(ALMANAC), Workspace(tmp_path)
    requests, judgements = dataset.requests("test"), dataset.judgements("test")

    def ndcg(file: Path, options: SpikeOptions) -> float:
        import_scenarios(workspace, dataset, file)
        chosen = experiment.contestant("spike", "spike_paper", ("build.parts=[need,explanation]",))
        searcher = experiment.opened(chosen.method, chosen.build, experiment.target(workspace, dataset))
        return evaluate(searcher.search(requests, 10, options), judgements, ["ndcg@10"]).metrics["ndcg@10"]

    real, other = ALMANAC / "scenarios.jsonl", tmp_path / "shifted.jsonl"
    rows = [json.loads(line) for line in real.read_text("utf-8").splitlines()]
    shifted = [{**rows[i - 1], "id": row["id"]} for i, row in enumerate(rows)]  # each has its neighbour's
    other.write_text("".join(json.dumps(row) + "\n" for row in shifted), "utf-8")
    full = ndcg(real, SpikeOptions())
    documents = ndcg(real, SpikeOptions(a=1))
    assert full > documents + 0.1
    assert full > ndcg(real, SpikeOptions(pool="mean")) + 0.02
    assert ndcg(other, SpikeOptions()) < documents
