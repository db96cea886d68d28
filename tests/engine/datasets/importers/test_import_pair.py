from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.datasets.importers import import_dataset
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.records import Document, Judgement, Request

EVENT = {
    "title": "Pottery",
    "desc": "A class",
    "date": "2024-01-15T14:00:00",
    "ct": "2023-11-12T14:30:00",
    "location": "-",
    "attendees": ["Ann", "-", "Bo"],
}
MESSAGE = {"from": "Ann", "relation": "-", "group": "Family", "body": "Bring bread!", "ct": "2023-05-01T10:00:00"}
CONTACT = {"name": "Bo", "relation": "potter", "group": "-", "email": "bo@example.org", "ct": "2023-06-01T10:00:00"}


def pair(text: str, passage: dict, time: str | None = "2023-12-10T14:30:00") -> dict:
    query = {"txt": text} | ({"ct": time} if time else {})
    return {"query": query, "passage": passage, "tagged_query": [{"PER": "Bo"}]}


def test_the_three_kinds_of_passage(put, tmp_path: Path) -> None:
    undated = {key: value for key, value in MESSAGE.items() if key != "ct"}
    pairs = [pair("q a", EVENT), pair("q b", MESSAGE, None), pair("q c", undated), pair("q d", CONTACT)]
    put("raw/54_4.json", json.dumps(pairs))
    put("raw/55_1.json.gz", json.dumps([pair("q e", MESSAGE)]))
    result = import_dataset("pair", tmp_path / "raw", tmp_path / "out")
    assert result["dropped"] == {"pairs without a creation time": 2}
    assert (result["documents"], result["queries"], result["users"], result["judgements"]) == (3, 3, 2, {"test": 3})
    dataset = Dataset(tmp_path / "out")
    fields = [
        {"title": "Pottery", "desc": "A class", "attendees": ["Ann", "Bo"]},
        {"name": "Bo", "relation": "potter", "email": "bo@example.org"},
        {"from": "Ann", "group": "Family", "body": "Bring bread!"},
    ]
    assert list(dataset.documents()) == [
        Document(
            "user-54/d0",
            "Pottery | A class | Ann , Bo",
            user="user-54",
            kind="event",
            time="2024-01-15T14:00:00",  # when it happens
            created="2023-11-12T14:30:00",
            fields=fields[0],
        ),
        Document(
            "user-54/d1",
            "Bo | potter | bo@example.org",
            user="user-54",
            kind="contact",
            time="2023-06-01T10:00:00",
            created="2023-06-01T10:00:00",
            fields=fields[1],
        ),
        Document(
            "user-55/d0",
            "Ann | Family | Bring bread!",
            user="user-55",
            kind="message",
            time="2023-05-01T10:00:00",
            created="2023-05-01T10:00:00",
            fields=fields[2],
        ),
    ]
    assert dataset.requests("test")[1] == Request("user-54/q1", "q d", "user-54", "2023-12-10T14:30:00")
    assert dataset.judgements("test")[2] == Judgement("user-55/q0", "user-55/d0", 1)


def test_one_file(put, tmp_path: Path) -> None:
    source = put("miniRAG_515.json", json.dumps([pair("q", EVENT | {"date": "-"})]))
    import_dataset("pair", source, tmp_path / "out")
    (document,) = Dataset(tmp_path / "out").documents()
    assert (document.id, document.time) == ("user-miniRAG/d0", EVENT["ct"])


def test_pair_dev_could_have_been_imported(shared_datasets, put, tmp_path: Path) -> None:
    """The shared collection, turned back into raw pairs and imported, is itself again."""
    original = Dataset(shared_datasets / "pair_dev")
    requests = {r.id: r for r in original.requests()}
    documents = {d.id: d for d in original.documents()}
    pairs: dict[str, list[dict]] = {}
    for judgement in original.judgements("test"):
        request, document = requests[judgement.request], documents[judgement.document]
        date = {"date": document.time} if document.kind == "event" else {}
        passage = {**document.fields, **date, "ct": document.created}
        pairs.setdefault(document.user, []).append(pair(request.text, passage, request.time))
    for user, rows in pairs.items():
        put(f"raw/{user.removeprefix('user-')}_{len(rows)}.json", json.dumps(rows))
    import_dataset("pair", tmp_path / "raw", tmp_path / "out")
    imported = Dataset(tmp_path / "out")
    assert {d.id: d for d in imported.documents()} == documents
    assert {r.id: r for r in imported.requests()} == requests
    assert set(imported.judgements("test")) == set(original.judgements("test"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[\n{]", r"^1_1.json:2: not JSON"),
        ('{"query": 1}', r"^1_1.json: not a list of pairs"),
        ("[3]", r"^1_1.json: pair 1: no query and passage"),
        (json.dumps([pair("q", {"ct": "2023-05-01", "colour": "red"})]), r"pair 1: the passage is neither"),
        (json.dumps([pair("q", MESSAGE | {"body": 3})]), r"pair 1: 'body' is neither a string nor a list"),
        (json.dumps([pair("q", MESSAGE | {"ct": "yesterday"})]), r"corpus.jsonl.gz:1: time 'yesterday' can't be read"),
        (json.dumps([pair("q\0", MESSAGE)]), r"^1_1.json:1: a NUL character"),
        (b"[\xff]", r"^1_1.json: not UTF-8 at byte 1"),
        ("[NaN]", r"^1_1.json:1: NaN is not JSON"),
    ],
)
def test_faults(put, tmp_path: Path, content: str | bytes, message: str) -> None:
    put("raw/1_1.json", content)
    with pytest.raises(InputError, match=message):
        import_dataset("pair", tmp_path / "raw", tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["raw"]
