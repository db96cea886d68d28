"""The Search tab: choose whose store, see it as a timeline, ask, and see every contestant's answer side by side."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.arena import LONGEST, Answer
from engine.demo import Demo
from engine.records import Request
from page import cards
from page.guard import guarded

EXAMPLES = 6
EVERYBODY = "everybody"
ASK = (
    "Ask something above, or press an example. Each contestant answers in its own column, says why it found what it"
    " found, and is told whether it was right where the question is one of the collection's own."
)


def tab(demo: Demo) -> None:
    """Lay the tab out inside the current Blocks and wire its callbacks."""
    names = list(demo.arenas)
    first = demo.arena(names[0])
    people = _people(demo, names[0])
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280, elem_id="store-side"):
            store = gr.HTML(
                cards.timeline(first.store(_user(people[0]))),
                elem_id="store",
                padding=False,
                apply_default_css=False,
                js_on_load=cards.SCROLL_TO_MONTH,
            )
        with gr.Column(scale=3, min_width=300, elem_id="ask-side"):
            with gr.Row(elem_id="choose"):
                collection = gr.Dropdown(
                    names, value=names[0], label="Collection", elem_id="collection", filterable=False, min_width=120
                )
                person = gr.Dropdown(
                    people, value=people[0], label="Whose store", elem_id="person", filterable=False, min_width=120
                )
            question = gr.Textbox(
                label="Question",
                placeholder="what did Mum's friend say about the boat?",
                max_length=LONGEST,
                elem_id="question",
                autofocus=True,
                submit_btn="Ask",
            )
            examples = gr.HTML(
                cards.examples(_examples(demo, names[0], people[0])),
                elem_id="examples",
                padding=False,
                apply_default_css=False,
                js_on_load=cards.press("example"),
            )
            results = gr.HTML(cards.notice(ASK), elem_id="results", padding=False, apply_default_css=False)

    @guarded(outputs=4)
    def choose_collection(name: str) -> tuple[Any, ...]:
        """The people of a collection, the first one's store, and example questions."""
        names = _people(demo, name)
        shown = cards.timeline(demo.arena(name).store(_user(names[0])))
        return (
            gr.Dropdown(names, value=names[0]),
            shown,
            cards.examples(_examples(demo, name, names[0])),
            cards.notice(ASK),
        )

    @guarded(outputs=3)
    def choose_person(name: str, who: str) -> tuple[Any, ...]:
        """One person's store as a timeline, and example questions for it."""
        return (
            cards.timeline(demo.arena(name).store(_user(who))),
            cards.examples(_examples(demo, name, who)),
            cards.notice(ASK),
        )

    @guarded(outputs=2, notice=0)
    def search(name: str, who: str, text: str) -> tuple[Any, ...]:
        """Every contestant's answers to a question about one person's store, and where they lie on its timeline."""
        arena = demo.arena(name)
        return _show(demo, name, who, arena.ask(text, _user(who)), _gold(demo, name, who, text))

    @guarded(outputs=3, notice=1)
    def example(name: str, who: str, number: int) -> tuple[Any, ...]:
        request = _examples(demo, name, who)[number]
        found = demo.arena(name).ask(request.text, _user(who), request.time)
        return request.text, *_show(demo, name, who, found, _gold(demo, name, who, request.text))

    def pressed(name: str, who: str, event: gr.EventData) -> Any:
        """The same for one of the examples of that store."""
        return example(name, who, int(event.example))

    # Programs have page/api.py's endpoints; these are the events of the controls. Each takes a few milliseconds, to
    # which Gradio's queue would add three times as much.
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "undocumented", "queue": False}
    busy: dict[str, Any] = {**quiet, "show_progress": "minimal"}
    collection.input(choose_collection, [collection], [person, store, examples, results], **quiet)
    person.input(choose_person, [collection, person], [store, examples, results], **quiet)
    question.submit(search, [collection, person, question], [results, store], api_name="search", **busy)
    examples.select(pressed, [collection, person], [question, results, store], **busy)


def _people(demo: Demo, name: str) -> list[str]:
    return demo.arena(name).people or [EVERYBODY]


def _user(who: str) -> str | None:
    return None if who == EVERYBODY else who


def _examples(demo: Demo, name: str, who: str) -> list[Request]:
    return demo.arena(name).examples(_user(who), EXAMPLES)


def _gold(demo: Demo, name: str, who: str, text: str) -> frozenset[str] | None:
    return demo.arena(name).gold(_user(who), text)


def _show(demo: Demo, name: str, who: str, found: list[Answer], gold: frozenset[str] | None) -> tuple[str, str]:
    by: dict[str, list[str]] = {}
    for answer in found:
        for hit in answer.hits:
            by.setdefault(hit.document.id, []).append(answer.name)
    return cards.answers(found, gold), cards.timeline(demo.arena(name).store(_user(who)), by)
