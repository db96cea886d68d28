"""People written by a model: good answers become a dataset, and of bad ones nothing gets through uncounted.

The server is a real one (tests/engine/llm/server.py) that answers by script; it writes words that are nowhere else, so
that only what a test makes wrong is wrong.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from llm.server import Act, Server, prompt

from engine.artifacts import Workspace
from engine.datasets.check import check
from engine.datasets.reader import Dataset
from engine.errors import BuildError, InputError
from engine.llm import attempts
from engine.llm.config import LlmConfig
from engine.synth.annotated import entity, plain
from engine.synth.drafts import Drafts, locate, person_of
from engine.synth.task import (
    ENTITIES,
    PERSON_PAIRS,
    RoundAnswer,
    SheetAnswer,
    SheetInputs,
    Surface,
    check_sheet,
)
from engine.synth.writing import Written, read_llm, write_dataset, write_people

ROOT = Path(__file__).parents[3]
INPUTS = SheetInputs(series=0, number=0, age=40, region="Wales", work="a shop", letter="Z")


def sheet() -> dict[str, Any]:
    relations = ("mother", "father", "sister", "brother", "best friend", "colleague", "boss", "neighbour")
    return {
        "name": "Zadie Quill",
        "job": "sells lamps",
        "town": "Harrow Quay",
        "habits": ["choir", "allotment", "chess"],
        "ties": [
            {"relation": r, "name": f"N{'abcdefgh'[i]} Okoro", "nicknames": [f"Nick{i}"] if i < 6 else []}
            for i, r in enumerate(relations)
        ],
        "places": [{"name": f"Place {i}", "nicknames": []} for i in range(5)],
    }


def event(n: int, **changes: Any) -> dict[str, Any]:
    start = datetime(2021, 3, 1, 18) + timedelta(days=n)
    row = {
        "title": f"Zorb{n} brask{n}",
        "desc": f"carry glint{n} over to Nc",
        "location": "Ember Studio",
        "attendees": ["Nc Okoro"],
        "created": (start - timedelta(days=5)).isoformat(),
        "time": start.isoformat(),
        "memory_entities": [{"text": f"brask{n}", "type": "EVT"}, {"text": "Nc", "type": "PER"}],
        "question": f"When was I off to quim{n} with Nick2?",
        "asked": (start + timedelta(days=9)).isoformat(),
        "ask": "when",
        "question_entities": [{"text": "Nick2", "type": "PER"}],
    }
    return row | changes


def message(n: int, **changes: Any) -> dict[str, Any]:
    row = event(n, title=None, question=f"What did Nick3 want of me about jelf{n}?", ask="what")
    body = f"Would wurm{n} do for plover{n}?"
    row |= {"sender": "Nd Okoro", "relation": "brother", "group": "Family", "body": body, "memory_entities": []}
    return row | {"question_entities": [{"text": "Nick3", "type": "PER"}]} | changes


def contact(n: int, **changes: Any) -> dict[str, Any]:
    row = event(n, question=f"Who was it that sees to my klenk{n}?", ask="who", question_entities=[])
    row |= {"name": f"Ada Pryce{n}", "relation": "plumber", "group": "House", "email": f"ada{n}@example.com"}
    return row | {"memory_entities": []} | changes


def counted(body: dict[str, Any]) -> tuple[int, list[int]]:
    """The round's number, and how many events, messages and contacts it asks for."""
    found = re.search(
        r"This is round (\d+)\. Write exactly (\d+) events, (\d+) messages and (\d+) contacts", prompt(body)
    )
    assert found
    return int(found[1]), [int(found[i]) for i in (2, 3, 4)]


def is_sheet(body: dict[str, Any]) -> bool:
    return "years old" in prompt(body)


def good_round(body: dict[str, Any]) -> dict[str, Any]:
    number, (events, messages, contacts) = counted(body)
    first = 100 * number
    return {
        "events": [event(first + i) for i in range(events)],
        "messages": [message(first + i) for i in range(messages)],
        "contacts": [contact(first + i) for i in range(contacts)],
    }


def good(body: dict[str, Any], _: int = 0) -> Act:
    if not is_sheet(body):
        return Act(json.dumps(good_round(body)))
    return Act(json.dumps({**sheet(), "town": f"Town {sum(prompt(body).encode())}"}))  # nobody like another


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Server(*args, **options))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FIRST_PAUSE", 0.01)
    monkeypatch.setenv("QUINTET_NO_PROGRESS", "1")


def config(server: Server, **options: Any) -> LlmConfig:
    return read_llm(None, ["llm.backend=openai", "llm.model=m"]).model_copy(
        update={"server": LlmConfig().server.model_copy(update={"base_urls": (server.url,), "attempts": 3, **options})}
    )


def write(workspace: Workspace, server: Server, people: int = 2, pairs: int = 50) -> Written:
    return write_people(workspace, config(server), people, pairs, seed=7)


def test_good_answers_become_a_dataset(workspace: Workspace, serve: Callable[..., Server], tmp_path: Path) -> None:
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
    for record in [*documents.values(), *dataset.requests()]:
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


def test_what_came_before_is_shown_and_servers_are_held_to_the_schema(
    workspace: Workspace, serve: Callable[..., Server]
) -> None:
    server = serve(good)
    write(workspace, server, people=1, pairs=30)
    sheets, first, second, *_ = server.bodies
    assert sheets["response_format"]["json_schema"]["strict"] and first["temperature"] == 1.0
    assert "none yet" in prompt(first) and "Zorb100 brask100" in prompt(second) and "Nick2?" in prompt(second)
    assert "ada100@" not in prompt(second)
    assert prompt(first).split("Earlier texts")[0] == prompt(second).split("Earlier texts")[0]
    assert PERSON_PAIRS.extractive is None


def test_a_second_run_asks_nothing_and_brings_the_same(workspace: Workspace, serve: Callable[..., Server]) -> None:
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
def test_a_bad_sheet_is_asked_for_again(workspace: Workspace, serve: Callable[..., Server], bad: Act) -> None:
    server = serve(lambda body, before: bad if is_sheet(body) and not before else good(body))
    written = write(workspace, server, people=1, pairs=10)
    assert written.counts["pairs"] == 10 and not written.counts["lacking"]
    assert sum(map(is_sheet, server.bodies)) == 2


def test_who_never_gets_a_sheet_is_told_and_the_others_are_written(
    workspace: Workspace, serve: Callable[..., Server]
) -> None:
    refused: list[str] = []

    def script(body: dict[str, Any], before: int) -> Act:
        if is_sheet(body) and (not refused or prompt(body) in refused):
            refused.append(prompt(body))
            return Act("no")
        return good(body)

    written = write(workspace, serve(script))
    assert len(written.people) == 1 and written.counts["short"] == 25
    assert list(written.counts["lacking"].values()) == ["no JSON in the reply"]


def test_if_nobody_comes_out_the_remedy_is_told(workspace: Workspace, serve: Callable[..., Server]) -> None:
    with pytest.raises(BuildError, match=r"no JSON in the reply.*llm retry person-sheet-"):
        write(workspace, serve(lambda *_: Act("no")))


def test_a_model_that_repeats_itself_is_left_alone(workspace: Workspace, serve: Callable[..., Server]) -> None:
    """The same round again and again: everything after the first is counted as repeated, and soon nobody asks."""

    def script(body: dict[str, Any], _: int) -> Act:
        rows = {"events": [event(i) for i in range(5)], "messages": [message(1)], "contacts": [contact(1)]}
        return Act(json.dumps(sheet() if is_sheet(body) else rows))

    server = serve(script)
    written = write(workspace, server, people=1, pairs=100)
    assert written.counts["pairs"] == 7 and written.counts["short"] == 93
    assert written.counts["dropped"] == {"repeats": 14} and written.counts["rounds"] == 3


def test_bad_pairs_cost_no_good_ones(workspace: Workspace, serve: Callable[..., Server], tmp_path: Path) -> None:
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


def drafts(pairs: int = 50) -> Drafts:
    return Drafts(person_of("p0", SheetAnswer.model_validate(sheet())), pairs)


def taken(row: dict[str, Any], kind: str, store: Drafts | None = None) -> tuple[bool, Drafts]:
    store = store or drafts()
    [pair] = getattr(RoundAnswer.model_validate({kind: [row]}), kind)
    return store.take(pair), store


@pytest.mark.parametrize(
    ("kind", "row", "reason"),
    [
        ("events", event(1, time="2021-02-30T10:00"), "no time"),
        ("events", event(1, time="soon"), "no time"),
        ("events", event(1, created=""), "no time"),
        ("events", event(1, time="1999-01-01T10:00"), "a time outside of the years asked for"),
        ("events", event(1, asked="2021-01-01T10:00"), "asked before it was there, or years later"),
        ("messages", message(1, asked="2027-01-01T10:00"), "asked before it was there, or years later"),
        ("events", event(1, question="When was my brask1 with Nick2?"), "shares words with its memory"),
        ("events", event(1, question="Did they carry quim1?"), "shares words with its memory"),
        ("events", event(1, question="What did I do in June?"), "the time said is not the memory's"),
        ("events", event(1, question=""), "no question"),
        ("events", event(1, question="when?"), "no question"),
        ("events", event(1, question="why " * 300), "too long"),
        ("events", event(1, desc="word " * 400), "too long"),
        ("events", event(1, attendees=["Ann"] * 9), "too long"),
        ("events", event(1, title="Zorb | brask"), "marks that people don't write"),
        ("events", event(1, title="<script>alert(1)</script>"), "marks that people don't write"),
        ("events", event(1, question="when was quim \u202e\x07 then?"), "marks that people don't write"),
        ("events", event(1, title=""), "no memory"),
        ("messages", message(1, body=""), "no memory"),
        ("messages", message(1, body="We sang plover last Friday"), "a message that says 'last'"),
        ("messages", message(1, relation="mother"), "contradicts the sheet"),
        ("messages", message(1, sender="Ida Stone", relation="mum"), "contradicts the sheet"),
        ("contacts", contact(1, name=""), "no memory"),
        ("contacts", contact(1, relation="boss"), "contradicts the sheet"),
    ],
)
def test_a_pair_that_is_not_fit_is_dropped_with_its_reason(kind: str, row: dict[str, Any], reason: str) -> None:
    kept, store = taken(row, kind)
    assert not kept and store.dropped == {reason: 1} and not store.pairs


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("events", event(1)),
        ("events", event(1, asked="2021-02-27T09:00", question="When will I be off to quim1 next week?")),
        ("events", event(1, question="what did I do in March with Nick2")),
        ("messages", message(1)),
        ("messages", message(1, relation="")),
        ("messages", message(1, sender="Nick3")),
        ("messages", message(1, sender="Ida Stone", relation="organist")),
        ("contacts", contact(1)),
        ("contacts", contact(1, time="2021-03-02 18:00:00+02:00", ask="whence")),
    ],
)
def test_what_is_fit_is_kept(kind: str, row: dict[str, Any]) -> None:
    kept, store = taken(row, kind)
    assert kept, store.dropped


def test_a_message_from_somebody_known_gets_her_relation() -> None:
    _, store = taken(message(1, relation=""), "messages")
    assert store.pairs[0][0].text.startswith("Nd Okoro | brother | Family | Would")
    assert store.pairs[0][0].ties == ("Nd Okoro",)


def test_nobody_changes_relation_between_rounds() -> None:
    _, store = taken(contact(1, name="Ida Stone", relation="plumber"), "contacts")
    kept, store = taken(message(2, sender="Ida Stone", relation="dentist"), "messages", store)
    assert not kept and store.dropped == {"contradicts the sheet": 1}


def test_addresses_that_somebody_might_have_are_left_out() -> None:
    kept, store = taken(contact(1, email="ada@gmail.com"), "contacts")
    assert kept and store.pairs[0][0].text == "Ada Pryce1 | plumber | House"
    assert store.entities == {"addresses that somebody might have": 1}


def test_the_same_in_nearly_the_same_words_is_a_repetition() -> None:
    _, store = taken(event(1), "events")
    kept, store = taken(
        event(1, desc="carry glint1 to Nc", question="when was I off to quim1, Nick2?"), "events", store
    )
    assert not kept and store.dropped == {"repeats": 1}


def test_no_more_of_a_kind_than_are_due() -> None:
    store = drafts(2)  # one event, one message
    assert taken(event(1), "events", store)[0] and not taken(event(2), "events", store)[0]
    assert store.dropped == {"more of its kind than needed": 1}


def spans(text: str, *listed: tuple[str, str]) -> list[tuple[str, str, int]]:
    found, _ = locate(plain(text), [Surface(text=surface, type=kind) for surface, kind in listed])
    return [(text[s:e], kind, s) for s, e, kind in found.entities]


@pytest.mark.parametrize(
    ("text", "listed", "found"),
    [
        ("Ann met Ann", [("Ann", "PER")], [("Ann", "PER", 0), ("Ann", "PER", 8)]),
        ("May came in May", [("May", "PER"), ("May", "TIM")], [("May", "PER", 0), ("May", "TIM", 12)]),
        ("Annabel and Ann", [("Ann", "per")], [("Ann", "PER", 12)]),
        ("Luz Okafor, Luz", [("Luz", "PER"), ("Luz Okafor", "PER")], [("Luz Okafor", "PER", 0), ("Luz", "PER", 12)]),
        ("ann@example.com", [("ann", "PER")], []),
        ("a+b (c)", [("(c)", "EVT")], [("(c)", "EVT", 4)]),
    ],
)
def test_offsets_are_found_occurrence_by_occurrence(
    text: str, listed: list[tuple[str, str]], found: list[tuple[str, str, int]]
) -> None:
    assert spans(text, *listed) == found


def test_entities_that_are_not_there_are_counted() -> None:
    listed = [Surface(text="Bob", type="PER"), Surface(text="Ann", type="CAT"), Surface(text="Ann", type="PER")]
    found, counts = locate(entity("Ann", "PER") + " sang", listed)
    assert found.entities == ((0, 3, "PER"),)
    assert counts == {"entities that are not in the text": 1, "entities of an unknown type": 1}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": ""}, "lacks a name"),
        ({"habits": ["one"]}, "1 habits"),
        ({"ties": sheet()["ties"][1:]}, "0 people with the relation mother"),
        ({"ties": sheet()["ties"][:7]}, "7 ties instead of 8"),
        ({"ties": [{**tie, "nicknames": []} for tie in sheet()["ties"]]}, "0 ties with a nickname"),
        ({"places": []}, "0 places"),
        ({"ties": [{**tie, "nicknames": ["Bear"]} for tie in sheet()["ties"]]}, "two are called 'bear'"),
        ({"town": "A | B"}, "is no name"),
        ({"job": "<b>x</b>"}, "is no name"),
    ],
)
def test_sheets_that_are_refused(change: dict[str, Any], told: str) -> None:
    check_sheet(INPUTS, SheetAnswer.model_validate(sheet()))
    with pytest.raises(ValueError, match=re.escape(told)):
        check_sheet(INPUTS, SheetAnswer.model_validate({**sheet(), **change}))


def test_without_a_model_nothing_is_written(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="not available without a language model"):
        write_people(workspace, LlmConfig(), 1, 1, 0)
    with pytest.raises(InputError, match="--pairs"):
        write_people(workspace, LlmConfig(), 3, 2, 0)


def test_who_writes_is_read_from_a_configuration_or_from_settings(tmp_path: Path) -> None:
    found = read_llm(ROOT / "configs" / "spike.yaml", ["llm.backend=openai", "llm.model=qwen", "llm.server.slots=3"])
    assert (found.backend, found.model, found.server.slots, found.sampling.max_tokens) == ("openai", "qwen", 3, 2048)
    assert read_llm(None, ["llm.backend=openai"]).sampling.max_tokens == 4096
    path = tmp_path / "mine.yaml"
    path.write_text("llm: {backend: openai, model: own}\n")
    assert read_llm(path, []).model == "own"
    for text, told in (("llm: 3", "no section"), ("{", "not readable"), ("llm: {modle: x}", "nearest is 'model'")):
        path.write_text(text)
        with pytest.raises(InputError, match=told):
            read_llm(path, [])
    with pytest.raises(InputError, match="--set"):
        read_llm(None, ["model=x"])


@pytest.mark.integration
def test_the_command_goes_on_where_it_was_killed(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Killed in the middle: what was answered is not asked again, and the folder comes out whole or not at all."""
    server = serve(good, latency=0.05)
    command = [sys.executable, "-m", "admin", "data", "synth", "personal", str(tmp_path / "made"), "--people", "3"]
    command += ["--pairs", "120", "--json", "--workspace", str(tmp_path / "workspace")]
    for setting in ("backend=openai", "model=m", f"server.base_urls={server.url}", "server.slots=2"):
        command += ["--set", f"llm.{setting}"]
    environment = {**os.environ, "QUINTET_NO_PROGRESS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(server.bodies) < 8 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "made").exists()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["queries"] == 120 and not counts["lacking"]
    twice = [text for text, asked in server.asked.items() if asked > 1]
    assert len(twice) <= 2 and max(server.asked.values()) <= 2  # what was in flight
    again = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert again.returncode == 2 and "exists already" in again.stderr
