"""Rounds of people written by a model: good answers become a dataset, bad ones are counted, a run goes on.

The server is a real one (tests/engine/llm/server.py) that answers by script.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm.server import Act, Server, prompt

from engine.artifacts import Workspace
from engine.datasets.check import check
from engine.datasets.reader import Dataset
from engine.errors import BuildError, InputError
from engine.llm.config import LlmConfig
from engine.records import Document, Request
from engine.synth.task import ENTITIES, PERSON_PAIRS
from engine.synth.writing import Written, read_llm, write_dataset, write_people
from synth.answers import contact, event, good, good_round, is_sheet, message, sheet

Serve = Callable[..., Server]


def config(server: Server, **options: Any) -> LlmConfig:
    return read_llm(None, ["llm.backend=openai", "llm.model=m"]).model_copy(
        update={"server": LlmConfig().server.model_copy(update={"base_urls": (server.url,), "attempts": 3, **options})}
    )


def write(workspace: Workspace, server: Server, people: int = 2, pairs: int = 50) -> Written:
    return write_people(workspace, config(server), people, pairs, seed=7)


def test_good_answers_become_a_dataset(workspace: Workspace, serve: Serve, tmp_path: Path) -> None:
    server = serve(good)
    written = write(workspace, server)
    counts = write_dataset(tmp_path / "made", written, config(server), seed=7)
    assert counts["people"] == 2 and counts["pairs"] == counts["documents"] == counts["queries"] == 50
    assert counts["short"] == 0 and counts["not_found"] == counts["lacking"] == {}
    assert counts["judgements"] == {"train": 25, "dev": 25}
    assert not check(tmp_path / "made").errors
    dataset = Dataset(tmp_path / "made")
    documents = {d.id: d for d in dataset.documents()}
    kinds = [d.kind for d in documents.values()]
    assert [kinds.count(kind) for kind in ("event", "message", "contact")] == [24, 18, 8]  # 46, 38 and 16 %
    created = [d.created or "" for d in documents.values() if d.user == "p0000"]
    assert created == sorted(created)
    records: list[Document | Request] = [*documents.values(), *dataset.requests()]
    for record in records:
        for start, end, kind in record.fields["entities"]:
            assert record.text[start:end].strip() and kind in ENTITIES
    first = next(d for d in documents.values() if d.kind == "event")
    number = first.text.split()[0].removeprefix("Zorb")
    assert first.text == f"Zorb{number} brask{number} | carry glint{number} over to Nc | Ember Studio | Nc Okoro"
    assert [(first.text[s:e], k) for s, e, k in first.fields["entities"]] == [
        (f"brask{number}", "EVT"),
        ("Nc", "PER"),
        ("Ember Studio", "LOC"),
        ("Nc Okoro", "PER"),
    ]
    assert "Written by m" in (tmp_path / "made" / "README.md").read_text()


def test_what_came_before_is_shown_and_servers_are_held_to_the_schema(workspace: Workspace, serve: Serve) -> None:
    server = serve(good)
    write(workspace, server, people=1, pairs=30)
    sheets, first, second, *_ = server.bodies
    assert sheets["response_format"]["json_schema"]["strict"] and first["temperature"] == 1.0
    assert "none yet" in prompt(first) and "Zorb100 brask100" in prompt(second) and "Nick2?" in prompt(second)
    assert "ada100@" not in prompt(second)
    assert prompt(first).split("Earlier texts")[0] == prompt(second).split("Earlier texts")[0]
    assert PERSON_PAIRS.extractive is None


def test_a_second_run_asks_nothing_and_brings_the_same(workspace: Workspace, serve: Serve) -> None:
    server = serve(good)
    first = write(workspace, server)
    asked = len(server.bodies)
    assert write(workspace, server) == first and len(server.bodies) == asked


@pytest.mark.parametrize(
    "bad",
    [
        Act('{"name": "Zadie Quill", "job": "sel', finish="length"),
        Act(half=True),
        Act("I am sorry, I cannot invent people."),
        Act("[" * 5000),
        Act(json.dumps({**sheet(), "ties": [*sheet()["ties"], {"relation": "mum", "name": "Ro", "nicknames": []}]})),
        Act(json.dumps({**sheet(), "habits": ["x" * 5000] * 3})),
    ],
    ids=["half JSON", "half a reply", "no JSON", "brackets", "two mothers", "ten times too long"],
)
def test_a_bad_sheet_is_asked_for_again(workspace: Workspace, serve: Serve, bad: Act) -> None:
    server = serve(lambda body, before: bad if is_sheet(body) and not before else good(body))
    written = write(workspace, server, people=1, pairs=10)
    assert written.counts["pairs"] == 10 and not written.counts["lacking"]
    assert sum(map(is_sheet, server.bodies)) == 2


def test_who_never_gets_a_sheet_is_told_and_the_others_are_written(workspace: Workspace, serve: Serve) -> None:
    refused: list[str] = []

    def script(body: dict[str, Any], before: int) -> Act:
        if is_sheet(body) and (not refused or prompt(body) in refused):
            refused.append(prompt(body))
            return Act("no")
        return good(body)

    written = write(workspace, serve(script))
    assert len(written.people) == 1 and written.counts["short"] == 25
    assert list(written.counts["lacking"].values()) == ["no JSON in the reply"]


def test_if_nobody_comes_out_the_remedy_is_told(workspace: Workspace, serve: Serve) -> None:
    with pytest.raises(BuildError, match=r"no JSON in the reply.*llm retry person-sheet-"):
        write(workspace, serve(lambda *_: Act("no")))


def test_a_model_that_repeats_itself_is_left_alone(workspace: Workspace, serve: Serve) -> None:
    """The same round again and again: everything after the first is counted as repeated, and soon nobody asks."""

    def script(body: dict[str, Any], _: int) -> Act:
        rows = {"events": [event(i) for i in range(5)], "messages": [message(1)], "contacts": [contact(1)]}
        return Act(json.dumps(sheet() if is_sheet(body) else rows))

    server = serve(script)
    written = write(workspace, server, people=1, pairs=100)
    assert written.counts["pairs"] == 7 and written.counts["short"] == 93
    assert written.counts["dropped"] == {"repeats": 14} and written.counts["rounds"] == 3


def test_bad_pairs_cost_no_good_ones(workspace: Workspace, serve: Serve, tmp_path: Path) -> None:
    """A round that is half rubbish: what is fit is kept, the rest is counted by reason, and more is asked for."""

    def script(body: dict[str, Any], _: int) -> Act:
        if is_sheet(body):
            return good(body)
        found = good_round(body)
        for rows in found.values():
            rows[::2] = [{**rows[0], "time": "yesterday"}, 5, None, "text", {"question": ["?"]}][: len(rows[::2])]
        return Act("Here you are:\n```json\n" + json.dumps(found) + "\n```")

    server = serve(script)
    written = write(workspace, server, people=2, pairs=20)
    dropped = written.counts["dropped"]
    assert dropped["no time"] and dropped["no question"]
    write_dataset(tmp_path / "made", written, config(server), 7)
    assert not check(tmp_path / "made").errors
    assert written.counts["pairs"] + written.counts["short"] == 20


def test_without_a_model_nothing_is_written(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="not available without a language model"):
        write_people(workspace, LlmConfig(), 1, 1, 0)
    with pytest.raises(InputError, match="--pairs"):
        write_people(workspace, LlmConfig(), 3, 2, 0)
