"""Text whose entities stay where they are while it is joined, filled and changed."""

from __future__ import annotations

import random
import re

import pytest

from engine.synth.annotated import Annotated, entity, fill, has_occasion, join, phrase, slots_of

ANN, LAKE = entity("Ann", "PER"), entity("the lake", "LOC")


def test_joining_shifts_what_comes_after() -> None:
    text = ANN + " and " + LAKE + "!"
    assert text == Annotated("Ann and the lake!", ((0, 3, "PER"), (8, 16, "LOC")))
    assert join(" , ", [ANN, "Bob", LAKE]).surfaces() == [("Ann", "PER"), ("the lake", "LOC")]
    assert join(", ", []) == Annotated("")


def test_slots_and_brackets() -> None:
    text = phrase("the [{what} class] with {who} at {where}", {"what": "clay", "who": ANN, "where": LAKE})
    assert text.text == "the clay class with Ann at the lake"
    assert text.surfaces() == [("clay class", "EVT"), ("Ann", "PER"), ("the lake", "LOC")]
    assert phrase("[{who}]", {"who": ANN}).surfaces() == [("Ann", "PER")]  # a name in brackets stays a name
    typed = phrase("a [thing|-] in [the shed|LOC] at [six|TIM] with [{who}|-], a [fair|EVT]", {"who": ANN})
    assert typed.text == "a thing in the shed at six with Ann, a fair"
    assert typed.surfaces() == [("the shed", "LOC"), ("six", "TIM"), ("Ann", "PER"), ("fair", "EVT")]
    assert has_occasion("a [thing|-]") and has_occasion("a [fair]") and not has_occasion("in [the shed|LOC]")
    assert slots_of("{a} and {b}") == {"a", "b"}
    with pytest.raises(KeyError):
        fill("{nobody}", {})


def test_replacing_leaves_entities_alone() -> None:
    text = fill("What is {who} up to, what is it", {"who": entity("What is", "PER")})
    changed = text.replace("What is", "What's").replace("what is", "what's")
    assert changed.text == "What's What is up to, what's it" and changed.surfaces() == [("What is", "PER")]
    assert Annotated("mummy, mum").replace("mum", "mom").text == "mummy, mom"


def test_case() -> None:
    assert (ANN + " sings").uncapitalised().text == "Ann sings"
    assert Annotated("Did I").uncapitalised().text == "did I"
    assert Annotated("I did").uncapitalised().text == "I did" and Annotated("GP said").uncapitalised().text == "GP said"
    turkish = entity("İpek", "PER") + " Ölmez"
    assert turkish.lower().text == "İpek ölmez" and turkish.lower().surfaces() == [("İpek", "PER")]
    assert entity("ßa", "PER").capitalised().text == "ßa"  # SS would move the offsets


def test_cutting_and_labelling() -> None:
    text = ANN + " told Mum"
    assert text[4:].text == "told Mum" and text[1:].entities == ()
    labelled = text.labelled(re.compile(r"Ann|Mum"), "PER")
    assert labelled.surfaces() == [("Ann", "PER"), ("Mum", "PER")]


def test_random_operations_keep_every_surface() -> None:
    rng = random.Random(0)
    for _ in range(300):
        names = [entity(rng.choice(("Ann", "İpek", "the Bear")), "PER") for _ in range(3)]
        text = fill("What is {a} to {b}, and what is {c}?", dict(zip("abc", names, strict=True)))
        for _ in range(4):
            match rng.randrange(4):
                case 0:
                    text = text.replace("what is", "what's")
                case 1:
                    text = Annotated("Hey, ") + text
                case 2:
                    text = text[: len(text.text) - 1] + rng.choice(("?", " now?"))
                case _:
                    text = text.capitalised()
        assert [surface for surface, _ in text.surfaces()] == [name.text for name in names]
