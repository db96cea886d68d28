"""Whatever was added, removed and compacted, a collection answers as one that was built at once from what is live; and
each change costs what it changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from crash import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import InputError
from engine.index import collection as collections
from engine.index import dense as dense_module
from engine.index.collection import CURRENT, Collection
from engine.index.dense import DenseConfig, DenseIndex
from engine.records import Document, Request
from index.worlds import DrawnEncoder, dense, lexical, make

REQUESTS = [
    Request("all", "red blue"),
    Request("rare", "green red red"),
    Request("ann", "red", user="ann"),
    Request("bob", "blue the red", user="bob", exclude=("d1", "d4", "unknown")),
    Request("nobody", "red", user="nobody"),
]
TEXTS = st.lists(st.sampled_from(["red", "blue", "green", "the", "Red!"]), max_size=4).map(" ".join)
PERSON = st.sampled_from(["ann", "bob", None])


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, list[Document]]]:
    """('add', documents), ('remove', documents) and ('compact', []) in an order that makes sense; the first adds."""
    live: dict[str, Document] = {}
    steps = []
    for number in range(draw(st.integers(1, 6))):
        kind = "add" if not number else draw(st.sampled_from(["add", "add", "remove", "compact"]))
        if kind == "add":
            ids = draw(st.lists(st.integers(0, 12).map(lambda i: f"d{i}"), min_size=1, max_size=6, unique=True))
            documents = [Document(i, draw(TEXTS), user=draw(PERSON)) for i in ids if i not in live]
            live |= {d.id: d for d in documents}
        elif kind == "remove" and len(live) > 1:
            some = st.lists(st.sampled_from(sorted(live)), min_size=1, max_size=len(live) - 1, unique=True)
            documents = [live.pop(i) for i in draw(some)]
        else:
            kind, documents = "compact", []
        if documents or kind == "compact":
            steps.append((kind, documents))
    return steps


def play(path: Path, steps: Sequence[tuple[str, list[Document]]]) -> list[Document]:
    """Do the steps; returns the live documents in the order in which they came. Indexes are kept up on the way."""
    live: dict[str, Document] = {}
    for kind, documents in steps:
        if not live:
            make(path, documents)
        elif kind == "add":
            collections.add(path / "documents", documents)
        elif kind == "remove":
            collections.remove(path / "documents", [d.id for d in documents])
        else:
            collections.compact(path / "documents")
        live = {i: d for i, d in live.items() if d not in documents} | (
            {d.id: d for d in documents} if kind == "add" else {}
        )
        collection = Collection(path / "documents")
        assert {d.id: d for d in collection.documents()} == live and collection.live == len(live)
        lexical(path, collection)
        dense(path, collection)
    return list(live.values())


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}


@settings(max_examples=40, deadline=None)
@given(histories())
def test_any_history_answers_as_a_fresh_build(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, list[Document]]]
) -> None:
    path = tmp_path_factory.mktemp("history")
    live = play(path / "grown", steps)
    grown, fresh = Collection(path / "grown" / "documents"), make(path / "fresh", live)
    for k in (1, 3, 50):
        run, wanted = (dense(p, c).search(REQUESTS, k) for p, c in ((path / "grown", grown), (path / "fresh", fresh)))
        for i in range(len(REQUESTS)):
            assert run.documents(i) == wanted.documents(i)
        np.testing.assert_allclose(run.scores, wanted.scores, rtol=0, atol=1e-6)
    run, wanted = (lexical(p, c).search(REQUESTS, 50) for p, c in ((path / "grown", grown), (path / "fresh", fresh)))
    for i in range(len(REQUESTS)):
        assert set(run.documents(i)) == set(wanted.documents(i))
    assert (run.scores > 0).all()

    compact = collections.compact(path / "grown" / "documents")
    lexical(path / "grown", compact), dense(path / "grown", compact)
    for kind in ("documents", "lexical", "dense"):
        assert files(path / "grown" / kind / compact.segments[0].name) == files(path / "fresh" / kind / "0000")
    assert sorted(p.name for p in (path / "grown" / "documents").iterdir() if p.is_dir()) == [compact.segments[0].name]


DOCUMENTS = [Document(f"d{i}", text, user=("ann", None)[i % 2]) for i, text in enumerate(tiny.texts(20))]


def test_the_same_call_again_changes_nothing(tmp_path: Path) -> None:
    path = make(tmp_path, DOCUMENTS[:10]).path
    added = collections.add(path, DOCUMENTS[10:15])
    assert collections.add(path, DOCUMENTS[10:15]).digest == added.digest
    removed = collections.remove(path, ["d1", "d12"])
    assert collections.remove(path, ["d12", "d1", "d12"]).digest == removed.digest
    compacted = collections.compact(path)
    assert collections.compact(path).digest == compacted.digest
    mixed = collections.add(path, DOCUMENTS[13:])
    assert mixed.live == 18 and len(mixed.segments[-1]) == 5, "what was there is left out"


def test_a_removed_id_that_came_back_can_be_removed_again(tmp_path: Path) -> None:
    path = make(tmp_path, DOCUMENTS).path
    for _ in range(3):
        assert "d3" not in collections.remove(path, ["d3"]).row_of
        assert collections.add(path, [DOCUMENTS[3]]).document(collections.Collection(path).row_of["d3"]) == DOCUMENTS[3]
    assert Collection(path).live == 20 and collections.compact(path).live == 20


def test_what_killed_processes_left_goes_with_the_next_change(tmp_path: Path) -> None:
    path = make(tmp_path, DOCUMENTS).path
    for name in (".0001.building", ".0007.old", "0009"):
        (path / name).mkdir()
        (path / name / "file").write_text("left")
    (path / f".{CURRENT}.01234567.tmp").write_text("left")
    collections.remove(path, ["d0"])
    assert sorted(p.name for p in path.iterdir()) == [".0000.lock", ".lock", "0000", CURRENT]


def test_a_segment_that_is_gone_or_cut_short_is_said_in_one_line(tmp_path: Path) -> None:
    path = make(tmp_path, DOCUMENTS).path
    (path / "0000" / "ids.txt").write_text("d0\n")
    with pytest.raises(InputError, match="segment 0000 of the documents is gone or cut short") as caught:
        Collection(path)
    assert "Delete this folder, index the dataset again" in str(caught.value) and "\n" not in str(caught.value)


def test_a_user_of_some_documents_does_not_see_those_of_nobody(tmp_path: Path) -> None:
    collection = make(tmp_path, DOCUMENTS)
    everything = dense(tmp_path, collection).search([Request("q", "x"), Request("q2", "x", user="ann")], 50)
    assert len(everything.documents(0)) == 20
    assert set(everything.documents(1)) == {d.id for d in DOCUMENTS if d.user == "ann"}


@pytest.mark.integration
def test_adding_100_documents_to_20000_costs_100_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(DrawnEncoder):
        encoded = 0

        def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
            Counting.encoded += len(texts)
            return super().encode_documents(texts)

    def build(collection: Collection) -> None:
        lexical(tmp_path, collection)
        DenseIndex.build(tmp_path / "dense", collection, DenseConfig(), Counting(), tmp_path / "vectors", 1)  # type: ignore[arg-type]

    build(make(tmp_path, [Document(f"d{i:05}", f"{text} {i}") for i, text in enumerate(tiny.texts(20_000, words=6))]))
    assert Counting.encoded == 20_000
    Counting.encoded = 0
    before = {p: (p.stat().st_ino, p.stat().st_mtime_ns, p.stat().st_size) for p in tmp_path.rglob("*") if p.is_file()}
    read: list[str] = []
    plain = dense_module.Segment.document
    monkeypatch.setattr(dense_module.Segment, "document", lambda self, row: read.append(self.name) or plain(self, row))
    new = [Document(f"new{i}", f"{text} xylophone") for i, text in enumerate(tiny.texts(100, seed=1, words=6))]
    grown = collections.add(tmp_path / "documents", new)
    build(grown)
    assert Counting.encoded == len({d.text for d in new}) > 80
    assert set(read) == {"0001"}, "no document of the old segment is read"
    after = {p: (p.stat().st_ino, p.stat().st_mtime_ns, p.stat().st_size) for p in before}
    written = {p.name for p in before if after[p] != before[p]}
    assert written == {CURRENT, ".lock"}
    assert len(lexical(tmp_path, grown).search([Request("q", "xylophone")], 1000).documents(0)) == 100
