"""A model's reply into an answer that fits: plain JSON, else what can be mended, else `Unusable` with the reason.

What is mended: code fences, words before or after, thoughts in <think>, text cut off, NaN, halves of characters, quotes
and commas. Of a key that comes twice the last one counts. Nothing is guessed beyond that: what the answer's type or the
task's check refuses is no answer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from engine.llm.task import A, I, Task

T = TypeVar("T", bound=BaseModel)

FENCE = re.compile(r"```[a-zA-Z]*\s*\n?(.*?)(?:```|\Z)", re.DOTALL)
THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
STARTS = re.compile(r"[{\[]")
LONGEST = 1_000_000  # characters that are worth mending
PLACES = 20  # beginnings of JSON that are looked at in one reply


class Unusable(Exception):
    """A reply that is no answer; its text is the reason, one line."""


def parse(task: Task[I, A], inputs: I, text: str) -> tuple[A, bool]:
    """The answer that `text` holds, and whether it had to be mended. Raises Unusable."""
    answer, repaired = read(task.answer, text)
    try:
        task.check(inputs, answer)
    except ValueError as error:  # pydantic's errors are such too
        raise Unusable(f"refused: {_line(error)}") from None
    return answer, repaired


def read(kind: type[T], text: str) -> tuple[T, bool]:
    """`text` as a `kind`, and whether it had to be mended; the task's check is not asked. Raises Unusable."""
    try:
        return kind.model_validate(orjson.loads(text)), False
    except ValidationError as error:
        reason = _fault(error)
    except (ValueError, TypeError):  # no JSON; a str with lone surrogates
        reason = "no JSON in the reply" if text.strip() else "the reply is empty"
    for value in _mended(text[:LONGEST]):
        try:
            return kind.model_validate(value), True
        except ValidationError as error:
            if value not in ("", None, [], {}):
                reason = _fault(error)
    raise Unusable(reason)


def _mended(text: str) -> Iterator[Any]:
    """What the reply may mean, the likeliest first: whole JSON somewhere in it, then JSON with its faults mended."""
    from json_repair import loads

    text = THOUGHT.sub("", text) if "<think>" in text else text
    bodies = [body for body in FENCE.findall(text) if body.strip()] + [text]
    decoder = json.JSONDecoder()
    for body in bodies:
        end = 0
        for place in _places(body):
            if place < end:  # inside of what was read already
                continue
            try:
                value, end = decoder.raw_decode(body, place)
            except (ValueError, RecursionError):
                continue
            yield _clean(value)
    for body in bodies:
        first = STARTS.search(body)
        if first:
            try:
                value = loads(body[first.start() :])
            except Exception:  # whatever a library makes of rubbish
                continue
            yield _clean(value)
            if isinstance(value, list):  # several in a row, with words between
                yield from (_clean(part) for part in value[:PLACES])


def _places(body: str) -> list[int]:
    places = []
    for match in STARTS.finditer(body):
        places.append(match.start())
        if len(places) == PLACES:
            break
    return places


def _clean(value: Any) -> Any:
    """Strings that can be written, numbers that are numbers."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_clean(part) for part in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(part) for key, part in value.items()}
    return value


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(map(str, first["loc"]))
    return f"{name}: {_line(first['msg'])}" if name else _line(first["msg"])


def _line(text: object) -> str:
    return " ".join(str(text).split())[:200]
