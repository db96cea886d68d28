"""How a decoded id is shown: a path of topics with a probability each, whatever the topics and the numbers are."""

from __future__ import annotations

import json
import math
import re
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from engine.arena import Answer, Asked
from engine.records import DecodedId, Document, Hit, MatchedTerms
from page import api, cards, decoded
from page.style import CSS

BAD = '<b>"${x}" {{y}} `z`'
BOATS = DecodedId(((3, "weekends", 0.9), (12, "boats, sailing", 0.8), (0, "", 1.0)), math.log(0.72), 10)


def asked(*reasons: Any) -> Asked:
    return Asked("q", None, (Answer("m", "M", "s", (Hit(Document("d", "a boat"), 1.0, reasons),)),), None)


def read(markup: str) -> str:
    """What a visitor reads."""
    return " ".join(re.sub(r"<[^>]*>", " ", markup).split())


def widths(markup: str) -> list[int]:
    return [int(width) for width in re.findall(r"width:(\d+)%", markup)]


def test_each_step_says_its_digit_its_topic_and_its_probability() -> None:
    markup = decoded.path(BOATS)
    assert read(markup) == "3 weekends 90% 12 boats, sailing 80% 0 this one 100% id 3-12-0 · 72% in all"
    assert widths(markup) == [90, 80, 100]
    assert 'role="img" aria-label="id 3-12-0, p = 0.72: weekends (0.90) &gt; boats, sailing (0.80)' in markup
    assert "q-unfound" not in markup


def test_an_id_that_the_search_lost_says_so_quietly() -> None:
    lost = DecodedId(BOATS.steps, BOATS.log_probability, 10, found=False)
    assert "q-unfound" in decoded.path(lost) and "not among the 10 ids it followed" in read(decoded.path(lost))
    assert "not the one id it followed" in read(decoded.path(DecodedId(lost.steps, -1.0, 1, found=False)))


def test_every_character_is_escaped() -> None:
    markup = cards.answers(asked(DecodedId(((1, BAD, 0.5), (2, BAD * 40, 0.5)), -1.0, 2)), "x")
    assert not set("`{}$") & set(markup) and '<b>"' not in markup and "<b>&quot;" not in markup
    assert "&lt;b&gt;" in markup


def test_only_an_empty_last_topic_is_this_one() -> None:
    middle = decoded.path(DecodedId(((7, "", 0.5), (8, "  ", 0.5)), -1.0, 2))
    assert read(middle).startswith("7 50% 8 this one 50%")
    assert read(decoded.path(DecodedId((), 0.0, 2))) == "It has no id."


def test_of_a_long_id_the_first_and_last_steps_are_shown() -> None:
    steps = tuple((i, f"topic {i}", 0.5) for i in range(30))
    shown = read(decoded.path(DecodedId(steps, -20.0, 2)))
    assert [int(n) for n in re.findall(r"topic (\d+)", shown)] == [0, 1, 2, 3, 26, 27, 28, 29] and "… 22 more" in shown
    assert "more" not in read(decoded.path(DecodedId(steps[:8], -5.0, 2)))
    assert "… 1 more" in read(decoded.path(DecodedId(steps[:9], -5.0, 2)))


@pytest.mark.parametrize(
    ("share", "said", "width"),
    [
        (0.0, "0%", 0),
        (1e-9, "<0.0001%", 0),
        (0.00012, "0.012%", 0),
        (0.5, "50%", 50),
        (0.99999, ">99%", 100),
        (1.0, "100%", 100),
        (1.0000001, "100%", 100),  # a softmax in float32
        (math.nan, "?", 0),
    ],
)
def test_nothing_is_rounded_to_never_or_always(share: float, said: str, width: int) -> None:
    markup = decoded.path(DecodedId(((4, "a", share),), -1.0, 2))
    assert f'<span class="q-num">{said.replace("<", "&lt;").replace(">", "&gt;")}</span>' in markup
    assert widths(markup) == [width]


@pytest.mark.parametrize(
    ("log_probability", "said"),
    [(-math.inf, "0%"), (-9999.0, "&lt;0.0001%"), (0.0, "100%"), (1e-7, "100%"), (math.nan, "?")],
)
def test_any_total_is_a_percentage(log_probability: float, said: str) -> None:
    assert f"· {said} in all" in decoded.path(DecodedId(((4, "a", 0.5),), log_probability, 2))


def test_a_column_with_such_ids_says_once_what_they_are() -> None:
    markup = cards.answers(asked(MatchedTerms((("boat", 1.0),)), BOATS), "x")
    assert markup.count(decoded.LEGEND) == 1 and '<li><div class="q-path"' in markup
    assert "PEARL" not in markup and "matches boat" in markup
    assert "q-legend" not in cards.answers(asked(MatchedTerms((("boat", 1.0),))), "x")


def test_programs_get_its_raw_parts_as_strict_json() -> None:
    lost = DecodedId(BOATS.steps, -math.inf, 10, found=False)
    arena = SimpleNamespace(ask=lambda *_: asked(lost))
    demo: Any = SimpleNamespace(workspace=None, arenas={"x": arena}, arena=lambda _: arena)
    with gr.Blocks() as page:
        api.serve(demo)
    ask = next(block.fn for block in page.fns.values() if block.api_name == "ask")
    given: Any = ask("q", "x")
    assert json.loads(json.dumps(given, allow_nan=False)) == given
    assert given[0]["hits"][0]["why"][0] == {
        "kind": "decoded_id",
        "line": lost.line,
        "steps": [[3, "weekends", 0.9], [12, "boats, sailing", 0.8], [0, "", 1.0]],
        "log_probability": None,
        "beams": 10,
        "found": False,
    }


PLACES = """[...document.querySelectorAll('.q-step')].map((step) => {
  const box = step.getBoundingClientRect();
  return [Math.round(box.top), box.right <= step.parentElement.getBoundingClientRect().right + 1];
})"""


@pytest.mark.integration
@pytest.mark.parametrize(("width", "rows"), [(240, 3), (600, 1)])
def test_the_steps_stand_in_a_row_where_there_is_room(browser: Any, width: int, rows: int) -> None:
    """By the style's own rules; the page's server has no model that writes ids."""
    page = browser.new_page(viewport={"width": 700, "height": 600})
    page.set_content(f'<div style="width:{width}px">{decoded.path(BOATS)}</div>')
    page.add_style_tag(content=CSS)
    places = page.evaluate(PLACES)
    page.close()
    assert len({top for top, _ in places}) == rows and all(inside for _, inside in places)
