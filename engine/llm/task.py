"""A task for a language model, as data: what goes in, how it is asked, what must come out.

A method declares its tasks; jobs (engine/llm/job.py) put them to a backend. Nothing here knows how models are reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar

from pydantic import BaseModel, Field

from engine.artifacts import digest
from engine.config import Config

I = TypeVar("I", bound=BaseModel)  # noqa: E741
A = TypeVar("A", bound=BaseModel)


class Message(TypedDict):
    """One turn of a chat, as OpenAI-compatible servers take it."""

    role: str
    content: str


class Sampling(Config):
    """How a model's words are drawn; part of every request's key."""

    temperature: float = Field(0.0, ge=0, le=5)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(2048, ge=1)
    seed: int = Field(0, ge=0)


def _accept(inputs: Any, answer: Any) -> None:
    return None


@dataclass(frozen=True)
class Task(Generic[I, A]):
    """`messages` renders inputs to a chat, the part that all requests share first, so that servers can cache it.

    `answer` is the pydantic type that a reply must fit: its JSON schema is sent to servers that can hold a model to it.
    `check` raises ValueError for a reply that fits the schema and still is no answer to these inputs. `extractive`
    builds an answer from the inputs' own sentences, without a model; None where that makes no sense. Raise `version`
    whenever the wording changes: old answers are then not taken for new ones.
    """

    name: str
    version: int
    inputs: type[I]
    answer: type[A]
    messages: Callable[[I], Sequence[Message]]
    check: Callable[[I, A], None] = _accept
    extractive: Callable[[I], A] | None = None

    def key(self, inputs: I, model: str, sampling: Sampling, sample: int = 0) -> str:
        """Names one request (hex): the same question put in the same way to the same model, for the `sample`-th time.

        Whose inputs they are is no part of it: documents of one wording share one answer.
        """
        return digest([self.name, self.version, inputs.model_dump(mode="json"), model, sampling.model_dump(), sample])[
            :32
        ]
