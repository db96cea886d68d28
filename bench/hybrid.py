"""What merging two rankings adds to making them."""

from __future__ import annotations

from functools import partial

from bench.measure import side_by_side
from bench.table import Table, compared
from bench.world import World
from engine.compose import FusionOptions, fuse


def run(world: World) -> Table:
    sizes, requests, rank = world.sizes, world.requests, world.collection.rank
    lexical, dense = world.lexical, world.dense
    runs = [lexical.search(requests, sizes.k), dense.search_vectors(requests, world.vectors, sizes.k)]

    def searches() -> None:
        lexical.search(requests, sizes.k)
        dense.search_vectors(requests, world.vectors, sizes.k)

    rows = [
        compared(
            f"fuse ({options.fusion}), {len(requests):,} requests, 2 x {sizes.k}",
            side_by_side(partial(fuse, requests, runs, rank, sizes.k, options), searches, sizes.repeats),
            budget=None,
            per=len(requests),
        )
        for options in (FusionOptions(fusion="rrf"), FusionOptions(fusion="weighted"))
    ]
    note = "`fuse` beside the two searches whose lists it merges (BM25, and dense with the queries' vectors given)."
    return Table("hybrid", note, rows)
