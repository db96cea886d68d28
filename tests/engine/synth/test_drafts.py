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


def taken(row: dict[str, Any], kind: str, store: Drafts | None = None) -> tuple[bool, Drafts]:
    store = store or drafts()
    [pair] = getattr(RoundAnswer.model_validate({kind: [row]}), kind)
    return store.take(pair), store


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        ("events", event(1, time="2021-02-30T10:00"), "no time"),
        ("events", event(1, time="soon"), "no time"),
        ("events", event(1, created=""), "no time"),
        ("events", event(1, time="1999-01-01T10:00"), "a time outside of the years asked for"),
        ("events", event(1, asked="2021-01-01T10:00"), "asked before it was there, or years later"),
        ("messages", message(1, asked="2027-01-01T10:00"), "asked before it was there, or years later"),
        ("events", event(1, question="When was my brask1 with Nick2?"), "shares words with its memory"),
        ("events", event(1, question="Did they carry quim1?"), "shares words with its memory"),
        ("events", event(1, question="What did I do in June?"), "the time said is not the memory's"),
        ("events", event(1, question=""), "no question"),
        ("events", event(1, question="when?"), "no question"),
        ("events", event(1, question="why " * 300), "too long"),
        ("events", event(1, desc="word " * 400), "too long"),
        ("events", event(1, attendees=["Ann"] * 9), "too long"),
        ("events", event(1, title="Zorb | brask"), "marks that people don't write"),
        ("events", event(1, title="<script>alert(1)</script>"), "marks that people don't write"),
        ("events", event(1, question="when was quim \u202e\x07 then?"), "marks that people don't write"),
        ("events", event(1, title=""), "no memory"),
        ("messages", message(1, body=""), "no memory"),
        ("messages", message(1, body="We sang plover last Friday"), "a message that says 'last'"),
        ("messages", message(1, relation="mother"), "contradicts the sheet"),
        ("messages", message(1, sender="Ida Stone", relation="mum"), "contradicts the sheet"),
        ("contacts", contact(1, name=""), "no memory"),
        ("contacts", contact(1, relation="boss"), "contradicts the sheet"),
    ],
)
def test_a_pair_that_is_not_fit_is_dropped_with_its_reason(kind: str, row: dict[str, Any], reason: str) -> None:
    kept, store = taken(row, kind)
    assert not kept and store.dropped == {reason: 1} and not store.pairs


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("events", event(1)),
        ("events", event(1, asked="2021-02-27T09:00", question="When will I be off to quim1 next week?")),
        ("events", event(1, question="what did I do in March with Nick2")),
        ("messages", message(1)),
        ("messages", message(1, relation="")),
        ("messages", message(1, sender="Nick3")),
        ("messages", message(1, sender="Ida Stone", relation="organist")),
        ("contacts", contact(1)),
        ("contacts", contact(1, time="2021-03-02 18:00:00+02:00", ask="whence")),
    ],
)
def test_what_is_fit_is_kept(kind: str, row: dict[str, Any]) -> None:
    kept, store = taken(row, kind)
    assert kept, store.dropped


def test_a_message_from_somebody_known_gets_her_relation() -> None:
    _, store = taken(message(1, relation=""), "messages")
    assert store.pairs[0][0].text.startswith("Nd Okoro | brother | Family | Would")
    assert store.pairs[0][0].ties == ("Nd Okoro",)


def test_nobody_changes_relation_between_rounds() -> None:
    _, store = taken(contact(1, name="Ida Stone", relation="plumber"), "contacts")
    kept, store = taken(message(2, sender="Ida Stone", relation="dentist"), "messages", store)
    assert not kept and store.dropped == {"contradicts the sheet": 1}


def test_addresses_that_somebody_might_have_are_left_out() -> None:
    kept, store = taken(contact(1, email="ada@gmail.com"), "contacts")
    assert kept and store.pairs[0][0].text == "Ada Pryce1 | plumber | House"
    assert store.entities == {"addresses that somebody might have": 1}


def test_the_same_in_nearly_the_same_words_is_a_repetition() -> None:
    _, store = taken(event(1), "events")
    kept, store = taken(
        event(1, desc="carry glint1 to Nc", question="when was I off to quim1, Nick2?"), "events", store
    )
    assert not kept and store.dropped == {"repeats": 1}


def test_no_more_of_a_kind_than_are_due() -> None:
    store = drafts(2)  # one event, one message
    assert taken(event(1), "events", store)[0] and not taken(event(2), "events", store)[0]
    assert store.dropped == {"more of its kind than needed": 1}


def spans(text: str, *listed: tuple[str, str]) -> list[tuple[str, str, int]]:
    found, _ = locate(plain(text), [Surface(text=surface, type=kind) for surface, kind in listed])
    return [(text[s:e], kind, s) for s, e, kind in found.entities]


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
    assert spans(text, *listed) == found


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
