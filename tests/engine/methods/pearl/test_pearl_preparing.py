"""What a model learns from, row by row, and that each step of the preparation is made once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import experiment
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.methods.base import Target
from engine.methods.pearl.config import PearlConfig
from engine.methods.pearl.docids import DocidTree
from engine.methods.pearl.marking import CLOSING, OPENING
from engine.methods.pearl.preparing import TREE, Prepared
from methods.pearl.worlds import QUICK, TAGGED, Place, write_store

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("place"))


def config(place: Place, *settings: str) -> PearlConfig:
    writer = {"model": place.backbone, "questions": 20, "per_passage": 2, "max_new_tokens": 4}
    lessons = {"epochs": 1, "batch_size": 8, "max_source": 64, "max_target": 72, "decoder_layers": 1, "validation": 0}
    more = (
        *(f"build.generator.{key}={value}" for key, value in writer.items()),
        *(f"build.generator.seq2seq.{key}={value}" for key, value in lessons.items()),
        "build.transposition.model=minilm",
        "build.transposition.threshold=0.01",
    )
    backbone = f"build.backbone={place.backbone}"
    chosen = experiment.trainee("pearl", None, (*QUICK, *TAGGED, *more, backbone, *settings))
    assert isinstance(chosen.build, PearlConfig)
    return chosen.build


def prepared(place: Place, *settings: str) -> Prepared:
    return Prepared.of(place.target(place.root / "people"), place.people, config(place, *settings), "all")


def test_rows_are_questions_passages_written_questions_and_exchanged_pairs(place: Place) -> None:
    made = prepared(place)
    rows = made.training_rows()
    answers = {j.request: j.document for j in place.people.judgements("train")}
    documents = made.target.collection
    count = len(made.answered)
    assert count == len(answers) == 45 and 30 < len(made.rows) <= 45
    assert len(prepared(place, "build.questions=20").answered) == 20
    asked, passages = rows[:count], rows[count : count + len(made.rows)]
    for row, answered in zip(asked, made.answered, strict=True):
        gold = documents.document(made.rows[row.passage])
        assert gold.id == answers[answered.request.id] and row.group == gold.user == answered.request.user
        assert not row.is_passage
    assert [(row.passage, row.is_passage) for row in passages] == [(n, True) for n in range(len(made.rows))]
    written, exchanged = made.generated(), made.transposed()
    assert rows[count + len(passages) :] == [*written, *exchanged]
    assert written and all(row.text.strip() for row in written)
    assert {row.passage for row in written} <= set(range(len(passages)))
    assert exchanged and len(exchanged) % 2 == 0
    assert not list(made.target.workspace.prepared("pearl", "x").parent.glob(".*.state"))
    originals = {row.passage: row.text for row in passages}
    questions = {(row.passage, row.text) for row in asked}
    for question, memory in zip(exchanged[::2], exchanged[1::2], strict=True):
        assert question.passage == memory.passage and memory.text != originals[memory.passage]
        assert (question.passage, question.text) not in questions
    for row in rows:
        assert row.group == made.stores[row.passage] and row.is_passage == (row in passages)
        assert all(row.text.count(a) == row.text.count(b) for a, b in zip(OPENING[:3], CLOSING[:3], strict=True))
        assert "</TIM>" not in row.text  # a time is a lone <TIM>


def test_what_is_prepared_is_made_once_whatever_is_trained_with_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = prepared(place)
    rows, tree = first.training_rows(), first.tree_folder

    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError("made again")

    from engine.methods.pearl import preparing, query_generation, transposition

    monkeypatch.setattr(Prepared, "tags", refused)
    monkeypatch.setattr(preparing, "cluster", refused)
    monkeypatch.setattr(query_generation, "train_generator", refused)
    monkeypatch.setattr(transposition, "transposed", refused)
    again = prepared(place, "build.training.emr.weight=0", "build.training.epochs=3", "build.decoder=digits")
    assert again.training_rows() == rows and again.tree_folder == tree
    with pytest.raises(AssertionError, match="made again"):
        _ = prepared(place, "build.docids.seed=8").tree_folder
    with pytest.raises(AssertionError, match="made again"):
        prepared(place, "build.transposition.threshold=0.02").transposed()
    for name in ("generator", "transposition"):
        without = prepared(place, f"build.{name}=null").training_rows()
        assert 0 < len(without) < len(rows)


def test_a_training_that_is_cut_short_keeps_what_was_prepared(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.methods.pearl import learning

    class Cut(BaseException):
        pass

    def cut(*_: Any, **__: Any) -> Any:
        raise Cut

    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr(learning, "fit_model", cut)
        place.train("cut", *TAGGED)
    assert not place.workspace.model("pearl", "cut").exists()
    monkeypatch.setattr(Prepared, "tags", cut)
    assert place.train("cut", *TAGGED).outputs["pearl"]["steps"] > 0


def test_the_tree_is_of_the_passages(place: Place) -> None:
    made = prepared(place)
    tree = DocidTree.load(made.tree_folder / TREE)
    assert len(tree.leaves) == len(made.rows) == len(made.memories)
    topics = json.loads((made.tree_folder / "topics.json").read_text("utf-8"))
    assert len(topics) == len(tree.vectors) and not any(topics[leaf] for leaf in tree.leaves.tolist())


def bare(folder: Path, judged: str | None) -> tuple[Target, Dataset]:
    write_store(folder)
    if judged:
        (folder / "qrels").mkdir()
        (folder / "qrels" / f"{judged}.tsv").write_text(
            f"query-id\tcorpus-id\tscore\nq\t{folder.name}/ann0\t1\nq\t{folder.name}/nobody\t1\n", "utf-8"
        )
    dataset = Dataset(folder)
    return experiment.target(Workspace(folder.parent / "workspace"), dataset), dataset


def test_what_cannot_be_learned_from_is_told(place: Place, tmp_path: Path) -> None:
    for judged, what in (("test", "no train split to learn from"), ("train", "none of its texts carries entities")):
        target, dataset = bare(tmp_path / judged, judged)
        with pytest.raises(InputError, match=what) as error:
            Prepared.of(target, dataset, config(place), "x")
        assert error.value.remedy and "data synth personal" in error.value.remedy
        assert not target.workspace.models("pearl") and not target.workspace.models("tagger")


def test_a_passage_of_nobody_is_held_out_alone(place: Place, tmp_path: Path) -> None:
    target, dataset = bare(tmp_path / "some", "train")
    made = Prepared.of(target, dataset, config(place, "build.tags=false", "build.generator=null"), "x")
    assert sorted(made.stores) == ["ann", f"passage {made.stores.index('ann') ^ 1}"]
    assert {row.group for row in made.training_rows()} == set(made.stores)
    assert made.transposed() == [] and made.tagger is None
