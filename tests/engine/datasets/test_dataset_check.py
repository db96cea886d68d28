from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from engine.datasets.check import check
from engine.datasets.faults import KINDS, Fault, summarise
from engine.datasets.reader import Dataset

CORPUS = [
    b'{"_id": "d1", "text": "fine", "user": "ann", "time": "2023-05-08"}',  # 1
    b'{"_id": "d1", "text": "again"}',  # 2 duplicate
    b"not json",  # 3
    b"[]",  # 4 no object
    b'{"_id": "d5"}',  # 5 no text
    b'{"text": "x"}',  # 6 no id
    b'{"_id": "", "text": "x"}',  # 7
    b'{"_id": null, "text": "x"}',  # 8
    b'{"_id": 1.5, "text": "x"}',  # 9
    b'{"_id": "a\\tb", "text": "x"}',  # 10
    b'{"_id": "d11", "text": null}',  # 11
    b'{"_id": "d12", "text": "x", "title": 3}',  # 12
    b'{"_id": "d13", "text": "a\x00b"}',  # 13 raw NUL
    b'{"_id": "d14", "text": "a", "f": {"k": ["\\u0000"]}}',  # 14 escaped NUL
    b'{"_id": "d15", "text": "\\uD800"}',  # 15 half a pair
    b'{"_id": "d16", "text": "x", "n": NaN}',  # 16
    b'{"_id": "d17", "text": "x", "n": -Infinity}',  # 17
    b'{"_id": "d18", "text": "x", "n": 1e999}',  # 18
    b'{"_id": "d19", "text": "\xff"}',  # 19 not UTF-8
    b'{"_id": "d20", "text": "x", "time": "03/04/2023"}',  # 20 March or April
    b'{"_id": "d21", "text": "y", "created": 1683554160}',  # 21
    b'{"_id": "d22", "text": "' + b"x" * (4 << 20) + b'"}',  # 22 oversized
    b'{"_id": "d23", "text": "x", "user": ""}',  # 23
    b'{"_id": "d24", "text": "x", "fields": []}',  # 24
    b'{"_id": true, "text": "x"}',  # 25
    b'{"_id": "d26", "text": "x", "n": ' + b"9" * 5000 + b"}",  # 26
    b'{"_id": "d27", "text": "x", "n": ' + b"[" * 100_000 + b"}",  # 27
    b'{"_id": "d 28", "title": " ", "text": ""}',  # 28 a space in the id, nothing to search
    b'{"_id": "d29", "text": "fine", "user": "ann", "time": "8 May 2023"}',  # 29 the text of line 1
    b'{"_id": "d30", "text": "fine", "user": "bob", "time": "9 May 2023"}',  # 30 another's text may be the same
]
QUERIES = [
    b'{"_id": "q1", "text": "x", "user": "ann"}',
    b'{"_id": "q2", "text": "x", "user": "carl"}',  # 2 no documents
    b'{"_id": "q3", "text": "x", "exclude": ["d1", "nope", "nor this"]}',  # 3
    b'{"_id": "q4", "text": "x", "exclude": "d1"}',  # 4
    b'{"_id": "q5", "text": "x", "time": "some day"}',  # 5
    b'{"_id": "q6", "text": " "}',  # 6 empty
    b'{"_id": "q1", "text": "x"}',  # 7 duplicate
    b'{"_id": "q8", "text": 8}',  # 8
    b'{"_id": "q9", "text": "x", "exclude": [null]}',  # 9
    b'{"_id": "q10", "text": "never judged"}',  # 10
]
QRELS = [
    b"query-id\tcorpus-id\tscore",
    b"q1\td1\t1",
    b"q1\td1\t2",  # 3 another gain
    b"q1\td1\t1",
    b"nobody\td1\t1",  # 5
    b"q1\tnothing\t1",  # 6
    b"q1\td1",  # 7
    b"q1 d1 1",  # 8 three columns need tabs
    b"q1\td1\t0.5",  # 9
    b"q1\td1\tmuch",  # 10
    b"q1\t\t1",  # 11
    b"q1\td\x001\t1",  # 12
    b"q2\td 28\t0",
    b"q3\td5\t1",  # its text is missing, but it is there
    b"q4\td1\t1",
    b"q5\td1\t1",
    b"q6\td1\t1",
    b"q8\td1\t1",
]

EXPECTED = """
corpus.jsonl:2 duplicate-id
corpus.jsonl:3 not-json
corpus.jsonl:4 not-json
corpus.jsonl:5 missing-column
corpus.jsonl:6 missing-column
corpus.jsonl:7 bad-id
corpus.jsonl:8 bad-id
corpus.jsonl:9 bad-id
corpus.jsonl:10 bad-id
corpus.jsonl:11 wrong-type
corpus.jsonl:12 wrong-type
corpus.jsonl:13 nul
corpus.jsonl:14 nul
corpus.jsonl:15 surrogate
corpus.jsonl:16 not-a-number
corpus.jsonl:17 not-a-number
corpus.jsonl:18 not-a-number
corpus.jsonl:19 encoding
corpus.jsonl:20 unreadable-time
corpus.jsonl:21 unreadable-time
corpus.jsonl:22 oversized-line
corpus.jsonl:23 bad-id
corpus.jsonl:24 wrong-type
corpus.jsonl:25 bad-id
corpus.jsonl:26 not-json
corpus.jsonl:27 not-json
corpus.jsonl:28 empty-document
corpus.jsonl:28 space-in-id
corpus.jsonl:29 identical-text
corpus.jsonl:29 time-not-iso
queries.jsonl:2 unknown-user
queries.jsonl:3 unknown-exclude
queries.jsonl:4 wrong-type
queries.jsonl:5 unreadable-time
queries.jsonl:6 empty-query
queries.jsonl:7 duplicate-id
queries.jsonl:8 wrong-type
queries.jsonl:9 bad-id
queries.jsonl:9 unjudged-query
qrels/dev.tsv:0 missing-split
qrels/test.tsv:3 contradiction
qrels/test.tsv:5 unknown-query
qrels/test.tsv:6 unknown-document
qrels/test.tsv:7 wrong-columns
qrels/test.tsv:8 wrong-columns
qrels/test.tsv:9 gain-not-integer
qrels/test.tsv:10 gain-not-integer
qrels/test.tsv:11 bad-id
qrels/test.tsv:12 nul
qrels/train.tsv:0 missing-split
"""


def found(faults: list[Fault]) -> list[str]:
    return [f"{fault.file}:{fault.line} {fault.kind}" for fault in faults]


def test_every_fault_of_a_folder_in_one_pass(make_folder) -> None:
    folder = make_folder(b"\n".join(CORPUS), b"\n".join(QUERIES), {"test": b"\n".join(QRELS)})
    report = check(folder)
    assert sorted(found(report.faults)) == sorted(EXPECTED.strip().split("\n"))
    # in the order of files, and of lines within each
    assert [(f.file, f.line) for f in report.faults] == sorted(
        ((f.file, f.line) for f in report.faults), key=lambda where: (where[0][0] == "q", "qrels" in where[0], where)
    )
    messages = {f"{f.file}:{f.line}:{f.kind}": f.message for f in report.faults}
    assert messages["corpus.jsonl:2:duplicate-id"] == "id 'd1' stands on line 1 already"
    assert messages["corpus.jsonl:29:time-not-iso"].endswith("is read as 2023-05-08 (2 such lines)")
    assert messages["corpus.jsonl:29:identical-text"].endswith("line 1 again (1 such line)")
    assert messages["queries.jsonl:2:unknown-user"] == "no document belongs to user 'carl' of query 'q2'"
    assert messages["queries.jsonl:3:unknown-exclude"].startswith("2 of the excluded ids of query 'q3'")
    assert messages["queries.jsonl:9:unjudged-query"] == "query 'q9' has no judgement in any split (2 such lines)"
    assert messages["qrels/test.tsv:3:contradiction"].endswith("have gain 2 here and 1 on line 2")
    # what can be used: d1, those with a time that can't be read, and the last three
    assert (report.documents, report.queries, report.users) == (6, 6, 2)
    assert report.judgements == {"test": 9}
    assert Dataset(folder).check() == report.faults


def test_every_kind_is_one_that_the_check_can_find() -> None:
    """The kinds that only a whole file or folder can have are in the tests below; a kind in neither is a dead one."""
    elsewhere = {"missing-folder", "missing-file", "ambiguous-file", "wrong-layout", "unreadable-file", "truncated"}
    elsewhere |= {"not-gzip", "compressed", "empty-file", "no-judgements"}
    assert {line.split()[-1] for line in EXPECTED.strip().split("\n")} | elsewhere == set(KINDS)


def test_a_fault_is_one_line_with_its_remedy() -> None:
    fault = Fault("corpus.jsonl", 12, "not JSON", "Write one JSON object a line")
    assert str(fault) == "corpus.jsonl:12: not JSON. Write one JSON object a line"
    assert fault.severity == "error"


def test_a_good_folder_has_no_error(make_folder) -> None:
    report = check(make_folder())
    assert found(report.faults) == ["qrels/dev.tsv:0 missing-split", "qrels/train.tsv:0 missing-split"]
    assert report.errors == [] and len(report.notes) == 2
    assert (report.documents, report.queries, report.users, report.judgements) == (2, 2, 0, {"test": 2})


def test_a_report_is_json_values(make_folder) -> None:
    report = check(make_folder(corpus=b'{"_id": "d1", "text": "a"}\n{'))
    value = json.loads(json.dumps(report.as_dict()))
    assert {key: value[key] for key in ("documents", "queries", "users", "judgements")} == {
        "documents": 1,
        "queries": 2,
        "users": 0,
        "judgements": {"test": 2},
    }
    assert [f["kind"] for f in value["errors"]] == ["not-json", "unknown-document"]
    assert value["errors"][0]["line"] == 2 and len(value["notes"]) == 2


def compressed(rows: int) -> bytes:
    return gzip.compress(
        b"".join(json.dumps({"_id": f"d{n}", "text": f"word {n * n}"}).encode() + b"\n" for n in range(rows))
    )


@pytest.mark.parametrize(
    ("data", "line", "kind"),
    [
        (b"plain text\n", 1, "not-gzip"),
        (compressed(1)[:-4], 2, "truncated"),  # in the checksum: the line itself was read
        (compressed(1)[:5], 1, "truncated"),
        (compressed(1)[:-8] + b"12345678", 2, "unreadable-file"),  # a wrong checksum
        (compressed(1) + b"rest", 2, "unreadable-file"),
        (b"", 0, "empty-file"),
        (gzip.compress(b"\n \n"), 0, "empty-file"),
        (gzip.compress(b"\xff\xfe{\0}\0\n\0"), 1, "encoding"),
    ],
)
def test_damaged_compressed_files(make_folder, data: bytes, line: int, kind: str) -> None:
    folder = make_folder()
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").write_bytes(data)
    faults = [f for f in check(folder).errors if f.file == "corpus.jsonl.gz" and (f.kind != "empty-file" or not line)]
    assert found(faults) == [f"corpus.jsonl.gz:{line} {kind}"]


def test_a_truncated_corpus_is_read_as_far_as_it_goes(make_folder) -> None:
    folder = make_folder(qrels={"test": "q1\td0\t1\nq2\td4999\t1\n"})
    (folder / "corpus.jsonl").unlink()
    data = compressed(5000)
    (folder / "corpus.jsonl.gz").write_bytes(data[: len(data) // 2])
    report = check(folder)
    assert 1000 < report.documents < 4999
    assert found(report.errors) == [
        f"corpus.jsonl.gz:{report.documents + 1} truncated",
        "qrels/test.tsv:2 unknown-document",
    ]
    # the second may only be a consequence of the first, and says so
    assert report.errors[1].message == "document 'd4999' is not in the corpus, as far as it can be read"


def test_gzip_data_without_the_name(make_folder) -> None:
    faults = check(make_folder(corpus=compressed(3))).errors
    assert "corpus.jsonl:1 compressed" in found(faults)


def test_missing_ambiguous_and_empty_files(make_folder, tmp_path: Path) -> None:
    folder = make_folder(corpus=b"", queries=b"\n", qrels={"test": "query-id\tcorpus-id\tscore\n"})
    assert found(check(folder).faults) == [
        "corpus.jsonl:0 empty-file",
        "queries.jsonl:0 empty-file",
        "qrels/dev.tsv:0 missing-split",
        "qrels/test.tsv:0 no-judgements",
        "qrels/train.tsv:0 missing-split",
    ]
    (folder / "corpus.jsonl.gz").write_bytes(b"")
    (folder / "queries.jsonl").unlink()
    assert found(check(folder).errors) == [
        "corpus.jsonl:0 ambiguous-file",
        "corpus.jsonl:0 empty-file",
        "queries.jsonl:0 missing-file",
    ]
    assert found(check(tmp_path / "absent").faults) == [f"{tmp_path / 'absent'}:0 missing-folder"]
    assert check(tmp_path / "absent").documents == 0
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").unlink()
    (folder / "items.jsonl").write_text("")
    assert "corpus.jsonl:0 wrong-layout" in found(check(folder).errors)


def test_a_file_that_cannot_be_read(make_folder) -> None:
    folder = make_folder()
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl").symlink_to("/proc/self/mem")  # opens, and fails when it is read
    if not (folder / "corpus.jsonl").is_file():
        pytest.skip("no such file on this system")
    assert "corpus.jsonl:0 unreadable-file" in found(check(folder).errors)


def test_what_repeats_is_counted_and_cut_only_in_print(make_folder) -> None:
    report = check(make_folder(corpus=b"{\n" * 50 + b'{"_id": "d1", "text": "a"}\n{"_id": "d2", "text": "b"}'))
    assert len(report.errors) == 50
    lines = report.lines(most=20)
    assert len([line for line in lines if "not JSON" in line]) == 20
    assert "corpus.jsonl: 30 more of this kind (not-json)" in lines
    assert len(summarise(report.faults, most=100)) == 52  # and the two missing splits


def test_a_file_of_nothing_but_faults_does_not_fill_the_memory(make_folder, monkeypatch) -> None:
    monkeypatch.setattr("engine.datasets.check._KEPT", 10)
    report = check(make_folder(corpus=b"{\n" * 500))
    assert len([f for f in report.faults if f.kind == "not-json"]) == 10
    assert report.totals["corpus.jsonl", "not-json"] == 500
    assert "corpus.jsonl: 495 more of this kind (not-json)" in report.lines(most=5)


def test_what_a_file_says_cannot_reach_the_terminal(make_folder) -> None:
    hostile = "\x1b[2J\u202e" + "x" * 500
    report = check(make_folder(qrels={"test": f"{hostile}\td1\t1\n"}))
    (message,) = (f.message for f in report.errors)
    assert message.isprintable() and len(message) < 120
