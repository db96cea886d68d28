"""The Search tab: choose whose store, see it as a timeline, ask, and see every contestant's answer side by side."""

from __future__ import annotations

from typing import Any

import gradio as gr

from engine.arena import LONGEST, Arena
from engine.demo import Demo
from engine.errors import InputError
from page import cards
from page.guard import QUIET, guarded

EXAMPLES = 6
EVERYBODY = ("everybody", "")  # a label and a value that no user's name can be
ASK = (
    "Ask something above, or press an example. Each contestant answers in its own column, says why it found what it"
    " found, and is told whether it was right where the question is one of the collection's own."
)


def tab(demo: Demo) -> None:
    """Lay the tab out inside the current Blocks and wire its callbacks."""
    names = list(demo.arenas)
    first = demo.arena(names[0])
    people = _people(first)
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=280, elem_id="store-side"):
            store = gr.HTML(
                _store(first, people[0][1]),
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
                    people, value=people[0][1], label="Whose store", elem_id="person", filterable=False, min_width=120
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
                _examples(first, people[0][1]),
                elem_id="examples",
                padding=False,
                apply_default_css=False,
                js_on_load=cards.press("example"),
            )
            results = gr.HTML(
                cards.notice(ASK),
                elem_id="results",
                padding=False,
                apply_default_css=False,
                js_on_load=cards.SETTLE,
            )

    @guarded(outputs=4)
    def choose_collection(name: str) -> tuple[Any, ...]:
        """The people of a collection, the first one's store, and example questions."""
        arena = demo.arena(name)
        people = _people(arena)
        who = people[0][1]
        return gr.Dropdown(people, value=who), _store(arena, who), _examples(arena, who), cards.notice(ASK)

    @guarded(outputs=3)
    def choose_person(name: str, who: str) -> tuple[Any, ...]:
        """One person's store as a timeline, and example questions for it."""
        arena = demo.arena(name)
        return _store(arena, who), _examples(arena, who), cards.notice(ASK)

    @guarded(outputs=1)
    def search(name: str, who: str, text: str) -> Any:
        """Every contestant's answers to a question about one person's store."""
        return cards.answers(demo.arena(name).ask(text, who or None), _whose(name, who))

    @guarded(outputs=2, notice=1)
    def example(name: str, who: str, number: Any) -> tuple[Any, ...]:
        """The same for one of the examples of that store, by its number."""
        if not str(number).isdecimal():
            raise InputError("there is no such example", remedy="Press one of those that are shown")
        asked = demo.arena(name).ask_example(who or None, int(number), EXAMPLES)
        return asked.question, cards.answers(asked, _whose(name, who))

    def pressed(name: str, who: str, event: gr.EventData) -> Any:
        return example(name, who, getattr(event, "example", None))

    # Of what comes while an answer is on its way, the last is done too.
    quiet: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}
    busy: dict[str, Any] = {**quiet, "show_progress": "minimal"}
    collection.input(choose_collection, [collection], [person, store, examples, results], **quiet)
    person.input(choose_person, [collection, person], [store, examples, results], **quiet)
    question.submit(search, [collection, person, question], [results], api_name="search", **busy)
    examples.select(pressed, [collection, person], [question, results], **busy)


def _people(arena: Arena) -> list[tuple[str, str]]:
    """(label, value) of each choice."""
    return [(name, name) for name in arena.people] or [EVERYBODY]


def _store(arena: Arena, who: str) -> str:
    return cards.timeline(arena.store(who or None))


def _examples(arena: Arena, who: str) -> str:
    return cards.examples(arena.examples(who or None, EXAMPLES))


def _whose(name: str, who: str) -> str:
    """What the two dropdowns show while this store is chosen."""
    return f"{name}/{who or EVERYBODY[0]}"
