"""The Scenarios tab driven as visitors drive it, and its endpoints."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import pytest

from page.scenarios import weighed
from tests.page.conftest import HOSTILE, Server, choose, open_page, open_scenarios
from tests.page.test_page import CONTRAST, SLOWLY

pytestmark = pytest.mark.integration
BOX = "#scenario-question :is(textarea, input)"
SLIDER = "#scenario-weight input[type=range]"
NUMBER = "#scenario-weight input[type=number]"
WITH, WITHOUT = "#scenario-results [data-name=with]", "#scenario-results [data-name=without]"
SOUR = "My naturally leavened bread tastes of vinegar and will not rise."


@pytest.fixture
def opened(page: Any) -> Any:
    open_scenarios(page)
    return page


def ids(page: Any, column: str) -> list[str]:
    return page.locator(f"{column} [data-id]").evaluate_all("cards => cards.map((card) => card.dataset.id)")


def ask(page: Any, text: str) -> None:
    page.fill(BOX, text)
    page.press(BOX, "Enter")
    page.wait_for_function("text => document.querySelector('#scenario-results').innerText.includes(text)", arg=text)


def weigh(page: Any, a: str) -> None:
    """Drag the weight to a value, and see its answer."""
    page.fill(SLIDER, a)
    page.wait_for_function(
        "said => document.querySelector('#scenario-results .q-summary').innerText.includes(said)",
        arg="of the document itself" if a == "1" else f"{float(a):.2f} × document",
    )


def test_it_opens_with_an_example_answered_by_which_scenario_and_what_moved(opened: Any) -> None:
    assert "SPIKE" in opened.inner_text("#scenario-lead")
    assert opened.input_value(BOX) in opened.inner_text("#scenario-results .q-asked")
    assert opened.locator(f"{WITH} .q-card").count() == opened.locator(f"{WITHOUT} .q-card").count() == 5
    first = opened.locator(f"{WITH} .q-card").first
    assert re.fullmatch("“.+”", first.locator(".q-need").inner_text().strip())
    assert "imported from scenarios.jsonl" in first.inner_text()
    assert "without sight of the questions" in opened.inner_text(f"{WITH} .q-summary")
    assert re.search(r"[▲▼=]\s+(risen|fallen|unmoved):\s+rank \d+ without scenarios", first.inner_text())
    said = opened.inner_text("#scenario-results .q-verdict")
    ranks = re.fullmatch(r"right at (\d+) with scenarios, at (\d+) without", said)
    assert ranks and ranks[1] != ranks[2], "it opens with a question that shows something"
    gold = opened.locator(f"{WITH} .q-gold").get_attribute("data-id")
    assert ids(opened, WITH).index(gold) + 1 == int(ranks[1]) and ids(opened, WITHOUT).index(gold) + 1 == int(ranks[2])
    told = opened.locator(".q-unseen[role=status]").all_text_contents()
    assert any(said in line for line in told), "and a screen reader is told"


def test_every_card_says_the_rank_that_plain_search_gives(opened: Any) -> None:
    ask(opened, SOUR)
    plain = ids(opened, WITHOUT)
    for card in opened.locator(f"{WITH} .q-card").all():
        before = int(re.search(r"rank (\d+) without", card.inner_text())[1])
        name = card.get_attribute("data-id")
        assert (plain.index(name) + 1 if name in plain else before) == before
        assert before > len(plain) or name in plain


def test_the_weight_ranks_again_at_once_and_one_is_dense_search(opened: Any) -> None:
    own, without = ids(opened, WITH), ids(opened, WITHOUT)
    assert own != without
    weigh(opened, "1")
    assert ids(opened, WITH) == ids(opened, WITHOUT) == without
    assert opened.locator(f"{WITH} .q-moved.q-same-rank").count() == 5
    weigh(opened, "0")
    assert ids(opened, WITH) != without and ids(opened, WITHOUT) == without
    opened.click("#scenario-weight button")  # back to the contestant's own
    opened.wait_for_function("() => document.querySelector('#scenario-results').innerText.includes('0.40 × document')")
    opened.wait_for_timeout(200)
    assert ids(opened, WITH) == own


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "0.40 × document"), ("7", "of the document itself"), ("-3", "0.00 × document"), ("0.3", "0.30 × document")],
)
def test_whatever_is_typed_for_the_weight_is_answered(opened: Any, server: Server, typed: str, said: str) -> None:
    failed: list[int] = []
    opened.on("response", lambda response: failed.append(response.status) if response.status >= 400 else None)
    weigh(opened, "0.9")
    opened.fill(NUMBER, typed)
    opened.wait_for_function(
        "said => document.querySelector('#scenario-results .q-summary').innerText.includes(said)", arg=said
    )
    opened.press(NUMBER, "Tab")
    opened.wait_for_timeout(300)
    assert failed == [] and opened.locator("[data-testid=toast-body]").count() == 0
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(None, None), ("x", None), (math.nan, None), ([], None), (7, 1), (-3, 0), (math.inf, 1), (0.3, 0.3), (1, 1)],
)
def test_a_weight_is_the_nearest_that_there_is(typed: Any, meant: float | None) -> None:
    assert weighed(typed) == meant


# ... and say when the slow answer has come and been drawn.
TOLD = (
    SLOWLY
    + """
const slow = window.fetch;
window.fetch = async (...call) => {
  const answer = await slow(...call);
  if (String(call[1]?.body).includes('SLOW')) setTimeout(() => { window.came = true; }, 200);
  return answer;
};
"""
)


def test_a_late_answer_never_stands_over_a_newer_one(opened: Any) -> None:
    opened.evaluate(TOLD)
    opened.fill(BOX, "SLOW lamp")
    opened.press(BOX, "Enter")
    for a in ("0.9", "0.1", "0.55"):
        opened.fill(SLIDER, a)
    opened.locator("#scenario-examples button").nth(2).click()
    asked = opened.inner_text("#scenario-examples button >> nth=2")
    opened.wait_for_function("window.came")
    opened.wait_for_function(
        "text => document.querySelector('#scenario-results .q-asked').innerText.includes(text)", arg=asked
    )
    assert "0.55 × document" in opened.inner_text(f"{WITH} .q-summary")


def test_an_answer_that_comes_late_is_not_shown_for_another_collection(opened: Any) -> None:
    opened.evaluate(TOLD)
    opened.fill(BOX, "SLOW lamp")
    opened.press(BOX, "Enter")
    choose(opened, "scenario-collection", "hostile<b>")
    opened.wait_for_selector(f"{WITH} [data-id='h2']")
    opened.wait_for_function("window.came")
    assert set(ids(opened, WITH)) == {"h<1>", "h2", "h3"}, "what the chosen one answered stays"
    ask(opened, "picnic zebra")
    assert set(ids(opened, WITH)) == {"h<1>", "h2", "h3"}


def test_an_example_is_asked_by_pressing_it(opened: Any) -> None:
    button = opened.locator("#scenario-examples button").nth(1)
    button.click()
    opened.wait_for_function(
        "text => document.querySelector('#scenario-results .q-asked').innerText.includes(text)", arg=button.inner_text()
    )
    assert opened.input_value(BOX) == button.inner_text()
    assert opened.locator("#scenario-results .q-verdict").count() == 1


def test_the_same_document_is_marked_in_both_columns(opened: Any) -> None:
    shared = next(name for name in ids(opened, WITH) if name in ids(opened, WITHOUT))
    for act in (opened.hover, opened.focus):
        opened.mouse.move(0, 0)
        act(f"{WITHOUT} [data-id='{shared}']")
        assert opened.locator("#scenario-results .q-same").count() == 2
        assert set(opened.locator(".q-same").evaluate_all("all => all.map((e) => e.dataset.id)")) == {shared}
        opened.focus(BOX)


def test_hostile_and_endless_scenarios_are_text_and_a_document_may_have_none(opened: Any) -> None:
    choose(opened, "scenario-collection", "hostile<b>")
    opened.wait_for_selector(f"{WITH} [data-id='h<1>']")
    shown = re.sub(r"\s+", " ", opened.inner_text(f"{WITH} [data-id='h<1>'] .q-scenario"))
    assert shown.count("<script>window.hacked=1</script>") == 2 and "{{value}}" in shown
    assert HOSTILE[:20] in shown
    assert len(opened.inner_text(f"{WITH} [data-id='h2'] .q-need")) < 700
    none = opened.locator(f"{WITH} [data-id='h3']")
    assert "no scenarios" in none.inner_text() and none.locator(".q-track").count() == 1
    assert "sight of the questions" not in opened.inner_text("#scenario-results"), "said of what is bundled only"
    opened.set_viewport_size({"width": 360, "height": 800})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    opened.wait_for_timeout(300)


@pytest.mark.parametrize(("typed", "said"), [("  \t ", "empty"), ("\x07\x1b", "empty")])
def test_an_empty_question_is_a_sentence(opened: Any, typed: str, said: str) -> None:
    opened.fill(BOX, typed)
    opened.press(BOX, "Enter")
    opened.wait_for_function("said => document.querySelector('#scenario-results').innerText.includes(said)", arg=said)
    opened.locator("#scenario-examples button").first.click()
    opened.wait_for_selector(f"{WITH} .q-card")


def test_the_keyboard_alone_suffices(opened: Any) -> None:
    opened.focus(BOX)
    opened.keyboard.press("Control+a")
    opened.keyboard.type(SOUR)
    opened.keyboard.press("Enter")
    opened.wait_for_function("text => document.querySelector('.q-pair') && document.querySelector("
                             "'#scenario-results .q-asked').innerText.includes(text)", arg=SOUR)  # fmt: skip
    reached = False
    for _ in range(6):
        opened.keyboard.press("Tab")
        reached = reached or opened.evaluate("document.activeElement.matches('#scenario-weight input[type=range]')")
        if reached:
            break
    assert reached
    opened.keyboard.press("ArrowLeft")
    opened.wait_for_function("() => document.querySelector('#scenario-results').innerText.includes('0.35 × document')")
    assert opened.evaluate("document.activeElement.type") == "range", "and it keeps the focus"
    for _ in range(3):
        opened.keyboard.press("Tab")
        if opened.evaluate("document.activeElement.closest('#scenario-examples') !== null"):
            break
    asked = opened.evaluate("document.activeElement.textContent")
    opened.keyboard.press("Enter")
    opened.wait_for_function(
        "text => document.querySelector('#scenario-results .q-asked').innerText.includes(text)", arg=asked
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_cut_off_and_text_stands_out(browser: Any, server: Server, width: int, theme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
    open_page(page, f"{server.url}/?__theme={theme}")
    open_scenarios(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    there = [
        "#scenario-lead p", "#scenario-lead a", "#scenario-weight label span", "#scenario-question button",
        ".q-pair .q-moved.q-up", ".q-pair .q-moved.q-down", ".q-need", ".q-scenario p:not(.q-by-whom)", ".q-by-whom",
        ".q-scores dt", ".q-scores .q-num", ".q-scores b", ".q-pair .q-summary", ".q-pair .q-text",
        ".q-told .q-verdict",
        ".q-ends span", *([".q-swipe"] if width < 640 else []), ".q-small .q-num", "#scenario-examples .q-example",
    ]  # fmt: skip
    found = dict(page.evaluate(CONTRAST, there))
    page.close()
    assert {name: round(ratio, 2) for name, ratio in found.items() if ratio < 4.5} == {}


def test_a_phone_says_that_one_can_swipe_to_the_other_column(opened: Any) -> None:
    assert not opened.is_visible("#scenario-results .q-swipe"), "where both columns are seen there is nothing to say"
    opened.set_viewport_size({"width": 360, "height": 800})
    assert "Swipe" in opened.inner_text("#scenario-results .q-swipe")
    opened.locator("#scenario-results .q-pair").evaluate("pair => pair.scrollTo({left: 10000, behavior: 'instant'})")
    opened.wait_for_timeout(300)
    box = opened.locator(WITHOUT).bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 360


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Any]:
    gradio_client = pytest.importorskip("gradio_client")
    yield gradio_client.Client(server.url, verbose=False)


def test_the_endpoint_gives_what_the_tab_shows(client: Any) -> None:
    own = client.predict(SOUR, "almanac", api_name="/scenarios")
    assert len(own["hits"]) == len(own["without"]) == 5
    why = own["hits"][0]["why"][0]
    assert why["kind"] == "matched_scenario" and why["source"] == "import:scenarios.jsonl" and why["need"]
    alone = client.predict(SOUR, "almanac", 1.0, 7, api_name="/scenarios")
    assert [hit["id"] for hit in alone["hits"]] == alone["without"] and len(alone["hits"]) == 7


def test_context_is_text_for_a_prompt(client: Any) -> None:
    prompt = client.predict(SOUR, "almanac", None, None, 2, api_name="/context")
    assert prompt.startswith("[1] id: a") and "\n[2] id: a" in prompt and "A need it serves: " in prompt
    plain = client.predict("who sings?", "lives", "helena", "bm25", 2, api_name="/context")
    assert "id: helena/" in plain and "A need" not in plain


@pytest.mark.parametrize(
    ("endpoint", "arguments", "said"),
    [
        ("/scenarios", ("x", "almanac", 1.5), "The weight a is a number between 0 and 1."),
        ("/scenarios", ("x", "almanac", -1), "The weight a is a number between 0 and 1."),
        ("/scenarios", ("x", "almanac", "half"), "a:"),
        ("/scenarios", ("", "almanac"), "question is empty"),
        ("/scenarios", ("x", "lives"), "no scenarios"),
        ("/scenarios", ("x", "nowhere"), "no collection 'nowhere'"),
        ("/context", ("x", "almanac", "helena"), "has no people"),
        ("/context", ("x", "lives"), "no scenarios"),
        ("/context", ("x", "almanac", None, "nobody"), "does not answer here"),
        ("/context", ("x" * 501, "almanac"), "501 characters"),
    ],
)
def test_what_an_endpoint_cannot_do_is_a_sentence(client: Any, endpoint: str, arguments: Any, said: str) -> None:
    with pytest.raises(Exception, match=re.escape(said)) as failed:
        client.predict(*arguments, api_name=endpoint)
    assert "Traceback" not in str(failed.value) and "/work" not in str(failed.value)
