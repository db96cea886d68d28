"""Several vectors a document: pools against numpy, groups of all sizes, several segments, one user's store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.index import collection as collections
from engine.index.collection import Collection
from engine.index.dense import inner_products
from engine.index.grouped import POOLS, TEMPERATURE, GroupedIndex, pool, write_grouped
from engine.index.segment import Segment
from engine.records import Document, Request
from index.worlds import DrawnEncoder, make

ENCODER = DrawnEncoder()


def texts_of(identity: str) -> list[str]:
    """0 to 4 texts a document, by its number."""
    return [f"{identity} serves {j}" for j in range(int(identity[1:]) % 5)]


def grouped(path: Path, collection: Collection) -> GroupedIndex:
    def texts(segment: Segment) -> Iterator[Sequence[str]]:
        return (texts_of(identity) for identity in segment.ids)

    for segment in collection.segments:
        write_grouped(path / "g" / segment.name, segment, texts, "origin", {}, ENCODER, path / "vectors", 1)  # type: ignore[arg-type]
    return GroupedIndex(path / "g", collection)


@pytest.fixture
def index(tmp_path: Path) -> GroupedIndex:
    make(tmp_path, [Document(f"d{i:03}", f"text {i}", user="ann" if i % 3 else None) for i in range(120)])
    collections.add(tmp_path / "documents", [Document(f"d{i:03}", f"text {i}", user="ann") for i in range(120, 150)])
    collections.add(tmp_path / "documents", [Document("d995", "its group is empty")])
    return grouped(tmp_path, collections.remove(tmp_path / "documents", ["d007", "d130"]))


def test_every_group_comes_back_in_the_order_asked(index: GroupedIndex) -> None:
    queries = ENCODER.encode_queries(["one", "two", "three"])
    rng = np.random.default_rng(0)
    rows = [rng.permutation(len(index.collection))[:n] for n in (40, 0, 151)]
    for query, own, (values, bounds) in zip(queries, rows, index.similarities(queries, rows), strict=True):
        assert bounds[-1] == len(values) and len(bounds) == len(own) + 1
        for place, row in enumerate(own.tolist()):
            wanted = ENCODER.encode_documents(texts_of(index.collection.ids[row])) @ query
            np.testing.assert_allclose(values[bounds[place] : bounds[place + 1]], wanted, atol=1e-6)


def test_the_nearest_are_found_and_what_was_left_out_is_no_nearer(index: GroupedIndex) -> None:
    requests = [Request("all", "one"), Request("hers", "two", user="ann"), Request("nobody's", "three", user="zoe")]
    queries = ENCODER.encode_queries([r.text for r in requests])
    found, unseen = index.nearest(requests, queries, 20)
    for i, (request, query) in enumerate(zip(requests, queries, strict=True)):
        best = {}
        for row, identity in enumerate(index.collection.ids):
            if request.user is None or index.collection.document(row).user == request.user:
                best[row] = max(ENCODER.encode_documents(texts_of(identity)) @ query, default=-np.inf)
        left = [value for row, value in best.items() if row not in set(found[i].tolist())]
        assert max(left, default=-np.inf) <= unseen[i] + 1e-6
    assert len(found[2]) == 0 and unseen[2] == -np.inf
    everything, unseen = index.nearest(requests, queries, 10_000)
    assert (unseen == -np.inf).all() and len(everything[0]) == sum(len(texts_of(i)) for i in index.collection.ids)


def test_pools_by_hand() -> None:
    similarities = np.asarray([0.2, 0.8, 0.5, 0.1], np.float32)
    bounds = np.asarray([0, 2, 2, 4])  # the second document has none
    fallback = np.asarray([0.0, 0.33, 0.0], np.float32)
    np.testing.assert_allclose(pool("max", similarities, bounds, fallback), [0.8, 0.33, 0.5])
    np.testing.assert_allclose(pool("mean", similarities, bounds, fallback), [0.5, 0.33, 0.3])
    soft = [
        TEMPERATURE * np.log((np.exp(a / TEMPERATURE) + np.exp(b / TEMPERATURE)) / 2)
        for a, b in ((0.2, 0.8), (0.5, 0.1))
    ]
    np.testing.assert_allclose(pool("soft", similarities, bounds, fallback), [soft[0], 0.33, soft[1]], rtol=1e-6)
    np.testing.assert_allclose(pool("max", similarities[:0], np.zeros(4, np.int64), fallback), fallback)


@pytest.mark.parametrize("kind", POOLS)
def test_a_pool_lies_between_mean_and_maximum_and_knows_no_order(kind: str) -> None:
    rng = np.random.default_rng(1)
    similarities = rng.uniform(-1, 1, 7).astype(np.float32)
    starts = np.asarray([0])
    value = POOLS[kind](similarities, starts)[0]
    assert similarities.mean() - 1e-6 <= value <= similarities.max() + 1e-6
    np.testing.assert_allclose(POOLS[kind](rng.permutation(similarities), starts)[0], value, rtol=1e-6)
    doubled = POOLS[kind](np.concatenate([similarities, similarities]), starts)[0]
    np.testing.assert_allclose(doubled, value, rtol=1e-5)  # repeating all of a document's scenarios says nothing new
    assert (POOLS[kind](similarities + 0.1, starts) > value).all()


def test_equal_vectors_tie_whatever_stands_around_them() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.standard_normal((500, 384), dtype=np.float32)
    vectors[[3, 77, 499]] = vectors[3]
    queries = rng.standard_normal((5, 384), dtype=np.float32)
    rows = np.asarray([[3, 77, 499, i, -1] for i in range(5)])
    products = inner_products(queries, vectors, rows)
    assert (products[:, 0] == products[:, 1]).all() and (products[:, 0] == products[:, 2]).all()
    assert (products[:, 4] == -np.inf).all()
    np.testing.assert_allclose(products[:, 3], [queries[i] @ vectors[i] for i in range(5)], rtol=1e-4, atol=1e-4)


def test_groups_that_do_not_fit_the_segment_are_refused(tmp_path: Path) -> None:
    collection = make(tmp_path, [Document("d1", "a"), Document("d2", "b")])
    [segment] = collection.segments
    with pytest.raises(ValueError, match="1 groups for 2 documents"):
        write_grouped(
            tmp_path / "g" / "0000", segment, lambda _: iter([["x"]]), "origin", {}, ENCODER, tmp_path / "v", 1
        )  # type: ignore[arg-type]
    assert not (tmp_path / "g" / "0000").exists()
    with pytest.raises(FileNotFoundError):
        GroupedIndex(tmp_path / "g", collection)
