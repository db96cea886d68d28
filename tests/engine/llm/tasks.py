"""A task that tests put to servers: a word in, the same word and a number out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

from engine.llm.config import LlmConfig
from engine.llm.task import Message, Task


class Word(BaseModel):
    word: str


class Echo(BaseModel):
    word: str
    score: int


def messages(inputs: Word) -> list[Message]:
    return [
        {"role": "system", "content": "Repeat the word as JSON."},
        {"role": "user", "content": f"the word: {inputs.word}"},
    ]


def check(inputs: Word, answer: Echo) -> None:
    if answer.word != inputs.word:
        raise ValueError(f"{answer.word!r} is not the word")


ECHO: Task[Word, Echo] = Task(
    "echo", 1, Word, Echo, messages, check, extractive=lambda inputs: Echo(word=inputs.word, score=0)
)


def words(count: int, start: int = 0) -> Callable[[], Iterator[tuple[str, Word]]]:
    """Inputs d0, d1, ... with words w0, w1, ..."""
    return lambda: ((f"d{i}", Word(word=f"w{i}")) for i in range(start, start + count))


def config(*urls: str, samples: int = 1, sampling: dict[str, Any] | None = None, **server: Any) -> LlmConfig:
    """The openai backend at `urls`, with times scaled down."""
    options = {"base_urls": urls, "timeout": 5.0, "patience": 2.0, "slots": 8} | server
    return LlmConfig.model_validate(
        {"backend": "openai", "model": "m", "samples": samples, "sampling": sampling or {}, "server": options}
    )
