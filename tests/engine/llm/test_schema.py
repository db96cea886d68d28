"""Answer types as strict JSON schemas, by OpenAI's rules for them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from engine.llm.backends.schema import response_format


class Part(BaseModel):
    default: str  # a field may be called as a keyword is
    kind: Literal["a", "b"] = "a"


class Whole(BaseModel):
    parts: list[Part]
    note: str | None = None


class Free(BaseModel):
    counts: dict[str, int]


def test_objects_are_closed_and_all_their_keys_required() -> None:
    made = response_format("t", Whole)["json_schema"]
    assert made["strict"] is True and made["name"] == "t"
    schema = made["schema"]
    assert schema["required"] == ["parts", "note"] and schema["additionalProperties"] is False
    part = schema["$defs"]["Part"]
    assert part["required"] == ["default", "kind"] and set(part["properties"]) == {"default", "kind"}
    assert not any(isinstance(node, dict) and "default" in node and "type" in node for node in _nodes(schema))


def test_an_object_with_any_keys_is_not_called_strict() -> None:
    made = response_format("t", Free)["json_schema"]
    assert made["strict"] is False
    assert made["schema"]["properties"]["counts"]["additionalProperties"] == {"type": "integer"}


def _nodes(node: Any) -> list[Any]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [node, *(found for child in children for found in _nodes(child))]
