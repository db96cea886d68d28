"""Both tabs driven as visitors drive them: every control, wide and narrow, with hostile text in the store."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.page.conftest import HOSTILE, Server, ask, choose, open_evaluation, open_page

pytestmark = pytest.mark.integration
COLUMNS = ["BM25", "Dense retrieval", "Hybrid"]


def test_it_says_where_it_is_and_how_long_it_took(server: Server) -> None:
    assert re.fullmatch(rf"ready at {server.url} after \d+\.\d s", server.ready_line)


def test_a_question_is_answered_side_by_side_each_saying_why(page: Any) -> None:
    ask(page, "what did Mum's friend say about the boat?")
    assert [c.split("\n")[0] for c in page.locator("#results .q-column h2").all_inner_texts()] == COLUMNS
    for i in range(len(COLUMNS)):
        column = page.locator("#results .q-column").nth(i)
        assert column.locator(".q-card").count() >= 1
        for why in column.locator(".q-why").all_inner_texts():
            assert why.strip()
    assert page.locator("#results .q-column").first.locator("mark").count() >= 1  # bm25 marks its words
    page.wait_for_selector("#store .q-entry.q-found .q-by")  # and the timeline shows where they lie
    assert page.locator("#store .q-bar.q-found").count() >= 1
    assert "Mum's friend" in page.inner_text("#results .q-asked")
    assert "Mum's friend" in page.text_content(".q-unseen[role=status]")


def test_the_button_asks_as_the_enter_key_does(page: Any) -> None:
    page.fill("#question :is(textarea, input)", "who fixes the roof?")
    page.locator("#question button", has_text="Ask").click()
    page.wait_for_selector("#results .q-card")


def test_a_bar_scrolls_the_timeline_to_its_month(page: Any) -> None:
    assert page.evaluate("document.querySelector('.q-timeline').scrollTop") == 0
    bar = page.locator("#store .q-bar").nth(12)
    bar.click()
    month = bar.get_attribute("data-month")
    page.wait_for_function(
        """month => {
          const list = document.querySelector('.q-timeline').getBoundingClientRect();
          return Math.abs(document.querySelector(`[data-is="${month}"]`).getBoundingClientRect().top - list.top) < 4;
        }""",
        arg=month,
    )


def test_an_example_is_asked_by_pressing_it_and_its_answer_is_marked(page: Any) -> None:
    page.locator("#examples button").first.click()
    page.wait_for_selector("#results .q-card")
    assert page.input_value("#question :is(textarea, input)")
    assert page.locator("#results .q-verdict").count() == len(COLUMNS)


def test_the_last_example_has_no_answer_and_that_is_said(page: Any) -> None:
    page.locator("#examples button").last.click()
    page.wait_for_selector("#results .q-verdict")
    assert set(page.locator("#results .q-verdict").all_inner_texts()) == {"nothing in the store answers this"}


def test_another_person_has_another_store_and_other_examples(page: Any) -> None:
    def state() -> tuple[str, str]:
        return page.inner_text("#store .q-timeline"), page.inner_text("#examples")

    before = state()
    page.click("#person input")
    page.get_by_role("option").nth(1).click()
    page.wait_for_function("old => document.querySelector('#store .q-timeline').innerText !== old", arg=before[0])
    assert state()[1] != before[1]
    assert "Ask something" in page.inner_text("#results")


SLOWLY = """
const plain = window.fetch;
window.fetch = async (...call) => {
  const answer = await plain(...call);
  if (String(call[0]).includes('/run/predict') && String(call[1]?.body).includes('SLOW'))
    await new Promise((done) => setTimeout(done, 1200));
  return answer;
};
"""


def test_an_answer_that_comes_late_is_not_shown_in_another_persons_store(page: Any) -> None:
    page.evaluate(SLOWLY)
    page.fill("#question :is(textarea, input)", "SLOW lamp")
    page.press("#question :is(textarea, input)", "Enter")
    choose(page, "person", "helena")
    page.wait_for_function("document.querySelector('#results').innerText.includes('another store')")
    assert page.locator("#results .q-card").count() == 0
    assert page.locator("#store [data-id^='helena/']").count() >= 100
    ask(page, "who sings?")
    page.wait_for_selector("#results .q-card[data-id^='helena/']")


def test_the_last_of_several_questions_is_the_one_that_is_answered(page: Any) -> None:
    page.evaluate(SLOWLY)
    for question in ("SLOW lamp", "the boat", "violin concert"):
        page.fill("#question :is(textarea, input)", question)
        page.press("#question :is(textarea, input)", "Enter")
        page.wait_for_timeout(50)
    page.wait_for_function("document.querySelector('#results .q-asked')?.innerText.includes('violin concert')")


def test_when_nobody_is_right_the_answer_is_shown(page: Any) -> None:
    page.locator("#examples button").nth(3).click()  # the first ones tell contestants apart, the later ones are hard
    page.wait_for_selector("#results .q-card")
    found = page.locator("#results .q-answers .q-gold").count()
    assert (found > 0) != page.locator("#results .q-missed .q-gold").is_visible()
    page.locator("#examples button").first.click()
    page.wait_for_selector("#results .q-answers .q-gold")


def test_hostile_text_is_text_everywhere(page: Any) -> None:
    choose(page, "collection", "hostile<b>")
    page.wait_for_function("document.querySelector('#store').innerText.includes('harmless')")
    assert HOSTILE in page.inner_text("#store")
    page.locator("#examples button").first.click()
    page.wait_for_selector("#results .q-card")
    shown = re.sub(r"\s+", " ", page.inner_text("#results"))
    assert "<script>window.hacked=1</script>" in shown and "{{value}}" in shown
    open_evaluation(page)
    choose(page, "board", "hostile<b> · test")
    page.wait_for_selector("#rounds tr[data-request='q<1>']")
    assert "<script>" in page.inner_text("#rounds")
    page.locator("#rounds tr[data-request='q<1>']").click()
    page.wait_for_selector("#detail .q-asked")
    assert "<script>window.hacked=1</script>" in page.inner_text("#detail")
    page.wait_for_timeout(300)


@pytest.mark.parametrize(
    ("typed", "said"),
    [("   \t ", "empty"), ("\x07\x1b\x00", "empty"), ("xyzzyqwv", "Nothing found")],
)
def test_empty_states_are_sentences(page: Any, typed: str, said: str) -> None:
    if said == "empty":
        page.fill("#question :is(textarea, input)", "x" + typed)
        page.fill("#question :is(textarea, input)", typed)
        page.press("#question :is(textarea, input)", "Enter")
        page.wait_for_function("document.querySelector('#results').innerText.includes('empty')")
    else:
        ask(page, typed)
    assert said in page.inner_text("#results")


def test_evaluation_shows_leaders_segments_and_a_duel(page: Any) -> None:
    open_evaluation(page)
    page.wait_for_selector("#leaderboard .q-table tbody tr")
    choose(page, "board", "lives · test")
    page.wait_for_function("document.querySelectorAll('#leaderboard tbody tr').length === 6")
    assert page.locator("#leaderboard .q-whisker").count() == 6
    before = page.inner_text("#leaderboard caption")
    choose(page, "metric", "hit@1")
    page.wait_for_function("old => document.querySelector('#leaderboard caption').innerText !== old", arg=before)
    page.wait_for_selector("#segments .q-segment")
    choose(page, "by", "user")
    page.wait_for_function("document.querySelectorAll('#segments .q-segment').length >= 6")
    for choice, said in (("second", "loses"), ("first", "ties 297")):  # at the end a run against itself
        before = page.inner_text("#duel .q-notice")
        page.click(f"#{choice} input")
        page.get_by_role("option").last.click()
        page.wait_for_function("old => document.querySelector('#duel .q-notice').innerText !== old", arg=before)
        assert said in page.inner_text("#duel .q-notice")
    page.locator("#rounds tbody tr").first.click()
    page.wait_for_selector("#detail .q-column")
    assert page.locator("#detail .q-column").count() == 3
    assert "What answers it" in page.inner_text("#detail")
    choose(page, "metric", "mrr@10")
    page.wait_for_function("document.querySelector('#detail').innerText.includes('Press a line')")
    assert "ties 297" in page.inner_text("#duel .q-notice"), "the duel that was chosen is kept"
    assert page.locator("#segments .q-segment").count() >= 6, "and so are the segments"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_cut_off(browser: Any, server: Server, width: int, theme: str) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
    open_page(page, f"{server.url}/?__theme={theme}")
    ask(page, "when do we meet the doctor?")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    open_evaluation(page)
    page.wait_for_selector("#leaderboard tbody tr")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_the_keyboard_alone_suffices(page: Any) -> None:
    page.focus("#question :is(textarea, input)")
    page.keyboard.type("who fixes the roof?")
    page.keyboard.press("Enter")
    page.wait_for_selector("#results .q-card")
    page.focus("#results .q-card")
    assert page.evaluate("document.activeElement.classList.contains('q-card')")
    for _ in range(40):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.closest('#examples') !== null"):
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("#results .q-verdict")


CONTRAST = """
(selectors) => {
  const parse = (c) => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = (c) => {
    const [r, g, b] = parse(c).map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = getComputedStyle(e).backgroundColor, [, , , a = 1] = parse(c);
      if (c !== 'transparent' && a > 0.99) return c;
    }
    return 'rgb(255, 255, 255)';
  };
  return selectors.map((s) => {
    const e = document.querySelector(s);
    if (!e) return [s, 0];
    const [x, y] = [light(getComputedStyle(e).color), light(ground(e))].sort((p, q) => q - p);
    return [s, (x + 0.05) / (y + 0.05)];
  });
}
"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_what_it_stands_on(browser: Any, server: Server, theme: str) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900}, color_scheme=theme)
    open_page(page, f"{server.url}/?__theme={theme}")
    page.locator("#examples button").first.click()
    page.wait_for_selector("#store .q-by")
    searched = [
        "#person span[data-testid=block-info]", "#question label span", "#question button", ".q-rank", ".q-by",
        "button[role=tab].selected", ".q-why li", ".q-summary", ".q-verdict", ".q-asked span", ".q-example", ".q-text",
        ".q-text mark", ".q-kind", "#title p", ".q-entry time",
    ]  # fmt: skip
    found = dict(page.evaluate(CONTRAST, searched))
    open_evaluation(page)
    page.wait_for_selector("#rounds tbody tr")
    judged = ["#leaderboard caption", "#leaderboard td", ".q-segment h3", ".q-count", ".q-line", "#duel .q-notice"]
    found |= dict(page.evaluate(CONTRAST, judged))
    page.close()
    assert {name: round(ratio, 2) for name, ratio in found.items() if ratio < 4.5} == {}
