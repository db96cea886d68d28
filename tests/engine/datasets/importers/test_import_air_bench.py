from __future__ import annotations

from pathlib import Path

import pytest

from engine.datasets.importers import import_dataset
from engine.datasets.reader import Dataset
from engine.errors import InputError

CORPUS = [{"id": "doc_1", "text": "a"}, {"id": "doc_2", "text": "b"}]
DEV, TEST = [{"id": "q1", "text": "x"}], [{"id": "q2", "text": "y"}]
QRELS = [{"qid": "q1", "docid": "doc_1", "relevance": 1}, {"qid": "q1", "docid": "doc_2", "relevance": 0}]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_two_repositories_side_by_side(put, tmp_path: Path, suffix: str) -> None:
    base, judged = "air/qa_wiki_en/AIR-Bench_24.05/default", "air/qrels-qa_wiki_en-dev/AIR-Bench_24.05/default"
    put(f"{base}/corpus.jsonl{suffix}", CORPUS)
    put(f"{base}/dev_queries.jsonl{suffix}", DEV)
    put(f"{base}/test_queries.jsonl{suffix}", TEST)
    put(f"{judged}/dev_qrels.jsonl{suffix}", QRELS)
    put("air/qrels-qa_wiki_en-dev/AIR-Bench_24.05/other/dev_qrels.jsonl", [{"qid": "?", "docid": "?", "relevance": 1}])
    result = import_dataset("air-bench", tmp_path / "air", tmp_path / "out")
    assert (result["documents"], result["queries"], result["judgements"]) == (2, 2, {"dev": 2})
    assert any("'q2' has no judgement in any split" in note for note in result["notes"])
    dataset = Dataset(tmp_path / "out")
    assert [(r.id, r.text) for r in dataset.requests()] == [("q1", "x"), ("q2", "y")]
    assert [(j.document, j.gain) for j in dataset.judgements("dev")] == [("doc_1", 1), ("doc_2", 0)]


def test_the_older_version_names_no_split(put, tmp_path: Path) -> None:
    for name, rows in (("corpus", CORPUS), ("queries", DEV), ("qrels", QRELS)):
        put(f"air/AIR-Bench_24.04/default/{name}.jsonl", rows)
    assert import_dataset("air-bench", tmp_path / "air", tmp_path / "out")["judgements"] == {"test": 2}


def test_several_datasets(put, tmp_path: Path) -> None:
    for version, name in (("24.04", "default"), ("24.05", "default"), ("24.05", "gpt3")):
        put(f"air/{version}/{name}/corpus.jsonl", [*CORPUS, {"id": name + version, "text": "c"}])
        put(f"air/{version}/{name}/dev_queries.jsonl", DEV)
    with pytest.raises(InputError, match=r"several domains \(24.04/default, 24.05/default, 24.05/gpt3\)\. Choose one"):
        import_dataset("air-bench", tmp_path / "air", tmp_path / "out")
    with pytest.raises(InputError, match=r"no domain 'default'"):
        import_dataset("air-bench", tmp_path / "air", tmp_path / "out", domain="default")
    for domain, last in (("gpt3", "gpt324.05"), ("24.04/default", "default24.04")):
        target = tmp_path / domain.replace("/", "-")
        import_dataset("air-bench", tmp_path / "air", target, domain=domain)
        assert [d.id for d in Dataset(target).documents()][-1] == last


def test_several_tasks_cannot_be_told_apart(put, tmp_path: Path) -> None:
    for task in ("qa_wiki_en", "qa_web_en"):
        put(f"air/{task}/AIR-Bench_24.05/default/corpus.jsonl", CORPUS)
    with pytest.raises(InputError, match="it holds several tasks"):
        import_dataset("air-bench", tmp_path / "air", tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("corpus", {"text": "x"}, "^corpus.jsonl:1: no 'id'"),
        ("dev_queries", {"text": "x"}, "^dev_queries.jsonl:1: no 'id'"),
        ("dev_qrels", {"qid": "q1", "docid": "doc_1", "relevance": "high"}, "^dev_qrels.jsonl:1: the relevance 'high'"),
        ("dev_qrels", {"qid": "q1", "relevance": 1}, "^dev_qrels.jsonl:1: no 'docid'"),
    ],
)
def test_faults_are_told_with_their_place(put, tmp_path: Path, name: str, row: dict, message: str) -> None:
    for part, rows in (("corpus", CORPUS), ("dev_queries", DEV), ("dev_qrels", QRELS)):
        put(f"air/v/default/{part}.jsonl", [row] if part == name else rows)
    with pytest.raises(InputError, match=message):
        import_dataset("air-bench", tmp_path / "air", tmp_path / "out")
