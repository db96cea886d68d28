"""An answer type's JSON schema as servers take it: strict where OpenAI's rules for strict schemas can be kept."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


def response_format(name: str, answer: type[BaseModel]) -> dict[str, Any]:
    """The request's `response_format` that holds a server to `answer`."""
    schema, strict = _tightened(answer.model_json_schema())
    return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}}


def _tightened(node: Any) -> tuple[Any, bool]:
    """`node` with objects closed and all their keys required; False if some object takes any key.

    Defaults go: a model shall write every field, and strict servers refuse a schema with defaults.
    """
    if isinstance(node, list):
        parts = [_tightened(part) for part in node]
        return [part for part, _ in parts], all(strict for _, strict in parts)
    if not isinstance(node, dict):
        return node, True
    made: dict[str, Any] = {}
    strict = True
    for key, value in node.items():
        if key in ("properties", "$defs"):  # a mapping of names, which may be called `default` too
            fields = {name: _tightened(field) for name, field in value.items()}
            made[key] = {name: field for name, (field, _) in fields.items()}
            strict = strict and all(kept for _, kept in fields.values())
        elif key != "default":
            made[key], kept = _tightened(value)
            strict = strict and kept
    if made.get("type") == "object":
        if "properties" in made:
            made["required"] = list(made["properties"])
            made["additionalProperties"] = False
        else:
            strict = False
    return made, strict
