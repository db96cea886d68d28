"""Dense search against numpy's brute force: stores, exclusions, removals, segments, and ties decided by id."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.index import collection as collections
from engine.index.collection import Collection
from engine.records import Document, Request

from .worlds import DrawnEncoder, dense, make

USERS = ("ann", "bob", None)


def brute_force(collection: Collection, request: Request, k: int) -> list[tuple[str, float]]:
    """Every live document that may answer, by (float32 score, id) descending."""
    encoder = DrawnEncoder()
    query = encoder.encode_queries([request.text])[0]
    scored = [
        (float(np.float32(encoder.encode_documents([d.content])[0] @ query)), d.id)
        for d in collection.documents()
        if request.user in (None, d.user) and d.id not in request.exclude
    ]
    return [(i, score) for score, i in sorted(scored, key=lambda pair: (round(pair[0], 5), pair[1]), reverse=True)[:k]]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Document], list[Document], set[str], Request, int]:
    """Documents first indexed, documents added, ids removed, a request, and k. Few texts, so that many tie."""
    number = draw(st.integers(1, 14))
    numbers, texts, users = st.integers(0, 999), st.sampled_from(["red", "blue", "green"]), st.sampled_from(USERS)
    documents = [Document(f"d{draw(numbers)}-{i}", draw(texts), user=draw(users)) for i in range(number)]
    cut = draw(st.integers(1, number))
    ids = [d.id for d in documents]
    removed = set(draw(st.lists(st.sampled_from(ids), max_size=number - 1, unique=True))) if number > 1 else set()
    request = Request(
        "q",
        draw(st.sampled_from(["red", "which?"])),
        user=draw(st.sampled_from(["ann", "bob", "nobody", None])),
        exclude=tuple(draw(st.lists(st.sampled_from([*ids, "unknown"]), max_size=4))),
    )
    return documents[:cut], documents[cut:], removed, request, draw(st.integers(1, 16))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds())
def test_equals_brute_force_whatever_was_added_and_removed(
    tmp_path_factory: pytest.TempPathFactory, world: tuple[list[Document], list[Document], set[str], Request, int]
) -> None:
    first, added, removed, request, k = world
    path = tmp_path_factory.mktemp("world")
    collection = make(path, first)
    if added:
        collection = collections.add(path / "documents", added)
    if removed:
        collection = collections.remove(path / "documents", removed)
    for state in (collection, collections.compact(path / "documents")):
        run = dense(path, state).search([request], k)
        wanted = brute_force(state, request, k)
        assert run.documents(0) == [i for i, _ in wanted]
        np.testing.assert_allclose(run.scores, [score for _, score in wanted], atol=1e-5)


def test_a_tie_at_the_cut_is_decided_by_id(tmp_path: Path) -> None:
    documents = [Document(f"{i:03d}", "the same text") for i in range(200)]
    run = dense(tmp_path, make(tmp_path, documents)).search([Request("q", "x"), Request("r", "x", exclude=("199",))], 3)
    assert run.documents(0) == ["199", "198", "197"]
    assert run.documents(1) == ["198", "197", "196"]


@pytest.mark.parametrize("factory", ["HNSW32", "SQ8"])
def test_an_approximate_index_finds_nearly_all(tmp_path: Path, factory: str) -> None:
    documents = [Document(str(i), f"text number {i}", user="ann" if i % 50 == 0 else None) for i in range(5000)]
    collection = make(tmp_path, documents)
    requests = [Request(str(i), f"question {i}") for i in range(100)]
    exact = dense(tmp_path / "flat", collection).search(requests, 10)
    close = dense(tmp_path / factory, collection, factory).search(requests, 10)
    shared = [len(set(exact.documents(i)) & set(close.documents(i))) for i in range(100)]
    assert np.mean(shared) >= 9.5
    scoped = [Request("q", "question", user="ann", exclude=("0",))]
    assert dense(tmp_path / factory, collection, factory).search(scoped, 7).documents(0) == brute_ids(
        collection, scoped[0]
    )


def brute_ids(collection: Collection, request: Request) -> list[str]:
    return [i for i, _ in brute_force(collection, request, 7)]


def test_the_nearest_sentence_explains(tmp_path: Path) -> None:
    index = dense(tmp_path, make(tmp_path, [Document("d", "One thing. red! Another thing?", title="Title.")]))
    [why] = index.explain(DrawnEncoder().encode_queries(["red!"])[0], [0])
    assert why.sentence == "red!" and why.sentence_similarity == pytest.approx(1, abs=1e-6)
    assert collections.Collection(tmp_path / "documents").document(0).content[slice(*why.span)] == "red!"
