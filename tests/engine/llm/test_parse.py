"""Replies as models write them, and what is made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, RootModel

from engine.llm.parse import Unusable, parse, read
from llm.tasks import ECHO, Echo, Word

PLAIN = '{"word": "a", "score": 1}'


class Loose(BaseModel):
    word: str
    score: float | None = None
    tags: list[str] = []


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}\n```",
        f"```json\n{PLAIN}",
        f"Sure! Here it is:\n{PLAIN}\nI hope that helps {{or not}}.",
        f'<think>is it {{"word": "b", "score": 2}}? no</think>{PLAIN}',
        f"I read [1] and {{braces}}. {PLAIN}",
        "{'word': 'a', 'score': 1,}",
        '{word: "a", score: 1}',
        '{"word": "a", "score": 1',
        'The answer: {"word": "a", "score": 1 // sure\n}',
        f"{PLAIN}\n{PLAIN}",
        f"\ufeff{PLAIN}",
    ],
)
def test_what_can_be_mended_is_and_is_told(text: str) -> None:
    answer, repaired = parse(ECHO, Word(word="a"), text)
    assert (answer, repaired) == (Echo(word="a", score=1), True)


def test_plain_json_is_not_called_mended() -> None:
    assert parse(ECHO, Word(word="a"), PLAIN) == (Echo(word="a", score=1), False)
    assert parse(ECHO, Word(word="a"), f" \n{PLAIN} ")[1] is False


def test_of_a_key_that_comes_twice_the_last_counts() -> None:
    assert read(Echo, '{"word": "x", "word": "a", "score": 1}')[0].word == "a"
    assert read(Echo, 'so: {"word": "x", "word": "a", "score": 1}')[0].word == "a"


def test_no_number_is_none_and_halves_of_characters_are_replaced() -> None:
    assert read(Loose, '{"word": "a", "score": NaN}') == (Loose(word="a"), True)
    assert read(Loose, '{"word": "a", "score": 1e999}')[0].score is None
    answer, repaired = read(Loose, '{"word": "a\\ud83d", "tags": ["\\udc00b"]}')
    assert repaired and answer == Loose(word="a\ufffd", tags=["\ufffdb"])
    assert read(Loose, '{"word": "\ud83d"}')[0].word == "\ufffd"
    assert read(Loose, '{"word": "\\ud83d\\ude00"}') == (Loose(word="😀"), False)


def test_a_reply_cut_off_keeps_what_is_complete() -> None:
    answer, repaired = read(Loose, '{"word": "a", "tags": ["one", "two", "thr')
    assert repaired and answer.word == "a" and answer.tags[:2] == ["one", "two"]


def test_a_list_as_the_answer() -> None:
    class Words(RootModel[list[str]]):
        pass

    assert read(Words, 'Here: ["a", "b"]')[0].root == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the reply is empty"),
        ("   ", "the reply is empty"),
        ("I cannot do that.", "no JSON in the reply"),
        ('{"word": "a"}', "score: Field required"),
        ('{"word": "b", "score": 1}', "refused: 'b' is not the word"),
        ('{"word": "a", "score": "many"}', "score: Input should be a valid integer"),
        ("[" * 5000, ""),
        ('{"a":' * 5000, ""),
        ("null", ""),
        ("3", ""),
    ],
)
def test_what_is_no_answer_says_why(text: str, reason: str) -> None:
    with pytest.raises(Unusable) as caught:
        parse(ECHO, Word(word="a"), text)
    assert reason in str(caught.value) and "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from('{}[]":,\\ud83 \n`abcN1.-e\ud800é'), max_size=60))
def test_rubbish_is_unusable_and_nothing_worse(text: str) -> None:
    try:
        answer, _ = read(Loose, text)
    except Unusable:
        return
    answer.model_dump_json()


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries({"word": st.text(max_size=20), "tags": st.lists(st.text(max_size=8), max_size=4)}),
    st.sampled_from(["{}", "```json\n{}\n```", "Well: {} there", "<think>hm</think>\n{}"]),
    st.booleans(),
)
def test_whatever_is_said_around_it_the_answer_is_the_same(value: dict[str, Any], around: str, escape: bool) -> None:
    if "```" in str(value) or "<think>" in str(value):
        return
    text = around.replace("{}", json.dumps(value, ensure_ascii=escape))
    assert read(Loose, text)[0] == Loose(**value)
