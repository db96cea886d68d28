"""Labelled texts that several tests here learn from, awkward ones, and what holds of the entities of any text."""

from __future__ import annotations

import itertools

from engine.methods.pearl import labelled
from engine.methods.pearl.tagging import Entity, Sentence, TaggerConfig

CONFIG = TaggerConfig(epochs=12, hidden=48, dropout=0.1, lowercase=0.0, batch_size=8, patience=12)
AWKWARD = [
    "Juan , Sofia | @Grill-Masters' Park 7pm :)",
    "Maria Q | conductor | maria@quaysingers.example 😀🇵🇹 é e\u0301",
    "",
    " \t\n",
    "\x00\x01",
    "\u200b\ufe0f\ufffd",
    "x" * 3000 + " Ann",
    "seven words about Ann at the Mill. " * 200,
    "9 " * 700,
    "Où est Zoë ? 你好，李雷。",
]


def sentence(text: str, *surfaces: tuple[str, str]) -> Sentence:
    """A text whose entities are (surface, type), each at its first place."""
    return Sentence(text, tuple(sorted((text.index(s), text.index(s) + len(s), kind) for s, kind in surfaces)))


def forty() -> list[Sentence]:
    made = []
    people, places = ["Ann", "Bear", "Mrs Toft", "Juan", "O'Neil"], ["Old Mill", "Blue Door", "Kiosk", "Harbour"]
    for i, (person, place) in enumerate(itertools.islice(itertools.product(people, places), 20)):
        time, event = ["last May", "7pm", "on Tuesday"][i % 3], ["choir practice", "dentist", "regatta"][i % 3]
        text = f"{event} with {person} | the {place}, {time}"
        made.append(sentence(text, (event, "EVT"), (person, "PER"), (place, "LOC"), (time, "TIM")))
        made.append(sentence(f"what did {person}'s note from the {place} say?", (person, "PER"), (place, "LOC")))
    return made


def assert_sound(text: str, entities: tuple[Entity, ...]) -> None:
    last = 0
    for start, end, kind in entities:
        assert last <= start < end <= len(text) and kind in labelled.TYPES
        assert text[start:end] == text[start:end].strip()
        last = end
