"""Two processes build the same thing at once: one waits and says so, both succeed, the work is done once."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest

from crash import harness, operations
from engine.encoder import Encoder
from engine.index import collection, lexical

pytestmark = pytest.mark.integration


def work_slowly(folder: Path) -> None:
    """From now on this process notes each text that it analyses or encodes, and each waits until somebody waits."""
    count, encode = lexical._count, Encoder.encode_documents

    def wait() -> None:
        deadline = time.monotonic() + 30
        while not any("waiting" in log.read_text() for log in folder.glob("*.stderr")):
            assert time.monotonic() < deadline, "nobody came to wait"
            time.sleep(0.01)

    def counted(texts, total, analyzer):
        wait()
        first = next(texts)
        note(folder, "segment that begins with", first)
        return count(chain([first], texts), total, analyzer)

    def encoded(self, texts):
        wait()
        for text in texts:
            note(folder, "text", text)
        return encode(self, texts)

    lexical._count, Encoder.encode_documents = counted, encoded


def note(folder: Path, kind: str, what: str) -> None:
    with (folder / "work.log").open("a") as log:
        log.write(f"{kind} {what}\n")


def build_lexical(folder: Path) -> None:
    work_slowly(folder)
    operations.write_lexical(folder)


def build_dense(folder: Path) -> None:
    work_slowly(folder)
    operations.write_dense(folder)


def make_collection(folder: Path) -> None:
    def slow():
        for document in operations.documents():
            note(folder, "document", document.id)
            time.sleep(0.01)
            yield document

    collection.ensure(folder / "new", "source", slow())


@pytest.mark.parametrize("operation", [build_lexical, build_dense, make_collection])
def test_one_waits_for_the_other(operation: harness.Operation, fresh: Callable[[str], Path]) -> None:
    folder = fresh("shared")
    both = [harness.Child(operation, folder, error=folder / f"{i}.stderr") for i in range(2)]
    done = [child.wait() for child in both]
    assert [d.code for d in done] == [0, 0], [d.stderr for d in done]
    waits = [line for d in done for line in d.stderr.splitlines()]  # each may wait for the other, at another segment
    assert waits and all(line.startswith("waiting for process ") for line in waits), waits
    work = (folder / "work.log").read_text().splitlines()
    assert work and len(work) == len(set(work)), "nothing is done twice"
    assert harness.leftovers(folder) == []
