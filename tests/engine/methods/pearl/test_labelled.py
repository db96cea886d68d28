"""Texts with entities: from where they are read, how two labellings are compared, how they are written out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.methods.pearl import tagging
from engine.methods.pearl.tagging import Sentence
from engine.methods.pearl.word_features import words_of
from methods.pearl.texts import assert_sound

ROOT = Path(__file__).parents[4]


def test_f1_by_hand() -> None:
    gold = [
        Sentence("Ann at the Mill", ((0, 3, "PER"), (11, 15, "LOC"))),
        Sentence("Bob in May", ((0, 3, "PER"), (7, 10, "TIM")), frozenset({"PER"})),  # TIM is not judged
        Sentence("Cleo", None),  # nor is this
    ]
    predicted = [[(0, 3, "PER"), (7, 15, "LOC")], [(0, 3, "LOC"), (7, 10, "TIM")], [(0, 4, "PER")]]
    scores = tagging.f1(gold, predicted)
    assert scores["PER"] == {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    assert scores["LOC"] == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 1,
    }  # the end was right, not the span
    assert scores["TIM"]["support"] == scores["EVT"]["support"] == 0
    assert scores["micro"]["precision"] == 1 / 2 and scores["micro"]["recall"] == 1 / 3


def test_conll_as_running_text(tmp_path: Path) -> None:
    file = tmp_path / "some.conll"
    rows = "@ann\tO\nsaw\tO\nJohn\tB-person\nLee\tI-person\n,\tO\n"
    rows += "Bob\tB-person\n's\tO\nNew\tB-location\nYork\tI-location\n"
    rows += "(\tO\nUSA\tB-location\n)\tO\nApple\tB-corporation\n\n\nhi\tO\n.\tO\n"
    file.write_text(rows, "utf-8")
    first, second = tagging.read_conll(file)
    assert first.text == "@ann saw John Lee, Bob's New York (USA) Apple" and second.text == "hi."
    assert [(first.text[s:e], kind) for s, e, kind in first.entities or ()] == [
        ("John Lee", "PER"), ("Bob", "PER"), ("New York", "LOC"), ("USA", "LOC"),
    ]  # fmt: skip
    assert first.known == {"PER", "LOC"}
    file.write_text("word without a tag\n", "utf-8")
    with pytest.raises(InputError, match=r"some\.conll:1"):
        tagging.read_conll(file)
    with pytest.raises(InputError, match="not readable"):
        tagging.read_conll(tmp_path / "none.conll")


def test_wnut_is_read_whole(collection: Callable[[str], Path]) -> None:
    folder = collection("ner_wnut17")
    for name, count in (("train", 3394), ("dev", 1009), ("test", 1287)):
        sentences = tagging.read_conll(folder / f"{name}.conll")
        assert len(sentences) == count
        tags = (folder / f"{name}.conll").read_text("utf-8").count("\tB-person\n")
        assert sum(kind == "PER" for s in sentences for _, _, kind in s.entities or ()) == tags
        for s in sentences:
            assert_sound(s.text, s.entities or ())


def test_the_bundled_lives_have_hand_labels() -> None:
    dataset = Dataset(ROOT / "data" / "lives")
    sentences = tagging.of_dataset(dataset)
    assert len(sentences) == 735 + 417 and all(s.entities is not None for s in sentences)
    cut = [
        (s.text, s.text[a:b])
        for s in sentences
        for a, b, _ in s.entities or ()
        if not {a, b} <= {x for word in words_of(s.text) for x in word}
    ]
    assert len(cut) <= 4  # lolos, Aunties, Iness: a plural's s outside of the name
    assert len(tagging.of_dataset(dataset, "test")) == 297 * 2


@pytest.mark.parametrize("entities", [[[0, 9, "PER"]], [[0, 2, "PER"], [1, 3, "PER"]], [[0, 1, "DOG"]], "x", [[0, 1]]])
def test_entities_that_are_none(world: Path, entities: object) -> None:
    row = {"_id": "q9", "user": "ann", "text": "Ann", "entities": entities}
    with (world / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    with pytest.raises(InputError, match="query q9"):
        tagging.of_dataset(Dataset(world))


def test_tagged_and_verbalised() -> None:
    text = "Ann, (Ann's) dinner at O'Neil's @ 7pm. Ann!"
    entities = [(0, 3, "PER"), (6, 9, "PER"), (13, 19, "EVT"), (23, 29, "LOC"), (34, 37, "TIM"), (39, 42, "PER")]
    assert tagging.tagged(text, entities) == (
        "<PER> Ann </PER>, (<PER> Ann </PER>'s) <EVT> dinner </EVT> at <LOC> O'Neil </LOC>'s @ <TIM>. <PER> Ann </PER>!"
    )
    assert "@ <TIM> 7pm </TIM>." in tagging.tagged(text, entities, mask_time=False)
    assert tagging.verbalised(text, entities) == (
        "[Ann is person], ([Ann is person]'s) [dinner is event] at [O'Neil is location]'s @ [7pm is time]. "
        "[Ann is person]!"
    )
    assert tagging.tagged(text, []) == tagging.verbalised(text, reversed([])) == text
    assert tagging.tagged(text, reversed(entities)) == tagging.tagged(text, entities)
    with pytest.raises(ValueError, match="overlap"):
        tagging.tagged(text, [(0, 3, "PER"), (2, 4, "LOC")])
