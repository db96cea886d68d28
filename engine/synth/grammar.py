"""The question grammar: how people ask for an event, a message or a contact, as templates.

One line is one template: `ask | text`. (a|b|) draws one of its alternatives. The slots are:
  {vp} {np} {about} {told} {who}: phrases of the memory's scene; {ev} is an {np} with a noun that names an event
  {was} {is}: agree with {np} or {ev}
  {sort} {a_sort}: what the scene's domain has: event, meeting, session; with "a" or "an"
  {whom}: a person, must be there;   {with}: " with" a person, or nothing
  {place}: a place, must be there;   {at}: " at" a place, or nothing
  {time}: " last week", or nothing; where it is missing, a phrase goes to the end or to the front
A mark before the text: . no time; ~ no time, or a coarse one, since the time is asked for; ! a time must be said, since
little else is; < the last time, > the next time, no other time is said.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache

from engine.synth.annotated import slots_of
from engine.synth.grammar_events import AHEAD, EVENTS
from engine.synth.grammar_others import CONTACTS, MESSAGES

_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")
_PLAIN = re.compile(
    r"What (?:is|'s|was) the (?:name|event|\{sort)|What (?:event|did)|Did I|Was there|Am I|Who was|Did \{whom|Do I have"
)
# "that" after these may be left out, and mostly is
_TELLING = re.compile(
    r"\b(tell me|told me|told|say|said|mention|mentioned|know|claimed|hear|find out|me) that \{told\}"
)
_MARKS = {".": "untimed", "~": "coarse", "!": "timed", "<": "last", ">": "next"}


@dataclass(frozen=True, slots=True)
class Template:
    """A way to ask: who, what, when, where or yes-no. `mark` is untimed, coarse, timed, last, next or ""."""

    ask: str
    text: str
    mark: str
    slots: frozenset[str]

    @property
    def weight(self) -> float:
        """People are what most questions are about, and most begin plainly."""
        return (4.5 if "whom" in self.slots else 1.0) * (2.3 if _PLAIN.match(self.text) else 1.0)

    def drawn(self, rng: random.Random) -> str:
        """The text with its alternatives drawn; {slots} are left."""
        text = self.text
        while match := _CHOICE.search(text):
            text = text[: match.start()] + rng.choice(match.group(1).split("|")) + text[match.end() :]
        if rng.random() < 0.6:
            text = _TELLING.sub(r"\1 {told}", text)
        return " ".join(text.split()).replace(" ?", "?")


def _read(table: str) -> tuple[Template, ...]:
    templates = []
    for line in table.strip().splitlines():
        ask, text = (part.strip() for part in line.split("|", 1))
        mark = _MARKS.get(text[:1], "")
        text = text[1:].strip() if mark else text
        templates.append(Template(ask, text, mark, slots_of(text)))
    return tuple(templates)


@cache
def templates(kind: str, future: bool = False) -> dict[str, tuple[Template, ...]]:
    """The templates for a kind of memory, by what they ask; `future` for events that are still to come."""
    table = {"event": AHEAD if future else EVENTS, "message": MESSAGES, "contact": CONTACTS}[kind]
    by_ask: dict[str, list[Template]] = {}
    for template in _read(table):
        by_ask.setdefault(template.ask, []).append(template)
    return {ask: tuple(found) for ask, found in by_ask.items()}
