"""Jobs by file: what is due as OpenAI batch lines (as `vllm run-batch` reads them), and replies from such files back.

1. The method's command with `llm.server.export=true` writes what is due to the job's requests.jsonl and sends nothing.
2. `python -m admin llm export-batch JOB FILE` copies from it what has no answer yet, in the batch format.
3. `python -m admin llm import-batch JOB RESULTS` appends the replies to the job's log, unchecked.
4. The method's command, without export, checks them (it has the inputs) and asks for what is still missing.

Requests carry the schema unless `llm.server.json_schema=off`, as nobody is there to notice a refusal.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from engine.errors import InputError
from engine.files import replacing
from engine.llm.backends.openai import body, server_reason, shared_body, usage
from engine.llm.backends.schema import response_format
from engine.llm.config import LlmConfig
from engine.llm.index import ANSWERED, FAILED, REPLY, KeyIndex
from engine.llm.log import LOG, REQUESTS, Tally, scan, writing
from engine.llm.task import Task

PATH = "/v1/chat/completions"


def write_requests(folder: Path, due: Iterable[Any], task: Task[Any, Any], config: LlmConfig) -> int:
    """Replace the job's requests.jsonl by what is `due` (session.Due, None is passed over); returns how many lines.

    Raises InputError for a backend that has no requests.
    """
    if config.backend != "openai":
        raise InputError(
            f"the {config.backend} backend has no requests to export",
            where="llm.server.export",
            remedy="Set llm.backend=openai, or leave export out",
        )
    form = None if config.server.json_schema == "off" else response_format(task.name, task.answer)
    shared = shared_body(config, form)

    def lines() -> Iterator[bytes]:
        for request in due:
            if request is not None:
                chat = body(shared, task.messages(request.inputs), config.sampling.seed + request.sample)
                yield _line(request.key, chat)

    return _replace(folder / REQUESTS, lines())


def export(folder: Path, file: Path) -> dict[str, int]:
    """Write those of the job's requests.jsonl that have no answer yet to `file`; returns counts.

    `requests` written, `answered` and `failed` left out; the latter are asked again after `llm retry`.
    Raises InputError if nothing was exported by the method's command.
    """
    index = KeyIndex()
    scan(folder / LOG, index, Tally())
    counts: Counter[str] = Counter(requests=0, answered=0, failed=0)

    def lines() -> Iterator[bytes]:
        for line in _open(folder / REQUESTS, "Run the method's command with llm.server.export=true first"):
            entry = index.get(orjson.loads(line)["custom_id"])
            if entry and entry.state in (ANSWERED, REPLY, FAILED):
                counts["failed" if entry.state == FAILED else "answered"] += 1
            else:
                counts["requests"] += 1
                yield line

    _replace(file, lines())
    return dict(counts)


def import_(folder: Path, file: Path) -> dict[str, int]:
    """Append the replies in a batch result file to the job's log, to be checked when its command next runs.

    Returns counts: `replies` taken; `errors`, listed as failed; `known`, which were in the log already, also from an
    earlier import of the same file; `unknown` ids and `unreadable` lines, passed over. Raises InputError if the file
    holds lines and none of their ids is known.
    """
    counts = Counter(replies=0, errors=0, known=0, unknown=0, unreadable=0)
    with writing(folder) as log:
        exported = KeyIndex()
        if (folder / REQUESTS).exists():
            for at, line in enumerate(_open(folder / REQUESTS, "")):
                exported.put(orjson.loads(line)["custom_id"], 0, at)
        seen = _imported(log.path)
        for line in _open(file, "Name a result file"):
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
                key = row["custom_id"]
            except (ValueError, KeyError, TypeError):
                counts["unreadable"] += 1
                continue
            entry = log.index.get(key) if _is_key(key) else None
            if not _is_key(key) or (entry is None and exported.get(key) is None):
                counts["unknown"] += 1
                continue
            mark = _mark(key, line)
            if mark in seen or (entry and entry.state in (ANSWERED, REPLY)):
                counts["known"] += 1
                continue
            seen.add(mark)
            reply, reason = _reply(row, len(line))
            if reply is not None:
                log.add_reply(key, *reply, mark=mark.hex())
                counts["replies"] += 1
            else:
                log.add_failed(key, reason, (0, 0), 1, transient=False, mark=mark.hex())
                counts["errors"] += 1
        if counts["unknown"] + counts["unreadable"] and not sum(counts[k] for k in ("replies", "errors", "known")):
            raise InputError(
                f"none of its {counts['unknown'] + counts['unreadable']} lines belongs to job {folder.name}",
                where=str(file),
                remedy="Name the job it was exported from: python -m admin llm status",
            )
    return dict(counts)


def _is_key(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch("[0-9a-f]{32}", name) is not None


def _reply(row: dict[str, Any], size: int) -> tuple[tuple[str, tuple[int, int]] | None, str]:
    """The text and tokens of a result line, or None and the reason why there are none."""
    response = row.get("response")
    response = response if isinstance(response, dict) else {}
    found = response.get("body")
    if row.get("error") or response.get("status_code", 200) != 200 or not isinstance(found, dict):
        told = row.get("error") or found or "no response in the result file"
        told = told if isinstance(told, dict) and "error" in told else {"error": told}
        return None, f"batch: {server_reason(orjson.dumps(told))[:300]}"
    try:
        text = found["choices"][0]["message"].get("content") or ""
        return (str(text), usage(found, size, text)), ""
    except (KeyError, TypeError, IndexError, AttributeError):
        return None, "batch: the response is no chat completion"


def _mark(key: str, line: bytes) -> bytes:
    """Tells one result line from another; kept in the log, so that a second import of it is noticed."""
    return hashlib.sha256(key.encode() + line.strip()).digest()[:8]


def _imported(log: Path) -> set[bytes]:
    marks = set()
    for line in _open(log, ""):
        if b'"mark":' in line:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                marks.add(bytes.fromhex(orjson.loads(line)["mark"]))
    return marks


def _line(key: str, request: bytes) -> bytes:
    return b'{"custom_id":"%s","method":"POST","url":"%s","body":%s}\n' % (key.encode(), PATH.encode(), request)


def _open(path: Path, remedy: str) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except (FileNotFoundError, IsADirectoryError):
        raise InputError("there is no such file", where=str(path), remedy=remedy) from None


def _replace(path: Path, lines: Iterable[bytes]) -> int:
    """Write a file of any size so that `path` holds the old lines or all the new ones."""
    if not path.parent.is_dir() or path.is_dir():
        what = "this is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise InputError(what, where=str(path), remedy="Name a file in a folder that is there")
    count = 0
    with replacing(path) as file:
        for line in lines:
            file.write(line)
            count += 1
    return count
