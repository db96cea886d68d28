"""Whatever bytes lie in a folder: the check reports and never raises, and the reader raises nothing but InputError."""

from __future__ import annotations

import gzip
import json
import random
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.datasets.check import check
from engine.datasets.reader import Dataset
from engine.errors import InputError

NAMES = ["_id", "text", "title", "user", "kind", "time", "created", "fields", "exclude", "instruction", "x"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["a", "b", "8 May 2023"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner), max_leaves=4
)
ROWS = st.dictionaries(st.sampled_from(NAMES), VALUES).map(lambda row: json.dumps(row).encode("utf-8", "surrogatepass"))
PIECES = (
    st.binary(max_size=12)
    | ROWS
    | st.sampled_from([b"\t", b"a\tb\t1", b"a 0 b 1", b"\xef\xbb\xbf", b"\0", b"\x1f\x8b"])
)
FILES = st.lists(PIECES, max_size=6).map(b"\n".join)


def use_everything(folder: Path) -> None:
    report = check(folder)
    for fault in report.faults:
        assert "\n" not in str(fault) and fault.kind and fault.message
    before = len(report.errors)
    with suppress(InputError):
        dataset = Dataset(folder)
        with suppress(InputError):
            assert len(list(dataset.documents())) == report.documents
        with suppress(InputError):
            assert len(dataset.requests()) == report.queries
        for split in dataset.splits:
            with suppress(InputError):
                assert len(dataset.judgements(split)) == report.judgements[split]
    assert len(check(folder).errors) == before


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES, FILES, FILES, st.booleans())
def test_any_bytes(tmp_path_factory, corpus: bytes, queries: bytes, qrels: bytes, packed: bool) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "qrels").mkdir()
    (folder / ("corpus.jsonl.gz" if packed else "corpus.jsonl")).write_bytes(corpus)
    (folder / "queries.jsonl").write_bytes(queries)
    (folder / "qrels" / "test.tsv").write_bytes(qrels)
    use_everything(folder)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_gzip(make_folder, seed: int) -> None:
    """Every kind of damage that a byte changed, cut or added somewhere in a real gzip file can be."""
    folder = make_folder()
    random_ = random.Random(seed)
    rows = b"".join(json.dumps({"_id": n, "text": random_.random()}).encode() + b"\n" for n in range(200))
    data = gzip.compress(rows)
    (folder / "corpus.jsonl").unlink()
    for _ in range(25):
        at = random_.randrange(len(data))
        damaged = random_.choice(
            [data[:at], data[:at] + bytes([random_.randrange(256)]) + data[at + 1 :], data[:at] + data[at + 3 :]]
        )
        (folder / "corpus.jsonl.gz").write_bytes(damaged)
        use_everything(folder)
