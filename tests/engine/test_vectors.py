"""The cache of vectors: what was encoded once is not encoded again, memory holds one chunk, rows keep their order.

The encoder is a stand-in that draws a vector from the text, so that any mixed-up row shows.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import vectors
from engine.vectors import VectorCache, content_keys, write_vectors

CHUNK = 4


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "CHUNK", CHUNK)
    monkeypatch.setattr(vectors, "BLOCK", 7)


class Counting:
    """Vectors drawn from the text's hash; notes every batch it is given, and may die at one."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.batches: list[list[str]] = []
        self.dies_at = dies_at

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        if len(self.batches) == self.dies_at:
            raise KeyboardInterrupt
        self.batches.append(list(map(str, texts)))
        return expected(texts)

    @property
    def texts(self) -> list[str]:
        return [text for batch in self.batches for text in batch]


def expected(texts: Sequence[str]) -> np.ndarray:
    drawn = [np.frombuffer(hashlib.sha256(text.encode()).digest(), dtype=np.uint8) for text in texts]
    return np.stack(drawn).astype(np.float32) if drawn else np.empty((0, 32), np.float32)


def write(folder: Path, texts: Sequence[str], encoder: Counting | None = None) -> Counting:
    encoder = encoder or Counting()
    counts = write_vectors(folder / "out.npy", encoder, lambda: iter(texts), folder / "cache")  # type: ignore[arg-type]
    np.testing.assert_array_equal(np.load(folder / "out.npy"), expected(texts))
    assert counts == {"texts": len(texts), "encoded": len(encoder.texts), "dimension": 32}
    return encoder


TEXTS = [f"text {i}" for i in range(10)]


def test_texts_are_encoded_in_chunks_each_once(tmp_path: Path) -> None:
    first = write(tmp_path, [*TEXTS, *TEXTS[::-1]])
    assert first.batches == [TEXTS[:4], TEXTS[4:8], TEXTS[8:]]
    assert write(tmp_path, TEXTS[3:]).batches == []
    assert write(tmp_path, ["new", *TEXTS, "newer", "new"]).batches == [["new", "newer"]]


def test_a_killed_build_goes_on_with_the_chunk_it_was_in(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, TEXTS, Counting(dies_at=2))
    assert not (tmp_path / "out.npy").exists()
    assert write(tmp_path, TEXTS).batches == [TEXTS[8:]]


words = st.text(st.characters(codec="utf-8"), max_size=3)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(words, min_size=1, max_size=15), min_size=1, max_size=4))
def test_any_sequence_of_builds_encodes_every_text_once(
    tmp_path_factory: pytest.TempPathFactory, builds: list[list[str]]
) -> None:
    folder, seen = tmp_path_factory.mktemp("vectors"), set()
    for texts in builds:
        encoded = write(folder, texts).texts
        assert encoded == [text for text in dict.fromkeys(texts) if text not in seen]
        seen |= set(texts)


def test_keys_with_zero_bytes_are_told_apart(tmp_path: Path) -> None:
    """numpy drops trailing zeros of byte strings: 3000 keys have about 12 that end in one, and 180 that hold one."""
    texts = [f"number {i}" for i in range(3000)]
    keys = content_keys(texts)
    assert any(len(key) < 16 for key in keys.tolist()) and any(b"\0" in key for key in keys.tolist())
    assert len(np.unique(keys)) == 3000
    write(tmp_path, texts)
    assert VectorCache(tmp_path / "cache").has(keys).all()
    assert not VectorCache(tmp_path / "cache").has(content_keys(["number 3000", ""])).any()


def cut_end(chunk: Path) -> None:
    os.truncate(chunk, chunk.stat().st_size - 8)


def cut_header(chunk: Path) -> None:
    os.truncate(chunk, 20)


def empty(chunk: Path) -> None:
    os.truncate(chunk, 0)


@pytest.mark.parametrize("harm", [cut_end, cut_header, empty, Path.unlink])
@pytest.mark.parametrize("kind", ["vectors", "keys"])
def test_a_damaged_chunk_is_encoded_again(tmp_path: Path, kind: str, harm: object) -> None:
    write(tmp_path, TEXTS)
    [chunk] = [p for p in (tmp_path / "cache").glob(f"*.{kind}.npy") if len(np.load(p)) == 2]
    harm(chunk)  # type: ignore[operator]
    assert write(tmp_path, TEXTS).batches == [TEXTS[8:]]
    assert write(tmp_path, TEXTS).batches == []


def test_leftovers_of_killed_writers_go(tmp_path: Path) -> None:
    write(tmp_path, TEXTS)
    (tmp_path / "cache" / ".feed.vectors.npy.01234567.tmp").write_text("half")
    write(tmp_path, TEXTS)
    assert list((tmp_path / "cache").glob(".*")) == []


class Text(str):
    """A text that is counted for as long as somebody holds it."""

    alive = most = 0

    def __init__(self, _: str) -> None:
        Text.alive += 1
        Text.most = max(Text.most, Text.alive)

    def __del__(self) -> None:
        Text.alive -= 1


def test_memory_holds_one_chunk_of_texts(tmp_path: Path) -> None:
    def stream() -> Iterator[str]:
        return (Text(f"a long text {i}") for i in range(400))

    Text.alive = Text.most = 0
    counts = write_vectors(tmp_path / "out.npy", Counting(), stream, tmp_path / "cache")  # type: ignore[arg-type]
    assert counts["encoded"] == 400
    assert CHUNK <= Text.most <= CHUNK + 1, "one chunk, and the text that is just read"
    assert Text.alive == 0
