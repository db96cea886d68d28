"""Small collections made on the spot, and the shared ones where they are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

_SHARED = Path(__file__).parents[3] / ".." / "shared" / "datasets"

Content = bytes | str | Sequence[Any]  # of a file: as it is, or rows to be written as JSONL

DOCUMENTS = [
    {"_id": "d1", "title": "Tides", "text": "The moon raises them."},
    {"_id": "d2", "title": "", "text": "Bread needs salt."},
]
QUERIES = [{"_id": "q1", "text": "What raises the sea?"}, {"_id": "q2", "text": "What does dough lack?"}]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t2\n"


@pytest.fixture
def shared_datasets() -> Path:
    """The folder of the shared collections; skips where they are not."""
    if not _SHARED.is_dir():
        pytest.skip("the shared collections are not on this machine")
    return _SHARED


def to_bytes(content: Content) -> bytes:
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    return b"".join(json.dumps(row).encode() + b"\n" for row in content)


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, Content], Path]:
    """put(name, content) writes a file below tmp_path, compressed if its name ends in .gz, and returns its path."""

    def write(name: str, content: Content) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = to_bytes(content)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


@pytest.fixture
def make_folder(put: Callable[[str, Content], Path], tmp_path: Path) -> Callable[..., Path]:
    """A collection of two documents and two queries in tmp_path/tiny, with any of its files replaced."""

    def make(
        corpus: Content = DOCUMENTS, queries: Content = QUERIES, qrels: Mapping[str, Content] | None = None
    ) -> Path:
        put("tiny/corpus.jsonl", corpus)
        put("tiny/queries.jsonl", queries)
        for split, content in ({"test": QRELS} if qrels is None else qrels).items():
            put(f"tiny/qrels/{split}.tsv", content)
        return tmp_path / "tiny"

    return make
