from __future__ import annotations

import gzip
import hashlib
import json
import tracemalloc
from pathlib import Path

import pytest

from engine.datasets.lines import MAX_LINE, read_lines
from engine.datasets.reader import Dataset, read_corpus
from engine.errors import InputError
from engine.records import Document, Judgement, Request


def test_records_have_every_column(make_folder) -> None:
    corpus = [
        {
            "_id": 7,  # numbers become strings
            "title": None,
            "text": "a",
            "user": 3,
            "kind": "event",
            "time": "1:56 pm on 8 May, 2023",
            "created": "2023-05-07",
            "speaker": "Mel",
            "n": 2,
            "fields": {"n": 3, "title": "T"},  # an explicit field wins over a column of its name
        },
        {"_id": "e", "title": "b", "text": "", "time": "no time at all"},
    ]
    queries = [
        {
            "_id": 1,
            "text": "q",
            "user": "3",
            "time": "2023-05-08T10:00:00+02:00",
            "exclude": [7, "e"],
            "instruction": "find",
            "category": "temporal",
        }
    ]
    dataset = Dataset(make_folder(corpus, queries, {"test": "1\t7\t1\n"}))
    first, second = dataset.documents()
    fields = {"speaker": "Mel", "n": 3, "title": "T"}
    assert first == Document("7", "a", "", "3", "event", "2023-05-08T13:56:00", "2023-05-07", fields)
    assert second == Document("e", "", "b")  # a time that can't be read becomes None
    assert dataset.requests() == [
        Request("1", "q", "3", "2023-05-08T10:00:00", (), ("7", "e"), "find", {"category": "temporal"})
    ]
    assert dataset.judgements("test") == [Judgement("1", "7", 1)]


def test_a_dataset_knows_itself(make_folder) -> None:
    folder = make_folder(qrels={"test": "q1\td1\t1\n", "dev": "q2\td2\t1\n", "odd": "q1\td1\t1\n"})
    (folder / "qrels" / "._test.tsv").write_bytes(b"\0")  # what macOS leaves in archives
    dataset = Dataset(str(folder))
    assert (dataset.name, dataset.path) == ("tiny", folder)
    assert (dataset.corpus_path, dataset.queries_path) == (folder / "corpus.jsonl", folder / "queries.jsonl")
    assert dataset.splits == ["dev", "odd", "test"]
    assert dataset.digest == hashlib.sha256((folder / "corpus.jsonl").read_bytes()).hexdigest()


def test_the_digest_is_the_corpus_alone(make_folder) -> None:
    before = Dataset(make_folder()).digest
    assert Dataset(make_folder(queries=[{"_id": "x", "text": "y"}], qrels={})).digest == before
    assert Dataset(make_folder(corpus=[{"_id": "x", "text": "y"}])).digest != before


def test_opening_reads_nothing(make_folder) -> None:
    folder = make_folder(corpus=b"\xff\xfe\0", queries=b"nonsense", qrels={"test": b"\0"})
    assert Dataset(folder).splits == ["test"]


def test_requests_of_a_split_keep_the_order_of_the_queries(make_folder) -> None:
    queries = [{"_id": name, "text": name, "gpt4_reason": f"think {name}"} for name in "cab"]
    dataset = Dataset(make_folder(queries=queries, qrels={"test": "b\td1\t0\nc\td1\t1\n", "dev": "a\td1\t1\n"}))
    assert [r.id for r in dataset.requests("test")] == ["c", "b"]  # one line is enough, whatever its gain
    assert [r.id for r in dataset.requests()] == ["c", "a", "b"]
    assert [r.text for r in dataset.requests("test", text_field="gpt4_reason")] == ["think c", "think b"]


def test_a_rewritten_text_must_be_there_for_every_query_asked_for(make_folder) -> None:
    queries = [{"_id": "a", "text": "t", "r": "x"}, {"_id": "b", "text": "t", "s": "x"}]
    dataset = Dataset(make_folder(queries=queries, qrels={"test": "a\td1\t1\n"}))
    assert [r.text for r in dataset.requests("test", text_field="r")] == ["x"]
    with pytest.raises(
        InputError, match=r"^queries.jsonl:2: query 'b' has no text in its field 'r'. Its fields are s$"
    ):
        dataset.requests(text_field="r")


def test_an_unknown_split_lists_those_that_exist(make_folder) -> None:
    with pytest.raises(InputError, match=r"no split 'dev' in .*tiny\. It has test, train$"):
        Dataset(make_folder(qrels={"test": "", "train": ""})).judgements("dev")
    with pytest.raises(InputError, match="no split 'dev'"):
        Dataset(make_folder()).requests("dev")


@pytest.mark.parametrize(
    "qrels",
    [
        "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t-1\n",
        "q1\td1\t1\r\nq2\td2\t-1\r\n",
        "\n\nquery-id\tcorpus-id\tScore\nq1\td1\t 1\nq2\td2\t-1",
        "q1 0 d1 1\nq2  0\td2  -1 \n",  # TREC's four columns, by any white space
        "q1\tQ0\td1\t1\nq2\tQ0\td2\t-1\n",
        "\ufeffq1\td1\t+1\nq2\td2\t-1\nq1\td1\t1\n",  # said twice, but not two things
    ],
)
def test_forms_of_qrels(make_folder, qrels: str) -> None:
    dataset = Dataset(make_folder(qrels={"test": qrels}))
    assert dataset.judgements("test") == [Judgement("q1", "d1", 1), Judgement("q2", "d2", -1)]
    assert not [fault for fault in dataset.check() if fault.severity == "error"]


def test_ids_in_tab_separated_qrels_may_have_spaces(make_folder) -> None:
    folder = make_folder([{"_id": "d 1", "text": "a"}], [{"_id": "q 1", "text": "b"}], {"test": "q 1\td 1\t1\n"})
    assert Dataset(folder).judgements("test") == [Judgement("q 1", "d 1", 1)]


def test_tolerated(make_folder) -> None:
    corpus = (
        b'\xef\xbb\xbf{"_id": "d1", "text": "a"}\r\n\r\n   \n{"_id": "d2", "text": "\\u0041 \\\\u0000 \\ud83d\\ude00"}'
    )
    assert [d.text for d in Dataset(make_folder(corpus)).documents()] == ["a", "A \\u0000 \U0001f600"]


@pytest.mark.parametrize("present", [(), ("corpus.jsonl",), ("queries.jsonl",)])
def test_missing_files(tmp_path: Path, present: tuple[str, ...]) -> None:
    for name in present:
        (tmp_path / name).write_text("{}")
    missing = "corpus.jsonl" if "corpus.jsonl" not in present else "queries.jsonl"
    with pytest.raises(
        InputError, match=f"there is no {missing} and no {missing}.gz.*python -m admin data import"
    ) as e:
        Dataset(tmp_path)
    assert e.value.exit_code == 2


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        Dataset(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not a folder"):
        Dataset(tmp_path / "file")


@pytest.mark.parametrize("name", ["corpus.jsonl.gz", "queries.jsonl.gz"])
def test_two_of_one_file_are_ambiguous(make_folder, put, name: str) -> None:
    folder = make_folder()
    put(f"tiny/{name}", b"")
    with pytest.raises(InputError, match="both there"):
        Dataset(folder)


def test_the_recommendation_layout_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl.gz").write_bytes(b"")
    (tmp_path / "interactions.tsv").write_bytes(b"")
    with pytest.raises(InputError, match=r"recommendation layout \(items.jsonl.gz, interactions.tsv\); search needs"):
        Dataset(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object but a list"),
        (b'{"_id": "d1", "text": "again"}', "id 'd1' stands on line 1 already"),
        (b'{"_id": "x"}', "no 'text'"),
        (b'{"text": "x"}', "no '_id'"),
    ],
)
def test_reading_stops_at_the_first_fault(make_folder, line: bytes, message: str) -> None:
    folder = make_folder(b'{"_id": "d1", "text": "a"}\n' + line + b'\n{"_id": "d3", "text": "c"}\n{')
    documents = Dataset(folder).documents()
    assert next(documents).id == "d1"
    with pytest.raises(InputError) as error:
        next(documents)
    assert str(error.value).startswith(f"corpus.jsonl:2: {message}")
    assert str(error.value).endswith(f"`python -m admin data check {folder}` lists every fault")


def test_a_corpus_outside_of_a_folder(put) -> None:
    path = put("more.jsonl.gz", [{"_id": "x", "text": "y"}, {"_id": "x", "text": "z"}])
    documents = read_corpus(path)
    assert next(documents) == Document("x", "y")
    with pytest.raises(InputError, match=r"^more.jsonl.gz:2: id 'x' stands on line 1 already\. Remove one"):
        next(documents)
    with pytest.raises(InputError, match=r"^absent: it cannot be read \(No such file"):
        list(read_corpus("absent"))


def test_compressed_files_read_the_same(make_folder, tmp_path: Path) -> None:
    plain = make_folder()
    packed = tmp_path / "packed"
    packed.mkdir()
    for name in ("corpus", "queries"):
        (packed / f"{name}.jsonl.gz").write_bytes(gzip.compress((plain / f"{name}.jsonl").read_bytes()))
    assert list(Dataset(packed).documents()) == list(Dataset(plain).documents())
    assert Dataset(packed).requests() == Dataset(plain).requests()


def test_the_longest_line_is_read_and_the_next_longer_is_not(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"x" * MAX_LINE + b"\n" + b"y" * (MAX_LINE + 1) + b"\nz\n")
    (one, longest), (two, fault), (three, last) = read_lines(path, "lines")
    assert (one, two, three) == (1, 2, 3)
    assert longest == "x" * MAX_LINE and last == "z"
    assert str(fault).startswith("lines:2: the line is over 4 MiB long")


def test_documents_stream(tmp_path: Path) -> None:
    """96 MiB in one gzip file, 64 long lines and one endless line, are read in a fraction of that."""
    row = json.dumps({"_id": "ID", "text": "word " * 200_000}).encode()
    with gzip.open(tmp_path / "corpus.jsonl.gz", "wb", compresslevel=1) as stream:
        for n in range(64):
            stream.write(row.replace(b"ID", b"%d" % n) + b"\n")
        stream.write(b"x" * (32 << 20) + b"\n")
    (tmp_path / "queries.jsonl").write_text("")
    count = 0
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"corpus.jsonl.gz:65: the line is over 4 MiB long"):
            for _ in Dataset(tmp_path).documents():
                count += 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 64
    assert peak < 20 << 20  # a few lines: as bytes, as text, parsed
