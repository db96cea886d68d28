from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from engine.datasets.importers import import_dataset
from engine.datasets.reader import Dataset
from engine.errors import InputError

CORPUS = b'{"_id": "1", "title": "T", "text": "a", "metadata": {"url": "u"}}\n{"_id": "2", "title": "", "text": "b"}\n'
QUERIES = b'{"_id": "q", "text": "x", "metadata": {}}\n'
QRELS = b"query-id\tcorpus-id\tscore\nq\t1\t2\nq\t2\t0\n"


def assert_imported(target: Path, result: dict) -> None:
    assert {key: result[key] for key in ("documents", "queries", "judgements", "dropped")} == {
        "documents": 2,
        "queries": 1,
        "judgements": {"dev": 2, "test": 2},
        "dropped": {},
    }
    dataset = Dataset(target)
    documents = list(dataset.documents())
    assert [d.content for d in documents] == ["T a", "b"]
    assert documents[0].fields == {"metadata": {"url": "u"}}
    assert [(j.document, j.gain) for j in dataset.judgements("dev")] == [("1", 2), ("2", 0)]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder(put, tmp_path: Path, suffix: str) -> None:
    for name, content in (("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES)):
        put(f"beir/{name}{suffix}", content)
    for split in ("dev", "test"):
        put(f"beir/qrels/{split}.tsv{suffix}", QRELS)
    assert_imported(tmp_path / "out", import_dataset("beir", tmp_path / "beir", tmp_path / "out"))


def test_qrels_of_the_hub_are_a_folder_of_their_own(put, tmp_path: Path) -> None:
    put("beir/corpus.jsonl.gz", CORPUS)
    put("beir/queries.jsonl.gz", QUERIES)
    for split in ("dev", "test"):
        put(f"beir-qrels/{split}.tsv", QRELS)
    result = import_dataset("beir", tmp_path / "beir", tmp_path / "out", qrels=str(tmp_path / "beir-qrels"))
    assert_imported(tmp_path / "out", result)
    with pytest.raises(InputError, match=r"no \.tsv files"):
        import_dataset("beir", tmp_path / "beir", tmp_path / "more", qrels=str(tmp_path / "beir"))
    assert import_dataset("beir", tmp_path / "beir", tmp_path / "bare")["judgements"] == {}


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_zip_as_it_is_handed_out(tmp_path: Path) -> None:
    source = make_zip(
        tmp_path / "beir.zip",
        {
            "__MACOSX/tiny/corpus.jsonl": b"\0",
            "tiny/corpus.jsonl": CORPUS,
            "tiny/queries.jsonl.gz": gzip.compress(QUERIES),
            "tiny/qrels/dev.tsv": QRELS,
            "tiny/qrels/test.tsv": QRELS,
            "tiny/qrels/._test.tsv": b"\0",
            "../../evil.txt": b"a name that would leave the folder if anything were extracted",
        },
    )
    assert_imported(tmp_path / "out", import_dataset("beir", source, tmp_path / "out"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["beir.zip", "out"]


def test_a_zip_of_several(tmp_path: Path) -> None:
    files = {
        f"cqa/{name}/{file}": data
        for name in ("android", "unix")
        for file, data in (("corpus.jsonl", CORPUS), ("queries.jsonl", QUERIES))
    }
    source = make_zip(tmp_path / "cqa.zip", files)
    with pytest.raises(InputError, match=r"several domains \(android, unix\)\. Choose one with --domain NAME"):
        import_dataset("beir", source, tmp_path / "out")
    with pytest.raises(InputError, match=r"no domain 'unixx'\. Did you mean 'unix'"):
        import_dataset("beir", source, tmp_path / "out", domain="unixx")
    assert import_dataset("beir", source, tmp_path / "out", domain="unix")["documents"] == 2


def test_damaged_zips(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK but no zip")
    with pytest.raises(InputError, match=r"no.zip: neither a folder nor a zip"):
        import_dataset("beir", tmp_path / "no.zip", tmp_path / "out")
    source = make_zip(tmp_path / "cut.zip", {"corpus.jsonl": CORPUS * 500, "queries.jsonl": QUERIES})
    data = bytearray(source.read_bytes())
    data[60:70] = bytes(10)  # inside the first member
    source.write_bytes(data)
    with pytest.raises(InputError, match=r"^corpus.jsonl:\d+: "):
        import_dataset("beir", source, tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cut.zip", "no.zip"]


def test_queries_must_be_there(put, tmp_path: Path) -> None:
    put("beir/corpus.jsonl", CORPUS)
    with pytest.raises(InputError, match=r"no queries\.jsonl beside the corpus"):
        import_dataset("beir", tmp_path / "beir", tmp_path / "out")


def test_a_shared_collection_comes_through_unchanged(shared_datasets, tmp_path: Path) -> None:
    source = shared_datasets / "pair_dev"
    result = import_dataset("beir", source, tmp_path / "out")
    assert (result["documents"], result["queries"], result["users"]) == (1813, 1813, 6)
    before, after = Dataset(source), Dataset(tmp_path / "out")
    assert list(after.documents()) == list(before.documents())
    assert after.requests("test") == before.requests("test")
    assert after.judgements("test") == before.judgements("test")
