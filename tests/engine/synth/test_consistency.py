"""No invented life contradicts itself, and a contradiction that was planted is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine.synth import said_times
from engine.synth.annotated import phrase
from engine.synth.consistency import contradictions
from engine.synth.dataset import Invented
from engine.synth.people import FIRST_DAY, LAST_DAY
from engine.synth.records import Memory, Person, Question, Tie
from engine.synth.scenes import read_scenes
from engine.synth.tense import is_past

Life = tuple[Person, list[Memory], list[Question]]


def test_no_life_contradicts_itself(thirty: list[Invented]) -> None:
    found = [line for i in thirty for line in contradictions(i.life.person, i.memories, i.questions)]
    assert found == []


def test_dates_and_kinds(thirty: list[Invented]) -> None:
    kinds = Counter(memory.kind for invented in thirty for memory in invented.memories)
    for kind, share in (("event", 0.46), ("message", 0.38), ("contact", 0.16)):
        assert abs(kinds[kind] / kinds.total() - share) < 0.03, kinds
    for invented in thirty:
        for memory in invented.memories:
            assert datetime(2018, 1, 1) < memory.created and FIRST_DAY - timedelta(days=60) <= memory.time <= LAST_DAY
            assert 7 <= memory.time.hour <= 22, memory
        years = (invented.life.last_day - invented.life.first_day).days / 365
        assert 2 <= years <= 6 and 20 <= len(invented.life.parts) <= 40
        assert [m.created for m in invented.memories] == sorted(m.created for m in invented.memories)


def test_habits_recur_with_near_identical_memories(thirty: list[Invented]) -> None:
    titles: Counter[tuple[str, str]] = Counter()
    for invented in thirty:
        titles.update(
            (m.person, str(m.fields["title"]).split(" with ")[0]) for m in invented.memories if m.kind == "event"
        )
    assert sum(number >= 3 for number in titles.values()) > 30


def _know(life: Life, *ties: Tie) -> Life:
    person, memories, questions = life
    return replace(person, ties=(*person.ties, *ties)), memories, questions


def _change(life: Life, kind: str, change: Callable[[Memory], Memory]) -> Life:
    person, memories, questions = life
    index = next(i for i, memory in enumerate(memories) if memory.kind == kind and memory.ties)
    return person, [*memories[:index], change(memories[index]), *memories[index + 1 :]], questions


def _contact_twice(life: Life) -> Life:
    person, memories, questions = life
    contact = next(memory for memory in memories if memory.kind == "contact")
    return person, [*memories, replace(contact, id="again")], questions


def _two_relations(life: Life) -> Life:
    person, memories, questions = life
    writers = {name for m in memories if m.kind == "message" for name in m.ties}
    contact = next(m for m in memories if m.kind == "contact" and set(m.ties) <= writers)
    other = replace(contact, fields={**contact.fields, "relation": "someone else"})
    return person, [other if memory is contact else memory for memory in memories], questions


def _overlap(life: Life) -> Life:
    person, memories, questions = life
    event = next(memory for memory in memories if memory.kind == "event")
    other = replace(event, id="b", time=event.time + timedelta(minutes=20), fields={**event.fields, "location": "Mars"})
    return person, [*memories, other], questions


def _stranger(life: Life) -> Life:
    person, memories, questions = life
    known = {name for m in memories if m.kind == "contact" for name in m.ties}
    message = next(m for m in memories if m.kind == "message" and set(m.ties) <= known)
    early = datetime(2018, 2, 1)
    return person, [replace(message, id="early", time=early, created=early), *memories], questions


def _wrong_day(life: Life) -> Life:
    person, memories, questions = life
    event = next(memory for memory in memories if memory.kind == "event" and memory.scene)
    sent = event.time - timedelta(days=2)
    day = ("Monday", "Tuesday")[event.time.weekday() == 0]
    text = f"come on {day}"
    message = Memory(
        "wrong", person.id, "message", sent, sent, {}, text, ((8, len(text), "TIM"),), event.scene, event.ties
    )
    return person, [*(m for m in memories if m.scene != event.scene or m is event), message], questions


def _too_early(life: Life) -> Life:
    person, memories, questions = life
    created = {memory.id: memory.created for memory in memories}[questions[0].memory]
    return person, memories, [replace(questions[0], time=created - timedelta(hours=1)), *questions[1:]]


def _wrong_phrase(life: Life) -> Life:
    person, memories, questions = life
    index = next(i for i, q in enumerate(questions) if any(q.text[s:e] == "last month" for s, e, _ in q.entities))
    moved = replace(questions[index], time=questions[index].time + timedelta(days=70))
    return person, memories, [*questions[:index], moved, *questions[index + 1 :]]


def _asked(life: Life, text: str, days: int, time: str = "") -> Life:
    """One question about an event, so many days after it."""
    person, memories, _ = life
    memory = next(m for m in memories if m.kind == "event")
    start = text.index(time)
    entities = ((start, start + len(time), "TIM"),) if time else ()
    return (
        person,
        memories,
        [Question("q", person.id, text, memory.time + timedelta(days=days), memory.id, entities, "what")],
    )


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (lambda life: _know(life, Tie("mother", "Zuzanna Extra")), "2 are the mother"),
        (lambda life: _know(life, Tie("wife", "A B"), Tie("boyfriend", "C D")), "more than one partner"),
        (lambda life: _know(life, Tie("a", "A B", ("Bo",)), Tie("b", "C D", ("bo",))), "bo means two"),
        (
            lambda life: _change(life, "event", lambda m: replace(m, created=m.time + timedelta(days=1))),
            "planned after",
        ),
        (
            lambda life: _change(life, "message", lambda m: replace(m, created=m.time - timedelta(1))),
            "created at another",
        ),
        (lambda life: _change(life, "event", lambda m: replace(m, ties=("Nobody Known",))), "whom nobody knows"),
        (lambda life: _change(life, "event", lambda m: replace(m, time=datetime(2031, 1, 1))), "out of range"),
        (_contact_twice, "contact twice"),
        (_two_relations, "someone else"),
        (_overlap, "overlap at two places"),
        (_stranger, "before they are known"),
        (_wrong_day, "when nothing takes place"),
        (_too_early, "before"),
        (_wrong_phrase, "says 'last month'"),
        (lambda life: _asked(life, "When am I going to sing?", 3), "wrong tense"),
        (lambda life: _asked(life, "Who else is coming for the hours I spent ferrying commuters?", -3), "wrong tense"),
        (
            lambda life: _asked(life, "What did I write about my choir thing next month?", -3, "next month"),
            "written down in the future",
        ),
    ],
)
def test_a_planted_contradiction_is_found(thirty: list[Invented], plant: Callable[[Life], Life], found: str) -> None:
    invented = next(i for i in thirty if any("last month" in q.text for q in i.questions))
    lines = contradictions(*plant((invented.life.person, invented.memories, list(invented.questions))))
    assert any(found in line for line in lines), lines


def test_what_is_past_is_asked_in_the_past(thirty: list[Invented]) -> None:
    past = {phrase(np).text.lower() for scene in read_scenes() for np in scene.np if is_past(np)}
    told: Counter[bool] = Counter()
    for invented in thirty:
        store = {memory.id: memory for memory in invented.memories}
        for question in invented.questions:
            text = question.text.lower().replace("’", "'")
            told[store[question.memory].time > question.time] += any(plain in text for plain in past)
    assert told[False] > 5 and told[True] == 0


@pytest.mark.parametrize(
    ("words", "past"),
    [
        ("the [time|-] I spent among men in white", True),
        ("the huge [show] where we displayed our wares", True),
        ("the [time|-] when feet tapped to my violin", True),
        ("the thing that made me limp for weeks", True),
        ("that [feast] somebody else cooked", True),
        ("the [hour|-] spent on my oversized violin", True),
        ("the [thing] so we'd be online", True),
        ("the hours I spend with [Gran|PER]", False),
        ("that dreaded half hour under the drill", False),
        ("the feed where each brings a bit", False),
        ("the work on [the new shed|LOC]", False),
    ],
)
def test_tense_of_a_phrase(words: str, past: bool) -> None:
    assert is_past(words) is past


@pytest.mark.parametrize(
    ("question", "past"),
    [
        ("What did I write about the time I spent among men in white?", True),
        ("Will Mum be there for the place where we shaped bowls?", True),
        ("who is joining me for the thing that made me limp", True),
        ("What is the name of the event I planned with Mum?", False),
        ("What have I got planned with Mum?", False),
        ("Remind me when am I supposed to sing?", False),
        ("When is that dreaded half hour?", False),
    ],
)
def test_the_check_of_tense_tells_right_from_wrong(question: str, past: bool) -> None:
    assert said_times.recalls(question) is past


def test_no_message_twice_and_few_entries_twice(thirty: list[Invented]) -> None:
    for invented in thirty:
        bodies = [m.fields["body"] for m in invented.memories if m.kind == "message"]
        assert len(set(bodies)) == len(bodies)
        events = [m for m in invented.memories if m.kind == "event"]
        entries = {(m.fields["title"], m.fields.get("desc")) for m in events}
        assert len(entries) > 0.85 * len(events)
        habits = sum(m.scene in invented.life.person.habits for m in events) / len(events)
        assert 0.1 < habits < 0.35


def test_people_write_each_in_their_own_way(thirty: list[Invented]) -> None:
    ended = [
        sum(str(m.fields["body"])[-1] in ".!?" for m in own) / len(own)
        for own in ([m for m in invented.memories if m.kind == "message"] for invented in thirty)
    ]
    assert sum(share > 0.85 for share in ended) > 15 > sum(share < 0.7 for share in ended) > 1
    groups = Counter(m.fields.get("group") for i in thirty for m in i.memories if m.kind == "contact")
    assert groups.most_common(1)[0][1] < 0.06 * groups.total()
    assert not any(m.fields.get("relation") in ("organisation", "organization") for i in thirty for m in i.memories)
