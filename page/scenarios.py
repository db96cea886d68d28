"""The Scenarios tab: the same question with the needs that documents serve and without, and a weight between the two.

There is one event for whatever asks: what comes while an answer is on its way waits for it and then asks what the
controls say, so that no late answer is left standing over a newer one.
"""

from __future__ import annotations

import math
from typing import Any

import gradio as gr

from engine.arena import LONGEST, Arena
from engine.demo import BUNDLED, Demo
from page import cards, matched, weighing
from page.guard import QUIET, guarded

EXAMPLES = 6
ASK = "The question is empty: ask something above, or press an example."
NOTE = ", which a language model wrote from the passages alone, without sight of the questions"
ENDS = '<div class="q-ends"><span>scenarios alone</span><span>document alone: dense search</span></div>'

# An example puts its own text into the question, as if it had been typed, and asks.
PRESS = """
element.addEventListener('click', (event) => {
  const pressed = event.target.closest('.q-example');
  const box = document.querySelector('#scenario-question :is(textarea, input)');
  if (!pressed || !box) return;
  box.value = pressed.textContent;
  box.dispatchEvent(new Event('input', {bubbles: true}));
  setTimeout(() => trigger('select', {}), 0);
});
"""

# The same document is marked in both columns while one of its cards is pointed at or has the focus. When answers have
# come, a screen reader is told, cards move from where they were, and those of another collection give way to the last
# of this one.
SETTLE = """
const status = document.createElement('div');
status.className = 'q-unseen';
status.setAttribute('role', 'status');
element.after(status);
let was = new Map(), kept = null;
const same = (event) => {
  const card = event.target.closest('.q-pair [data-id]');
  for (const other of element.querySelectorAll('.q-pair [data-id]'))
    other.classList.toggle('q-same', Boolean(card) && other.dataset.id === card.dataset.id);
};
for (const name of ['mouseover', 'mouseleave', 'focusin', 'focusout']) element.addEventListener(name, same);
const still = matchMedia('(prefers-reduced-motion: reduce)');
watch('value', () => {
  const asked = element.querySelector('[data-whose]'), chosen = document.querySelector('#scenario-collection input');
  if (asked && chosen && chosen.value !== asked.dataset.whose) {
    const again = '<p class="q-notice">You chose another collection meanwhile: ask again.</p>';
    props.value = kept && kept.whose === chosen.value ? kept.value : again;
    return;
  }
  kept = asked && {whose: asked.dataset.whose, value: props.value};
  const told = ['.q-asked', '.q-told'].map((name) => element.querySelector(name)?.textContent || '').join(' ');
  status.textContent = asked ? told : element.textContent;
  const now = new Map();
  for (const card of element.querySelectorAll('[data-name=with] [data-id]')) {
    now.set(card.dataset.id, card.offsetTop);
    const moved = was.has(card.dataset.id) ? was.get(card.dataset.id) - card.offsetTop : 0;
    if (moved && !still.matches)
      card.animate([{transform: `translateY(${moved}px)`}, {transform: 'none'}], {duration: 250, easing: 'ease-out'});
  }
  was = now;
});
"""


def collections(demo: Demo) -> dict[str, Arena]:
    """The collections in which somebody answers by scenarios."""
    return {name: arena for name, arena in demo.arenas.items() if weighing.explainer(arena)}


def tab(demo: Demo, own: gr.Tab) -> None:
    """Lay the tab out inside `own` and wire its callbacks; opening it asks the first example."""
    there = collections(demo)
    names = list(there)
    first = there[names[0]]
    questions = {name: weighing.examples(arena, EXAMPLES) for name, arena in there.items()}
    texts = {name: next((request.text for request in found), "") for name, found in questions.items()}
    lead = gr.HTML(_lead(first), elem_id="scenario-lead", padding=False, apply_default_css=False)
    collection = gr.Dropdown(
        names,
        value=names[0],
        label="Collection",
        elem_id="scenario-collection",
        filterable=False,
        visible=len(names) > 1,
    )
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=280):
            question = gr.Textbox(
                texts[names[0]],
                label="Question",
                placeholder="Say what is the matter, in your own words",
                max_length=LONGEST,
                elem_id="scenario-question",
                submit_btn="Ask",
            )
        with gr.Column(scale=2, min_width=280, elem_id="scenario-side"):
            weight = gr.Slider(
                0,
                1,
                weighing.weight(first),
                step=0.05,
                label="Weight of the document itself (a)",
                elem_id="scenario-weight",
            )
            # Gradio's own raises where the number box is empty or out of bounds. This stands on the instance: for a
            # subclass of a component, Gradio would write a file beside this one.
            setattr(weight, "preprocess", weighed)  # noqa: B010
            gr.HTML(ENDS, padding=False, apply_default_css=False)
    examples = gr.HTML(
        cards.examples(questions[names[0]]),
        elem_id="scenario-examples",
        padding=False,
        apply_default_css=False,
        js_on_load=PRESS,
    )
    results = gr.HTML(
        cards.notice(ASK), elem_id="scenario-results", padding=False, apply_default_css=False, js_on_load=SETTLE
    )

    @guarded(outputs=1)
    def weigh(name: str, text: str, a: float | None) -> Any:
        """The answers with scenarios at this weight, beside those of plain dense search."""
        return _answers(demo, name, text, a)

    @guarded(outputs=5)
    def choose(name: str) -> tuple[Any, ...]:
        """A collection's first example, answered at its contestant's own weight."""
        arena = demo.arena(name)
        a = weighing.weight(arena)
        text, found = texts.get(name, ""), questions.get(name, ())
        return _lead(arena), text, a, cards.examples(found), _answers(demo, name, text, a)

    asking: dict[str, Any] = {**QUIET, "trigger_mode": "always_last"}
    triggers = [own.select, question.submit, weight.change, examples.select]
    gr.on(triggers, weigh, [collection, question, weight], [results], **asking)
    collection.input(choose, [collection], [lead, question, weight, examples, results], **asking)


def weighed(typed: Any) -> float | None:
    """The weight that a visitor means: the nearest between 0 and 1; None, as configured, for what is no number."""
    if not isinstance(typed, int | float) or math.isnan(typed):
        return None
    return min(1.0, max(0.0, typed))


def _answers(demo: Demo, name: str, text: str, a: float | None) -> str:
    if not text.strip():
        return cards.notice(ASK)
    arena = demo.arena(name)
    with_them, without = weighing.both(arena, text, a)
    note = NOTE if BUNDLED.resolve() in arena.dataset.path.resolve().parents else ""
    return matched.both(with_them, without, weighing.options(arena, a), name, note)


def _lead(arena: Arena) -> str:
    """What the contestant does, in its own words."""
    method = weighing.named(arena)
    paper = method.paper
    source = f' (<a href="{cards.text(paper.url)}">{cards.text(paper.venue)}</a>)' if paper else ""
    return (
        f"<p><b>{cards.text(method.title)}</b>{source} {cards.text(method.summary)}."
        " A scenario is such a need, and how the document meets it. Move the weight and see who rises.</p>"
    )
