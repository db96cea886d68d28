"""What was understood of a question, as markup: every character escaped, and every reason in words."""

from __future__ import annotations

from datetime import datetime

from engine.arena import Answer, Asked
from engine.people import Mention
from engine.priors import Understood
from engine.records import Document, Hit, MatchedTerms, Moved
from engine.timeparse import Interval
from page import cards, understood
from page.marks import marked

BAD = '<b>"${x}" {{y}} `z`'
SPRING = Interval(datetime(2023, 3, 1), datetime(2023, 6, 1), 0.7, "last spring", (3, 14))
SAID = Understood("2023-10-05T10:00:00", (SPRING,), (Mention("my sister", (0, 9), {"luz": 1.0, "jo": 0.4}),), "message")


def asked(said: Understood | None, *hits: Hit, entities: object = (), **more: object) -> Asked:
    answers = (Answer("bm25", "BM25", "summary", hits),)
    return Asked("my last spring", "ann", answers, None, said, entities, **more)  # type: ignore[arg-type]


def test_time_people_and_kind_are_told() -> None:
    markup = understood.line(asked(SAID))
    assert "1 Mar 2023 to 31 May 2023" in markup and "asked on 2023-10-05" in markup
    assert "“my sister” is <strong>Luz, Jo</strong>" in markup and "a message" in markup
    assert "70%" not in markup  # one reading is no choice
    two = Understood(SAID.now, (SPRING, SPRING), (), None)
    assert understood.line(asked(two)).count("70%") == 2
    assert "names no time and nobody" in understood.line(asked(Understood(None, (), (), None)))
    assert understood.line(asked(None)) == ""


def test_one_is_told_that_no_tagger_is_trained() -> None:
    assert "as soon as a tagger is trained" in understood.line(asked(SAID, entities=None))
    assert "tagger" not in understood.line(asked(SAID))


def test_entities_are_marked_in_question_and_memories() -> None:
    hit = Hit(Document("d", "Luz | at the lake"), 1.0, (MatchedTerms((("lake", 1.0),), ((13, 17),)),))
    found = asked(SAID, hit, entities=((3, 14, "TIM"),), document_entities={"d": ((0, 3, "PER"), (9, 17, "LOC"))})
    markup = cards.answers(found, "lives/ann")
    assert '<span class="q-ent q-tim" title="time">last spring</span>' in markup
    assert '<span class="q-ent q-per" title="person">Luz</span>' in markup
    place = '<span class="q-ent q-loc" title="place">the </span><span class="q-ent q-loc"><mark>lake</mark></span>'
    assert place in markup  # one place, its second half matched by a word too


def test_what_moved_a_hit() -> None:
    up = understood.moved(Moved(7, 1, (("time", 0.61), ("people", 0.0))))
    assert "▲ from rank 7 to 1: fits the time +0.61; does not fit the people" in up
    assert "▼ from rank 1 to 4" in understood.moved(Moved(1, 4, (("time", 0.0),)))
    assert "▲ from not found to 2" in understood.moved(Moved(None, 2, (("kind", 0.2),)))
    assert "= rank 3 without this too" in understood.moved(Moved(3, 3, (("time", 0.2),)))


def test_everything_is_escaped() -> None:
    said = Understood(
        BAD, (Interval(SPRING.start, SPRING.end, 1.0, BAD, (0, 1)),), (Mention(BAD, (0, 1), {BAD: 1}),), None
    )
    hit = Hit(Document(BAD, BAD), 1.0, (Moved(1, 2, ((BAD, 0.3),)),))
    markup = cards.answers(asked(said, hit, document_entities={BAD: ((0, 5, BAD),)}), BAD)
    assert not set("`{}$") & set(markup) and "<b>" not in markup


def test_marks_outside_a_text_do_no_harm() -> None:
    assert marked("abc", [(-5, 99, "PER"), (1, 1, ""), (7, 9, "LOC")]).count("q-ent") == 1
    assert marked("", [(0, 3, "PER")]) == ""
