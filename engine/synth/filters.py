"""What a question must pass: one answer and no other, and no content word in common with it (the paper's filters).

A `Claim` is all that a question says of the memory it means. One memory of the store, and only one, may satisfy it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import Stemmer

from engine.synth.calendar import Span
from engine.synth.notes import Noted

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_STEMMER = Stemmer.Stemmer("english")
_STOP = """
a about across after again against ago ain all already also always am an and another any anybody anyone anything
are around as asked at away back be because been before being between both but by can cannot come could couldn
did didn do does doesn doing don done down during each either else ever every everybody everyone everything few
find for from get getting give go goes going gone got had has have having he her here hers herself hey him
himself his how i if in into is isn it its itself just kind know last later less let like ll long look lot made
make many may maybe me mean meant might mine more most much must my myself name near need never new next no
nobody nor not nothing now of off often oh ok okay old on once one only onto or other our ours ourselves out
over own past per person perhaps please put quite rather re really remember remind s said same say says send
sent shall she should so some somebody somehow someone something soon still such t take tell text than that the
their theirs them themselves then there these they thing things this those though through till time to today
together told too toward two under until up upon us use very want was wasn way we well went were what whatever
when where whether which while who whom whose why will with within without won would wouldn yes yet you your
yours yourself ve m d
"""
STOP_WORDS = frozenset(_WORD.findall(_STOP))


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    word = word.lower().replace("’", "'").removesuffix("'s").replace("'", "")
    return "" if word in STOP_WORDS or len(word) < 2 else _STEMMER.stemWord(word)


@lru_cache(maxsize=65536)
def content_words(text: str) -> frozenset[str]:
    """The stems of the words of `text` that are not stop words."""
    return frozenset(stem for word in _WORD.findall(text) if (stem := _stem(word)))


def shared_words(question: str, memory: str, names: Iterable[str] = ()) -> frozenset[str]:
    """Content words that both have. Those of `names`, proper names and nicknames, do not count."""
    named = frozenset().union(*(content_words(name) for name in names)) if names else frozenset()
    return (content_words(question) & content_words(memory)) - named


@dataclass(frozen=True, slots=True)
class Claim:
    """What a question says. None is: nothing. `order` is last or next, seen from `now`."""

    kind: str
    now: datetime
    scene: str | None = None
    index: int | None = None
    ties: frozenset[str] | None = None
    place: frozenset[str] | None = None
    window: Span | None = None
    order: str | None = None

    def holds(self, note: Noted) -> bool:
        """Whether a memory is as the question says, but for the order."""
        memory = note.memory
        return (
            memory.kind == self.kind
            and (self.scene is None or memory.scene == self.scene)
            and (self.index is None or note.index == self.index)
            and (self.ties is None or not self.ties.isdisjoint(note.ties))
            and (self.place is None or note.place in self.place)
            and (self.window is None or self.window[0] <= memory.time < self.window[1])
        )


def answers(claim: Claim, notes: Iterable[Noted]) -> list[Noted]:
    """The memories that the claim may mean."""
    found = [note for note in notes if claim.holds(note)]
    if claim.order == "last":
        found = [note for note in found if note.memory.time < claim.now]
        return [max(found, key=lambda note: note.memory.time)] if found else []
    if claim.order == "next":
        found = [note for note in found if note.memory.time > claim.now]
        return [min(found, key=lambda note: note.memory.time)] if found else []
    return found


def told_by(claim: Claim, notes: Sequence[Noted]) -> tuple[str, ...]:
    """Which parts of the claim set its one answer apart: without any of them there would be more answers."""
    parts = {
        "time": replace(claim, window=None, order=None) if claim.window or claim.order else None,
        "person": replace(claim, ties=None) if claim.ties is not None else None,
        "place": replace(claim, place=None) if claim.place is not None else None,
        "scene": replace(claim, scene=None, index=None) if claim.scene is not None else None,
    }
    return tuple(name for name, weaker in parts.items() if weaker is not None and len(answers(weaker, notes)) != 1)
