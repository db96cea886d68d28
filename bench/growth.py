"""What it costs to add 100 documents to a large collection, beside an index of 100 documents alone and a full build."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from bench.measure import Comparison, timed
from bench.table import Row, Table, compared, number, size
from bench.world import StandInEncoder, World, open_dense, open_lexical, write_collection, zipf_texts
from engine.artifacts import Workspace
from engine.index import collection
from engine.records import Document

STEPS = ("documents", "lexical", "dense", "first search")
SAME = 1.10  # bytes and texts of an addition beside those of the same documents alone


class Cost:
    """Seconds and bytes written of each step of one change, and how many texts it had encoded."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.bytes: dict[str, int] = {}
        self.texts = 0

    def step(self, name: str, call: Callable[[], Any]) -> Any:
        before = written()
        self.seconds[name], result = timed(call)
        self.bytes[name] = written() - before
        return result


def written() -> int:
    """Bytes that this process has handed to write() so far (Linux)."""
    return int(Path("/proc/self/io").read_text("ascii").split("wchar:")[1].split()[0])


def change(world: World, workspace: Workspace, publish: Callable[[Workspace], Any]) -> Cost:
    """Carry out one change in `workspace` and bring both indexes up to it, as a searcher's `refresh` does."""
    cost, encoder = Cost(), StandInEncoder(world.sizes.dimension)
    documents = cost.step("documents", lambda: publish(workspace))
    lexical = cost.step("lexical", lambda: open_lexical(workspace, documents))
    dense = cost.step("dense", lambda: open_dense(workspace, documents, encoder))
    cost.texts = encoder.texts
    request, query = world.requests[:1], world.vectors[:1]
    cost.step("first search", lambda: (lexical.search(request, 10), dense.search_vectors(request, query, 10)))
    return cost


def run(world: World) -> Table:
    sizes = world.sizes
    world.lexical, world.dense  # noqa: B018  (build them)
    full = sum(world.seconds.values())
    texts = zipf_texts(sizes.added, sizes.vocabulary, 60, seed=3)
    new = [Document(f"new{i:03d}", text, user="newcomer") for i, text in enumerate(texts)]
    gone = [d.id for d in world.documents[:: max(len(world.documents) // sizes.added, 1)][: sizes.added]]
    added, alone, removed = [], [], []
    for _ in range(sizes.repeats):
        added.append(change(world, copy(world), lambda w: collection.add(w.collection("world"), new)))
        empty = Workspace(world.scratch / "alone")
        shutil.rmtree(empty.root, ignore_errors=True)
        alone.append(change(world, empty, lambda w: write_collection(w, new)))
        removed.append(change(world, copy(world), lambda w: collection.remove(w.collection("world"), gone)))
    workspace = copy(world)
    collection.add(workspace.collection("world"), new)
    compacted = change(world, workspace, lambda w: collection.compact(w.collection("world")))

    n, total = sizes.added, f"{sizes.documents:,}"
    rows = [
        Row(
            f"add {n}: texts encoded", str(added[0].texts), str(alone[0].texts), *_same(added[0].texts, alone[0].texts)
        ),
        _bytes(f"add {n}: bytes written, documents and vectors", added, alone, ("documents", "dense")),
        _bytes(f"add {n}: bytes written, postings", added, alone, ("lexical",)),
        *(compared(f"add {n}: {step}", _seconds(added, alone, (step,)), budget=None) for step in STEPS),
        compared(f"add {n}: in all", _seconds(added, alone, STEPS), budget=None),
        _beside_full(f"add {n} to {total}, beside building all", added, full),
        _beside_full(f"remove {n} from {total}, beside building all", removed, full),
        _beside_full(f"compact {total} + {n}, beside building all", [compacted], full),
    ]
    note = (
        f"{n} documents added to {total} with both indexes (vectors of the stand-in encoder, which cost next to "
        f"nothing). Direct: a collection of these {n} documents alone; for the last rows, building everything. "
        "'First search' is one BM25 and one dense query after it."
    )
    return Table("growth", note, rows)


def copy(world: World) -> Workspace:
    """The world's workspace again; its files are linked, since the engine replaces files and never changes one."""
    target = world.scratch / "grown"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(world.workspace.root, target, copy_function=os.link)
    return Workspace(target)


def _seconds(ours: list[Cost], direct: list[Cost], steps: tuple[str, ...]) -> Comparison:
    return Comparison(*(tuple(sum(c.seconds[s] for s in steps) for c in costs) for costs in (ours, direct)))


def _bytes(what: str, ours: list[Cost], direct: list[Cost], steps: tuple[str, ...]) -> Row:
    a, b = (int(median(sum(c.bytes[s] for s in steps) for c in costs)) for costs in (ours, direct))
    return Row(what, size(a), size(b), *_same(a, b))


def _same(ours: int, direct: int) -> tuple[str, str, bool]:
    return number(ours / direct), f"<= {SAME:.2f}", ours <= SAME * direct


def _beside_full(what: str, costs: list[Cost], full: float) -> Row:
    steps = ("documents", "lexical", "dense")
    seconds = tuple(sum(cost.seconds[step] for step in steps) for cost in costs)
    return compared(what, Comparison(seconds, (full,) * len(seconds)), budget=None)
