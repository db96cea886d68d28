"""The shares that the measurement of time phrases tells, on a collection small enough to count by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import timephrases


def collection(folder: Path, queries: list[dict[str, str]]) -> Path:
    documents = [
        {"_id": "d1", "user": "u", "text": "a", "time": "2023-06-13T09:00:00", "created": "2023-06-01T09:00:00"},
        {"_id": "d2", "user": "u", "text": "b", "time": "2023-06-13T19:00:00", "created": "2023-06-01T09:00:00"},
        {"_id": "d3", "user": "u", "text": "c", "time": "2020-01-01", "created": "2020-01-01"},
        {"_id": "d4", "user": "u", "text": "d"},
        {"_id": "d5", "user": "other", "text": "e", "time": "2023-06-13T09:00:00"},
    ]
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text("".join(json.dumps(d) + "\n" for d in documents), "utf-8")
    (folder / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in queries), "utf-8")
    rows = "".join(f"{q['_id']}\t{d}\t1\n" for q, d in zip(queries, ("d1", "d3", "d1"), strict=False))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows, "utf-8")
    return folder


def test_shares_counted_by_hand(tmp_path: Path) -> None:
    now = {"user": "u", "time": "2023-06-14T10:00:00"}
    texts = ("what did I eat yesterday?", "what did I drink yesterday?", "what is the code?")
    folder = collection(tmp_path / "c", [{"_id": f"q{i}", "text": text, **now} for i, text in enumerate(texts)])
    found = timephrases.measure(folder)
    assert found["queries"] == 3 and found["understood"] == pytest.approx(2 / 3)
    assert found["held"] == 0.5  # d1 was yesterday, d3 was not
    assert found["kept"] == 0.5  # d1 and d2 of the four documents of u
    assert 0 < found["milliseconds"] < 50


def test_a_collection_without_users_or_times_is_said_to_be_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    collection(tmp_path / "c", [{"_id": "q0", "text": "yesterday?"}])
    timephrases.main(["--collections", str(tmp_path)])
    assert capsys.readouterr().out == "c: no judged query has a user and a time\n"
