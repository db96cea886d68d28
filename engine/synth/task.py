"""Two tasks for a language model: a person's sheet, and a round of memories with a vague question about each.

The wording is ours; kinds, counts and the rule that a question shares no content word with its memory follow PEARL
(methods/pearl.md section 2). Answers are read leniently, since one bad pair must not cost a round; what may be kept is
for engine/synth/drafts.py to say. Neither can be answered without a model, so `extractive` is not available.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from pydantic import BaseModel, Field, model_validator

from engine.llm.task import Message, Task
from engine.synth import relations
from engine.synth.records import Person

LEAST_TIES, LEAST_NICKNAMED, LEAST_PLACES, LEAST_HABITS = 8, 5, 5, 3
LONGEST_NAME = 60  # characters
FORBIDDEN = frozenset("|<>{}\\`")  # marks that neither a sheet nor a memory has
FIRST_YEAR, LAST_YEAR = 2018, 2026
ASKS = ("who", "what", "when", "where", "yes-no")
ENTITIES = ("PER", "LOC", "EVT", "TIM")


class Loose(BaseModel):
    """Takes what a model sends: values of a wrong type count as missing, lone strings as lists of one."""

    @model_validator(mode="before")
    @classmethod
    def _usable(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return {}
        return {key: found for key in cls.model_fields if (found := _fitting(cls, key, value)) is not None}


def _fitting(kind: type[BaseModel], key: str, value: dict) -> Any:
    given, annotation = value.get(key), kind.model_fields[key].annotation
    if annotation is str:
        return " ".join(str(given).split()) if isinstance(given, str | int) else None
    if annotation == list[str]:
        several = given if isinstance(given, list) else [given]
        return [" ".join(one.split()) for one in several if isinstance(one, str) and one.strip()]
    return given if isinstance(given, list) else []  # lists of Loose: each element looks after itself


class TieAnswer(Loose):
    """Somebody in the person's life."""

    relation: str = ""
    name: str = ""
    nicknames: list[str] = Field(default_factory=list)


class PlaceAnswer(Loose):
    """Somewhere the person goes."""

    name: str = ""
    nicknames: list[str] = Field(default_factory=list)


class SheetAnswer(Loose):
    """A person as the model writes one."""

    name: str = ""
    job: str = ""
    town: str = ""
    habits: list[str] = Field(default_factory=list)
    ties: list[TieAnswer] = Field(default_factory=list)
    places: list[PlaceAnswer] = Field(default_factory=list)


class Surface(Loose):
    """An entity as it stands in a text. Where, is for us to find."""

    text: str = ""
    type: str = Field("", json_schema_extra={"enum": list(ENTITIES)})


class Asked(Loose):
    """The question of a pair, which the model writes after the memory; `asked` is when it is put."""

    question: str = ""
    asked: str = ""
    ask: str = Field("", json_schema_extra={"enum": list(ASKS)})
    question_entities: list[Surface] = Field(default_factory=list)


class Kept(Loose):
    """What memories of all kinds have: when it happens or came in, and the entities in its text."""

    time: str = ""
    memory_entities: list[Surface] = Field(default_factory=list)


class EventMemory(Kept):
    """A calendar entry."""

    title: str = ""
    desc: str = ""
    location: str = ""
    attendees: list[str] = Field(default_factory=list)
    created: str = ""


class MessageMemory(Kept):
    """A message that came in."""

    sender: str = ""
    relation: str = ""
    group: str = ""
    body: str = ""


class ContactMemory(Kept):
    """A card of the address book."""

    name: str = ""
    relation: str = ""
    group: str = ""
    email: str = ""


class EventPair(Asked, EventMemory):
    """An event with its question."""


class MessagePair(Asked, MessageMemory):
    """A message with its question."""


class ContactPair(Asked, ContactMemory):
    """A contact with its question."""


class RoundAnswer(Loose):
    """A round's pairs, by kind."""

    events: list[EventPair] = Field(default_factory=list)
    messages: list[MessagePair] = Field(default_factory=list)
    contacts: list[ContactPair] = Field(default_factory=list)


class SheetInputs(BaseModel):
    """What keeps people apart: who comes out follows from these. `series` and `number` are not shown."""

    series: int
    number: int
    age: int
    region: str
    work: str
    letter: str


class RoundInputs(BaseModel):
    """One round about one person; `earlier` are texts of the rounds before, which must not come again."""

    sheet: str
    round: int
    events: int
    messages: int
    contacts: int
    earlier: list[str]


SHEET = """\
You invent people for a collection of entirely fictional calendars, messages and address books.

Invent one ordinary person. Answer with one JSON object that has exactly these keys:
- "name": first name and surname
- "job": what they do all day, in two to six words; pupils, pensioners and people at home are people too
- "town": where they live; it may be invented
- "habits": five to eight hobbies, duties and things that recur in their life, each in two to six words
- "ties": ten to fourteen people around them, each with "relation" (one short lower-case phrase such as "mother", \
"older brother", "colleague", "pottery teacher"), "name" (first name and surname) and "nicknames" (what only this \
person calls them: pet names, short forms, private jokes; an empty list for some). Exactly one has the relation \
"mother" and exactly one "father". At least seven have a nickname. Mix family, friends, work, neighbours, and those \
whom the habits bring.
- "places": six to nine places that they go to, each with "name" and "nicknames" (what they call it among themselves, \
such as "the cave" or "our corner"; an empty list for some)

No first name and no nickname may occur twice. A nickname never contains the name it stands for. Be specific and \
plausible rather than exotic, and avoid the first names that come to mind at once. Use nobody who exists.
Answer with the JSON alone."""

ROUND = f"""\
You write the store of one fictional person's phone, and what that person would later ask about it.

You get the person's sheet, some texts that exist already, and how many pairs to write. A pair is one memory (a \
calendar event, an incoming message, or a contact) with one question that this memory alone answers. Answer with one \
JSON object with the keys "events", "messages" and "contacts", each a list of pairs.

Every pair has these keys:
- "question": what the person types or says to their phone, 6 to 18 words, now and then without a capital or question \
mark
- "asked": when they ask, as YYYY-MM-DDTHH:MM
- "ask": what is asked for: {", ".join(ASKS)}
- "time": when the event takes place, the message came in or the contact was saved, as YYYY-MM-DDTHH:MM
- "question_entities" and "memory_entities": the names and times that stand in the question and in the memory, each \
with "text" (copied letter by letter) and "type": PER (people, also "Mum", nicknames and "my sister"), LOC (places \
and organisations, also what only this person calls them), EVT (a noun that names an occasion: "recital", "dinner"), \
TIM (when: "last spring", "on Friday"). Leave the list empty where there are none.
An event also has "title" (2 to 5 words), "desc" (5 to 14 words, written beforehand, never in the past tense), \
"location", "attendees" (names) and "created" (when it was entered, days or weeks before its time).
A message also has "sender", "relation" (as on the sheet), "group" (such as "Family" or "Choir"; may be empty) and \
"body" (one or two sentences in the sender's own voice; never with the word "last").
A contact also has "name", "relation", "group" and "email" (at example.com, example.org or example.net, or empty). \
Contacts are people whom the sheet may not have: a plumber, a course mate, a clerk.

What makes a question good:
- It is vague and personal. It shares no noun, verb, adjective or number with its memory, in no form. It speaks of \
the same thing in other words, from further away: of the occasion, the feeling, the purpose, the kind of thing.
- People and places are called what only this person calls them: a nickname, "my other half", "our corner". Memories \
have their proper names.
- Times are said as people say them, seen from "asked": "the week before last", "back in March", "in a few days". \
They must fit "time" exactly; count the days. About one question in six says no time. About one event in six is asked \
about before it takes place.
- Vary how questions begin, how long they are and what they are after. No two questions of a round begin with the \
same three words.
- It can be answered from this one memory and from no other of the person.

Good: the memory "Kiln firing | collect the glazed bowls and pay for clay | Ember Studio | Ruth Adeyemi", of \
Saturday, 2022-06-11, with "when was I picking up my finished pots with the Wizard earlier this month?" shares no \
word and is clear to the one person who calls her teacher Ruth the Wizard.
Bad: "When did I collect the glazed bowls at Ember Studio?" repeats the memory. Also bad: "What happened last month?" \
fits any memory.

Keep to the sheet: nobody changes relation, nobody gets a second mother. Spread times over {FIRST_YEAR} to \
{LAST_YEAR}. Use everyday matters of every sort (health, money, repairs, food, travel, family, work, forms, sport, \
worries), not the habits alone. Write nothing that repeats an earlier text in other words.
Answer with the JSON alone."""


def sheet_messages(inputs: SheetInputs) -> list[Message]:
    """The instruction first, since all people share it."""
    wanted = (
        f"The person is {inputs.age} years old, has roots in {inputs.region}, and is busy with {inputs.work}. "
        f"Their first name begins with {inputs.letter}."
    )
    return [{"role": "system", "content": SHEET}, {"role": "user", "content": wanted}]


def check_sheet(inputs: SheetInputs, answer: SheetAnswer) -> None:
    """ValueError for a sheet that lacks something, contradicts itself or runs wild."""
    texts = [answer.name, answer.job, answer.town]
    if not all(texts):
        raise ValueError("it lacks a name, a job or a town")
    if len(answer.habits) < LEAST_HABITS:
        raise ValueError(f"{len(answer.habits)} habits instead of {LEAST_HABITS} or more")
    ties = [tie for tie in answer.ties if tie.name and tie.relation]
    kinds = Counter(relations.canonical(tie.relation.lower()) for tie in ties)
    for only in ("mother", "father"):
        if kinds[only] != 1:
            raise ValueError(f"{kinds[only]} people with the relation {only} instead of one")
    if len(ties) < LEAST_TIES:
        raise ValueError(f"{len(ties)} ties instead of {LEAST_TIES} or more")
    if (named := sum(bool(tie.nicknames) for tie in ties)) < LEAST_NICKNAMED:
        raise ValueError(f"{named} ties with a nickname instead of {LEAST_NICKNAMED} or more")
    places = [place for place in answer.places if place.name]
    if len(places) < LEAST_PLACES:
        raise ValueError(f"{len(places)} places instead of {LEAST_PLACES} or more")
    called = [tie.name.split()[0] for tie in ties] + [name for tie in ties for name in tie.nicknames]
    called += [name for place in places for name in (place.name, *place.nicknames)] + [answer.name.split()[0]]
    if twice := [name for name, count in Counter(name.casefold() for name in called).items() if count > 1]:
        raise ValueError(f"two are called {twice[0][:LONGEST_NAME]!r}")
    texts += [*answer.habits, *called, *(tie.relation for tie in ties), *(tie.name for tie in ties)]
    for text in texts:
        if len(text) > LONGEST_NAME or set(text) & FORBIDDEN or not text.isprintable():
            raise ValueError(f"{text[:LONGEST_NAME]!r} is no name, job, town or habit")


def shown(person: Person) -> str:
    """The sheet as a round is asked with: JSON, since that is short and clear."""
    ties = [{"relation": t.relation, "name": t.name, "nicknames": t.nicknames} for t in person.ties]
    places = [{"name": p.name, "nicknames": p.nicknames} for p in person.places]
    sheet = {"name": person.name, "job": person.job, "town": person.town, "habits": person.habits}
    return json.dumps({**sheet, "ties": ties, "places": places}, ensure_ascii=False)


def round_messages(inputs: RoundInputs) -> list[Message]:
    """The instruction, then the sheet, then what changes from round to round: servers keep the part that stays."""
    earlier = "\n".join(f"- {text}" for text in inputs.earlier) or "- none yet"
    asked = (
        f"Sheet:\n{inputs.sheet}\n\nEarlier texts:\n{earlier}\n\nThis is round {inputs.round}. Write exactly "
        f"{inputs.events} events, {inputs.messages} messages and {inputs.contacts} contacts, each with its question."
    )
    return [{"role": "system", "content": ROUND}, {"role": "user", "content": asked}]


def check_round(inputs: RoundInputs, answer: RoundAnswer) -> None:
    """ValueError for a round without any pair that has a question."""
    if not any(pair.question for pairs in (answer.events, answer.messages, answer.contacts) for pair in pairs):
        raise ValueError("it has no question with a memory")


PERSON_SHEET = Task(
    name="person-sheet",
    version=1,
    inputs=SheetInputs,
    answer=SheetAnswer,
    messages=sheet_messages,
    check=check_sheet,
)
PERSON_PAIRS = Task(
    name="person-pairs",
    version=1,
    inputs=RoundInputs,
    answer=RoundAnswer,
    messages=round_messages,
    check=check_round,
)
