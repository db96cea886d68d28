"""Jobs by file: what is exported, what result files are taken, what happens to replies that are no answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.artifacts import Workspace
from engine.errors import BuildError, InputError
from engine.llm import batch, status
from engine.llm import log as logs
from engine.llm.job import generate
from llm.server import Server, completion, good
from llm.tasks import ECHO, config, messages, words

Serve = Callable[..., Server]
NOWHERE = "http://127.0.0.1:9/v1"


def export(workspace: Workspace, count: int, file: Path, **options: Any) -> tuple[Path, list[dict[str, Any]]]:
    """The job's folder and the lines of a fresh export."""
    with pytest.raises(BuildError, match=r"requests are due and were not asked.*llm export-batch echo-"):
        generate(workspace, ECHO, words(count), config(NOWHERE, export=True, **options))
    folder = logs.job_folder(workspace, ECHO, config(NOWHERE))
    batch.export(folder, file)
    return folder, [json.loads(line) for line in file.read_text().splitlines()]


def result(request: dict[str, Any], text: str | None = None) -> dict[str, Any]:
    """A result line as vllm run-batch writes it."""
    body = json.loads(completion(good(request["body"]) if text is None else text))
    response = {"status_code": 200, "request_id": "r", "body": body}
    return {"id": "vllm-1", "custom_id": request["custom_id"], "response": response, "error": None}


def write(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_there_and_back(workspace: Workspace, serve: Serve, tmp_path: Path) -> None:
    generate(workspace, ECHO, words(2), config(serve().url))
    folder, lines = export(workspace, 6, tmp_path / "batch.jsonl", samples=2)
    assert len(lines) == 10 and len({line["custom_id"] for line in lines}) == 10
    assert (lines[0]["method"], lines[0]["url"]) == ("POST", "/v1/chat/completions")
    body = lines[0]["body"]
    assert body["seed"] == 1 and body["messages"] == messages(next(words(1)())[1]) and body["model"] == "m"
    assert body["response_format"]["type"] == "json_schema"

    file = write(tmp_path / "out.jsonl", [result(line) for line in reversed(lines)])
    assert batch.import_(folder, file) == {"replies": 10, "errors": 0, "known": 0, "unknown": 0, "unreadable": 0}
    assert batch.import_(folder, file)["known"] == 10, "a second time changes nothing"
    assert status.status(folder).unchecked == 10
    made = generate(workspace, ECHO, words(6), config(NOWHERE, samples=2))
    assert (made.counts.asked, made.counts.from_log) == (0, 12)
    assert [a.score for _, answers, _ in made for a in answers] == [0, 1] * 6
    before = (folder / logs.LOG).read_bytes()
    assert batch.import_(folder, file)["known"] == 10 and (folder / logs.LOG).read_bytes() == before
    assert status.status(folder).prompt_tokens == 120
    assert not (tmp_path / "again.jsonl").exists() and batch.export(folder, tmp_path / "again.jsonl")["requests"] == 0


def test_errors_rubbish_and_replies_that_do_not_fit(workspace: Workspace, serve: Serve, tmp_path: Path) -> None:
    folder, lines = export(workspace, 5, tmp_path / "batch.jsonl")
    results: list[Any] = [
        result(lines[0], "no idea"),
        result(lines[1], '```json\n{"word": "w1", "score": 0}\n```'),
        {"custom_id": lines[2]["custom_id"], "response": None, "error": {"code": "x", "message": "expired"}},
        {
            "custom_id": lines[3]["custom_id"],
            "response": {"status_code": 400, "body": {"error": {"message": "too long"}}},
            "error": None,
        },
        {"custom_id": lines[4]["custom_id"], "response": {"status_code": 200, "body": {"choices": []}}},
        result({"custom_id": "0" * 32, "body": lines[0]["body"]}),
        {**result(lines[0]), "custom_id": "not one of ours"},
        {**result(lines[0]), "custom_id": 7},
        "{torn",
    ]
    file = write(tmp_path / "out.jsonl", results)
    assert batch.import_(folder, file) == {"replies": 2, "errors": 3, "known": 0, "unknown": 3, "unreadable": 1}
    made = generate(workspace, ECHO, words(5), config(NOWHERE))
    assert dict(made.failures()) == {
        "d0": "no JSON in the reply",
        "d2": "batch: expired",
        "d3": "batch: too long",
        "d4": "batch: the response is no chat completion",
    }
    assert (made.counts.asked, made.counts.repaired, made.counts.failed) == (0, 1, 4)
    assert batch.import_(folder, file)["known"] == 5
    server = serve()
    assert generate(workspace, ECHO, words(5), config(server.url), retry=True).counts.asked == 4
    assert len(server.bodies) == 4


def test_files_of_another_job_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    folder, lines = export(workspace, 1, tmp_path / "batch.jsonl")
    other = write(tmp_path / "out.jsonl", [result({**lines[0], "custom_id": "0" * 32})])
    with pytest.raises(InputError, match="none of its 1 lines belongs to job"):
        batch.import_(folder, other)
    with pytest.raises(InputError, match="there is no such file"):
        batch.import_(folder, tmp_path / "nowhere.jsonl")
    assert (folder / logs.LOG).read_bytes() == b""


def test_nothing_to_export(workspace: Workspace, serve: Serve, tmp_path: Path) -> None:
    url = serve().url
    made = generate(workspace, ECHO, words(2), config(url))
    assert made.folder is not None
    with pytest.raises(InputError, match=r"Run the method's command with llm\.server\.export=true first"):
        batch.export(made.folder, tmp_path / "batch.jsonl")
    assert not (tmp_path / "batch.jsonl").exists()
    assert generate(workspace, ECHO, words(2), config(url, export=True)).counts.from_log == 2, "all is there: go on"
