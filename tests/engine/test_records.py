"""The vocabulary: order, cutting and building of runs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.records import Document, MatchedTerms, Run, trec_order


def test_order_is_float32_score_then_id_both_descending() -> None:
    scores = np.asarray([0.5, 0.5 + 1e-12, 2.0, 0.5])
    assert trec_order(scores, ["a", "c", "z", "b"]).tolist() == [2, 1, 3, 0]  # c, b, a tie as float32


@given(
    st.dictionaries(
        st.text("qr", min_size=1), st.dictionaries(st.text("abé𝒳", min_size=1), st.sampled_from([0.0, 1.0, 2.5]))
    )
)
def test_a_run_from_scores_is_sorted_and_loses_nothing(scores: dict[str, dict[str, float]]) -> None:
    run = Run.from_scores(scores)
    assert run.requests == tuple(scores)
    for request, documents, values in run.lists():
        assert dict(zip(documents, values.tolist(), strict=True)) == scores[request]
        assert list(zip(values.tolist(), documents, strict=True)) == sorted(
            zip(values.tolist(), documents, strict=True), reverse=True
        )


@given(st.lists(st.integers(0, 6), max_size=6), st.integers(1, 7))
def test_top_cuts_each_list(lengths: list[int], k: int) -> None:
    run = Run.from_lists({f"q{i}": [f"d{j}" for j in range(n)] for i, n in enumerate(lengths)})
    cut = run.top(k)
    assert [cut.documents(i) for i in range(len(run))] == [run.documents(i)[:k] for i in range(len(run))]


def test_content_joins_title_and_text() -> None:
    assert Document("1", "text", title="Title").content == "Title text"
    assert Document("1", "text").content == "text"


def test_an_explanation_has_one_line() -> None:
    assert MatchedTerms((("boat", 1.5),), ((0, 4),)).line == "matches boat (1.50)"
    assert MatchedTerms(()).line == "no word in common"
