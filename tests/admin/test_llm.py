"""`llm`: what the commands print and do, on logs as jobs leave them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from engine.artifacts import Workspace
from engine.llm import log as logs
from engine.llm.config import LlmConfig
from engine.llm.task import Message, Task


class Text(BaseModel):
    text: str


def messages(inputs: Text) -> list[Message]:
    return [{"role": "user", "content": inputs.text}]


TASK: Task[Text, Text] = Task("imagine", 3, Text, Text, messages)
KEYS = [f"{i:032x}" for i in range(6)]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """Two answered, one failed, one to be tried again, one in flight when its process died."""
    config = LlmConfig(backend="openai", model="qwen")
    folder = logs.job_folder(Workspace(tmp_path / "workspace"), TASK, config)
    logs.describe(folder, TASK, config)
    with logs.writing(folder) as log:
        log.add_session(6, (1e6, 0.0))
        for key in KEYS[:5]:
            log.add_sent(key)
        for key in KEYS[:2]:
            log.add_answer(key, b'{"text":"a"}', (10, 5), 0.1, 1, False)
        log.add_failed(KEYS[2], "no JSON in the reply", (1, 1), 5, transient=False)
        log.add_failed(KEYS[3], "timed out", (0, 0), 5, transient=True)
    return folder


def test_status(cli: Callable[..., Any], job: Path) -> None:
    code, out, _ = cli("llm", "status", "--json")
    [found] = json.loads(out)
    assert code == 0
    wanted = {
        "job": job.name,
        "task": "imagine",
        "version": 3,
        "backend": "openai",
        "model": "qwen",
        "total": 6,
        "done": 4,
    }
    wanted |= {"answered": 2, "failed": 1, "again": 1, "in_flight": 1, "prompt_tokens": 21, "completion_tokens": 11}
    wanted |= {"cost": 21.0, "running": False, "eta": None, "unchecked": 0, "resent": 0, "torn": 0}
    assert wanted.items() <= found.items() and found["rate"] > 0
    _, out, _ = cli("llm", "status")
    assert "4 of 6" in out and "at rest" in out and f"llm retry {job.name}" in out


def test_retry(cli: Callable[..., Any], job: Path) -> None:
    assert "2 requests will be asked again" in cli("llm", "retry", job.name[:9])[1]
    [found] = json.loads(cli("llm", "status", "--json")[1])
    assert (found["failed"], found["again"]) == (0, 2)
    assert json.loads(cli("llm", "retry", job.name, "--json")[1]) == {"job": job.name, "retry": 2}


def test_retry_of_what_is_due_anyway_is_told_in_the_log(cli: Callable[..., Any], tmp_path: Path) -> None:
    config = LlmConfig(backend="openai", model="qwen")
    folder = logs.job_folder(Workspace(tmp_path / "workspace"), TASK, config)
    logs.describe(folder, TASK, config)
    assert json.loads(cli("llm", "retry", folder.name, "--json")[1])["retry"] == 0
    assert logs.RETRY not in (folder / logs.LOG).read_bytes(), "nothing to be done"
    with logs.writing(folder) as log:
        log.add_failed(KEYS[0], "timed out", (0, 0), 5, transient=True)
    assert json.loads(cli("llm", "retry", folder.name, "--json")[1])["retry"] == 1
    assert (folder / logs.LOG).read_bytes().count(logs.RETRY) == 1


def test_batches(cli: Callable[..., Any], job: Path, tmp_path: Path) -> None:
    code, _, err = cli("llm", "export-batch", job.name, tmp_path / "batch.jsonl")
    assert code == 2 and err.count("\n") == 1 and "llm.server.export=true" in err
    lines = [{"custom_id": key, "method": "POST", "url": "/v1/chat/completions", "body": {}} for key in KEYS]
    (job / logs.REQUESTS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    counts = json.loads(cli("llm", "export-batch", job.name, tmp_path / "batch.jsonl", "--json")[1])
    assert counts == {"requests": 3, "answered": 2, "failed": 1}
    _, out, _ = cli("llm", "export-batch", job.name, tmp_path / "batch.jsonl")
    assert f"3 requests (2 answered, 1 failed: llm retry {job.name} asks them again)" in out
    reply = {"choices": [{"message": {"content": '{"text": "b"}'}}], "usage": {}}
    results = [{"custom_id": key, "response": {"status_code": 200, "body": reply}} for key in (*KEYS[4:], "f" * 32)]
    (tmp_path / "out.jsonl").write_text("".join(json.dumps(line) + "\n" for line in results))
    _, out, _ = cli("llm", "import-batch", job.name, tmp_path / "out.jsonl")
    assert "2 replies taken, 0 errors" in out and "1 line passed over: it is not of this job" in out
    (tmp_path / "out.jsonl").write_text("torn\n{}\n" + (tmp_path / "out.jsonl").read_text())
    _, out, _ = cli("llm", "import-batch", job.name, tmp_path / "out.jsonl")
    assert "2 lines passed over: they are there already" in out and "2 lines passed over: they are not readable" in out
    assert "2 imported replies" in cli("llm", "status")[1]


def test_what_is_not_there(cli: Callable[..., Any], tmp_path: Path) -> None:
    assert cli("llm", "status")[1].startswith("no jobs in")
    code, _, err = cli("llm", "retry", "nothing")
    assert code == 2 and err == "error: nothing: there is no such job. Name one of: none\n"


def test_two_jobs_with_one_beginning(cli: Callable[..., Any], job: Path) -> None:
    other = LlmConfig(backend="openai", model="llama")
    logs.describe(logs.job_folder(Workspace(job.parents[1]), TASK, other), TASK, other)
    code, _, err = cli("llm", "retry", "imagine")
    assert code == 2 and "2 jobs begin so" in err
    assert len(json.loads(cli("llm", "status", "--json")[1])) == 2


@pytest.mark.parametrize("content", ["{}", "[]", "{torn", '{"task": "imagine", "version": 3, "identity": []}'])
def test_a_damaged_job_is_one_line(cli: Callable[..., Any], job: Path, content: str) -> None:
    (job / logs.JOB).write_text(content)
    code, _, err = cli("llm", "status")
    assert code == 2 and err.count("\n") == 1 and "job.json: this file is damaged. Delete it alone" in err


def test_an_empty_name_is_no_job(cli: Callable[..., Any], job: Path) -> None:
    code, _, err = cli("llm", "retry", "")
    assert code == 2 and err == f"error: JOB: the name of a job is empty. Name one of: {job.name}\n"
    assert logs.RETRY not in (job / logs.LOG).read_bytes()


def test_an_export_names_the_path_that_was_given(cli: Callable[..., Any], job: Path, tmp_path: Path) -> None:
    (job / logs.REQUESTS).write_text("")
    for path, what in ((tmp_path / "none" / "b.jsonl", "there is no folder"), (tmp_path, "this is a folder")):
        code, _, err = cli("llm", "export-batch", job.name, path)
        assert code == 2 and err.startswith(f"error: {path}: {what}") and ".tmp" not in err
