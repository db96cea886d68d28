"""Ceilings on tokens and money: a request goes out only if the ceiling holds even if it takes all it may.

Near the ceiling, requests wait for those in flight, whose true usage is mostly lower; when nothing is in flight and
the next one does not fit, the job is over. What a prompt takes is estimated from its bytes, and from what the server
has counted so far if that is more; until the first request has been counted, it is the only one.
"""

from __future__ import annotations

import asyncio
import math

from engine.errors import BuildError
from engine.llm.config import ServerOptions

BYTES = 3.0  # of a prompt token, unless the server counts more tokens than that


class Exhausted(Exception):
    """Nothing more may be sent."""


class Budget:
    """`spent` starts with what earlier sessions of the job took: (prompt, generated) tokens.

    `fixed`: bytes that each request has beside its messages, such as the answer's schema.
    """

    def __init__(self, options: ServerOptions, longest_answer: int, spent: tuple[int, int], fixed: int = 0) -> None:
        self._options, self._longest = options, longest_answer
        self.prompt, self.written = spent
        self._reserved = (0, 0)
        self._in_flight = 0
        self._fixed, self._rate = fixed, 1 / BYTES  # tokens a byte
        self._counted = False
        self._changed = asyncio.Event()
        self.limited = options.max_tokens_total is not None or options.max_cost is not None
        self.exhausted = False

    @property
    def cost(self) -> float:
        return self._cost(self.prompt, self.written)

    async def admit(self, prompt_bytes: int) -> tuple[int, int]:
        """Reserve for one attempt; what is returned goes to `settle`. Raises Exhausted."""
        while not self._fits(wanted := (self.estimate(prompt_bytes), self._longest)):
            if not self._in_flight:
                self.exhausted = True
                self._changed.set()
            if self.exhausted:
                raise Exhausted
            self._changed.clear()
            await self._changed.wait()
        self._in_flight += 1
        self._reserved = (self._reserved[0] + wanted[0], self._reserved[1] + wanted[1])
        return wanted

    def estimate(self, prompt_bytes: int) -> int:
        """Tokens that a prompt takes, rather too many."""
        return math.ceil((prompt_bytes + self._fixed) * self._rate)

    def settle(self, reserved: tuple[int, int], prompt_bytes: int, used: tuple[int, int], counted: bool = True) -> None:
        """The attempt is over and took `used` tokens, as the server `counted` them or by `estimate`."""
        self._in_flight -= 1
        self._reserved = (self._reserved[0] - reserved[0], self._reserved[1] - reserved[1])
        self.prompt += used[0]
        self.written += used[1]
        if used[0]:
            self._counted = True
            if counted:
                self._rate = max(self._rate, used[0] / max(prompt_bytes + self._fixed, 1))
        self._changed.set()

    def error(self) -> BuildError:
        """What was spent, and which setting to raise."""
        options = self._options
        spent = f"{self.prompt + self.written:,} tokens"
        money = f" and {self.cost:.4f}" if options.price_in or options.price_out else ""
        tokens = options.max_tokens_total is not None and not self._tokens_fit((0, self._longest))
        setting = "max_tokens_total" if tokens or options.max_cost is None else "max_cost"
        return BuildError(
            f"the ceiling llm.server.{setting}={getattr(options, setting)} is reached: {spent}{money} were spent",
            remedy=f"Raise llm.server.{setting}; the same command goes on from here",
        )

    def _fits(self, wanted: tuple[int, int]) -> bool:
        if not self.limited:
            return True
        if self._in_flight and not self._counted:
            return False
        ceiling = self._options.max_cost
        prompt, written = self._reserved[0] + wanted[0], self._reserved[1] + wanted[1]
        cost = self._cost(self.prompt + prompt, self.written + written)
        return self._tokens_fit((prompt, written)) and (ceiling is None or cost <= ceiling)

    def _tokens_fit(self, more: tuple[int, int]) -> bool:
        ceiling = self._options.max_tokens_total
        return ceiling is None or self.prompt + self.written + sum(more) <= ceiling

    def _cost(self, prompt: int, written: int) -> float:
        return (prompt * self._options.price_in + written * self._options.price_out) / 1e6
