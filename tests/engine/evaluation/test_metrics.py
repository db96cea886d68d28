"""The evaluator against pytrec_eval called directly, against values worked out by hand, and on what breaks others."""

from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytrec_eval import RelevanceEvaluator

from engine.errors import InputError
from engine.evaluation import metrics as module
from engine.evaluation.metrics import PerRequest, evaluate
from engine.records import Judgement, Run

# Our name, and pytrec_eval's for the same.
DIRECT = {
    "ndcg": "ndcg",
    "ndcg@3": "ndcg_cut_3",
    "ndcg@10": "ndcg_cut_10",
    "recall@1": "recall_1",
    "recall@5": "recall_5",
    "hit@1": "success_1",
    "hit@5": "success_5",
    "p@5": "P_5",
    "map": "map",
    "map@3": "map_cut_3",
    "mrr": "recip_rank",
    "rprec": "Rprec",
}


def direct(scores, qrels):
    """{request: {our metric: value}} from pytrec_eval itself, 0 for requests that it does not return."""
    found = RelevanceEvaluator(qrels, set(DIRECT.values())).evaluate(scores)
    return {q: {ours: found.get(q, {}).get(theirs, 0.0) for ours, theirs in DIRECT.items()} for q in qrels}


def assert_judged_as_direct(scores, qrels):
    expected = direct(scores, qrels)
    run = Run.from_scores(scores)
    # All at once the whole lists go in, one by one they are cut as deep as the metric looks.
    for names in [list(DIRECT), *([name] for name in DIRECT)]:
        evaluation = evaluate(run, qrels, names)
        rows = evaluation.per_request
        assert rows.requests == tuple(sorted(qrels))
        for name in names:
            wanted = [expected[request][name] for request in rows.requests]
            np.testing.assert_allclose(rows.values[name], wanted, rtol=0, atol=1e-9)
            assert evaluation.metrics[name] == pytest.approx(np.mean(wanted), abs=1e-9)
    # trec_eval can't cut the reciprocal rank: it is given cut lists instead.
    cut = {q: dict(zip(ids, scores.tolist(), strict=True)) for q, ids, scores in run.top(3).lists()}
    found = direct(cut, qrels)
    values = evaluate(run, qrels, ["mrr@3"]).column("mrr@3")
    np.testing.assert_allclose(values, [found[q]["mrr"] for q in sorted(qrels)], rtol=0, atol=1e-9)


# Scores of which some tie, and some tie only once they are float32.
TIED = st.sampled_from(
    [1.0, 1.0 + 1e-12, 1.0 - 1e-12, 0.5, 0.1, 0.1 + 1e-10, 0.0, -0.0, -3.0, 1e30, 16777216.0, 16777217.0]
)
DOCUMENTS = st.sampled_from([f"d{i}" for i in range(12)] + ["é", "D", "日"])
REQUESTS = st.sampled_from([f"q{i}" for i in range(6)])
# pytrec_eval itself may not return if all gains of a request are negative, so each has one that is not.
JUDGED = st.dictionaries(DOCUMENTS, st.integers(-2, 3), min_size=1, max_size=8).filter(
    lambda row: max(row.values()) >= 0
)


@settings(max_examples=60, deadline=None)
@given(
    scores=st.dictionaries(REQUESTS, st.dictionaries(DOCUMENTS, TIED, max_size=15), max_size=6),
    qrels=st.dictionaries(REQUESTS, JUDGED, min_size=1, max_size=6),
)
def test_equals_pytrec_eval_on_anything(scores, qrels):
    assert_judged_as_direct(scores, qrels)


@pytest.mark.parametrize("seed", range(3))
def test_equals_pytrec_eval_on_runs_full_of_ties(seed, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 7)
    rng = np.random.default_rng(seed)
    documents = [f"doc{i}" for i in range(300)]
    scores, qrels = {}, {}
    for i in range(80):
        depth = int(rng.integers(1, 120))
        answered = rng.choice(documents, depth, replace=False).tolist()
        scores[f"q{i}"] = dict(zip(answered, (rng.integers(0, 9, depth) / 10).tolist(), strict=True))
        judged = rng.choice(documents, 25, replace=False).tolist()
        qrels[f"q{i + 10}"] = dict(zip(judged, [0, *rng.integers(-1, 4, 24).tolist()], strict=True))
    assert_judged_as_direct(scores, qrels)


LIST = ["x", "two", "y", "one", "zero"]
GAINS = {"one": 1, "two": 2, "three": 3, "zero": 0, "less": -2}
BY_HAND = {
    "ndcg": (2 / log2(3) + 1 / log2(5)) / (3 + 2 / log2(3) + 1 / log2(4)),
    "ndcg@2": (2 / log2(3)) / (3 + 2 / log2(3)),  # the ideal is cut as well
    "recall@1": 0,
    "recall@2": 1 / 3,
    "recall@10": 2 / 3,
    "hit@1": 0,
    "hit@2": 1,
    "mrr": 1 / 2,
    "mrr@1": 0,
    "mrr@2": 1 / 2,
    "map": (1 / 2 + 2 / 4) / 3,
    "map@2": (1 / 2) / 3,
    "p@2": 1 / 2,
    "p@10": 2 / 10,  # of ten, though only five came
    "rprec": 1 / 3,  # three are relevant, one of them is among the first three
}


@pytest.mark.parametrize("name", BY_HAND)
def test_by_hand(name):
    evaluation = evaluate(Run.from_lists({"q": LIST}), {"q": GAINS}, [name])
    assert evaluation.metrics == {name: pytest.approx(BY_HAND[name], abs=1e-12)}


def test_more_relevant_documents_than_the_cutoff_holds():
    gains = {f"d{i}": 1 for i in range(8)}
    found = evaluate(Run.from_lists({"q": ["d0", "d1", "x"]}), {"q": gains}, ["ndcg@2", "recall@2", "p@2", "map@2"])
    assert found.metrics == {"ndcg@2": 1, "recall@2": 2 / 8, "p@2": 1, "map@2": 2 / 8}


@pytest.mark.parametrize("gains", [{"a": 0}, {"a": -1}, {"a": -5, "b": -2}, {"a": -1, "b": 0}])
def test_a_request_with_no_relevant_document_counts_and_scores_nothing(gains):
    """Also where trec_eval, given negative gains only, reads memory that it never wrote."""
    evaluation = evaluate(Run.from_lists({"q": ["a", "b"], "r": ["a"]}), {"q": gains, "r": {"a": 1}}, list(DIRECT))
    assert evaluation.requests == 2
    assert all(values[0] == 0 for values in evaluation.per_request.values.values())
    assert evaluation.metrics["mrr"] == 0.5


def test_a_list_is_judged_in_its_own_order_whatever_its_scores():
    qrels = {"q": {"b": 1}}
    rising = Run.from_columns({"q": (["a", "b", "c"], np.array([0.1, 0.2, 0.3]))})
    level = Run.from_columns({"q": (["a", "b", "c"], np.array([1.0, 1.0, np.nan]))})
    for run in (Run.from_lists({"q": ["a", "b", "c"]}), rising, level):
        assert evaluate(run, qrels, ["mrr", "hit@1"]).metrics == {"mrr": 0.5, "hit@1": 0}


def test_ids_may_be_shared_with_an_index():
    run = Run(("q",), np.array([0, 2]), np.array([3, 1]), ["w", "x", "y", "z"], np.array([2, 1], np.float32))
    assert evaluate(run, {"q": {"x": 1}}, ["mrr"]).metrics == {"mrr": 0.5}


def test_missing_requests_score_nothing_or_are_left_out():
    run = Run.from_lists({"a": ["x"], "empty": [], "unknown": ["x"]})
    qrels = {"a": {"x": 1}, "empty": {"x": 1}, "b": {"x": 1}, "c": {"x": 1}, "not judged": {}}
    zero = evaluate(run, qrels, ["mrr"])
    assert (zero.metrics["mrr"], zero.requests, zero.missing, zero.unjudged) == (1 / 4, 4, 3, 1)
    assert zero.per_request.requests == ("a", "b", "c", "empty")
    assert zero.column("mrr").tolist() == [1, 0, 0, 0]
    skip = evaluate(run, qrels, ["mrr"], missing="skip")
    assert (skip.metrics["mrr"], skip.requests, skip.missing, skip.unjudged) == (1, 4, 3, 1)
    assert skip.per_request.requests == ("a",)


def test_a_run_that_answers_nothing_that_is_judged():
    for run in (Run.from_lists({}), Run.from_lists({"other": ["x"]})):
        assert evaluate(run, {"a": {"x": 1}}, ["ndcg@10"]).metrics == {"ndcg@10": 0}
        with pytest.raises(InputError, match="no request of the run has a judgement"):
            evaluate(run, {"a": {"x": 1}}, ["ndcg@10"], missing="skip")


def test_of_a_repeated_document_the_first_counts():
    run = Run.from_lists({"q": ["x", "x", "a", "x", "a", "b"], "r": ["a", "b"]})
    evaluation = evaluate(run, {"q": {"a": 1, "b": 1}, "r": {"b": 1}}, ["mrr", "recall@2", "map"])
    assert evaluation.duplicates == 3
    assert evaluation.column("mrr").tolist() == [1 / 2, 1 / 2]
    assert evaluation.column("recall@2").tolist() == [1 / 2, 1]
    assert evaluation.column("map")[0] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_ids_that_would_break_trec_eval_are_judged_like_others():
    strange = ["a\0b", "a\0c", "\ud800", "", "a b", "00000001", "absent0"]
    for document in strange:
        run = Run.from_lists({"no query": ["x", *strange], "no_query": strange, "\ud801": strange})
        qrels = {request: {document: 1, "none": 1} for request in run.requests}
        first = strange.index(document) + 1
        values = evaluate(run, qrels, ["mrr"]).column("mrr")
        assert values.tolist() == [1 / (first + 1), 1 / first, 1 / first]


def test_judgements_come_as_records_or_as_a_mapping_in_any_order():
    run = Run.from_lists({"b": ["x", "y"], "a": ["y", "x"]})
    records = [Judgement("b", "y", 2), Judgement("a", "x", 1), Judgement("b", "x", 1), Judgement("a", "x", 1)]
    for judgements in (records, records[::-1], {"b": {"y": 2, "x": 1}, "a": {"x": np.int64(1)}}):
        evaluation = evaluate(run, judgements, ["ndcg@5"])
        assert evaluation.per_request.requests == ("a", "b")
        assert evaluation.column("ndcg@5").tolist() == evaluate(run, records, ["ndcg@5"]).column("ndcg@5").tolist()


@pytest.mark.parametrize(
    ("judgements", "said"),
    [
        ([Judgement("q", "d", 1), Judgement("q", "d", 2)], "'d' is judged both 1 and 2 for 'q'"),
        ({"q": {"d": 0.5}}, "the gain of 'd' for 'q' is 0.5"),
        ({"q": {"d": 100_000}}, "whole number up to 1000"),
        ([], "there are no judgements"),
        ({"q": {}}, "there are no judgements"),
    ],
)
def test_unusable_judgements_are_refused(judgements, said):
    with pytest.raises(InputError, match=said):
        evaluate(Run.from_lists({"q": ["d"]}), judgements, ["mrr"])


def test_wrong_use_is_told():
    run, qrels = Run.from_lists({"q": ["d"]}), {"q": {"d": 1}}
    with pytest.raises(InputError, match="zero or skip, not 'drop'"):
        evaluate(run, qrels, ["mrr"], missing="drop")
    with pytest.raises(InputError, match=r"map was not computed\. There are mrr"):
        evaluate(run, qrels, ["mrr"]).column("map")
    twice = Run(("q", "q"), np.array([0, 1, 2]), np.array([0, 0]), ["d"], np.ones(2, np.float32))
    with pytest.raises(InputError, match="answered twice"):
        evaluate(twice, qrels, ["mrr"])
    with pytest.raises(ValueError, match="sorted"):
        PerRequest(("b", "a"), {})
    with pytest.raises(ValueError, match="as long"):
        PerRequest(("a", "b"), {"mrr": np.zeros(3)})
