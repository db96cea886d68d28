from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.datasets.check import check
from engine.datasets.reader import Dataset
from engine.datasets.staging import staged
from engine.datasets.write import write_dataset
from engine.errors import BuildError, InputError
from engine.records import Document, Judgement, Request

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
IDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=8).filter(str.strip)
TIMES = st.none() | st.datetimes().map(lambda t: t.isoformat()) | st.dates().map(lambda d: d.isoformat())
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
FIELDS = st.dictionaries(TEXT, VALUES, max_size=3)
DOCUMENTS = st.lists(
    st.builds(Document, IDS, TEXT, TEXT, st.none() | IDS, st.none() | TEXT, time=TIMES, created=TIMES, fields=FIELDS),
    min_size=1,
    max_size=5,
    unique_by=lambda document: document.id,
)
REQUESTS = st.lists(
    st.builds(
        Request,
        IDS,
        TEXT,
        user=st.none() | IDS,
        time=TIMES,
        exclude=st.lists(IDS, max_size=3).map(tuple),
        instruction=st.none() | TEXT,
        fields=FIELDS,
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda request: request.id,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(DOCUMENTS, REQUESTS, st.data(), st.booleans())
def test_records_come_back_as_they_were_written(tmp_path_factory, documents, queries, data, compress) -> None:
    pairs = st.tuples(st.sampled_from([q.id for q in queries]), st.sampled_from([d.id for d in documents]))
    gains = data.draw(st.dictionaries(pairs, st.integers(-2, 4), max_size=6))
    judgements = [Judgement(*pair, gain) for pair, gain in gains.items()]
    target = tmp_path_factory.mktemp("round") / "trip"
    counts = write_dataset(target, documents, queries, {"dev": judgements, "test": []}, compress)
    assert counts == {
        "documents": len(documents),
        "queries": len(queries),
        "judgements": {"dev": len(judgements), "test": 0},
    }
    dataset = Dataset(target)
    assert list(dataset.documents()) == documents
    assert dataset.requests() == queries
    assert dataset.judgements("dev") == judgements
    assert {fault.kind for fault in check(target).errors} <= {"unknown-user"}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def small(target: Path, documents: Iterator[Document] | list[Document] | None = None, **options) -> None:
    documents = [Document("d", "text")] if documents is None else documents
    write_dataset(target, documents, [Request("q", "text")], {"test": [Judgement("q", "d", 1)]}, **options)


def test_the_same_content_has_the_same_bytes_anywhere(tmp_path: Path) -> None:
    for name in ("one", "two"):
        small(tmp_path / name)
    assert Dataset(tmp_path / "one").digest == Dataset(tmp_path / "two").digest


def test_the_folder_has_the_usual_permissions(tmp_path: Path) -> None:
    small(tmp_path / "new")
    (tmp_path / "plain").mkdir()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_an_existing_target_is_refused_and_untouched(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    with pytest.raises(InputError, match=r"taken exists already\. Remove it \(`rm -r "):
        small(taken)
    link = tmp_path / "link"
    link.symlink_to("nowhere")
    with pytest.raises(InputError, match="exists already"):
        small(link)
    assert names(tmp_path) == ["link", "taken"] and not names(taken)


def test_a_target_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    def documents() -> Iterator[Document]:
        yield Document("d", "text")
        (tmp_path / "target").mkdir()

    with pytest.raises(InputError, match="exists already"):
        small(tmp_path / "target", documents())
    assert names(tmp_path) == ["target"] and not names(tmp_path / "target")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, ValueError, InputError])
def test_whatever_ends_it_leaves_nothing(tmp_path: Path, stop: type[BaseException]) -> None:
    def documents() -> Iterator[Document]:
        yield Document("d", "text")
        assert len(names(tmp_path / "a" / "b")) == 1  # the temporary folder, beside the target
        raise stop("enough")

    with pytest.raises(stop):
        small(tmp_path / "a" / "b" / "target", documents())
    assert names(tmp_path) == []  # nor the parents made for it


def test_what_a_dead_writer_left_is_cleared_and_a_living_ones_is_not(tmp_path: Path) -> None:
    target = tmp_path / "out"
    dead, others = tmp_path / ".out.0123456789ab.part", tmp_path / ".out2.0123456789ab.part"
    for folder in (dead, others, tmp_path / ".out.notes"):
        folder.mkdir()
        (folder / "corpus.jsonl").write_text("half\n")
    with staged(target) as first:
        assert not dead.exists() and others.exists() and (tmp_path / ".out.notes").exists()
        (first / "corpus.jsonl").write_text("first\n")
        with staged(tmp_path / "out2"):
            assert not others.exists() and first.exists()
        with pytest.raises(InputError, match="out exists already"), staged(target) as second:
            assert first.exists() and second != first
            first.rename(target)  # the other one ends first
        target.rename(first)
    assert (target / "corpus.jsonl").read_text() == "first\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.notes", "out", "out2"]
    dead.mkdir()
    with pytest.raises(InputError, match="exists already"), staged(target):
        pass
    assert not dead.exists()


def test_a_full_disk_is_a_build_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"could not be written.*No space left"), staged(tmp_path / "target"):
        raise OSError(28, "No space left on device")
    assert names(tmp_path) == []


def test_a_target_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        small(tmp_path / "file" / "target")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (Document("d", "\ud800"), "corpus.jsonl: 'd' cannot be written as JSON"),
        (Document("d", "x", fields={"n": float("nan")}), "corpus.jsonl: 'd' cannot be written as JSON"),
        (Document("d", "x" * (4 << 20)), "corpus.jsonl: 'd' is longer than 4 MiB"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path: Path, document: Document, message: str) -> None:
    with pytest.raises(InputError, match=message):
        small(tmp_path / "target", [document], compress=False)
    assert names(tmp_path) == []


def test_names_that_would_break_the_layout(tmp_path: Path) -> None:
    document, request = [Document("d", "x")], [Request("q", "x")]
    with pytest.raises(InputError, match=r"cannot be named '\.\./out'"):
        write_dataset(tmp_path / "target", document, request, {"../out": []})
    with pytest.raises(InputError, match="a tab or a line end"):
        write_dataset(tmp_path / "target", document, request, {"test": [Judgement("q", "a\tb", 1)]})
    with pytest.raises(ValueError, match="recommendation layout"):
        write_dataset(tmp_path / "target", document, [Request("q", history=("d",))], {})
    assert names(tmp_path) == []
