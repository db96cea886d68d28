"""One process searches while another adds, removes and compacts in a loop: no search fails, none sees half a change.

The writer's documents come and go ten at a time, so a reader must find all ten of one round or none of them. One
reader opens everything anew for each search, one keeps a searcher and refreshes it, one never looks at what is new.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from crash import harness, operations, tiny
from engine import experiment
from engine.compose import Fusion
from engine.index import collection
from engine.methods.baselines import bm25, hybrid
from engine.records import Document, Request

pytestmark = pytest.mark.integration
ROUNDS, BATCH, COMMON = 12, 10, tiny.WORDS[0]
FIXED = [Document(f"fixed{i}", f"{COMMON} {text}") for i, text in enumerate(tiny.texts(15, seed=4))]


def config(folder: Path) -> hybrid.HybridConfig:
    return hybrid.HybridConfig(bm25=bm25.Bm25Config(), dense=operations.config(folder))


def opened(folder: Path) -> Fusion:
    """Searchers over the collection as it is now; what they lack is built, as `evaluate` does."""
    searcher = experiment.opened(hybrid.METHOD, config(folder), operations.target(folder))
    assert isinstance(searcher, Fusion)
    return searcher


def prepare(folder: Path) -> None:
    shutil.rmtree(folder / "grown")
    collection.ensure(folder / "grown", "fixed", FIXED)
    opened(folder)


def write(folder: Path) -> None:
    try:
        grow_and_shrink(opened(folder))
    finally:
        (folder / "finished").touch()


def grow_and_shrink(searcher: Fusion) -> None:
    for number in range(ROUNDS):
        batch = [Document(f"r{number}-{i}", f"{COMMON} {t}") for i, t in enumerate(tiny.texts(BATCH, seed=number))]
        searcher.add(batch)
        if number % 3 == 0:
            searcher.compact()
        searcher.remove([document.id for document in batch])
        if number % 4 == 0:
            searcher.compact()


def check(searcher: Fusion) -> int:
    """Search as all three searchers do; returns how many documents are there besides the fixed ones."""
    requests = [Request("all", COMMON), Request("none", COMMON, user="nobody")]
    fixed, counts = {document.id for document in FIXED}, set()
    for part in (*searcher.searchers, searcher):
        run = part.search(requests, 1000)
        found = run.documents(0)
        changing = {i for i in found if i not in fixed}
        assert len(found) == len(set(found)) and fixed <= set(found), found
        assert len(changing) in (0, BATCH) and len({i.split("-")[0] for i in changing}) <= 1, changing
        assert run.documents(1) == []
        counts.add(len(changing))
        for hit in searcher.explain(requests[0], found[:2] + sorted(changing)[:2]):
            assert COMMON in hit.document.text
    assert len(counts) == 1, "fused searchers see the same moment"
    return counts.pop()


def read_anew(folder: Path) -> None:
    while not (folder / "finished").exists():
        check(opened(folder))


def read_refreshed(folder: Path) -> None:
    searcher = opened(folder)
    while not (folder / "finished").exists():
        searcher.refresh()
        check(searcher)


def read_old(folder: Path) -> None:
    searcher = opened(folder)
    seen = None
    while not (folder / "finished").exists():
        now = check(searcher)
        assert seen in (None, now)
        seen = now


def test_readers_never_fail_and_never_see_half_a_change(fresh: Callable[[str], Path]) -> None:
    folder = fresh("shared")
    harness.run(prepare, folder)
    children = [
        harness.Child(operation, folder, error=folder / f"{operation.__name__}.stderr")
        for operation in (read_anew, read_refreshed, read_old, write)
    ]
    for child in children:
        done = child.wait(limit=180)
        assert done.code == 0, done.stderr
    assert harness.leftovers(folder) == []
