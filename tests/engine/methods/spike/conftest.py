"""A collection with scenarios, and searchers over it whose vectors are drawn from the texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from index.worlds import DrawnEncoder

from engine import experiment
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.methods.spike import models
from engine.methods.spike.importing import import_scenarios
from engine.methods.spike.search import SpikeSearcher


def needs(number: int) -> list[dict[str, str]]:
    """0 to 4 scenarios, by the document's number."""
    return [{"information_need": f"need {number}-{j}", "explanation": f"why {j}"} for j in range(number % 5)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> DrawnEncoder:
    encoder = DrawnEncoder()
    monkeypatch.setattr(models, "shared_encoder", lambda config: encoder)
    return encoder


@pytest.fixture
def opened(tmp_path: Path, drawn: DrawnEncoder) -> Callable[..., SpikeSearcher]:
    """Make a dataset of `documents`, import `rows` (None: nothing), open the searcher; again: the same workspace."""

    def make(
        documents: Sequence[Mapping[str, Any]],
        rows: Sequence[Mapping[str, Any]] | None,
        settings: Sequence[str] = ("build.parts=[need]",),
        config: str = "spike_paper",
    ) -> SpikeSearcher:
        folder = tmp_path / "made"
        folder.mkdir(exist_ok=True)
        (folder / "corpus.jsonl").write_text("".join(json.dumps(d) + "\n" for d in documents), "utf-8")
        (folder / "queries.jsonl").write_text('{"_id": "q", "text": "x"}\n', "utf-8")
        dataset, workspace = Dataset(folder), Workspace(tmp_path / "workspace")
        if rows is not None:
            (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
            import_scenarios(workspace, dataset, tmp_path / "rows.jsonl")
        chosen = experiment.contestant("spike", config, settings)
        searcher = experiment.opened(chosen.method, chosen.build, experiment.target(workspace, dataset))
        assert isinstance(searcher, SpikeSearcher)
        return searcher

    return make


@pytest.fixture
def searcher(opened: Callable[..., SpikeSearcher]) -> SpikeSearcher:
    """300 documents of two people and everybody, with 0 to 4 scenarios each."""
    documents = [
        {"_id": f"d{i:03}", "text": f"text {i}", **({"user": ("ann", "bob")[i % 2]} if i % 3 else {})}
        for i in range(300)
    ]
    return opened(documents, [{"id": f"d{i:03}", "main_topic": "t", "scenarios": needs(i)} for i in range(300)])
