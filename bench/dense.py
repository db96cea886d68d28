"""Dense search beside FAISS: all of a collection, one query, and one person's store at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.measure import side_by_side
from bench.table import Table, compared
from bench.world import World
from engine.records import Run


def run(world: World) -> Table:
    import faiss

    sizes, index, queries = world.sizes, world.dense, world.vectors
    k, one_by_one = sizes.k, min(sizes.queries, 50)
    vectors = np.array(index.segments[0].vectors)  # (documents, dimension), in memory
    flat = faiss.IndexFlatIP(sizes.dimension)
    flat.add(vectors)
    ranges = [world.collection.ranges(request.user)[0] for request in world.scoped]

    def together() -> Run:
        return index.search_vectors(world.requests, queries, k)

    def singly() -> Run:
        for i in range(one_by_one):
            last = index.search_vectors(world.requests[i : i + 1], queries[i : i + 1], k)
        return last

    def flat_singly() -> tuple[np.ndarray, np.ndarray]:
        for i in range(one_by_one):
            last = flat.search(queries[i : i + 1], k)
        return last

    def stores() -> Run:
        return index.search_vectors(world.scoped, queries, k)

    def faiss_stores() -> list[Any]:
        return [
            faiss.knn(
                queries[i : i + 1], vectors[r.low : r.high], min(k, r.high - r.low), metric=faiss.METRIC_INNER_PRODUCT
            )
            for i, r in enumerate(ranges)
        ]

    agree(together(), flat.search(queries, k)[0].ravel())
    agree(stores(), np.concatenate([scores.ravel() for scores, _ in faiss_stores()]))
    n, users = sizes.queries, len(world.collection.users)
    note = (
        f"{len(vectors):,} random unit vectors of {sizes.dimension} dimensions, memory-mapped from disk, k = {k}, "
        f"{faiss.omp_get_max_threads()} threads for both. Direct: `IndexFlatIP.search` on a copy in memory; for "
        "stores, one `faiss.knn` call on each one's slice, whose arrays nobody reads. Ours makes one run of it, "
        "ties ordered by id."
    )
    return Table(
        "dense",
        note,
        [
            compared(
                f"{n:,} queries at once", side_by_side(together, lambda: flat.search(queries, k), sizes.repeats), per=n
            ),
            compared("one query at a time", side_by_side(singly, flat_singly, sizes.repeats), per=one_by_one),
            compared(
                f"{n:,} queries to {users:,} stores of {len(vectors) // users}",
                side_by_side(stores, faiss_stores, 3 * sizes.repeats),
                per=n,
            ),
        ],
    )


def agree(run: Run, scores: np.ndarray) -> None:
    """Raises AssertionError if the run's scores are not those of the direct way."""
    np.testing.assert_allclose(run.scores, scores, atol=1e-4)
