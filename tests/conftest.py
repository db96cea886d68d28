"""What tests share: the real collections, a small world of documents, and a way to run commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
os.environ["QUINTET_NO_TRAINING"] = "1"  # of pages that tests start: what trains beside them would only slow them
COLLECTIONS = Path(os.environ.get("QUINTET_COLLECTIONS", ROOT.parent / "shared" / "datasets"))


@pytest.fixture(scope="session")
def collection() -> Callable[[str], Path]:
    """The folder of a real collection, which licences keep out of the project; the test skips where it is absent."""

    def find(name: str) -> Path:
        path = COLLECTIONS / name
        if not path.is_dir():
            pytest.skip(f"the collection {name} is not here (QUINTET_COLLECTIONS names the folder of collections)")
        return path

    return find


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A dataset folder of two people's memories, small enough to reason about."""
    folder = tmp_path / "world"
    write_world(folder)
    return folder


def write_world(folder: Path) -> None:
    documents = [
        {
            "_id": "a1",
            "user": "ann",
            "kind": "event",
            "time": "2024-05-03T18:00:00",
            "text": "Boat trip with Maria on the lake",
        },
        {
            "_id": "a2",
            "user": "ann",
            "kind": "message",
            "time": "2024-05-01T09:00:00",
            "text": "Maria sold the red bicycle",
        },
        {"_id": "a3", "user": "ann", "kind": "contact", "text": "Doctor Peters, dentist in the old town"},
        {
            "_id": "b1",
            "user": "bob",
            "kind": "event",
            "time": "2024-06-01T12:00:00",
            "text": "Lunch near the lake with Paul",
        },
        {
            "_id": "b2",
            "user": "bob",
            "kind": "message",
            "time": "2024-06-02T08:00:00",
            "text": "The bicycle is in the garage",
        },
    ]
    queries = [
        {"_id": "q1", "user": "ann", "text": "Who was with me on the water?", "topic": "people"},
        {"_id": "q2", "user": "ann", "text": "What happened to the bicycle?", "topic": "things"},
        {"_id": "q3", "user": "bob", "text": "Where did I leave my bicycle?", "topic": "things"},
    ]
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    qrels = "query-id\tcorpus-id\tscore\nq1\ta1\t1\nq2\ta2\t1\nq3\tb2\t1\n"
    (folder / "qrels" / "test.tsv").write_text(qrels, "utf-8")


@pytest.fixture
def admin(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `python -m admin ARGS` in a process of its own, with a workspace of its own."""

    def run(*arguments: str | Path, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "QUINTET_WORKSPACE": str(tmp_path / "workspace"), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "admin", *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert check is None or done.returncode == check, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return run
