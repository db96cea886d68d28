"""What a matched scenario looks like: whose words they are, what moved, every character escaped."""

from __future__ import annotations

from engine.arena import Answer, Asked
from engine.records import Document, Hit, MatchedScenario
from page import cards, matched

BAD = '<b>"${x}" {{y}} `z`'


def why(need: str = "I am cold", source: str = "extractive", similarity: float | None = 0.5) -> MatchedScenario:
    return MatchedScenario(need, BAD, BAD, similarity, 0.25, 3, 0 if similarity is None else 4, source)


def shown(reason: MatchedScenario, right: tuple[Document, ...] | None = None) -> str:
    hit = Hit(Document("d", "a coat", BAD), 0.4, (reason,))
    asked = Asked(BAD, None, (Answer("m", "M", "m", (hit,)),), right)
    return matched.both(asked, asked, {"a": 0.5}, BAD, ", so they say")


def test_own_sentences_are_never_said_to_be_a_language_models() -> None:
    markup = shown(why())
    assert "sentences of the document itself" in markup and "Its own sentence" in markup
    assert "A need it serves" not in markup and "so they say" not in markup and "written by" not in markup


def test_who_wrote_them_is_said() -> None:
    assert "imported from s.jsonl, so they say" in shown(why(source="import:s.jsonl"))
    assert "written by the language model qwen" in shown(why(source="qwen"))
    assert "None of these documents has scenarios" in shown(why(similarity=None))


def test_where_the_right_answer_stands() -> None:
    assert "right at 1 with scenarios, at 1 without" in shown(why(), (Document("d", "a coat"),))
    missing = shown(why(), (Document("other", "a hat"),))
    assert "not in the first 1 with scenarios, not in the first 1 without" in missing and "Neither found it" in missing
    assert "nothing in the collection answers this" in shown(why(), ())
    assert "q-verdict" not in shown(why())


def test_a_reason_on_a_card_keeps_its_numbers_however_long_the_need() -> None:
    line = cards._reason(why("x" * 900, "qwen"), Document("d", "t"))
    assert line.startswith("serves “xxx") and "…”" in line and "(0.50; the document alone 0.25, rank 3)" in line
    assert cards._reason(why(), Document("d", "t")).startswith("says “I am cold”")
    assert "has no scenarios" in cards._reason(why(similarity=None), Document("d", "t"))


def test_every_character_is_escaped() -> None:
    markup = shown(why(BAD, BAD), (Document(BAD, BAD),)) + cards._reason(why(BAD), Document("d", BAD))
    assert not set("`{}$") & set(markup) and "<b>&quot;" not in markup and '<b>"' not in markup
