"""The figures of a collection against hand-counted ones, and a classifier that must not win by names or by people."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from bench.people import NAME, Text, auc, mask, memory_texts, tell_apart
from engine.records import Document, Judgement, Request
from engine.synth.statistics import describe, entropy, near_duplicates, opener, spread, table, type_token


def memory(number: int, text: str, time: str = "2024-05-01T10:00:00", user: str = "ann", **fields: object) -> Document:
    kind = "contact" if "name" in fields else "event"
    return Document(id=f"m{number}", text=text, user=user, kind=kind, time=time, created=time, fields=fields)


def ask(number: int, text: str, time: str = "2024-05-11T10:00:00", user: str = "ann") -> Request:
    return Request(id=f"q{number}", text=text, user=user, time=time)


MEMORIES = [
    memory(1, "Pottery class | glazing the bowls", "2024-05-01T10:00:00"),
    memory(2, "Luz Okafor | sister | Family", name="Luz Okafor", relation="sister", group="Family"),
    memory(3, "Dentist | a filling", "2024-05-21T10:00:00"),
    memory(4, "Boat trip", user="bob"),
]
QUESTIONS = [
    ask(1, "When was the pottery course last week?"),
    ask(2, "who is my sister"),
    ask(3, "When will the dentist do my fillings?"),
    ask(4, "What of the boat?", user="bob"),
]
JUDGED = [Judgement("q1", "m1", 1), Judgement("q2", "m2", 1), Judgement("q3", "m3", 1), Judgement("q4", "m4", 0)]


def test_every_figure_of_a_small_collection() -> None:
    found = describe(MEMORIES, QUESTIONS, JUDGED)
    assert (found.people, found.memories, found.questions, found.answered) == (2, 4, 4, 3)
    assert found.memories_per_person == spread([3, 1])
    assert found.question_words == spread([7, 4, 7, 4])
    assert found.memory_words == spread([5, 4, 3, 2])
    assert found.kinds == {"event": 2 / 3, "contact": 1 / 3}
    assert found.openers == (("what of", 0.25), ("when was", 0.25), ("when will", 0.25), ("who is", 0.25))
    assert found.opener_entropy == pytest.approx(2.0)
    assert found.time_phrase == 0.25  # "last week"
    assert found.person_mention == 0.25  # "my sister"
    assert (found.question_mark, found.lower_start) == (0.75, 0.25)
    # pottery; sister; dentist and filling, whose stems are one
    assert found.overlap_shares == (0.0, 2 / 3, 1 / 3)
    assert found.days.quantiles[0.5] == 10.0
    assert found.future == pytest.approx(1 / 3)  # the dentist's, asked ten days before
    assert found.near_duplicates is None and found.question_type_token is None


def test_nothing_at_all_has_figures_too() -> None:
    found = describe((), (), ())
    assert found.people == found.answered == 0 and found.overlap_shares is None and found.question_mark is None
    assert math.isnan(found.days.mean)
    assert "| none |" in table({"none": found})


def test_judgements_of_memories_that_are_not_there_do_not_count() -> None:
    assert describe(MEMORIES, QUESTIONS, [Judgement("q1", "elsewhere", 1)]).answered == 0


def test_entropy_and_openers() -> None:
    assert entropy([4, 4]) == 1.0 and entropy([7]) == 0.0 and entropy([]) == 0.0
    assert opener("“What’s up, doc?") == "what's up" and opener("?!") == ""


def test_distinct_words_are_counted_among_equally_many() -> None:
    assert type_token(["a b", "a c"], tokens=4) == 3 / 4
    assert type_token(["a b"], tokens=4) is None
    # a collection ten times as large, of the same words, is no richer
    texts = ["one two three", "four five six"]
    more, few = type_token(texts * 10, tokens=6), type_token(texts, tokens=6)
    assert more is not None and few is not None and more <= few


def test_near_duplicates_count_within_one_store_only() -> None:
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    assert near_duplicates(vectors, ["ann", "ann", "bob", "bob"]) == 0.5
    assert near_duplicates(vectors[:0], []) is None


def test_the_table_has_a_column_for_each_collection() -> None:
    lines = table({"a": describe(MEMORIES, QUESTIONS, JUDGED), "b": describe((), (), ())}).splitlines()
    assert {line.count(" | ") for line in lines} == {2}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Did Luz call me in May?", f"did {NAME} call me in may?"),
        ("What did Aunt Rosa's dog eat?", f"what did {NAME}'s dog eat?"),
        ("Luz called. Then I left for Oak Park", f"luz called. then i left for {NAME}"),
        ("mail me at a.b@c.example", "mail me at xmail"),
        ("", ""),
    ],
)
def test_names_inside_sentences_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_a_memory_is_masked_by_its_fields_as_well() -> None:
    known = memory(1, "Luz Okafor | sister | luz@x.example", name="Luz Okafor", relation="sister")
    assert memory_texts([known])[0].masked == f"{NAME} | sister | xmail"


def texts(seed: int, openers: tuple[str, ...], names: tuple[str, ...], people: int = 6) -> list[Text]:
    """60 questions a person, each with a word of the person's own: who fits people cannot win by it."""
    rng = random.Random(seed)
    made = []
    for person in range(people):
        for _ in range(20):
            text = f"{rng.choice(openers)} {rng.choice(names)} about the {rng.choice(('dog', 'car', 'tea', 'sea'))}"
            made.append(Text(text, mask(text), f"{seed}-{person}"))
    return made


@pytest.fixture(autouse=True)
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors of letters' counts instead of MiniLM's."""
    import bench.people

    def count(given: list[str]) -> np.ndarray:
        return np.array([[text.count(c) for c in "abcdefghijklmnopqrstuvwxyz"] for text in given], dtype=np.float32)

    monkeypatch.setattr(bench.people, "_vectors", count)


def test_what_is_alike_is_not_told_apart() -> None:
    openers, names = ("what did", "when did"), ("Luz", "Ben")
    found = tell_apart(texts(1, openers, names), texts(2, openers, names), masked=False)
    assert all(told and 0.35 < told.auc < 0.65 for told in found.values())


def test_names_tell_apart_until_they_are_masked() -> None:
    a, b = texts(1, ("what did",), ("Luz", "Ben")), texts(2, ("what did",), ("Ada", "Tom"))
    plain, masked = tell_apart(a, b, masked=False)["n-grams"], tell_apart(a, b, masked=True)["n-grams"]
    assert plain and plain.auc > 0.99 and plain.interval[0] > 0.9
    assert masked and masked.auc < 0.65


def test_the_telling_features_are_those_that_differ() -> None:
    a, b = texts(1, ("do tell what did", "when did"), ("Luz",)), texts(2, ("hey so did", "when did"), ("Luz",))
    told = tell_apart(a, b, masked=True, features=3)["n-grams"]
    assert told and {"tell", "what", "do"} & set(" ".join(f.gram for f in told.features[:3]).split())
    assert {"hey", "so"} & set(" ".join(f.gram for f in told.features[3:]).split())
    assert all(f.first > f.second for f in told.features[:3])


def test_too_few_texts_or_people_are_not_judged() -> None:
    a = texts(1, ("what did",), ("Luz",))
    assert tell_apart(a[:5], a, masked=True) == {"n-grams": None, "MiniLM": None}
    assert tell_apart(texts(1, ("what",), ("Luz",), people=1), a, masked=True)["n-grams"] is None


def test_ties_count_half() -> None:
    assert auc(np.array([1.0, 0.0, 1.0, 0.0]), np.array([1, 1, 0, 0])) == 0.5
    assert auc(np.array([2.0, 3.0, 1.0, 0.0]), np.array([1, 1, 0, 0])) == 1.0
