"""SPIKE's search beside the two FAISS searches that it stands on: 100,000 documents with five scenarios each.

Vectors are planted as real ones lie: a scenario near its document, a query near one of them. (Where nothing lies near
anything, as among random vectors, no short list is enough, and the search goes through everything.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bench.measure import side_by_side
from bench.table import Table, compared
from bench.world import StandInEncoder, World
from engine.index.dense import DenseConfig, DenseIndex
from engine.index.grouped import GroupedIndex, write_grouped
from engine.index.segment import Segment
from engine.methods.spike.config import SpikeOptions
from engine.methods.spike.search import SpikeSearcher
from engine.records import Request, Run

SCENARIOS = 5  # a document
K = 10
NEAR = 0.7  # the cosine of a scenario and its document, of a query and what answers it
BUDGET = 1.5


class PlantedEncoder(StandInEncoder):
    """`NAME|j` lies near `NAME`; everything else is random."""

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self.digest = f"planted-{dimension}"

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        own = super().encode_documents(texts)
        near = np.asarray(["|" in text for text in texts])
        if near.any():
            origin = super().encode_documents([text.partition("|")[0] for text in texts])
            mixed = NEAR * origin + np.sqrt(1 - NEAR**2) * own
            own[near] = (mixed / np.linalg.norm(mixed, axis=1, keepdims=True))[near]
        return own

    def encode_queries(self, texts: Sequence[str], instruction: str | None = None) -> np.ndarray:
        return self.encode_documents(texts)


def run(world: World) -> Table:
    import faiss

    encoder, cache = PlantedEncoder(world.sizes.dimension), world.scratch / "planted"
    path = world.workspace.index("world", "spike", "bench")
    DenseIndex.build(path / "documents", world.collection, DenseConfig(), encoder, cache, 1)  # type: ignore[arg-type]

    def scenarios(segment: Segment) -> Iterator[Sequence[str]]:
        return ([f"{content}|{j}" for j in range(SCENARIOS)] for content in segment.contents())

    for segment in world.collection.segments:
        write_grouped(path / "scenarios" / segment.name, segment, scenarios, "bench", {}, encoder, cache, 1)  # type: ignore[arg-type]
    searcher = SpikeSearcher.over(
        DenseIndex(path / "documents", world.collection, encoder),  # type: ignore[arg-type]
        GroupedIndex(path / "scenarios", world.collection),
    )
    rng = np.random.default_rng(2)
    meant = rng.choice(len(world.documents), size=world.sizes.queries, replace=False)
    requests = [Request(f"q{i}", f"{world.documents[row].content}|query") for i, row in enumerate(meant)]
    queries = encoder.encode_queries([request.text for request in requests])
    searcher.documents.encode = lambda asked: queries[: len(asked)]  # type: ignore[method-assign]
    options, one_by_one = SpikeOptions(a=0.5), min(world.sizes.queries, 50)
    documents, vectors = faiss.IndexFlatIP(encoder.dimension), faiss.IndexFlatIP(encoder.dimension)
    documents.add(np.array(searcher.documents.segments[0].vectors))
    vectors.add(np.array(searcher.scenarios.segments[0].vectors))

    def ours() -> Run:
        return searcher.search(requests, K, options)

    def two() -> object:
        return documents.search(queries, options.depth), vectors.search(queries, 2 * options.depth)

    def ours_singly() -> None:
        for i in range(one_by_one):
            searcher.ranked(requests[i : i + 1], queries[i : i + 1], K, options)

    def two_singly() -> None:
        for i in range(one_by_one):
            documents.search(queries[i : i + 1], options.depth)
            vectors.search(queries[i : i + 1], 2 * options.depth)

    found = ours()
    hits = sum(world.documents[row].id in found.documents(i)[:1] for i, row in enumerate(meant))
    count = world.sizes.queries
    note = (
        f"{len(world.documents):,} documents and {SCENARIOS} scenarios each, {encoder.dimension} dimensions, k = {K}. "
        f"Direct: one `IndexFlatIP.search` for {options.depth} documents and one for {2 * options.depth} scenarios, on "
        "copies in memory, whose lists nobody joins. Ours joins them, computes what is missing, and fetches more where "
        f"these were not enough to be sure of the {K} best. The meant document came first for {hits / count:.1%}."
    )
    return Table(
        "spike",
        note,
        [
            compared(f"{count:,} queries at once", side_by_side(ours, two, world.sizes.repeats), BUDGET, per=count),
            compared(
                "one query at a time",
                side_by_side(ours_singly, two_singly, world.sizes.repeats),
                BUDGET,
                per=one_by_one,
            ),
        ],
    )
