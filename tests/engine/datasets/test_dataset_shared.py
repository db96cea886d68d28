"""The shared collections: what is used for measuring must pass the check, and count what its README says."""

from __future__ import annotations

import pytest

from engine.datasets.check import check
from engine.datasets.reader import Dataset


@pytest.mark.parametrize(
    ("name", "documents", "queries", "users", "judged"),
    [
        ("scifact", 5183, 1109, 0, {"test": 300, "train": 809}),
        ("pair_dev", 1813, 1813, 6, {"test": 1813}),
        ("locomo", 5882, 1986, 10, {"test": 1982}),
        ("cranfield", 1400, 225, 0, {"test": 225, "test_binary": 225}),
        ("prefeval", 1000, 1000, 0, {"test": 1000}),
    ],
)
def test_the_shared_collections_have_no_errors(shared_datasets, name, documents, queries, users, judged) -> None:
    report = check(shared_datasets / name)
    assert [str(fault) for fault in report.errors] == []
    assert (report.documents, report.queries, report.users) == (documents, queries, users)
    dataset = Dataset(shared_datasets / name)
    assert {split: len(dataset.requests(split)) for split in dataset.splits} == judged
    assert sum(1 for _ in dataset.documents()) == documents


def test_times_of_locomo_are_read(shared_datasets) -> None:
    times = [document.time for document in Dataset(shared_datasets / "locomo").documents()]
    assert times[0] == "2023-05-08T13:56:00" and None not in times
    notes = [n for n in check(shared_datasets / "locomo").notes if n.kind == "time-not-iso"]
    assert len(notes) == 1 and "(5882 such lines)" in notes[0].message


def test_recommendation_collections_are_told_apart(shared_datasets) -> None:
    (fault,) = check(shared_datasets / "amazon14_beauty_5core").errors
    assert "recommendation layout" in fault.message and "search needs corpus.jsonl" in fault.message
