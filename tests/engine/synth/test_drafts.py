"""What of a model's pairs is kept: those that fit the sheet, the times and one another, their entities in place."""

from __future__ import annotations

import re
from typing import Any

import pytest

from engine.synth.annotated import entity, plain
from engine.synth.drafts import Drafts, locate, person_of
from engine.synth.task import RoundAnswer, SheetAnswer, SheetInputs, Surface, check_sheet
from synth.answers import contact, event, message, sheet

INPUTS = SheetInputs(series=0, number=0, age=40, region="Wales", work="a shop", letter="Z")


def drafts(pairs: int = 50) -> Drafts:
    return Drafts(person_of("p0", SheetAnswer.model_validate(sheet())), pairs)


def taken(row: dict[str, Any], store: Drafts | None = None) -> tuple[bool, Drafts]:
    store = store or drafts()
    kind = "contacts" if "name" in row else "messages" if "sender" in row else "events"
    [pair] = getattr(RoundAnswer.model_validate({kind: [row]}), kind)
    return store.take(pair), store


def person(surface: str) -> dict[str, str]:
    return {"text": surface, "type": "PER"}


UNFIT = {
    "no time": [event(1, time="2021-02-30T10:00"), event(1, time="soon"), event(1, created="")],
    "a time outside of the years asked for": [event(1, time="1999-01-01T10:00")],
    "asked before it was there, or years later": [
        event(1, asked="2021-01-01T10:00"),
        message(1, asked="2027-01-01T10:00"),
    ],
    "shares words with its memory": [
        event(1, question="When was my brask1 with Nick2?"),
        event(1, question="Did they carry quim1?"),
        # a role is no name, be it marked as a person
        message(1, question="What did my brother want of me?", question_entities=[person("my brother")]),
        contact(1, question="Who was it, that plumber of mine?", question_entities=[person("plumber")]),
        event(
            1, attendees=["Aunt Rosa"], question="Was Aunt Rosa off with me?", question_entities=[person("Aunt Rosa")]
        ),
        event(1, desc="glint1 for Mum", question="Was I off with Mum?", question_entities=[person("Mum")]),
    ],
    "the time said is not the memory's": [event(1, question="What did I do in June?")],
    "no question": [event(1, question=""), event(1, question="when?")],
    "too long": [event(1, question="why " * 300), event(1, desc="word " * 400), event(1, attendees=["Ann"] * 9)],
    "marks that people don't write": [
        event(1, title="Zorb | brask"),
        event(1, title="<script>alert(1)</script>"),
        event(1, question="when was quim \u202e\x07 then?"),
    ],
    "no memory": [event(1, title=""), message(1, body=""), contact(1, name="")],
    "a message that says 'last'": [message(1, body="We sang plover last Friday")],
    "contradicts the sheet": [
        message(1, relation="mother"),
        message(1, sender="Ida Stone", relation="mum"),
        contact(1, relation="boss"),
    ],
}


@pytest.mark.parametrize(("reason", "row"), [(reason, row) for reason, rows in UNFIT.items() for row in rows])
def test_a_pair_that_is_not_fit_is_dropped_with_its_reason(reason: str, row: dict[str, Any]) -> None:
    kept, store = taken(row)
    assert not kept and store.dropped == {reason: 1} and not store.pairs


@pytest.mark.parametrize(
    "row",
    [
        event(1),
        event(1, asked="2021-02-27T09:00", question="When will I be off to quim1 next week?"),
        event(1, question="what did I do in March with Nick2"),
        event(1, question="Was I off to quim1 with Nc Okoro?", question_entities=[person("Nc Okoro")]),
        event(1, attendees=["Aunt Rosa"], question="Was my Rosa off with me?", question_entities=[person("my Rosa")]),
        message(1),
        message(1, question="what did nd want of me?", question_entities=[person("nd")]),
        message(1, relation=""),
        message(1, sender="Nick3"),
        message(1, sender="Ida Stone", relation="organist"),
        contact(1),
        contact(1, question="How do I reach Ada?", question_entities=[person("Ada")]),
        contact(1, time="2021-03-02 18:00:00+02:00", ask="whence"),
    ],
)
def test_what_is_fit_is_kept(row: dict[str, Any]) -> None:
    kept, store = taken(row)
    assert kept, store.dropped


def test_a_message_from_somebody_known_gets_her_relation() -> None:
    _, store = taken(message(1, relation=""))
    assert store.pairs[0][0].text.startswith("Nd Okoro | brother | Family | Would")
    assert store.pairs[0][0].ties == ("Nd Okoro",)


def test_addresses_that_somebody_might_have_are_left_out() -> None:
    kept, store = taken(contact(1, email="ada@gmail.com"))
    assert kept and store.pairs[0][0].text == "Ada Pryce1 | plumber | House"
    assert store.entities == {"addresses that somebody might have": 1}


@pytest.mark.parametrize(
    ("first", "second", "due", "reason"),
    [
        (
            contact(1, name="Ida Stone", relation="plumber"),
            message(2, sender="Ida Stone", relation="dentist"),
            50,
            "contradicts the sheet",
        ),
        (
            event(1),
            event(1, desc="carry glint1 to Nc", question="when was I off to quim1, Nick2?"),
            50,
            "repeats",
        ),
        (event(1), event(2), 2, "more of its kind than needed"),  # one event, one message are due
    ],
)
def test_what_was_kept_before_counts(first: dict[str, Any], second: dict[str, Any], due: int, reason: str) -> None:
    kept, store = taken(first, drafts(due))
    assert kept
    kept, store = taken(second, store)
    assert not kept and store.dropped == {reason: 1}


@pytest.mark.parametrize(
    ("text", "listed", "found"),
    [
        ("Ann met Ann", [("Ann", "PER")], [("Ann", "PER", 0), ("Ann", "PER", 8)]),
        ("May came in May", [("May", "PER"), ("May", "TIM")], [("May", "PER", 0), ("May", "TIM", 12)]),
        ("Annabel and Ann", [("Ann", "per")], [("Ann", "PER", 12)]),
        ("Luz Okafor, Luz", [("Luz", "PER"), ("Luz Okafor", "PER")], [("Luz Okafor", "PER", 0), ("Luz", "PER", 12)]),
        ("ann@example.com", [("ann", "PER")], []),
        ("a+b (c)", [("(c)", "EVT")], [("(c)", "EVT", 4)]),
    ],
)
def test_offsets_are_found_occurrence_by_occurrence(
    text: str, listed: list[tuple[str, str]], found: list[tuple[str, str, int]]
) -> None:
    located, _ = locate(plain(text), [Surface(text=surface, type=kind) for surface, kind in listed])
    assert [(text[start:end], kind, start) for start, end, kind in located.entities] == found


def test_entities_that_are_not_there_are_counted() -> None:
    listed = [Surface(text="Bob", type="PER"), Surface(text="Ann", type="CAT"), Surface(text="Ann", type="PER")]
    found, counts = locate(entity("Ann", "PER") + " sang", listed)
    assert found.entities == ((0, 3, "PER"),)
    assert counts == {"entities that are not in the text": 1, "entities of an unknown type": 1}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": ""}, "lacks a name"),
        ({"habits": ["one"]}, "1 habits"),
        ({"ties": sheet()["ties"][1:]}, "0 people with the relation mother"),
        ({"ties": sheet()["ties"][:7]}, "7 ties instead of 8"),
        ({"ties": [{**tie, "nicknames": []} for tie in sheet()["ties"]]}, "0 ties with a nickname"),
        ({"places": []}, "0 places"),
        ({"ties": [{**tie, "nicknames": ["Bear"]} for tie in sheet()["ties"]]}, "two are called 'bear'"),
        ({"town": "A | B"}, "is no name"),
        ({"job": "<b>x</b>"}, "is no name"),
    ],
)
def test_sheets_that_are_refused(change: dict[str, Any], told: str) -> None:
    check_sheet(INPUTS, SheetAnswer.model_validate(sheet()))
    with pytest.raises(ValueError, match=re.escape(told)):
        check_sheet(INPUTS, SheetAnswer.model_validate({**sheet(), **change}))
