"""What a question says of time, people and kind moves the right memory up, and loses none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine import timeparse
from engine.artifacts import Workspace
from engine.config import PriorOptions, SearchOptions
from engine.index import collection as collections
from engine.methods.base import Searcher, Target
from engine.priors import Priors, Store, kind_asked, personal_store, standard
from engine.records import Document, Hit, Moved, Request, Run
from tests.engine.people_world import STORE

BEN = Document("b1", "Dinner", "", "ben", "event", "2023-06-10T18:00:00", "2023-06-10T18:00:00")
NOW = "2023-07-05T12:00:00"


class Fixed(Searcher[SearchOptions]):
    """Gives the same scores to whoever asks, to documents of the request's store."""

    name = "fixed"

    def __init__(self, path: Path, scores: dict[str, float]) -> None:
        self.scores = scores
        self.target = Target(Workspace(path), "x", collections.ensure(path, "x", [*STORE, BEN]))

    def search(self, requests: Sequence[Request], k: int, options: SearchOptions | None = None) -> Run:
        user = {d.id: d.user for d in [*STORE, BEN]}
        lists = {r.id: {d: s for d, s in self.scores.items() if r.user in (None, user[d])} for r in requests}
        run = Run.from_scores(lists).top(k)
        rows = np.asarray([self.collection.row_of[run.ids[row]] for row in run.rows], dtype=np.int64)
        return Run(run.requests, run.offsets, rows, self.collection.ids, run.scores)

    def explain(self, request: Request, documents: Sequence[str], options: SearchOptions | None = None) -> list[Hit]:
        return [Hit(self.collection.document(self.collection.row_of[d]), self.scores.get(d, 0.0)) for d in documents]

    def open(self, target: Target) -> None:
        self.target = target


SCORES = {"m1": 0.9, "m2": 0.8, "m3": 0.5, "e1": 0.6, "e2": 0.7, "c1": 0.1, "c2": 0.2, "b1": 0.9}


@pytest.fixture
def fixed(tmp_path: Path) -> Fixed:
    return Fixed(tmp_path, dict(SCORES))


def ask(text: str, user: str | None = "ann", **more: object) -> Request:
    return Request("q", text, user=user, time=NOW, **more)  # type: ignore[arg-type]


def ranked(searcher: Searcher, request: Request, k: int = 10) -> list[str]:
    return searcher.search([request], k).documents(0)


def test_time_people_and_kind_each_move_the_right_one_up(fixed: Fixed) -> None:
    only = {"time": 0.0, "people": 0.0, "kind": 0.0}
    assert ranked(fixed, ask("x"))[:2] == ["m1", "m2"]
    time = Priors(fixed, PriorOptions(**{**only, "time": 1.0}))
    assert ranked(time, ask("what was it last month?"))[0] == "m2"  # of June 2023 the searcher's best
    people = Priors(fixed, PriorOptions(**{**only, "people": 3.0}))
    assert ranked(people, ask("dinner with my best friend"))[:2] == ["e2", "c2"]
    kind = Priors(fixed, PriorOptions(**{**only, "kind": 2.0}))
    assert ranked(kind, ask("what is her e-mail address?"))[:2] == ["c2", "c1"]


def test_the_score_by_hand(fixed: Fixed) -> None:
    options = PriorOptions(time=0.5, people=0.25, kind=0.125)
    request = ask("what did my sister tell me last month?")
    run = Priors(fixed, options).search([request], 10)
    scores = dict(zip(run.documents(0), run.scores_of(0).tolist(), strict=True))
    times = np.asarray([timeparse.seconds(d.time) for d in STORE])
    created = np.asarray([timeparse.seconds(d.created) for d in STORE])
    found = timeparse.intervals(request.text, NOW)
    fits = timeparse.prior(found, times, created, days=options.days, created_weight=options.created)
    for document, fit in zip(STORE, fits.tolist(), strict=True):
        own = (SCORES[document.id] - 0.1) / (0.9 - 0.1)
        sister = document.id in ("m1", "m2", "e1")
        by_hand = own + 0.5 * fit + 0.25 * (1 - 2 * 3 / 7) * sister + 0.125 * (document.kind == "message")
        assert scores[document.id] == pytest.approx(by_hand, abs=1e-5)


def test_a_soft_prior_empties_no_list_and_a_hard_one_filters(fixed: Fixed) -> None:
    far = ask("what happened in March 1999?")
    assert len(ranked(Priors(fixed, PriorOptions()), far)) == len(STORE)
    assert ranked(Priors(fixed, PriorOptions(hard=True)), far) == []
    hard = ranked(Priors(fixed, PriorOptions(hard=True)), ask("what happened in June?"))
    assert sorted(hard) == ["e1", "m2", "m3"]
    assert len(ranked(Priors(fixed, PriorOptions(hard=True)), ask("the boat"))) == len(STORE)  # no time, no filter


def test_what_the_searcher_missed_is_found_by_its_time(tmp_path: Path) -> None:
    few = Fixed(tmp_path, {"m1": 0.9})
    assert ranked(few, ask("on 10 March 2022")) == ["m1"]
    found = ranked(Priors(few, PriorOptions()), ask("what was on 10 March 2022?"))
    assert found[0] in ("e2", "m1") and set(found) == {d.id for d in STORE}
    assert ranked(Priors(few, PriorOptions()), ask("something")) == ["m1"]  # nothing said, nothing added


def test_a_store_is_its_owners(fixed: Fixed) -> None:
    assert ranked(Priors(fixed, PriorOptions()), ask("dinner in June", user="ben")) == ["b1"]
    everybody = ranked(Priors(fixed, PriorOptions()), ask("in June", user=None))
    assert everybody[0] in ("b1", "m2") and len(everybody) == len(STORE) + 1
    assert ranked(Priors(fixed, PriorOptions()), ask("in June", user="nobody")) == []


def test_excluded_and_removed_memories_stay_out(fixed: Fixed) -> None:
    priors = Priors(fixed, PriorOptions())
    assert "m2" not in ranked(priors, ask("in June", exclude=("m2", "unknown")))
    collections.remove(fixed.collection.path, ["e1"])
    fixed.scores.pop("e1")
    priors.refresh()
    assert "e1" not in ranked(priors, ask("in June"))


def test_a_large_store_is_weighed_among_its_best(fixed: Fixed) -> None:
    found = ranked(Priors(fixed, PriorOptions(depth=3, time=2)), ask("in March 2022"), 2)
    assert found == ["e2", "m1"]  # of its best three, m1, m2 and e2


def test_a_request_without_a_time_is_asked_when_the_newest_memory_was_made() -> None:
    store = Store(np.arange(len(STORE)), STORE)
    assert store.newest == "2023-06-20T10:00:00"
    said = store.understand(Request("q", "last month", user="ann"), of_people=True)
    assert said.now == store.newest and said.intervals[0].start.month == 5


def test_explaining_says_what_moved_it(fixed: Fixed) -> None:
    priors = Priors(fixed, PriorOptions())
    request = ask("what did my sister tell me last month?")
    run = priors.search([request], 10)
    hits = priors.explain(request, run.documents(0))
    assert [hit.document.id for hit in hits] == run.documents(0)
    np.testing.assert_allclose([hit.score for hit in hits], run.scores_of(0), atol=1e-6)
    before = ranked(fixed, request)
    for rank, hit in enumerate(hits, start=1):
        (why,) = (reason for reason in hit.why if isinstance(reason, Moved))
        assert why.after == rank and why.before == before.index(hit.document.id) + 1
        assert {name for name, _ in why.added} == {"time", "people", "kind"} and why.line
    (plain,) = priors.explain(ask("hm"), ["m1"])
    assert not plain.why


def test_with_a_hard_filter_the_explained_ranks_are_those_that_are_shown(fixed: Fixed) -> None:
    priors = Priors(fixed, PriorOptions(hard=True))
    request = ask("what did my sister tell me in June?")
    shown = priors.search([request], 10).documents(0)
    hits = priors.explain(request, [*shown, "e2"])
    ranks = [why.after for hit in hits for why in hit.why if isinstance(why, Moved)]
    assert ranks == list(range(1, len(shown) + 1)) and not hits[-1].why  # e2 is of 2022


def test_an_event_ahead_does_not_move_now(fixed: Fixed) -> None:
    ahead = Document("p", "Passport expires", "", "ann", "event", "2031-01-03T00:00:00")
    assert Store(np.arange(len(STORE) + 1), [*STORE, ahead]).newest == "2023-06-20T10:00:00"
    assert Store(np.arange(1), [ahead]).newest == "2031-01-03T00:00:00"


def test_a_word_of_a_time_is_nobody() -> None:
    store = Store(np.arange(1), [Document("d", "x", user="ann", fields={"from": "Christine"})])
    said = store.understand(Request("q", "what was it last Christmas?", time=NOW), of_people=True)
    assert said.intervals and not said.mentions


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("what is the email of the plumber?", "contact"),
        ("did I add her to my contacts after the dinner?", "contact"),
        ("who texted me about the dinner?", "message"),
        ("what did Luz say about the trip?", "message"),
        ("who was at the dinner?", "event"),
        ("where is the red box?", None),
    ],
)
def test_the_kind_that_is_asked_for(question: str, kind: str | None) -> None:
    assert kind_asked(question) == kind


def test_what_is_said_around_an_answer_counts_by_hand() -> None:
    talk = [
        Document(f"t{i}", "x", user="ann", fields={"session": session} if session else {})
        for i, session in enumerate(["one", "one", "one", "two", "", ""])
    ]
    store = Store(np.arange(6), talk)
    own = np.asarray([1.0, 0.5, 0.0, 0.8, 0.6, 0.4], np.float32)
    said = store.understand(Request("q", "anything", user="ann"), of_people=True)
    parts = store.parts(own, said, PriorOptions(context=0.1))
    by_hand = [0.7 * 0.05, 0.1, 0.05, 0, 0, 0]  # 0.1 of what is before, 0.7 of that of what is after
    np.testing.assert_allclose(parts[3], by_hand, atol=1e-6)
    assert not parts[:3].any() and not store.parts(own, said, PriorOptions(context=0)).any()


def test_one_store_serves_all_searchers_of_a_collection(fixed: Fixed) -> None:
    store = personal_store(fixed.collection, "ann")
    assert personal_store(fixed.collection, "ann") is store and len(store.rows) == len(STORE)
    assert not len(personal_store(fixed.collection, "nobody").rows)
    fixed.open(fixed.target.reopened())  # another moment of it
    assert personal_store(fixed.collection, "ann") is not store


def test_scores_are_scaled_within_a_store() -> None:
    np.testing.assert_allclose(standard(np.asarray([3.0, 1.0, 2.0])), [1, 0, 0.5])
    np.testing.assert_allclose(standard(np.asarray([4.0, -np.inf, 2.0])), [1, 0, 0.5])
    np.testing.assert_allclose(standard(np.asarray([-1.0, -np.inf, -3.0])), [1, 0, 0])
    np.testing.assert_allclose(standard(np.asarray([2.0, 2.0])), [1, 1])
    assert not standard(np.full(3, -np.inf)).any()
