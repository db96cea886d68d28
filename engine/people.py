"""Who is who in one person's store: names, relations and short forms, and whom a question speaks of.

A circle is read off the store's own fields ("Pablo | neighbour | Close Contacts"), never off questions. It tells that
"my neighbour", "Pablo" and "Pab" may be one, puts relations beside the bare names of a calendar entry, and scores
memories by whether those take part whom a question mentions. Knows no searcher; engine/priors.py weighs what comes out.
"""

from __future__ import annotations

import calendar
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from engine.records import Document

NAMED = ("name", "from", "speaker")  # fields that hold one name
LISTED = ("attendees", "participants", "with")  # fields that hold several
RELATION = "relation"
KIND_WORDS = {"event": "Calendar event", "message": "Message", "contact": "Contact"}
# What people call the same tie. A word of one line stands for every other of it; a store has one partner at a time, who
# may be called wife in one message and honey in the next question.
SAME_TIE = (
    "mother mom mum mama mommy mummy mam",
    "father dad papa daddy pop",
    "partner girlfriend boyfriend wife husband spouse fiancé fiancée fiance fiancee honey sweetheart darling love babe",
    "friend buddy pal bestie mate",
    "sister sis",
    "brother bro",
    "grandmother grandma granny nana gran",
    "grandfather grandpa granddad gramps",
    "boss manager supervisor",
    "doctor physician doc",
    "colleague coworker co-worker workmate",
    "neighbor neighbour",
    "teacher instructor tutor",
    "roommate flatmate housemate",
    "physiotherapist physio",
)
_TIE = {word: line.split()[0] for line in SAME_TIE for word in line.split()}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What people are called without "my", also in small letters.
_CALLED = _words("honey sweetheart darling babe mum mom mummy mommy mama dad daddy papa granny grandma gran nana")
# Names that are words as well: in small letters they are not taken for anybody.
_WORDS_TOO = _words(
    "art bill chase chip dawn drew faith frank gene grace grant hope jack joy june mark may miles pat penny ray rob"
    " rose ruby rusty sandy skip summer sue will wade"
)
_HONORIFIC = _words("dr mr mrs ms prof sir aunt uncle coach chef")
_POSSESSIVE = re.compile(r"(?:['’]s|s['’])$")
_ENDING = re.compile(r"(?:ita|ito|inha|inho|ie|ey|y|i|a|o|s)$")  # what short forms and pet forms end in
_WORD = re.compile(r"[^\W\d_](?:[\w'’-]*\w)?")
_MY = re.compile(r"\bmy(?:\s+[\w'’-]+){1,3}", re.IGNORECASE)
_NO_NAME = _words(
    "did do does is am are was were what who whom whose when where which why how have has had can could will would"
    " should i any the a my there remind tell on in at hey"
) | {name.casefold() for name in (*calendar.day_name, *calendar.month_name)}
ALIKE = 0.7  # how alike two names must be for the one to resemble the other
SHORT, FUZZY = 0.8, 0.5  # belief in a short form ("Pab" for Pablo) and in a resemblance ("Jon" for Juan)


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody whom a question mentions: its words, their offsets, and who that may be, name -> belief in (0, 1]."""

    phrase: str
    span: tuple[int, int]
    names: Mapping[str, float]

    @property
    def likeliest(self) -> list[str]:
        """The names, the likeliest first."""
        return sorted(self.names, key=lambda name: (-self.names[name], name))

    @property
    def sure(self) -> bool:
        """Whether somebody bears that name or relation, and is not only likely to be meant."""
        return max(self.names.values()) > SHORT


def names_in(document: Document) -> list[str]:
    """The people that a memory's fields name, as written."""
    found = [document.fields.get(key) for key in NAMED]
    for key in LISTED:
        several = document.fields.get(key)
        found += several if isinstance(several, list | tuple) else [several]
    return [name.strip() for name in found if isinstance(name, str) and name.strip(" -")]


def first_name(name: str) -> str:
    """The part of a name that people say, in lower case: "luz" of "Luz Okafor", "lopez" of "Dr. Lopez"."""
    parts = [part.strip(".,").casefold() for part in name.split()]
    said = [part for part in parts if part not in _HONORIFIC]
    return next(iter(said or parts), "")


class Circle:
    """The people of one store. `documents` are that person's own."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self.ties: dict[str, Counter[str]] = defaultdict(Counter)  # first name -> how often each relation is given
        self.names: Counter[str] = Counter()
        for document in documents:
            self.names.update({first_name(name) for name in names_in(document)} - (_NO_NAME - _WORDS_TOO) - {""})
            name, relation = _held(document)
            if name and relation and first_name(name) in self.names:
                self.ties[first_name(name)][relation.casefold()] += 1

    def relation(self, name: str) -> str | None:
        """What somebody is to the store's owner, as most of its memories say; None if none does."""
        told = self.ties.get(first_name(name))
        return min(told, key=lambda tie: (-told[tie], tie)) if told else None

    def involved(self, document: Document) -> frozenset[str]:
        """First names of those who take part in a memory: its fields' and those its text names."""
        words = {word.casefold().removesuffix("'s") for word in _WORD.findall(document.content) if word[0].isupper()}
        return frozenset({first_name(name) for name in names_in(document)} | (words & self.names.keys()))

    def mentions(self, question: str) -> tuple[Mention, ...]:
        """Whom a question speaks of, in its order. Those it can't place are left out."""
        found: list[Mention] = []
        small = not any(letter.isupper() for letter in question)  # then names are not capitalised either
        for match in _MY.finditer(question):  # "my older sister": the relation, whatever stands before it
            for tie in _WORD.finditer(question, match.start() + 2, match.end()):
                said = _POSSESSIVE.sub("", tie.group())
                if said != tie.group() and _WORD.match(question, tie.end() + 1) and self._relates(question, tie.end()):
                    break  # "my wife's sister" is no sister of mine
                if names := self._by_relation(said.casefold()):
                    end = tie.start() + len(said)
                    found.append(Mention(question[match.start() : end], (match.start(), end), names))
                    break
        for number, match in enumerate(_WORD.finditer(question)):
            word = match.group().removesuffix("'s").removesuffix("’s")
            if any(start <= match.start() < end for start, end in (mention.span for mention in found)):
                continue
            low = word.casefold()
            names = self._by_relation(low) if low in _CALLED or (low in _TIE and word[0].isupper()) else {}
            asks = low in _NO_NAME and (number == 0 or small or low not in self.names)  # "what did Will say?"
            if not names and not asks and (word[0].isupper() or (small and low not in _WORDS_TOO)):
                names = self._by_name(low, first=number == 0 or small)
            if names:
                found.append(Mention(word, (match.start(), match.start() + len(word)), names))
        return tuple(sorted(found, key=lambda mention: mention.span))

    def _relates(self, question: str, at: int) -> bool:
        """Whether the word after a possessive names a tie: "my dentist's receptionist"."""
        follows = _WORD.match(question, at + 1)
        return follows is not None and bool(self._by_relation(follows.group().casefold()) or follows.group() in _TIE)

    def _by_relation(self, word: str) -> dict[str, float]:
        """Belief grows with the share of a name's memories that give it this relation."""
        wanted = _TIE.get(word, word)
        found = {}
        for name, told in self.ties.items():
            share = sum(n for tie, n in told.items() if _head(tie) == wanted) / told.total()
            if share >= 0.2:
                found[name] = 0.3 + 0.7 * share
        return found

    def _by_name(self, word: str, *, first: bool) -> dict[str, float]:
        exact = {word: 1.0} if word in self.names else {}
        if first or exact or len(word) < 3:  # a sentence begins with any word
            return exact
        if word not in self._alike:
            alike = {name: s for name in self.names if (s := likeness(word, name)) > 0}
            best = max(alike.values(), default=0.0)  # where one is a short form of it, others only resemble it
            self._alike[word] = {name: s for name, s in alike.items() if s == best}
        return self._alike[word]

    @cached_property
    def _alike(self) -> dict[str, dict[str, float]]:
        return {}


def _held(document: Document) -> tuple[str | None, str | None]:
    """Whom a contact or a message is from, and what they are to the owner."""
    relation = document.fields.get(RELATION)
    name = next((n for key in NAMED if isinstance(n := document.fields.get(key), str) and n.strip(" -")), None)
    return name, relation.strip() if isinstance(relation, str) and relation.strip(" -") else None


def _head(relation: str) -> str:
    """The word that says what somebody is: "teacher" of "guitar teacher"; none of somebody else's ("Nina's sister")."""
    words = re.split(r" (?:at|in|from|with|on) ", relation)[0].split()  # "physio at the Lighthouse"
    if not words or "of" in words or any(_POSSESSIVE.search(word) for word in words):
        return ""
    return _TIE.get(words[-1], words[-1])


@lru_cache(maxsize=1 << 16)
def likeness(short: str, name: str) -> float:
    """Belief that `short` is what somebody calls `name`; both are first names in lower case."""
    if short in _known(name) or name in _known(short):
        return SHORT
    stems = (short, _ENDING.sub("", short))  # "Isa" is Isabel, "Elenita" Elena, "Charly" Charles
    if any(len(stem) >= 3 and name.startswith(stem) for stem in stems):
        return SHORT
    alike = short[:1] == name[:1] and SequenceMatcher(None, short, name).ratio() >= ALIKE
    return FUZZY if alike and len(name) >= 3 else 0.0


@lru_cache(maxsize=1 << 14)
def _known(name: str) -> frozenset[str]:
    return frozenset(_namer().nicknames_of(name))


@lru_cache(maxsize=1)
def _namer() -> Any:
    from nicknames import NickNamer

    return NickNamer()


def prior(mentions: Sequence[Mention], involved: Sequence[frozenset[str]]) -> np.ndarray:
    """(n,) float32 in [0, 1]: how surely those take part whom a question mentions, the mean over its mentions.

    `involved` are the first names of each of n memories. Somebody counts the less, the more of the store they are in:
    who is in half of it, as in a conversation of two, sets nothing apart. All 0 where nobody is mentioned.
    """
    scores = np.zeros(len(involved), np.float32)
    for mention in mentions:
        belief = np.asarray([max((mention.names.get(n, 0.0) for n in names), default=0.0) for names in involved])
        share = np.count_nonzero(belief) / max(len(belief), 1)
        scores += (belief * max(0.0, 1 - 2 * share)).astype(np.float32)
    return scores / max(len(mentions), 1)


def as_memory(document: Document, circle: Circle) -> str:
    """A memory in words for a model: its kind first, and beside each name what they are to the owner.

    A document of another kind, or without a kind, is its content alone.
    """
    label = KIND_WORDS.get(document.kind or "")
    if label is None:
        return document.content
    text = document.content
    own = _held(document)[0]
    for name in sorted({*names_in(document)} - {own}, key=lambda n: (-len(n), n)):
        if relation := circle.relation(name):
            written = f"{name} ({relation})".replace("\\", r"\\")
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)(?! \()", written, text)
    return f"{label}: {text}"
