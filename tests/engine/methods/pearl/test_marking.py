"""Tags as tokens: which tokens are tags, which stand inside an entity, and how new tags are embedded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, AutoTokenizer, T5EncoderModel

from engine.methods.pearl.labelled import WORDS
from engine.methods.pearl.marking import TAGS, Marks, add_tags, tokenised
from methods.pearl.tiny_backbones import save_bert, save_t5, vocabulary

SENTINEL = "[unused]"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("bert"), additional_special_tokens=[SENTINEL])


@pytest.fixture
def bert(saved: Path) -> tuple[Any, Any]:
    model, tokenizer = AutoModel.from_pretrained(saved), AutoTokenizer.from_pretrained(saved)
    add_tags(model, tokenizer)
    return model, tokenizer


@pytest.fixture(scope="module")
def tokenizer(saved: Path) -> Any:
    model, tokenizer = AutoModel.from_pretrained(saved), AutoTokenizer.from_pretrained(saved)
    add_tags(model, tokenizer)
    return tokenizer


def inside(tokenizer: Any, *texts: str, length: int = 64) -> list[list[str]]:
    """The entity tokens of each text."""
    read = tokenised(tokenizer, texts, length)
    found = Marks.of(tokenizer).entity_tokens(read["input_ids"], read["attention_mask"])
    assert found.shape == read["input_ids"].shape and found.dtype == torch.bool
    return [
        tokenizer.convert_ids_to_tokens(ids[mask].tolist()) for ids, mask in zip(read["input_ids"], found, strict=True)
    ]


def test_there_are_eight_tags() -> None:
    assert sorted(TAGS) == sorted(f"<{end}{kind}>" for kind in ("PER", "LOC", "EVT", "TIM") for end in ("", "/"))


def test_defect_8_the_eight_tags_alone_are_tags(tokenizer: Any) -> None:
    """The published code takes all added tokens: padding, [UNK] and sentinels are among them."""
    assert SENTINEL in tokenizer.get_added_vocab() and "[PAD]" in tokenizer.get_added_vocab()
    every = torch.arange(len(tokenizer))[None]
    marked = Marks.of(tokenizer).tag_tokens(every)[0].nonzero()[:, 0].tolist()
    assert sorted(tokenizer.convert_ids_to_tokens(marked)) == sorted(TAGS)


@pytest.mark.parametrize("token", ["[UNK]", "[PAD]", "[MASK]", "[CLS]", "[SEP]", SENTINEL, "☃", "<TIM>", "</TIM>"])
def test_defect_8_no_other_token_opens_or_closes_an_entity(tokenizer: Any, token: str) -> None:
    here = tokenizer.tokenize(token)
    assert len(here) == 1
    own = [] if token in TAGS else here
    outside, between = inside(tokenizer, f"boat {token} the mill {token} boat", f"<PER> ann {token} bob </PER> boat")
    assert outside == [] and between == ["ann", *own, "bob"]


def test_what_stands_inside_a_person_place_or_event_counts(tokenizer: Any) -> None:
    texts = {
        "<PER> anna </PER> at the <LOC> mill </LOC>": ["anna", "mill"],
        "the <EVT> regatta of may </EVT> in <TIM> may </TIM>": ["regatta", "of", "may"],
        "<TIM> the boat": [],  # the lone tag of a time that is masked
        "<PER> ann </PER> <TIM> <LOC> mill </LOC>": ["ann", "mill"],
        "<PER>annx</PER>": ["ann", "##x"],
        "<PER> </PER> boat": [],
        "boat": [],
        "": [],
    }
    assert inside(tokenizer, *texts) == list(texts.values())  # all in one batch, so most are padded
    assert [inside(tokenizer, text)[0] for text in texts] == list(texts.values())


def test_an_entity_whose_end_is_cut_off_lasts_to_the_text_s_end(tokenizer: Any) -> None:
    text = "the <PER> ann maria bob </PER> boat"  # [CLS] the <PER> ann maria bob </PER> boat [SEP]
    wanted = {4: [], 5: ["ann"], 6: ["ann", "maria"], 7: ["ann", "maria", "bob"], 8: ["ann", "maria", "bob"]}
    for length, tokens in wanted.items():
        alone, padded = inside(tokenizer, text, length=length), inside(tokenizer, text, "boat " * 20, length=length)
        assert alone[0] == padded[0] == tokens and padded[1] == []
        beside_longer = inside(tokenizer, "<PER> ann", "boat boat boat boat boat boat")
        assert beside_longer == [["ann"], []]


def test_texts_are_padded_on_the_right_whatever_the_tokenizer_would_do(tmp_path: Path) -> None:
    folder = save_bert(tmp_path, padding_side="left", truncation_side="left")
    model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    add_tags(model, tokenizer)
    read = tokenised(tokenizer, ["boat", "ann bob maria mill"], 5)
    assert read["attention_mask"].tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert tokenizer.convert_ids_to_tokens(read["input_ids"][1].tolist()) == ["[CLS]", "ann", "bob", "maria", "[SEP]"]


def test_new_tags_begin_as_the_word_of_their_type(saved: Path, bert: tuple[Any, Any]) -> None:
    model, tokenizer = bert
    before = AutoModel.from_pretrained(saved).get_input_embeddings().weight
    weights = model.get_input_embeddings().weight
    assert len(weights) == len(tokenizer) == model.config.vocab_size == len(vocabulary()) + 1 + len(TAGS)
    assert torch.equal(weights[: len(before)], before)
    for tag in TAGS:
        word = tokenizer.convert_tokens_to_ids(WORDS[tag.strip("</>")])
        assert torch.equal(weights[tokenizer.convert_tokens_to_ids(tag)], before[word])


def test_a_second_time_changes_nothing(bert: tuple[Any, Any]) -> None:
    model, tokenizer = bert
    with torch.no_grad():
        model.get_input_embeddings().weight[-8:] += 1  # as training would
    before, known = model.get_input_embeddings().weight.clone(), dict(tokenizer.get_vocab())
    add_tags(model, tokenizer)
    assert torch.equal(model.get_input_embeddings().weight, before) and tokenizer.get_vocab() == known


def test_saved_and_loaded_they_are_the_same_tokens(bert: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = bert
    with torch.no_grad():
        model.get_input_embeddings().weight[-8:] += 1
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again, its = AutoModel.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    add_tags(again, its)
    assert Marks.of(its) == Marks.of(tokenizer) and its.get_vocab() == tokenizer.get_vocab()
    assert torch.equal(again.get_input_embeddings().weight, model.get_input_embeddings().weight)
    text = "<PER> ann </PER> boat <TIM>"
    assert its(text)["input_ids"] == tokenizer(text)["input_ids"]


@pytest.mark.parametrize("spare", [0, 3, 40])
def test_defect_8_in_a_t5_whose_embeddings_have_rows_to_spare(tmp_path: Path, spare: int) -> None:
    """t5-base has 28 of them: more than there are tags, so that nothing need be resized, yet all must be set."""
    save_t5(tmp_path, spare)
    model, tokenizer = T5EncoderModel.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    before = model.get_input_embeddings().weight.clone()
    count = len(tokenizer)
    add_tags(model, tokenizer)
    weights = model.get_input_embeddings().weight
    assert len(weights) == max(count + spare, count + len(TAGS)) and torch.equal(weights[:count], before[:count])
    for tag in TAGS:
        word = tokenizer.convert_tokens_to_ids(WORDS[tag.strip("</>")])
        assert torch.equal(weights[tokenizer.convert_tokens_to_ids(tag)], before[word])
    assert inside(tokenizer, "<unk> ann <pad> <extra_id_0> bob", "<PER> ann <extra_id_0> bob </PER> may") == [
        [],
        ["ann", "<extra_id_0>", "bob"],
    ]
    with torch.no_grad():
        weights[tokenizer.convert_tokens_to_ids("<PER>")] += 1
    trained = weights.clone()
    add_tags(model, tokenizer)
    assert torch.equal(model.get_input_embeddings().weight, trained)
