"""A trained tagger: what it finds in any text, and its folder, kept, moved and damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from flair.data import Sentence
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.methods.pearl import labelled, tagging
from engine.methods.pearl.tagging import Tagger
from methods.pearl.texts import AWKWARD, CONFIG, assert_sound, forty


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tagger")
    outcome = tagging.train_tagger(forty(), folder / "out", CONFIG, folder / "state", forty())
    assert outcome["types"] == labelled.TYPES and outcome["validation"]["f1"] >= 0.95
    return folder / "out"


@pytest.fixture(scope="module")
def tagger(trained: Path) -> Tagger:
    return Tagger(trained)


def test_forty_sentences_are_learnt_and_kept(tagger: Tagger) -> None:
    scores = tagging.f1(forty(), tagger.tag([s.text for s in forty()]))
    assert min(row["f1"] for row in scores.values()) >= 0.95
    assert scores["micro"]["support"] == sum(len(s.entities or ()) for s in forty()) == 120


def test_the_folder_holds_no_transformer_and_no_pickle(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == ["model.safetensors", "tagger.json"]
    assert (trained / "model.safetensors").stat().st_size < 5e6
    card = json.loads((trained / "tagger.json").read_text("utf-8"))
    assert card["types"] == list(labelled.TYPES) and set(card["versions"]) == {"flair", "torch", "transformers"}


def test_awkward_texts(tagger: Tagger) -> None:
    for text, entities in zip(AWKWARD, tagger.tag(AWKWARD), strict=True):
        assert_sound(text, entities)
    assert tagger.tag([]) == [] and tagger.tag(["", " "]) == [(), ()]


@given(st.lists(st.text(max_size=60), max_size=3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text(tagger: Tagger, texts: list[str]) -> None:
    found = tagger.tag(texts)
    assert len(found) == len(texts)
    for text, entities in zip(texts, found, strict=True):
        assert_sound(text, entities)
        tagging.tagged(text, entities)
        tagging.verbalised(text, entities)


def test_a_text_is_tagged_alike_whatever_stands_beside_it(tagger: Tagger) -> None:
    texts = [s.text for s in forty()[:6]] + ["", AWKWARD[7]]
    assert tagger.tag(texts) == [tagger.tag([text])[0] for text in texts]


def test_flair_itself_predicts_with_the_network(tagger: Tagger) -> None:
    texts = [s.text for s in forty() if "O'Neil" not in s.text]  # to flair's tokenizer that is one word
    sentences = [Sentence(text) for text in texts]
    tagger.network.predict(sentences)
    found = [
        tuple((span.start_position, span.end_position, span.tag) for span in sentence.get_spans("ner"))
        for sentence in sentences
    ]
    assert found == tagger.tag(texts)


@pytest.mark.parametrize("damage", ["card", "cut", "weights", "types", "config", "nothing"])
def test_a_damaged_folder_is_one_line(trained: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "tagger"
    shutil.copytree(trained, folder)
    card = json.loads((folder / "tagger.json").read_text("utf-8"))
    if damage == "card":
        (folder / "tagger.json").write_text("{", "utf-8")
    elif damage == "cut":
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    elif damage == "weights":
        (folder / "model.safetensors").unlink()
    elif damage == "types":
        (folder / "tagger.json").write_text(json.dumps({**card, "types": ["PER"]}), "utf-8")
    elif damage == "config":
        (folder / "tagger.json").write_text(json.dumps({**card, "config": {"layer": 1}}), "utf-8")
    else:
        shutil.rmtree(folder)
    with pytest.raises(InputError) as told:
        Tagger(folder)
    assert "\n" not in str(told.value) and "Train the tagger again" in str(told.value)


def test_another_transformer_is_refused(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "tagger")
    card = json.loads((trained / "tagger.json").read_text("utf-8"))
    (tmp_path / "tagger" / "tagger.json").write_text(json.dumps({**card, "transformer": "0" * 64}), "utf-8")
    with pytest.raises(InputError, match="trained over another 'minilm'"):
        Tagger(tmp_path / "tagger")


def test_one_tagger_a_process_until_its_files_change(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "tagger")
    first = tagging.shared_tagger(tmp_path / "tagger")
    assert tagging.shared_tagger(tmp_path / "tagger") is first
    (tmp_path / "tagger" / "tagger.json").touch()
    assert tagging.shared_tagger(tmp_path / "tagger") is not first
    with pytest.raises(InputError, match="there is no tagger here"):
        tagging.shared_tagger(tmp_path / "none")
