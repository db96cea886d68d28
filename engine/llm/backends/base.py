"""What a backend is: messages in, one reply out, or the reason why there is none. It knows nothing of tasks or logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from engine.llm.task import Message


class Reply(NamedTuple):
    """What a model wrote; `usage` are prompt and generated tokens; `cut` if it ran into max_tokens."""

    text: str
    usage: tuple[int, int]
    cut: bool = False


class Trouble(Exception):
    """This attempt brought nothing, another may. One line.

    `busy`: the server asked for patience, so the attempt does not count. `wait`: seconds it named, None if it did not.
    """

    def __init__(self, reason: str, *, busy: bool = False, wait: float | None = None) -> None:
        super().__init__(reason)
        self.busy, self.wait = busy, wait


class Refused(Exception):
    """This request will never be answered; the server's reason, one line."""


class Backend(Protocol):
    """`start` is called before the first request and may be slow, `close` always; `slots` requests run at once."""

    @property
    def slots(self) -> int: ...

    async def start(self) -> None: ...

    async def ask(self, messages: Sequence[Message], seed: int) -> Reply:
        """One attempt. Raises Trouble, Refused, or a QuintetError that ends the job."""
        ...

    async def close(self) -> None: ...
