from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from engine.datasets.importers import import_dataset
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.records import Document, Judgement, Request

DOCUMENTS = [{"id": f"page/{n}_0.txt", "content": f"passage {n}"} for n in range(5)]
EXAMPLES = [
    {
        "query": "why?",
        "reasoning": "long",
        "id": "0",
        "excluded_ids": ["N/A"],
        "gold_ids_long": ["page"],
        "gold_ids": ["page/0_0.txt", "page/3_0.txt"],
    },
    {
        "query": "how?",
        "reasoning": "long",
        "id": "1",
        "excluded_ids": ["page/1_0.txt"],
        "gold_ids_long": ["N/A"],
        "gold_ids": ["page/2_0.txt"],
    },
]
REASONED = [{**example, "query": f"think: {example['query']}"} for example in EXAMPLES]
STRANGER = {**REASONED[0], "id": "99"}

Save = Callable[[str, list[dict[str, Any]]], Path]


@pytest.fixture
def save(tmp_path: Path, put) -> Save:
    """save(name, rows): a table below tmp_path, in the format its name ends with."""

    def write(name: str, rows: list[dict[str, Any]]) -> Path:
        if not name.endswith(".parquet"):
            return put(name, rows)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        source = put("rows.json", json.dumps(rows))
        duckdb.sql(f"COPY (SELECT * FROM read_json('{source}')) TO '{path}' (FORMAT parquet)")
        source.unlink()
        return path

    return write


def assert_imported(target: Path, rewriters: tuple[str, ...] = ("gpt4_reason",)) -> None:
    dataset = Dataset(target)
    assert list(dataset.documents()) == [Document(row["id"], row["content"]) for row in DOCUMENTS]
    first, second = dataset.requests("test")
    assert first == Request("0", "why?", fields=dict.fromkeys(rewriters, "think: why?"))
    assert second.exclude == ("page/1_0.txt",)
    assert dataset.judgements("test") == [
        Judgement("0", "page/0_0.txt", 1),
        Judgement("0", "page/3_0.txt", 1),
        Judgement("1", "page/2_0.txt", 1),
    ]
    if rewriters:
        assert [r.text for r in dataset.requests("test", rewriters[0])] == ["think: why?", "think: how?"]


@pytest.mark.parametrize("form", ["{}-00000-of-00001.parquet", "{}/0000.parquet", "{}.jsonl", "{}.jsonl.gz"])
def test_the_hubs_files(save: Save, tmp_path: Path, form: str) -> None:
    for domain in ("biology", "theoremqa_questions"):
        save(f"BRIGHT/documents/{form.format(domain)}", DOCUMENTS)
        save(f"BRIGHT/long_documents/{form.format(domain)}", DOCUMENTS[:1])
        save(f"BRIGHT/examples/{form.format(domain)}", EXAMPLES)
        save(f"BRIGHT/gpt4_reason/{form.format(domain)}", [*REASONED, STRANGER])
    save(f"BRIGHT/claude-3-opus_reason/{form.format('biology')}", REASONED)
    result = import_dataset("bright", tmp_path / "BRIGHT", tmp_path / "out", domain="biology")
    assert (result["documents"], result["queries"], result["judgements"]) == (5, 2, {"test": 3})
    assert result["dropped"] == {"rewritten queries of queries that are not there": 1}
    assert_imported(tmp_path / "out", ("claude-3-opus_reason", "gpt4_reason"))
    with pytest.raises(
        InputError, match=r"several domains \(biology, theoremqa_questions\)\. Choose one with --domain NAME"
    ):
        import_dataset("bright", tmp_path / "BRIGHT", tmp_path / "more")
    with pytest.raises(InputError, match=r"no domain 'biologie'\. Did you mean 'biology'"):
        import_dataset("bright", tmp_path / "BRIGHT", tmp_path / "more", domain="biologie")


def test_shards_are_read_in_order_whatever_the_folder_is_called(save: Save, tmp_path: Path) -> None:
    root = "data [v1] *"  # names that would be patterns
    for part in range(5):
        save(f"{root}/documents/pony-0000{part}-of-00005.parquet", DOCUMENTS[part : part + 1])
    save(f"{root}/examples/pony-00000-of-00001.parquet", EXAMPLES)
    import_dataset("bright", tmp_path / root, tmp_path / "out")
    assert_imported(tmp_path / "out", ())


@pytest.mark.parametrize("where", ["BRIGHT/biology", "biology"])
def test_spikes_preparation(save: Save, tmp_path: Path, where: str) -> None:
    def query(row: dict[str, Any]) -> dict[str, Any]:
        excluded = [one for one in row["excluded_ids"] if one != "N/A"]
        return {"query": row["query"], "query-id": row["id"], "excluded_ids": excluded}

    qrel = [
        {"query": row["query"], "query-id": row["id"], "corpus-id": gold, "score": 1}
        for row in EXAMPLES
        for gold in row["gold_ids"]
    ]
    save(f"{where}/document.parquet", DOCUMENTS)
    save(f"{where}/query.parquet", [query(row) for row in EXAMPLES])
    save(f"{where}/gpt4_reason_query.parquet", [query(row) for row in REASONED])
    save(f"{where}/qrel.parquet", qrel)
    source = tmp_path / where.split("/")[0]
    import_dataset("bright", source, tmp_path / "out", domain="biology")
    assert_imported(tmp_path / "out")
    import_dataset("bright", source, tmp_path / "only")  # there is but one
    assert_imported(tmp_path / "only")


def test_files_that_are_not_what_they_seem(save: Save, put, tmp_path: Path) -> None:
    save("b/documents/x.parquet", [{"id": "a", "text": "t"}])
    save("b/examples/x.parquet", EXAMPLES)
    with pytest.raises(InputError, match=r"^x.parquet:1: no column 'content'\. It has id"):
        import_dataset("bright", tmp_path / "b", tmp_path / "out")
    put("b/documents/x.parquet", b"PAR1 but no table")
    with pytest.raises(InputError, match=r"^x.parquet: it cannot be read as Parquet"):
        import_dataset("bright", tmp_path / "b", tmp_path / "out")
    save("b/documents/x.parquet", [{"a": 1}])
    with pytest.raises(InputError, match=r"^x.parquet: no column 'id'\. It has a$"):
        import_dataset("bright", tmp_path / "b", tmp_path / "out")
    put("b/documents/x.parquet", b"")
    with pytest.raises(InputError, match=r"^x.parquet: it cannot be read as Parquet"):
        import_dataset("bright", tmp_path / "b", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["b"]
