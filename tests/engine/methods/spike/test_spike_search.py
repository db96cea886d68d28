"""The scoring of the paper, against brute force, and the properties that the specification asks for (its section 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from index.worlds import DrawnEncoder

from engine.errors import InputError
from engine.index.grouped import POOLS
from engine.methods.spike.config import SpikeOptions
from engine.methods.spike.search import SpikeSearcher
from engine.records import Document, MatchedScenario, Request, trec_order
from methods.spike.conftest import needs

ENCODER = DrawnEncoder()


def brute(searcher: SpikeSearcher, request: Request, a: float, pool: str = "max") -> tuple[list[str], np.ndarray]:
    """Every document's score in float64, in trec_eval's order."""
    query = ENCODER.encode_queries([request.text], request.instruction)[0].astype(np.float64)
    ids, scores = [], []
    for row in np.flatnonzero(~searcher.collection.deleted).tolist():
        document = searcher.collection.document(row)
        if (request.user and document.user != request.user) or document.id in request.exclude:
            continue
        similarity = float(ENCODER.encode_documents([document.content])[0].astype(np.float64) @ query)
        own = [need["information_need"] for need in needs(int(document.id[1:]))]
        group = ENCODER.encode_documents(own).astype(np.float64) @ query
        best = POOLS[pool](group, np.asarray([0]))[0] if own else similarity
        ids.append(document.id)
        scores.append(a * similarity + (1 - a) * best)
    order = trec_order(np.asarray(scores), ids)
    return [ids[i] for i in order], np.asarray(scores)[order]


REQUESTS = [
    Request("all", "question one"),
    Request("hers", "question two", user="ann"),
    Request("without", "question three", exclude=("d001", "d004", "d299")),
    Request("nobody", "question four", user="zoe"),
]


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("a", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("depth", [1, 20])
def test_the_answer_is_that_of_scoring_every_document(searcher: SpikeSearcher, a: float, pool: Any, depth: int) -> None:
    """Whatever few candidates are taken first."""
    run = searcher.search(REQUESTS, 10, SpikeOptions(a=a, pool=pool, depth=depth))
    for i, request in enumerate(REQUESTS):
        ids, scores = brute(searcher, request, a, pool)
        assert run.documents(i) == ids[:10]
        np.testing.assert_allclose(run.scores_of(i), scores[:10], atol=2e-6)
        assert len(run.documents(i)) == min(10, len(ids))
        assert not set(request.exclude) & set(run.documents(i))


def test_a_of_one_is_dense_search_to_the_last_digit(searcher: SpikeSearcher) -> None:
    for requests in (REQUESTS, [Request(str(i), f"many {i}") for i in range(50)]):
        ours, dense = searcher.search(requests, 20, SpikeOptions(a=1)), searcher.documents.search(requests, 20)
        assert (ours.rows == dense.rows).all() and (ours.scores == dense.scores).all()


def test_a_request_is_answered_the_same_alone_and_among_many(searcher: SpikeSearcher) -> None:
    requests = [Request(str(i), f"question {i}", user=("ann", None)[i % 2]) for i in range(60)]
    together = searcher.search(requests, 10, SpikeOptions(a=0.5, depth=10))
    for i, request in enumerate(requests):
        alone = searcher.search([request], 10, SpikeOptions(a=0.5, depth=10))
        assert alone.documents(0) == together.documents(i)
        assert (alone.scores == together.scores_of(i)).all()


def few(rows: list[list[str]]) -> list[dict[str, Any]]:
    return [
        {"id": f"d{i}", "main_topic": "t", "scenarios": [{"information_need": need} for need in own]}
        for i, own in enumerate(rows)
    ]


DOCUMENTS = [{"_id": f"d{i}", "text": f"text {i}"} for i in range(4)]
NEEDS = [["a need", "another need"], ["a third need"], [], ["a fourth need", "a fifth need", "a sixth need"]]


@pytest.mark.parametrize(
    "changed",
    [
        few([list(reversed(own)) for own in NEEDS]),  # their order says nothing
        list(reversed(few(NEEDS))),  # nor does that of the rows
        few([[*own, *own] for own in NEEDS]),  # nor saying them twice
    ],
)
def test_what_must_not_change_a_score(opened: Callable[..., SpikeSearcher], changed: list[dict[str, Any]]) -> None:
    request = [Request("q", "question")]
    before = opened(DOCUMENTS, few(NEEDS)).search(request, 4, SpikeOptions(a=0.4))
    after = opened(DOCUMENTS, changed).search(request, 4, SpikeOptions(a=0.4))
    assert after.documents(0) == before.documents(0) and (after.scores == before.scores).all()


def test_only_a_nearer_scenario_raises_a_score(opened: Callable[..., SpikeSearcher]) -> None:
    query = ENCODER.encode_queries(["question"])[0]
    texts = sorted((f"candidate {i}" for i in range(50)), key=lambda t: float(ENCODER.encode_documents([t])[0] @ query))
    middle, farther, nearer = texts[25], texts[5], texts[45]

    def score(*own: str) -> float:
        searcher = opened(DOCUMENTS, few([list(own), ["x"], [], ["y"]]))
        return searcher.explain(Request("q", "question"), ["d0"], SpikeOptions(a=0.5))[0].score

    assert score(middle, farther) == score(middle) < score(middle, nearer) == score(nearer)


def test_every_hit_tells_its_scenario_both_scores_and_its_rank_without(searcher: SpikeSearcher) -> None:
    request, options = Request("q", "question one", exclude=("d003",)), SpikeOptions(a=0.3)
    run = searcher.search([request], 20, options)
    alone = searcher.documents.search([request], 300).documents(0)
    query = ENCODER.encode_queries([request.text])[0]
    for hit, score in zip(searcher.explain(request, run.documents(0), options), run.scores.tolist(), strict=True):
        [why] = hit.why
        assert isinstance(why, MatchedScenario) and hit.score == score
        assert why.rank_without == alone.index(hit.document.id) + 1
        own = needs(int(hit.document.id[1:]))
        assert why.scenarios == len(own) and why.source == "import:rows.jsonl"
        assert why.document_similarity == pytest.approx(
            float(ENCODER.encode_documents([hit.document.content])[0] @ query)
        )
        if own:
            similar = ENCODER.encode_documents([need["information_need"] for need in own]) @ query
            assert why.need == own[int(np.argmax(similar))]["information_need"]
            assert why.scenario_similarity == pytest.approx(float(similar.max()), abs=1e-6)
            assert hit.score == pytest.approx(0.3 * why.document_similarity + 0.7 * similar.max(), abs=1e-6)
        else:
            assert why.scenario_similarity is None and "no scenarios" in why.line


def test_an_instruction_goes_before_the_query_alone(searcher: SpikeSearcher) -> None:
    request = Request("q", "question", instruction="find: ")
    ids, _ = brute(searcher, request, 0.5)
    assert searcher.search([request], 10, SpikeOptions()).documents(0) == ids[:10]
    assert brute(searcher, Request("q", "question"), 0.5)[0][:10] != ids[:10]


def test_the_words_of_the_needs_are_a_third_voice(opened: Callable[..., SpikeSearcher]) -> None:
    rows = few([["mend the leaking roof"], ["bake bread"], ["roof roof garden"], ["sleep well"]])
    searcher = opened(DOCUMENTS, rows, ("build.parts=[need]", "build.needs={k1: 0.9}", "build.needs.b=0.4"))
    request = [Request("q", "roof"), Request("none", "zebra")]
    plain = searcher.search(request, 4, SpikeOptions(a=0.5))
    voiced = searcher.search(request, 4, SpikeOptions(a=0.5, lexical=1, depth=1))
    assert set(voiced.documents(0)[:2]) == {"d0", "d2"}
    assert voiced.documents(1) == plain.documents(1) and (voiced.scores_of(1) == plain.scores_of(1)).all()
    added = dict(zip(voiced.documents(0), voiced.scores_of(0), strict=True))
    before = dict(zip(plain.documents(0), plain.scores_of(0), strict=True))
    assert max(added[d] - before[d] for d in before) == pytest.approx(1, abs=1e-5)  # the best in words
    assert added["d1"] == before["d1"] and added["d3"] == before["d3"]
    hits = searcher.explain(request[0], voiced.documents(0), SpikeOptions(a=0.5, lexical=1))
    assert [hit.score for hit in hits] == voiced.scores_of(0).tolist()


def test_words_without_postings_are_refused(searcher: SpikeSearcher) -> None:
    with pytest.raises(InputError, match=r"search\.lexical"):
        searcher.search(REQUESTS, 5, SpikeOptions(lexical=0.2))


def test_additions_and_removals_are_seen_and_cost_what_they_are(searcher: SpikeSearcher) -> None:
    encoded: list[str] = []
    ENCODE = type(ENCODER).encode_documents
    own = searcher.documents.encoder
    own.encode_documents = lambda texts: (encoded.extend(texts), ENCODE(ENCODER, texts))[1]  # type: ignore[assignment, method-assign]
    searcher.change(add=[Document("d901", "a new one", user="ann")], remove=["d002", "d003"])
    assert encoded == ["a new one"]
    options = SpikeOptions(a=0.5)
    found = searcher.search(REQUESTS, 400, options)
    assert not {"d002", "d003"} & set(found.documents(0)) and "d901" in found.documents(0)
    searcher.compact()
    again = searcher.search(REQUESTS, 400, options)
    assert [again.documents(i) for i in range(4)] == [found.documents(i) for i in range(4)]
    np.testing.assert_array_equal(again.scores, found.scores)
    assert [text for text in encoded if not text.startswith("question")] == ["a new one"]
