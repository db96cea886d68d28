"""Names of metrics: what is accepted, what they are called afterwards, what is said of those that do not exist."""

import pytest
from pytrec_eval import supported_measures

from engine.errors import InputError
from engine.evaluation.measures import MEASURES, Metric, parse_metrics


def test_keys_survive_a_round_trip():
    names = ["ndcg", "ndcg@10", "recall@5", "hit@1", "mrr", "mrr@10", "map", "map@100", "p@5", "rprec"]
    assert [str(metric) for metric in parse_metrics(names)] == names
    assert parse_metrics(parse_metrics(names)) == parse_metrics(names)


@pytest.mark.parametrize(
    ("written", "key"),
    [("nDCG@10", "ndcg@10"), ("HR@10", "hit@10"), ("Precision@5", "p@5"), ("AP", "map"), (" R@5 ", "recall@5")],
)
def test_case_and_the_names_of_other_tools_are_understood(written, key):
    assert str(Metric.parse(written)) == key


def test_each_metric_once():
    assert parse_metrics(["ndcg@10", "nDCG@10", "hit@1", "success@1"]) == (Metric("ndcg", 10), Metric("hit", 1))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("ndgc@10", "the nearest is ndcg@10"),
        ("recal@5", "the nearest is recall@5"),
        ("zzz", "known are ndcg, ndcg@k, recall@k"),
        ("recall", "needs a cutoff, such as recall@10"),
        ("rprec@5", "can't be cut off, write rprec"),
        ("ndcg@", "no whole number from 1"),
        ("ndcg@0", "no whole number from 1"),
        ("ndcg@-1", "no whole number from 1"),
        ("ndcg@1.5", "no whole number from 1"),
        ("ndcg@10000000000", "no whole number from 1"),
    ],
)
def test_what_does_not_exist_is_told_with_its_remedy(written, said):
    for parse in (Metric.parse, lambda name: parse_metrics([name])):
        with pytest.raises(InputError, match=said):
            parse(written)


def test_all_faults_are_told_at_once():
    with pytest.raises(InputError) as caught:
        parse_metrics(["ndgc@10", "map", "recall"])
    assert "ndgc@10" in str(caught.value) and "needs a cutoff" in str(caught.value)
    with pytest.raises(InputError, match="no metric given"):
        parse_metrics([])


def test_pytrec_eval_has_every_measure_of_the_table():
    for measure in MEASURES.values():
        assert {measure.whole, measure.cut} - {None} <= supported_measures
