"""A full disk: one line that names the place and the remedy, the old artefact as it was, nothing half-written; and the
same call succeeds once there is space. The disk is a tmpfs of a few MB, filled so that it ends at different moments.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash import harness, operations
from engine import runs, vectors
from engine.artifacts import Workspace
from engine.errors import BuildError
from engine.index import collection

pytestmark = pytest.mark.integration
FREE = (0, 4, 12, 40)  # KiB left when the operation starts


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, 6 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, free: int) -> Path:
    """Leave `free` KiB; removing the file that is returned makes space again."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        file.write(bytes(max(shutil.disk_usage(disk).free - free * 1024, 0)))
    assert shutil.disk_usage(disk).free <= free * 1024
    return ballast


def prefill_store(folder: Path) -> None:
    """A store of all runs but the newest."""
    newest = runs.everything(Workspace(folder / "workspace"))[-1].path
    shutil.move(newest, folder / "aside")
    operations.sync(folder)
    shutil.move(folder / "aside", newest)


def encode(folder: Path) -> None:
    vectors.write_vectors(
        folder / "vectors.npy", operations.encoder(folder), operations.encoded_texts, folder / "cache"
    )


def add_many(folder: Path) -> None:
    collection.add(folder / "grown", operations.documents(600, first=300))


CASES = {
    "encode": (encode, []),
    "write lexical": (operations.write_lexical, []),
    "replace lexical": (operations.rewrite_lexical, [operations.write_lexical]),
    "write dense": (operations.write_dense, []),
    "write hnsw": (operations.write_hnsw, []),
    "write spike": (operations.write_spike, []),
    "import scenarios": (operations.take_in, [operations.made_elsewhere]),
    "make a collection": (operations.ensure, []),
    "add": (add_many, []),
    "remove": (operations.remove, []),
    "compact": (operations.compact, []),
    "save a run": (operations.save, []),
    "make the store": (operations.sync, []),
    "sync the store": (operations.sync, [prefill_store]),
}


def try_it(folder: Path) -> None:
    """The operation named in `operation.txt`; a BuildError becomes `error.txt` outside of the disk."""
    operation = CASES[(folder.parent.parent / "operation.txt").read_text()][0]
    try:
        operation(folder)
    except BuildError as error:
        (folder.parent.parent / "error.txt").write_text(str(error))


def resumable(name: str) -> bool:
    """What may be there after a failure: finished chunks of vectors, DuckDB's log, which the next opening reads, and
    the target of `write_vectors`, which is called here without the stage that throws it away."""
    return name.startswith(("cache/", "workspace/vectors/")) or name.endswith(".duckdb.wal") or name == "vectors.npy"


def usable(folder: Path) -> None:
    """Whatever was complete before can still be read."""
    documents = collection.Collection(folder / "grown")
    assert len(list(documents.documents())) == documents.live == 77
    assert len(runs.everything(Workspace(folder / "workspace"))) == 3


@pytest.mark.parametrize("name", CASES)
def test_an_operation_on_a_full_disk(name: str, prepared: Path, disk: Path, tmp_path: Path) -> None:
    operation, before = CASES[name]
    (tmp_path / "operation.txt").write_text(name)
    failed = 0
    for free in FREE:
        folder = Path(shutil.copytree(prepared, disk / "work"))
        for earlier in before:
            harness.run(earlier, folder)
        start = harness.snapshot(folder)
        ballast = fill(disk, free)
        (tmp_path / "error.txt").unlink(missing_ok=True)
        done = harness.Child(try_it, folder, error=tmp_path / "stderr").wait()
        assert done.code == 0, done.stderr
        if (tmp_path / "error.txt").exists():
            failed += 1
            error = (tmp_path / "error.txt").read_text()
            assert str(disk) in error and "\n" not in error, error
            assert "Free " in error and "space" in error, error
            left = harness.snapshot(folder)
            assert {n for n in start if left.get(n) != start[n]} == set(), "what was there is as it was"
            whole = {Path(n).parent for n in left if n.endswith("/manifest.json")}  # stages finished before it was full
            torn = {n for n in {*left} - {*start} if Path(n).parent not in whole and not resumable(n)}
            assert torn == set(), torn
            assert harness.leftovers(folder) == []
            usable(folder)
        ballast.unlink()
        harness.run(operation, folder)
        assert harness.leftovers(folder) == []
        shutil.rmtree(folder)
    assert failed, "the disk was never full"
