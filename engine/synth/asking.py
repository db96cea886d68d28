"""Questions about one person's memories: a template filled with how she calls things, people, places and times.

What a filter turns down is drawn anew, with another template, phrase or moment.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from engine.synth import moments
from engine.synth.annotated import Annotated, entity, fill, has_occasion, phrase, plain
from engine.synth.filters import Claim, answers, shared_words, told_by
from engine.synth.grammar import Template, templates
from engine.synth.mentions import Mention, Namer
from engine.synth.moments import Moment
from engine.synth.notes import Noted
from engine.synth.people import Life
from engine.synth.records import Question
from engine.synth.tense import is_past
from engine.synth.voices import Voice, draw_voice

DRAWS = 60  # for one question before a memory is left alone
AT = 0.5  # of the questions with room for a place name it
_ROOMY, _MOST = 14, 19  # words: longer questions are turned down as a rule, and always
PLAIN_TALK = 2  # content words that a question in plain talk may share with its memory
AHEAD = 0.22  # of the questions about events are asked before they take place
_HORIZON = timedelta(days=150)  # how long after the last memory people still ask
_STUMBLE = re.compile(r"\b(\w+) \1\b|\b(?:with|to|me) with\b", re.IGNORECASE)  # "about about", "go to to"
# times of a scene's phrase that would be understood as the memory's
_DATED = re.compile(
    r"\b(?:this|last|next|today|tonight|yesterday|tomorrow|in|ago|spring|summer|autumn|winter|morning|evening)\b",
    re.IGNORECASE,
)
_NOUN = re.compile(r"(?:the|my|our|that|this|those|these|a|an|one|his|her|their|some|another)\b", re.IGNORECASE)
# what a scene's domain calls what takes place, plainly
_SORTS: dict[str, tuple[str, ...]] = {
    "": ("event", "event", "get-together", "meeting"),
    "work": ("event", "meeting", "meeting", "session", "workshop"),
    "career": ("event", "meeting", "session", "workshop"),
    "study": ("event", "session", "workshop", "meeting", "class"),
    "hobby": ("event", "session", "meet", "workshop"),
    "making": ("event", "session", "workshop", "workshop"),
    "sport": ("event", "session", "meet", "session"),
    "health": ("event", "appointment", "session", "appointment"),
    "beauty": ("appointment", "session"),
    "music": ("event", "session", "meet", "workshop"),
    "community": ("event", "meeting", "meet", "workshop"),
    "volunteering": ("event", "meeting", "session", "workshop"),
    "culture": ("event", "outing", "event"),
    "celebration": ("event", "party", "event"),
    "money": ("meeting", "appointment", "event"),
    "errands": ("appointment", "event"),
    "food": ("event", "meet", "workshop", "event"),
    "outdoors": ("event", "meet", "outing"),
    "travel": ("event", "trip", "event"),
}
_LEARNT = re.compile(
    r"(?i)\b(?:course|class|lesson|learn|practi|train|paint|build|knit|carv|repair|skill|make|bake|seminar)"
)
_ELSE = re.compile(
    r"(?i)\b(?:meeting|appointment|interview|exam|party|concert|talk|fair|market|match|photo|launch|dinner)\b"
)
_PERSONAL = re.compile(
    r"\{whom\} and I|(?:talk|text|chat|write|add)\b.* \{whom\}|give me|\{whom\}'s"
)  # not with a clinic
_HEAD = re.compile(
    r"\b(?:with|of|for|that|which|who|where|when|while|to|in|at|on|before|after|about|from|I|we|among)\b"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a question may share with its memory: content words, and in which part of the questions a name.

    A name is a proper name or a nickname of somebody or somewhere; the words of a role are content words.
    `shared` of the questions are plain talk, which shares one or two content words with its memory, names among them.
    """

    max_shared: int = 0
    name_share: float = 0.25
    shared: float = 0.0


class Asker:
    """Asks about the memories of one life."""

    def __init__(self, rng: random.Random, life: Life, notes: Sequence[Noted], rules: Rules | None = None) -> None:
        self._rng, self._life, self._notes, self._rules = rng, life, notes, rules or Rules()
        self.voice: Voice = draw_voice(rng, life.british)
        self._namer = Namer(life, self.voice)
        self._places = {place.name: place for place in life.person.places}
        self._horizon = life.last_day + _HORIZON
        self._asked: set[str] = set()

    def ask(self, note: Noted, identity: str) -> Question | None:
        """A question that `note` alone answers, or None if none was found."""
        named = self._rng.random() < self._rules.name_share
        talk = self._rules.shared > 0 and self._rng.random() < self._rules.shared
        for i in range(DRAWS):
            question = self._draw(note, identity, named or talk, talk, talk and i < DRAWS / 2)
            if question is not None and question.text.lower() not in self._asked:
                self._asked.add(question.text.lower())
                return question
        return None

    def _draw(self, note: Noted, identity: str, named: bool, talk: bool, must: bool) -> Question | None:
        """`named`: may say a name that the memory has. `talk`: may share two words with it; `must`: one at least."""
        rng, kind = self._rng, note.memory.kind
        future = kind == "event" and rng.random() < AHEAD
        by_ask = templates(kind, future)
        weights = [self.voice.asks[ask] for ask in by_ask]
        ask = rng.choices(list(by_ask), weights)[0]
        if kind == "event" and ((ask == "where" and not note.place) or (ask == "who" and not note.ties)):
            return None
        template = rng.choices(by_ask[ask], [template.weight for template in by_ask[ask]])[0]
        moment = self._moment(note, template, future)
        if moment is None:
            return None
        filled = self._fill(note, template, moment, named, talk)
        if filled is None:
            return None
        text, claim = filled
        if must and not shared_words(text.text, note.memory.text):
            return None
        if [found.memory.id for found in answers(claim, self._notes)] != [note.memory.id]:
            return None
        reasons = told_by(claim, self._notes)
        return Question(
            identity, self._life.person.id, text.text, moment.now, note.memory.id, text.entities, ask, reasons
        )

    def _moment(self, note: Noted, template: Template, future: bool) -> Moment | None:
        """A moment that suits the template's mark."""
        silent = template.mark in ("untimed", "last", "next") or (
            template.mark == "coarse" and self._rng.random() < 0.6
        )
        memory = note.memory
        for _ in range(12):
            moment = moments.draw(
                self._rng, memory.time, memory.created, self._horizon, self._life.british, future, said=not silent
            )
            if moment is None:
                continue
            if (template.mark == "timed" and moment.meant is None) or (template.mark == "coarse" and not moment.coarse):
                continue
            return moment
        return None

    def _fill(
        self, note: Noted, template: Template, moment: Moment, named: bool, talk: bool
    ) -> tuple[Annotated, Claim] | None:
        """The question and all that it says, or None if the memory has no filling for a slot or shares a word."""
        rng, text = self._rng, template.drawn(self._rng)
        slots: dict[str, Annotated | str] = {"with": "", "at": "", "time": ""}
        scene, index = self._phrases(note, template, slots, moment.now < note.memory.time)
        if template.slots - {"whom", "time", "with", "at", "place"} - slots.keys():
            return None
        if any(kind == "TIM" and _DATED.search(said) for one in slots.values() for said, kind in plain(one).surfaces()):
            return None
        names: list[str] = []
        ties, places = None, None
        mention = self._mention(note, template, slots, named, talk)
        if mention is not None:
            if mention.long and ("{whom}'s" in text or "{whom} and I" in text or rng.random() < 0.5):
                return None
            if any(kind == "LOC" for _, _, kind in mention.text.entities[:1]) and _PERSONAL.search(template.text):
                return None
            slots["whom"], slots["with"] = mention.text, Annotated(" with ") + mention.text
            ties = mention.fits
            names.append(mention.name)
        elif "whom" in template.slots or ("with" in template.slots and note.ties and rng.random() < 0.5):
            return None  # people are what questions are about: rather another template
        if "place" in template.slots and not note.place:
            return None
        if "place" in template.slots or ("at" in template.slots and note.place and rng.random() < AT):
            where, places = self._namer.place(rng, self._places[note.place])
            slots["place"], slots["at"] = where, Annotated(" at ") + where
            if not where.text.islower():  # "the village hall" is what it is
                names.append(where.text)
        question = self.voice.spoken(rng, self._timed(text, slots, moment).capitalised())
        if _STUMBLE.search(question.text):
            return None
        length = len(question.text.split())
        if length > _MOST or (length > _ROOMY and rng.random() < 0.6):
            return None
        shared = shared_words(question.text, note.memory.text, names if named and not talk else ())
        if len(shared) > (max(PLAIN_TALK, self._rules.max_shared) if talk else self._rules.max_shared):
            return None
        order = template.mark if template.mark in ("last", "next") else None
        kind = note.memory.kind
        return question, Claim(kind, moment.now, scene, index, ties, places, moment.meant, order)

    def _phrases(self, note: Noted, template: Template, slots: dict, future: bool) -> tuple[str | None, int | None]:
        """Fills the slots that the scene's phrases are for; returns (scene, index) as far as these name them."""
        rng, part = self._rng, note.part
        if part is None:
            return None, None
        scene, index = None, None
        if template.slots & {"sort", "a_sort"}:
            sort = _sort(rng, part.scene.domain, note.memory.text)
            slots["sort"] = plain(sort) if sort == "event" else entity(sort, "EVT")
            slots["a_sort"] = Annotated("an " if sort[0] in "aeiou" else "a ") + slots["sort"]
        for slot in sorted(template.slots & {"np", "ev"}):
            chosen = [np for np in part.scene.np if _NOUN.match(np) and (slot == "np" or has_occasion(np))]
            chosen = [np for np in chosen if not (future and is_past(np))]
            if not chosen:
                continue
            source = rng.choice(chosen)
            slots[slot] = phrase(source)
            slots["was"], slots["is"] = ("were", "are") if _plural(source) else ("was", "is")
            scene = part.scene.id
        if "vp" in template.slots:
            # "who did I play with the band with": only where the phrase has no "with" of its own
            fit = [vp for vp in part.scene.vp if not (future and is_past(vp))]
            clear = [vp for vp in fit if "{vp} with" not in template.text or " with" not in vp]
            if not fit:
                return None, None
            slots["vp"] = phrase(rng.choice(clear or fit))
            scene = part.scene.id
        if note.index >= 0 and note.memory.kind == "message" and template.slots & {"about", "told"}:
            sketch = part.scene.messages[note.index]
            slots["about"], slots["told"] = phrase(sketch.about), phrase(sketch.told)
            scene, index = part.scene.id, note.index
        if note.index >= 0 and note.memory.kind == "contact" and "who" in template.slots:
            slots["who"] = phrase(rng.choice(part.scene.contacts[note.index].who))
            scene, index = part.scene.id, note.index
        return scene, index

    def _mention(self, note: Noted, template: Template, slots: dict, named: bool, talk: bool) -> Mention | None:
        """Somebody of the memory, if the template has room and does not ask who it was.

        Where the question may not name anybody as the memory does, a way to call them that it has not is looked for; a
        role that the memory has ("my sparring partner") is for plain talk alone.
        """
        if not note.ties or not template.slots & {"whom", "with"}:
            return None
        if "whom" not in template.slots:
            crowded = any(" with" in plain(slots[key]).text for key in ("vp", "np", "ev") if key in slots)
            if crowded or self._rng.random() < 0.1:
                return None
        for _ in range(8):
            mention = self._namer.person(self._rng, self._life.tie(self._rng.choice(sorted(note.ties))))
            if mention is None:
                continue
            if talk or not shared_words(mention.text.text, note.memory.text, (mention.name,) if named else ()):
                return mention
        return None

    def _timed(self, text: str, slots: dict, moment: Moment) -> Annotated:
        """The template filled, with the time where it belongs."""
        said = moment.phrase
        if "{time}" in text:
            return fill(text, slots | {"time": Annotated(" ") + said if said else ""})
        question = fill(text, slots)
        if not said:
            return question
        if self._rng.random() < self.voice.front:
            return said.capitalised() + ", " + question.uncapitalised()
        return question[:-1] + " " + said + "?" if question.text.endswith("?") else question + " " + said


def _sort(rng: random.Random, domain: str, text: str) -> str:
    """What the event is called plainly: a workshop only where something is learnt, a session where nothing else is."""
    sort = rng.choice(_SORTS.get(domain, _SORTS[""]))
    if (sort == "workshop" and not _LEARNT.search(text)) or (sort in ("workshop", "session") and _ELSE.search(text)):
        return "event"
    return sort


def _plural(noun_phrase: str) -> bool:
    """Whether a noun phrase takes "were": its head, in brackets or before the first preposition, ends in s."""
    bracketed = re.search(r"\[([^\]|]*)(?:\|(?:EVT|-))?\]", noun_phrase)
    head = (bracketed.group(1) if bracketed else _HEAD.split(noun_phrase)[0]).strip().rstrip(",")
    word = head.split()[-1] if head else ""
    return word.endswith("s") and not word.endswith(("ss", "us", "is", "'s", "ics")) and word not in ("gas", "canvas")
