"""A segment on disk: any id and text comes back, stores lie side by side, and it is readable to the end once opened."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.index.segment import Segment, write_segment
from engine.records import Document


def written(path: Path, documents: Sequence[Document]) -> Segment:
    write_segment(path, documents, {"from": "a test"}, None)
    return Segment(path)


# All that the layout could trip over: line ends of every kind, quotes, look-alikes, astral characters.
CHARACTERS = st.one_of(
    st.sampled_from('\r\x0b\x0c\x1c\x85\u2028\u2029\t"\\ \0éE\u0301𝒳日'), st.characters(codec="utf-8")
)
IDS = st.text(CHARACTERS, min_size=1, max_size=6).filter(lambda i: "\n" not in i)
DOCUMENTS = st.lists(
    st.builds(
        Document,
        id=IDS,
        text=st.text(CHARACTERS, max_size=12),
        title=st.text(CHARACTERS, max_size=4),
        user=st.none() | st.sampled_from(["ann", "Ann", "zoë", "", "\r"]),
        kind=st.none() | st.just("event"),
        fields=st.dictionaries(
            st.text(max_size=3), st.lists(st.integers()) | st.text(CHARACTERS, max_size=3), max_size=2
        ),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda document: document.id,
)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS)
def test_everything_comes_back(tmp_path_factory: pytest.TempPathFactory, documents: list[Document]) -> None:
    segment = written(tmp_path_factory.mktemp("segments") / "0000", documents)
    back = [segment.document(row) for row in range(len(segment))]
    by_user = sorted(documents, key=lambda d: (bool(d.user), d.user or ""))
    assert [d.id for d in back] == segment.ids
    plain = [Document(d.id, d.text, d.title, d.user or None, d.kind, fields=d.fields) for d in by_user]
    assert back == plain, "stores in the order of names, each in the order in which its documents came"
    assert list(segment.contents()) == [d.content for d in plain]
    assert [segment.ids[row] for row in np.argsort(segment.rank)] == sorted(d.id for d in documents)
    for user, (low, high) in segment.users.items():
        assert {d.user for d in back[low:high]} == {user or None} and low < high
    assert sorted(row for low, high in segment.users.values() for row in range(low, high)) == list(range(len(segment)))


def test_the_order_of_arrival_of_users_does_not_matter(tmp_path: Path) -> None:
    documents = [Document(f"{user}{i}", "text", user=user) for i in range(3) for user in ("zoe", "ann", "bob")]
    one = written(tmp_path / "one", documents)
    other = written(tmp_path / "other", sorted(documents, key=lambda d: (d.user or "", d.id), reverse=False))
    assert one.ids == other.ids
    for name in ("documents.jsonl", "ids.txt", "offsets.npy", "rank.npy", "users.json"):
        assert (one.path / name).read_bytes() == (other.path / name).read_bytes()


def test_an_open_segment_outlives_its_folder(tmp_path: Path) -> None:
    """A compaction in another process removes the folder while a reader has looked at nothing yet."""
    segment = written(tmp_path / "0000", [Document("b", "two", user="ann"), Document("a", "one", user="ann")])
    shutil.rmtree(segment.path)
    assert segment.ids == ["b", "a"] and segment.rank.tolist() == [1, 0]
    assert [segment.document(row).text for row in range(2)] == ["two", "one"]
    with pytest.raises(FileNotFoundError):
        Segment(segment.path)


@pytest.mark.parametrize("name", ["documents.jsonl", "ids.txt", "offsets.npy", "rank.npy", "users.json"])
def test_a_segment_that_was_cut_short_is_not_there_and_is_written_again(tmp_path: Path, name: str) -> None:
    documents = [Document("a", "one"), Document("b", "two")]
    path = written(tmp_path / "0000", documents).path
    whole = (path / name).read_bytes()
    os.truncate(path / name, len(whole) - 1)
    with pytest.raises(FileNotFoundError):
        Segment(path)
    assert (written(path, documents).path / name).read_bytes() == whole


def test_documents_are_streamed(tmp_path: Path) -> None:
    """A fault at the end leaves nothing of what was written before it."""

    def documents():
        yield from (Document(str(i), "text " * 100) for i in range(500))
        raise InputError("the corpus ends badly")

    with pytest.raises(InputError, match="ends badly"):
        write_segment(tmp_path / "0000", documents(), {}, None)
    assert [p.name for p in tmp_path.iterdir()] == [".0000.lock"]
