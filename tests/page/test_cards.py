"""What is shown of a document: its title apart, its text cut around what matched, every character escaped."""

from __future__ import annotations

import re

import pytest

from engine.records import Document, MatchedTerms
from page import cards, marks


def plain(markup: str) -> str:
    return re.sub(r"<[^>]*>", "|", markup)


@pytest.mark.parametrize(("title", "text"), [("Boats", "a boat floats"), ("", "a boat floats"), ("Boats", "")])
def test_marks_lie_where_the_explanation_says(title: str, text: str) -> None:
    document = Document("d", text, title)
    spans = [m.span() for m in re.finditer("(?i)boats?", document.content)]
    markup = cards._card(1, document, (MatchedTerms((("boat", 1.0),), tuple(spans)),), False)
    assert re.findall("<mark>(.*?)</mark>", markup) == [document.content[a:b] for a, b in spans]
    assert ('<strong class="q-title">' in markup) == bool(title)


def test_a_long_text_is_cut_around_the_first_match() -> None:
    content = "x " * 3000 + "boat" + " y" * 3000
    start = content.index("boat")
    cut, spans = marks.excerpt(content, marks.words([(start, start + 4), (9000, 9001)]), 200)
    assert len(cut) == 202 and cut[0] == cut[-1] == "…"
    assert [cut[a:b] for a, b, _ in spans] == ["boat"]
    assert marks.excerpt("short", [(0, 2, "")], 200) == ("short", [(0, 2, "")])


def test_every_character_is_escaped() -> None:
    bad = '<b>"${x}" {{y}} `z`'
    document = Document(bad, f"{bad} | {bad}", bad, kind=bad)
    for markup in (cards.plain([document]), cards.timeline([document])):
        assert not set("`{}$") & set(markup) and "<b>" not in markup


def test_one_month_needs_no_strip() -> None:
    one = [Document(f"d{i}", "x") for i in range(3)]
    assert "q-strip" not in cards.timeline(one)
    assert "q-strip" in cards.timeline([*one, Document("d9", "x", time="2024-05-03")])
