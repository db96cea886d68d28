"""Replies that come as a stream of events although none was asked for: `transformers serve` 4.57 knows no other way."""

from __future__ import annotations

from typing import Any

import orjson

START = b"data:"


def collect(content: bytes) -> dict[str, Any]:
    """The chat completion that a finished stream of chunks amounts to. Raises ValueError if it is none."""
    text, finish, used = [], None, None
    for line in content.splitlines():
        data = line.removeprefix(START).strip()
        if not line.startswith(START) or data == b"[DONE]":
            continue
        chunk = orjson.loads(data)
        used = chunk.get("usage") or used
        for choice in chunk.get("choices", ()):
            text.append((choice.get("delta") or {}).get("content") or "")
            finish = choice.get("finish_reason") or finish
    if finish is None:
        raise ValueError("the stream broke off")
    return {"choices": [{"message": {"content": "".join(text)}, "finish_reason": finish}], "usage": used}
