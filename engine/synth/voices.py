"""How one person asks: a voice of her own, drawn once, and what it makes of a well-formed question."""

from __future__ import annotations

import random
from dataclasses import dataclass

from engine.synth.annotated import Annotated

_OPENERS = ("Hey, ", "Remind me: ", "Ok, ", "Quick question: ", "Um, ", "Sorry, ", "Tell me, ", "So ", "Wait, ", "Hm, ")
_CLOSERS = (", do you know?", ", please?", "? I forgot.", "? I can't remember.", ", any idea?", "? No clue anymore.")
_CONTRACTED = (
    *(("What is", "What's"), ("Who is", "Who's"), ("Where is", "Where's"), ("When is", "When's"), ("I am", "I'm")),
    *(("what is", "what's"), ("who is", "who's"), ("where is", "where's"), ("when is", "when's"), ("it is", "it's")),
)
_AMERICAN = (
    *(("organise", "organize"), ("practise", "practice"), ("harmonise", "harmonize"), ("mum", "mom"), ("Mum", "Mom")),
    *(("favourite", "favorite"), ("neighbour", "neighbor"), ("neighbours", "neighbors"), ("colour", "color")),
)


@dataclass(frozen=True, slots=True)
class Voice:
    """Shares of the person's questions, 0 to 1, and weights."""

    british: bool
    small: float  # in lower case at the start
    tiny: float  # in lower case altogether
    no_mark: float  # without question mark
    contracting: bool
    curly: bool  # typographic apostrophes
    opener: float
    closer: float
    front: float  # the time phrase first
    asks: dict[str, float]
    mentions: dict[str, float]

    def spoken(self, rng: random.Random, question: Annotated) -> Annotated:
        """`question`, which starts with a capital and ends in "?", as this person types it."""
        for old, new in _CONTRACTED:
            question = question.replace(*((old, new) if self.contracting else (new, old)))
        for old, new in () if self.british else _AMERICAN:
            question = question.replace(old, new)
        if rng.random() < self.opener:
            question = Annotated(rng.choice(_OPENERS)) + question.uncapitalised()
        if rng.random() < self.closer:
            question = question[:-1] + rng.choice(_CLOSERS)
        if question.text.endswith("?") and rng.random() < self.no_mark:
            question = question[:-1]
        if rng.random() < self.tiny:
            question = question.lower()
        elif rng.random() < self.small:
            question = question.uncapitalised()
        if self.curly:
            question = Annotated(question.text.replace("'", "’"), question.entities)
        return question


def draw_voice(rng: random.Random, british: bool) -> Voice:
    """Somebody's way to ask. Half write carefully, some never press shift."""
    careless = rng.random()
    small, tiny, no_mark = (
        (0.0, 0.0, 0.01) if careless < 0.6 else (0.5, 0.05, 0.12) if careless < 0.86 else (0.9, 0.5, 0.5)
    )

    def around(weights: dict[str, float]) -> dict[str, float]:
        return {key: weight * rng.uniform(0.4, 1.6) for key, weight in weights.items()}

    return Voice(
        british=british,
        small=small,
        tiny=tiny,
        no_mark=no_mark,
        contracting=rng.random() < 0.7,
        curly=rng.random() < 0.12,
        opener=rng.choice((0.0, 0.0, 0.02, 0.08)),
        closer=rng.choice((0.0, 0.0, 0.01, 0.04)),
        front=rng.choice((0.0, 0.0, 0.03, 0.08)),
        asks=around({"who": 0.85, "what": 1.5, "when": 0.9, "where": 1.1, "yes-no": 1.8}),
        mentions=around(
            {"nickname": 5.0, "relation": 4.0, "first": 1.2, "full": 0.2, "both": 0.5, "bare": 1.2, "who": 0.25}
        ),
    )
