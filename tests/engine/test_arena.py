"""What the page asks: examples, right answers, and explanations of documents of any length."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import demo, experiment
from engine.arena import LONGEST, Arena, clean
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.methods import parts
from engine.records import EXPLAINED, MatchedTerms


@pytest.fixture
def arena(tmp_path: Path) -> Callable[..., Arena]:
    def make(documents: list[dict[str, Any]], queries: list[dict[str, Any]], qrels: str = "", **options: Any) -> Arena:
        folder = tmp_path / "made"
        (folder / "qrels").mkdir(parents=True)
        (folder / "corpus.jsonl").write_text("".join(json.dumps(d) + "\n" for d in documents))
        (folder / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in queries))
        if qrels:
            (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels)
        contestants = [experiment.contestant("bm25")]
        return Arena(Workspace(tmp_path / "workspace"), Dataset(folder), contestants, **options)

    return make


def test_the_right_answer_is_known_however_the_question_is_typed(arena: Callable[..., Arena]) -> None:
    made = arena(
        [{"_id": "d1", "text": "boat"}, {"_id": "d2", "text": "car"}],
        [
            {"_id": "q1", "text": "Which one  floats?"},
            {"_id": "q2", "text": "what flies?", "answerable": False},
            {"_id": "q3", "text": "unjudged?"},
        ],
        "q1\td1\t1\nq1\td2\t0\n",
    )
    for typed in ("Which one  floats?", " which one floats?  ", "WHICH ONE\tFLOATS?"):
        assert [d.id for d in made.ask(typed).right or ()] == ["d1"]
    assert made.ask("what flies?").right == ()
    assert made.ask("unjudged?").right is None and made.ask("something else").right is None


def test_a_question_of_the_dataset_is_asked_at_its_own_time(arena: Callable[..., Arena]) -> None:
    made = arena(
        [{"_id": "d1", "text": "boat", "user": "ann", "created": "2024-12-01T10:00:00"}],
        [{"_id": "q1", "text": "what was it two weeks ago?", "user": "ann", "time": "2023-05-10T10:00:00"}],
    )

    def asked_on(*question: str) -> str | None:
        said = made.ask(*question).understood
        return said.now if said else None

    assert asked_on("What was it  two weeks ago?", "ann") == "2023-05-10T10:00:00"
    assert asked_on("what was it two weeks ago?", "ann", "2022-01-01T00:00:00") == "2022-01-01T00:00:00"
    assert asked_on("what was it last year?", "ann") == "2024-12-01T10:00:00"  # nobody's: as of the newest memory
    assert made.ask("what was it two weeks ago?").understood is None  # everybody's documents


def test_a_document_is_tagged_once_by_each_tagger(arena: Callable[..., Arena], monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting:
        """Tags every first word as a person, and keeps what it was given."""

        def __init__(self) -> None:
            self.asked: list[str] = []

        def tag(self, texts: list[str]) -> list[tuple[tuple[int, int, str], ...]]:
            self.asked += texts
            return [((0, len(text.split()[0]), "PER"),) for text in texts]

    made = arena([{"_id": "d1", "text": "boat trip", "user": "ann"}], [{"_id": "q", "text": "x"}])
    assert made.ask("boat?", "ann").question_entities is None
    for tagger in (Counting(), Counting()):  # the second is trained meanwhile
        monkeypatch.setattr(parts, "newest", lambda workspace, name, tagger=tagger: tagger)
        for question in ("boat?", "which boat?"):
            asked = made.ask(question, "ann")
            assert asked.document_entities == {"d1": ((0, 4, "PER"),)} and asked.question_entities
        assert tagger.asked == ["boat?", "boat trip", "which boat?"]


def test_examples_can_be_asked_and_the_telling_ones_come_first(arena: Callable[..., Arena]) -> None:
    queries = [{"_id": f"q{i}", "text": f"question {i}"} for i in range(20)]
    queries += [{"_id": "long", "text": "x" * (LONGEST + 1)}, {"_id": "blank", "text": "  "}]
    queries += [{"_id": "none", "text": "nothing answers", "answerable": False}]
    made = arena([{"_id": "d1", "text": "question"}], queries, telling={"q7", "q9", "long"})
    ids = [request.id for request in made.examples(None, 6)]
    assert ids[:2] == ["q7", "q9"] and ids[-1] == "none" and len(ids) == len(set(ids)) == 6
    for number in range(6):
        assert made.ask_example(None, number, 6).question == made.examples(None, 6)[number].text
    for number in (-1, 6):
        with pytest.raises(InputError, match="no such example"):
            made.ask_example(None, number, 6)
    assert len(made.examples(None, 50)) == 21


def test_a_user_may_be_called_everybody(arena: Callable[..., Arena]) -> None:
    made = arena([{"_id": "d1", "text": "boat", "user": "everybody"}, {"_id": "d2", "text": "boat", "user": "ann"}], [
        {"_id": "q", "text": "x"}
    ])  # fmt: skip
    assert [d.id for d in made.store("everybody")] == ["d1"]
    assert {h.document.id for h in made.ask("boat").answers[0].hits} == {"d1", "d2"}


def test_an_unknown_person_is_told_who_there_is(arena: Callable[..., Arena]) -> None:
    made = arena([{"_id": "d1", "text": "boat", "user": "ann"}], [{"_id": "q", "text": "x"}])
    with pytest.raises(InputError, match=r"nobody is called 'helena' here\. There are ann$"):
        made.ask("boat", "helena")


def test_where_there_are_no_people_one_is_told_so(arena: Callable[..., Arena]) -> None:
    made = arena([{"_id": "d1", "text": "boat"}], [{"_id": "q", "text": "x"}])
    for ask in (lambda: made.ask("boat", "helena"), lambda: made.store("helena")):
        with pytest.raises(InputError, match=r"here\. This collection has no people; leave the person out$"):
            ask()


def test_an_endless_document_is_explained_by_its_beginning(arena: Callable[..., Arena]) -> None:
    made = arena([{"_id": "d1", "text": "boat " * 200_000 + "lighthouse"}], [{"_id": "q", "text": "x"}])
    [hit] = made.ask("boat lighthouse").answers[0].hits
    [why] = hit.why
    assert isinstance(why, MatchedTerms)
    assert {word for word, _ in why.terms} >= {"boat"} and len(why.terms) == 2, "what stands further down counts, too"
    assert max(end for _, end in why.spans) <= EXPLAINED


def test_questions_are_cleaned_or_refused() -> None:
    assert clean(" a\x00b\n c\u202e ") == "a b c\u202e"
    for text in ("", " \t\x07", "x" * (LONGEST + 1)):
        with pytest.raises(InputError):
            clean(text)


def test_two_collections_of_one_name_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "lives"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "d", "text": "x"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "x"}\n')
    with pytest.raises(InputError, match="two collections are called 'lives'"):
        demo.datasets([folder])
