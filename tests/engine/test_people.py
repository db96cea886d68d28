"""Who is who in a store, and whom a question speaks of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.people import Circle, Mention, as_memory, first_name, likeness, names_in, prior
from engine.records import Document
from tests.engine.people_world import STORE

CIRCLE = Circle(STORE)
BY_ID = {document.id: document for document in STORE}


@pytest.mark.parametrize(
    ("written", "said"),
    [("Luz Okafor", "luz"), ("Dr. Lopez", "lopez"), ("Aunt Jo", "jo"), ("Prof", "prof"), ("", ""), ("  ", "")],
)
def test_first_names(written: str, said: str) -> None:
    assert first_name(written) == said


def test_relations_are_read_off_the_store() -> None:
    assert CIRCLE.relation("Luz") == CIRCLE.relation("Luz Okafor") == "sister"
    assert CIRCLE.relation("Lopez") == "dentist" and CIRCLE.relation("Nobody") is None


def test_what_is_said_most_of_somebody_is_their_relation() -> None:
    told = [Document(str(i), "x", fields={"from": "Jo", "relation": r}) for i, r in enumerate(["b", "a", "b", "c"])]
    assert Circle(told).relation("jo") == "b"
    assert Circle(told[:2]).relation("jo") == "a"  # a tie by name, whatever came first
    assert Circle([Document("d", "x", fields={"from": "Jo", "relation": "-"})]).relation("jo") is None


@pytest.mark.parametrize(
    ("question", "phrases", "names"),
    [
        ("what did my sister say about the boat?", ["my sister"], [{"luz"}]),
        ("what did my older sister say?", ["my older sister"], [{"luz"}]),
        ("my sister's party", ["my sister"], [{"luz"}]),
        ("dinner with my best friend and Jacob", ["my best friend", "Jacob"], [{"elizabeth"}, {"jacob"}]),
        ("did Jake write?", ["Jake"], [{"jacob"}]),  # a short form
        ("did Liz write?", ["Liz"], [{"elizabeth"}]),
        ("when is the dentist?", [], []),  # no "my", no capital
        ("when do I see my dentist?", ["my dentist"], [{"lopez"}]),
        ("Did I eat in May on Saturday?", [], []),  # no month and no weekday is a person
        ("Jacob", ["Jacob"], [{"jacob"}]),
        ("Boat trips", [], []),  # a sentence begins with a capital
        ("", [], []),
    ],
)  # fmt: skip
def test_mentions(question: str, phrases: list[str], names: list[set[str]]) -> None:
    found = CIRCLE.mentions(question)
    assert [mention.phrase for mention in found] == phrases
    assert [{n for n, belief in m.names.items() if belief >= 0.5} for m in found] == names
    assert all(question[slice(*mention.span)] == mention.phrase for mention in found)


def test_a_name_is_taken_before_what_it_resembles() -> None:
    circle = Circle([Document("a", "x", fields={"from": "Jake"}), Document("b", "x", fields={"from": "Jacob"})])
    (mention,) = circle.mentions("did Jake write?")
    assert mention.names == {"jake": 1.0} and mention.sure
    (mention,) = Circle([Document("b", "x", fields={"from": "Jacob"})]).mentions("did Jake write?")
    assert mention.names == {"jacob": 0.8} and not mention.sure


def test_somebody_elses_tie_is_not_the_owners() -> None:
    told = {"Zofia": "Nina's sister", "Eirik": "ines’s fiancé", "Jo": "wife of my boss", "Ann": "sister"}
    circle = Circle([Document(n, "x", fields={"from": n, "relation": r}) for n, r in told.items()])
    assert [m.names for m in circle.mentions("what did my sister say?")] == [{"ann": 1.0}]
    for question in ("my husband came", "did my wife call?", "what did my wife's sister say?", "my boss's sister"):
        assert circle.mentions(question) == ()
    assert [m.phrase for m in circle.mentions("was it my sister's party?")] == ["my sister"]


def test_people_are_found_in_small_letters() -> None:
    circle = Circle([Document("a", "x", fields={"from": "Maria", "relation": "mum"}), *STORE])
    assert [m.names for m in circle.mentions("what did mum say to jacob?")] == [{"maria": 1.0}, {"jacob": 1.0}]
    assert [m.phrase for m in circle.mentions("what did maria say")] == ["maria"]
    will = Circle([Document("a", "x", fields={"from": "Will"})])
    assert will.mentions("what will they say") == () and will.mentions("what did Will say")


@pytest.mark.parametrize("word", ["Champ", "Patagonia", "Society", "Alaska"])
def test_words_that_only_begin_alike_are_nobody(word: str) -> None:
    names = ("Charlie", "Patricia", "Sophie", "Alan")
    assert Circle([Document(n, "x", fields={"from": n}) for n in names]).mentions(f"was it {word}?") == ()


@pytest.mark.parametrize(
    ("short", "name"), [("Pab", "Pablo"), ("Isa", "Isabel"), ("Elenita", "Elena"), ("Liz", "Elizabeth")]
)
def test_short_forms(short: str, name: str) -> None:
    (mention,) = Circle([Document("d", "x", fields={"from": name})]).mentions(f"was it {short}?")
    assert mention.names == {name.lower(): 0.8}


@given(st.text(max_size=200))
def test_any_text_can_be_asked(question: str) -> None:
    for mention in CIRCLE.mentions(question):
        assert question[slice(*mention.span)] == mention.phrase
        assert mention.names and all(0 < belief <= 1 for belief in mention.names.values())


@given(st.text(max_size=12), st.text(max_size=12))
def test_likeness_is_a_belief(a: str, b: str) -> None:
    assert 0 <= likeness(a, b) <= 1


def test_who_takes_part() -> None:
    assert CIRCLE.involved(BY_ID["e1"]) >= {"luz", "jacob"}
    spoken = Document("d", "Ran into Jacob's dog", fields={})
    assert CIRCLE.involved(spoken) == {"jacob"}
    assert names_in(Document("d", "x", fields={"attendees": ["-", " ", "Jo"], "from": 5, "with": "Al"})) == ["Jo", "Al"]


def test_the_prior_by_hand() -> None:
    mentions = [Mention("a", (0, 1), {"luz": 1.0}), Mention("b", (2, 3), {"jacob": 0.8, "luz": 0.2})]
    involved = [frozenset({"luz", "jacob"}), frozenset({"luz"}), *[frozenset({"jo"})] * 7, frozenset()]
    narrows = 1 - 2 * 0.2  # both are in two of ten
    by_hand = [narrows * (1 + 0.8) / 2, narrows * (1 + 0.2) / 2, *[0.0] * 8]
    np.testing.assert_allclose(prior(mentions, involved), by_hand, rtol=1e-6)
    assert not prior([], involved).any() and not prior([], []).size
    assert not prior([Mention("jo", (0, 2), {"jo": 1.0})], involved).any()  # who is nearly everywhere says nothing


def test_a_memory_is_read_with_its_kind_and_who_people_are() -> None:
    read = as_memory(BY_ID["e1"], CIRCLE)
    assert read == "Calendar event: Dinner | Harbour Grill | Luz (sister) , Jacob (neighbour)"
    assert as_memory(BY_ID["m1"], CIRCLE) == f"Message: {BY_ID['m1'].content}"  # says it itself
    other = Document("d", "Luz | note", kind="note", fields={"from": "Luz"})
    assert as_memory(other, CIRCLE) == "Luz | note"


def test_a_name_with_signs_of_expressions_is_read() -> None:
    odd = "A+ (b) \\1 [c"
    event = Document("d", f"Party | {odd}", kind="event", fields={"attendees": [odd]})
    circle = Circle([event, Document("m", "x", fields={"from": odd, "relation": "friend \\2"})])
    assert as_memory(event, circle) == f"Calendar event: Party | {odd} (friend \\2)"
