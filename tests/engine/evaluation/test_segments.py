"""Means by segment: labels from requests, and means, counts and intervals from labels."""

import pytest

from engine.errors import InputError
from engine.evaluation.metrics import evaluate
from engine.evaluation.segments import by_label, labels_of
from engine.records import Request, Run

REQUESTS = [
    Request("a", user="u1", time="2024-01-01", fields={"category": "when", "hops": 2}),
    Request("b", user="u1", fields={"category": "who"}),
    Request("c", user="u2", fields={"category": "when"}),
    Request("d"),
]
EVALUATION = evaluate(
    Run.from_lists({"a": ["x"], "b": ["y", "x"], "c": ["y", "x"], "d": ["z"]}),
    {request: {"x": 1} for request in "abcd"},
    ["mrr", "hit@1"],
)


def test_labels():
    assert labels_of(REQUESTS, "category") == {"a": "when", "b": "who", "c": "when"}
    assert labels_of(REQUESTS, "hops") == {"a": "2"}
    assert labels_of(REQUESTS, "user") == {"a": "u1", "b": "u1", "c": "u2"}
    assert labels_of(REQUESTS, "time") == {"a": "with time", **dict.fromkeys("bcd", "without time")}
    with pytest.raises(InputError, match=r"no request has 'kind'. Segments can be user, time, category, hops"):
        labels_of(REQUESTS, "kind")


def test_means_counts_and_intervals():
    segments = by_label(EVALUATION, labels_of(REQUESTS, "category"), resamples=500)
    assert [(s.label, s.requests) for s in segments] == [("when", 2), ("who", 1), ("(none)", 1)]
    when, who, none = segments
    assert when.metrics == {"mrr": 0.75, "hit@1": 0.5}
    assert when.intervals == {"mrr": (0.5, 1.0), "hit@1": (0.0, 1.0)}
    assert who.metrics == {"mrr": 0.5, "hit@1": 0.0} and who.intervals == {"mrr": None, "hit@1": None}
    assert none.metrics["mrr"] == 0.0


def test_labels_of_any_origin_and_chosen_metrics():
    kinds = {"a": "note", "d": "note", "not evaluated": "mail"}
    note, none = by_label(EVALUATION, kinds, ["mrr"], resamples=100)
    assert (note.label, note.requests, note.metrics) == ("note", 2, {"mrr": 0.5})
    assert (none.label, none.requests) == ("(none)", 2)
    with pytest.raises(InputError, match="map was not computed"):
        by_label(EVALUATION, kinds, ["map"])


def test_segments_add_up():
    segments = by_label(EVALUATION, labels_of(REQUESTS, "user"), ["mrr"], resamples=100)
    total = sum(s.requests * s.metrics["mrr"] for s in segments)
    assert total / EVALUATION.requests == pytest.approx(EVALUATION.metrics["mrr"])
