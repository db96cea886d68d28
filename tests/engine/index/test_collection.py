"""The collection on disk: what is refused, what is published, and what a user's store is."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import InputError
from engine.index import collection as collections
from engine.index.collection import Collection
from engine.records import Document

from .worlds import make

DOCUMENTS = [
    Document("é", "accent", user="zoe", kind="event", time="2024-01-01", fields={"tags": ["a", {"b": 1}]}),
    Document("a", "everybody's"),
    Document("𝒳", "astral", user="ann"),
    Document("e\u0301", "decomposed accent", user="zoe"),
]


def test_documents_come_back_as_they_went_in(tmp_path: Path) -> None:
    collection = make(tmp_path, DOCUMENTS)
    assert {d.id: d for d in collection.documents()} == {d.id: d for d in DOCUMENTS}
    assert collection.users == ["ann", "zoe"]


def test_a_store_is_one_slice_and_nobody_has_an_empty_one(tmp_path: Path) -> None:
    collection = collections.add(make(tmp_path, DOCUMENTS).path, [Document("z2", "later", user="zoe")])
    for user, ids in (("zoe", {"é", "e\u0301", "z2"}), ("ann", {"𝒳"}), ("nobody", set())):
        rows = [part.base + row for part in collection.ranges(user) for row in range(part.low, part.high)]
        assert {collection.ids[row] for row in rows} == ids


def test_ids_are_ranked_by_code_point_which_is_the_order_of_their_bytes(tmp_path: Path) -> None:
    collection = make(tmp_path, DOCUMENTS)
    by_rank = [collection.ids[row] for row in sorted(range(len(collection)), key=lambda row: collection.rank[row])]
    assert by_rank == sorted((d.id for d in DOCUMENTS), key=str.encode)


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ([], "no documents"),
        ([Document("a", "x"), Document("a", "y")], "comes twice"),
        ([Document("a\nb", "x")], "cannot be an id"),
        ([Document("", "x")], "cannot be an id"),
    ],
)
def test_what_cannot_be_indexed_is_refused_and_leaves_nothing(
    tmp_path: Path, documents: list[Document], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        make(tmp_path, documents)
    assert [p.name for p in (tmp_path / "documents").iterdir() if not p.name.endswith(".lock")] == []


def test_an_id_is_taken_once_and_may_return_after_its_removal(tmp_path: Path) -> None:
    path = make(tmp_path, DOCUMENTS).path
    with pytest.raises(InputError, match="in the index already"):
        collections.add(path, [Document("a", "another text")])
    collections.remove(path, ["a"])
    assert "a" not in Collection(path).row_of
    again = collections.add(path, [Document("a", "another text")])
    assert again.document(again.row_of["a"]).text == "another text" and again.live == 4


@pytest.mark.parametrize(
    ("ids", "said"), [(["nobody"], "not in the index"), (["a", "é", "𝒳", "e\u0301"], "every document")]
)
def test_removals_that_make_no_sense_change_nothing(tmp_path: Path, ids: list[str], said: str) -> None:
    path = make(tmp_path, DOCUMENTS).path
    before = Collection(path).digest
    with pytest.raises(InputError, match=said):
        collections.remove(path, ids)
    assert Collection(path).digest == before


def test_a_reader_keeps_the_moment_it_opened(tmp_path: Path) -> None:
    reader = make(tmp_path, DOCUMENTS)
    collections.remove(reader.path, ["a"])
    collections.compact(reader.path)
    assert "a" in reader.row_of and reader.document(reader.row_of["a"]).text == "everybody's"
    assert Collection(reader.path).live == 3


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"segments": ["0000"]}', "\x00"])
def test_a_damaged_current_is_said_in_one_line(tmp_path: Path, content: str) -> None:
    path = make(tmp_path, DOCUMENTS).path
    (path / "CURRENT").write_text(content)
    with pytest.raises(InputError, match="CURRENT is damaged"):
        Collection(path)


def test_an_index_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing is indexed here"):
        Collection(tmp_path / "nowhere")
