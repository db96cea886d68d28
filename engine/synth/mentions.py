"""How a question calls somebody or somewhere, and whom or what else that could mean in this life."""

from __future__ import annotations

import random
from dataclasses import dataclass

from engine.synth import relations
from engine.synth.annotated import Annotated, entity, phrase
from engine.synth.notes import spelt
from engine.synth.people import Life
from engine.synth.records import Place, Tie
from engine.synth.voices import Voice

_BRITISH = {
    "my mom": "my mum",
    "my neighbor": "my neighbour",
    "my roommate": "my flatmate",
    "my coworker": "my colleague",
}
_AMERICAN = {british: american for american, british in _BRITISH.items()}
_BARE = {
    "mother": ("Mum", "Mum", "Mama"), "father": ("Dad", "Dad", "Papa"), "grandmother": ("Gran", "Grandma", "Nan"),
    "grandfather": ("Grandad", "Grandpa"), "GP": ("Doc",), "coach": ("Coach",), "swimming coach": ("Coach",),
}  # fmt: skip
# roles that may be called by their last word alone: "my teacher" for the pottery teacher
_TRADES = frozenset(
    {"teacher", "coach", "doctor", "neighbour", "friend", "tutor", "instructor", "guide", "nurse", "agent", "trainer"}
    | {"lecturer", "leader", "director", "mechanic", "surgeon", "captain", "adviser", "lawyer", "driver", "officer"}
)


@dataclass(frozen=True, slots=True)
class Mention:
    """`text` may mean any of `fits`, by name. `long` ones take no 's and stand only where there is room.

    `name` is the part of the text that is a proper name or a nickname, and no role: Carlos of "my uncle Carlos".
    """

    text: Annotated
    fits: frozenset[str]
    long: bool = False
    name: str = ""


class Namer:
    """Mentions of one life's people and places."""

    def __init__(self, life: Life, voice: Voice) -> None:
        self._life, self._voice = life, voice
        self._nicknames = {n.lower() for tie in life.person.ties for n in tie.nicknames}
        self._sketched = {contact.tie.name: contact.sketch.who for part in life.parts for contact in part.contacts}

    def person(self, rng: random.Random, tie: Tie) -> Mention | None:
        """One of the ways to call `tie`, by the voice's weights; None where the one drawn does not exist."""
        weights = self._voice.mentions
        style = rng.choices(list(weights), list(weights.values()))[0]
        return self._organisation(tie) if tie.organisation else getattr(self, f"_{style}")(rng, tie)

    def place(self, rng: random.Random, place: Place) -> tuple[Annotated, frozenset[str]]:
        """A place by its nickname if it has one, or its name, and the names of the places that may be meant."""
        surface = rng.choice(place.nicknames) if place.nicknames and rng.random() < 0.8 else place.name
        return entity(surface, "LOC"), frozenset({place.name})

    def _organisation(self, tie: Tie) -> Mention:
        return Mention(entity(tie.name, "LOC"), frozenset({tie.name}), name=tie.name)

    def _nickname(self, rng: random.Random, tie: Tie) -> Mention | None:
        if not tie.nicknames:
            return None
        nickname = rng.choice(tie.nicknames)
        only = frozenset({tie.name})
        if nickname in relations.PET_NAMES["partner"] and rng.random() < 0.35:
            return Mention(Annotated("my ") + entity(nickname.lower(), "PER"), only, name=nickname)
        return Mention(entity(nickname, "PER"), only, name=nickname)

    def _first(self, rng: random.Random, tie: Tie) -> Mention:
        first = tie.name.split()[0]
        same = frozenset(other.name for other in self._life.person.ties if other.name.split()[0] == first)
        return Mention(entity(first, "PER"), same, name=first)

    def _full(self, rng: random.Random, tie: Tie) -> Mention:
        return Mention(entity(tie.name, "PER"), frozenset({tie.name}), name=tie.name)

    def _bare(self, rng: random.Random, tie: Tie) -> Mention | None:
        """A relation that stands as a name: Mum, Gran, Coach. Not where it is somebody's nickname."""
        word = rng.choice(_BARE.get(tie.relation, ("",)))
        if not word or word.lower() in self._nicknames:
            return None
        return Mention(entity(word, "PER"), self._of(tie.relation))

    def _relation(self, rng: random.Random, tie: Tie) -> Mention:
        relation = tie.relation
        aliases = relations.ALIASES.get(relation, ())
        if aliases:
            alias = rng.choice(aliases)
            fits = frozenset(t.name for t in self._life.person.ties if relations.called(alias, t.relation))
            alias = (_BRITISH if self._life.british else _AMERICAN).get(alias, alias)
            return Mention(
                Annotated(alias), fits, long=len(alias.split()) > 3 or alias.endswith(("mine", "work", "door"))
            )
        last = relation.split()[-1]
        word = last if last in _TRADES and not relation.startswith("fellow ") and rng.random() < 0.5 else relation
        article = (
            "a"
            if word.startswith("fellow ")
            else "my"
            if relation in relations.FAMILY
            else rng.choice(("my", "my", "the"))
        )
        fits = self._of(word)
        return Mention(Annotated(f"{article} {spelt(word, self._life.british)}"), fits)

    def _both(self, rng: random.Random, tie: Tie) -> Mention | None:
        """ "my uncle Carlos" """
        if tie.relation not in relations.FAMILY | {"friend", "colleague"} or "-in-law" in tie.relation:
            return None
        first = tie.name.split()[0]
        text = Annotated(f"my {tie.relation} ") + entity(first, "PER")
        return Mention(text, frozenset({tie.name}), name=first)

    def _who(self, rng: random.Random, tie: Tie) -> Mention | None:
        """What a scene says about its contact: "the person who teaches me to shape bowls"."""
        who = self._sketched.get(tie.name)
        if not who:
            return None
        head = rng.choice(("the person who", "the one who", "whoever"))
        return Mention(Annotated(f"{head} ") + phrase(rng.choice(who)), frozenset({tie.name}), long=True)

    def _of(self, word: str) -> frozenset[str]:
        return frozenset(t.name for t in self._life.person.ties if relations.fits(word, t.relation))
