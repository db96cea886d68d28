"""A page that is running when PEARL's model is finished: it is judged, and answers from then on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine import demo, runs
from engine.arena import Arena
from engine.datasets.reader import Dataset
from engine.demo import Demo
from engine.records import DecodedId, FusedRanks
from methods.pearl.worlds import Place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("joins"))


def test_pearl_joins_a_running_page_when_its_model_is_there(place: Place) -> None:
    folder = place.root / "shown"
    shutil.copytree(place.strangers.path, folder)
    (folder / "qrels" / "dev.tsv").rename(folder / "qrels" / "test.tsv")
    asked = Dataset(folder)
    arena = Arena(place.workspace, asked, demo.field(place.workspace, asked))
    page = Demo(place.workspace, {asked.name: arena})
    before = [method.name for method in arena.contestants]
    assert "pearl" not in before and page.join() == []
    place.train("people")
    demo.judged(place.workspace, asked)
    assert {"pearl", "pearl_personal"} <= {run.info["config"] for run in runs.everything(place.workspace)}
    assert page.join() == ["pearl"] and page.join() == []
    assert [method.name for method in arena.contestants] == ["bm25", "dense", "hybrid", "pearl"]
    question = asked.requests("test")[0]
    answer = next(a for a in arena.ask(question.text, question.user).answers if a.name == "pearl")
    assert answer.title == "PEARL + Dense retrieval" and answer.hits
    kinds = {type(why) for hit in answer.hits for why in hit.why}
    assert {DecodedId, FusedRanks} <= kinds


def test_pearl_stays_away_from_what_is_nobodys(place: Place, tmp_path: Path) -> None:
    place.train("people")
    folder = tmp_path / "nobodys"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d", "text": "a cake"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "a cake?"}\n')
    found = demo.field(place.workspace, Dataset(folder))
    assert "pearl" not in [contestant.method.name for contestant in found]
