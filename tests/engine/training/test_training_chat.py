"""Labels: which tokens of a chat are supervised, whatever the template and the prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.training.chat import ChatExample, collate, encode, frame
from training import tiny

END = {tiny.HEADERS: "<|eot_id|>", tiny.PLAIN: "</s>"}


def tokenizer(folder: Path, template: str = tiny.HEADERS, **settings: Any) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny.save(folder / "model", template, **settings))


@pytest.mark.parametrize("template", [tiny.HEADERS, tiny.PLAIN], ids=["headers", "plain"])
def test_the_answer_and_what_ends_it_are_supervised_and_nothing_else(tmp_path: Path, template: str) -> None:
    tokens = tokenizer(tmp_path, template)
    parts = frame(tokens, {})
    [example] = tiny.examples(("lake",))
    encoded = encode(tokens, example, parts, {})
    assert tokens.decode(encoded.ids[encoded.start :]) == example.answer + END[template]
    prompt = tokens.apply_chat_template(example.messages, tokenize=False, add_generation_prompt=True)
    assert tokens.decode(encoded.ids[: encoded.start]) == prompt
    assert encoded.ids[: encoded.start] == tokens(prompt, add_special_tokens=False)["input_ids"]  # as it will be asked
    assert tokens.decode(encoded.ids[encoded.start]).startswith("{")


@pytest.mark.parametrize("template", [tiny.HEADERS, tiny.PLAIN], ids=["headers", "plain"])
def test_the_prompt_changes_no_label(tmp_path: Path, template: str) -> None:
    tokens = tokenizer(tmp_path, template)
    parts = frame(tokens, {})
    answer = tiny.answer("lake")
    prompts = ["", "Short", 'It says {"topic": "lake"} twice', answer, "Ünbekannt 日本 🙂 " * 9, "a <|eot_id|> b </s>"]
    found = set()
    for prompt in prompts:
        encoded = encode(tokens, ChatExample([{"role": "user", "content": prompt}], answer), parts, {})
        found.add(tuple(encoded.ids[encoded.start :]))
    assert len(found) == 1


def test_there_is_one_token_that_begins_the_text(tmp_path: Path) -> None:
    tokens = tokenizer(tmp_path)
    encoded = encode(tokens, tiny.examples()[0], frame(tokens, {}), {})
    assert encoded.ids.count(tokens.bos_token_id) == 1 and encoded.ids[0] == tokens.bos_token_id


def test_labels_and_masks_of_a_batch(tmp_path: Path) -> None:
    tokens = tokenizer(tmp_path)
    parts = frame(tokens, {})
    short, long = (
        encode(tokens, example, parts, {})
        for example in tiny.examples(("lake",))
        + tiny.examples(("bicycle",), "A longer question, so that the other row is padded.")
    )
    batch = collate([short, long], parts.pad_id)
    rows = zip(batch["input_ids"].tolist(), batch["attention_mask"].tolist(), batch["labels"].tolist(), strict=True)
    for encoded, (ids, mask, labels) in zip((short, long), rows, strict=True):
        length, width = len(encoded.ids), len(long.ids)
        assert ids == encoded.ids + [parts.pad_id] * (width - length)
        assert mask == [1] * length + [0] * (width - length)  # end-of-turn tokens within are attended to
        assert labels == [-100] * encoded.start + encoded.ids[encoded.start :] + [-100] * (width - length)


@pytest.mark.parametrize("pad", [None, "</s>", "<|eot_id|>"])
def test_padding_is_no_token_that_ends_something(tmp_path: Path, pad: str | None) -> None:
    tokens = tokenizer(tmp_path, pad=pad)
    parts = frame(tokens, {})
    assert parts.pad_id not in (tokens.eos_token_id, parts.closing_id)


def test_a_prompt_whose_end_melts_into_the_answer_is_refused(tmp_path: Path) -> None:
    tokens = tokenizer(tmp_path, tiny.SPACED)  # its byte-pair merges cross the space before the brace
    assert tokens.tokenize('assistant: {"topic')[-1] != "{"
    with pytest.raises(InputError, match="begins in the prompt") as error:
        encode(tokens, tiny.examples()[0], frame(tokens, {}), {})
    assert error.value.remedy


def test_what_no_example_can_be_made_of(tmp_path: Path) -> None:
    tokens = tokenizer(tmp_path)
    parts = frame(tokens, {})
    with pytest.raises(InputError, match="empty answer"):
        encode(tokens, ChatExample([{"role": "user", "content": "?"}], "  "), parts, {})
    tokens.chat_template = "{{ raise_exception('no such role') }}"
    with pytest.raises(InputError, match="no such role"):
        frame(tokens, {})
    tokens.chat_template = (
        "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}{% endif %}{% endfor %}"
    )
    with pytest.raises(InputError, match="leaves the answer out"):
        frame(tokens, {})
    tokens.chat_template = None
    with pytest.raises(InputError, match="no chat template"):
        frame(tokens, {})


def test_white_space_that_the_template_writes_before_an_answer_is_learned_with_it(tmp_path: Path) -> None:
    tokens = tokenizer(tmp_path)
    tokens.chat_template = (  # as Llama 2: a space after the prompt, one before the end
        "{% for m in messages %}{% if m['role'] == 'user' %}<s>[{{ m['content'] }}]"
        "{% else %} {{ m['content'] }} </s>{% endif %}{% endfor %}"
    )
    parts = frame(tokens, {})
    assert (parts.opening, parts.closing) == (" ", " </s>")
    encoded = encode(tokens, tiny.examples()[0], parts, {})
    assert tokens.decode(encoded.ids[encoded.start :]) == f" {tiny.examples()[0].answer} </s>"


def test_variables_of_the_template_reach_it(tmp_path: Path) -> None:
    tokens = tokenizer(tmp_path)
    tokens.chat_template = tiny.HEADERS.replace(
        "{% if add_generation_prompt %}", "{% if not thinking %}no thinking{% endif %}{% if add_generation_prompt %}"
    )
    texts = []
    for template in ({"thinking": True}, {"thinking": False}):
        encoded = encode(tokens, tiny.examples()[0], frame(tokens, template), template)
        texts.append(tokens.decode(encoded.ids))
    assert "no thinking" not in texts[0] and "no thinking" in texts[1]
