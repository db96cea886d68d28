"""One request until it is answered, refused or given up: attempts, pauses between them, and checks of each reply."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.llm.backends.base import Backend, Refused, Trouble
from engine.llm.budget import Budget, Exhausted
from engine.llm.config import LlmConfig
from engine.llm.parse import Unusable, parse
from engine.llm.task import Message, Task

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds
BUSY_ATTEMPTS = 50  # a server may ask one request for patience so often
SEED_STEP = 1_000_003  # another attempt draws other words


@dataclass
class Outcome:
    """What became of one request. `answer` is JSON or None; `transient`: nothing was wrong with the request."""

    answer: bytes | None = None
    repaired: bool = False
    cut: bool = False
    reason: str = ""
    transient: bool = False
    sent: bool = False
    usage: tuple[int, int] = (0, 0)  # of all attempts
    attempts: int = 0
    retried: int = 0
    seconds: float = 0.0


async def settle(
    backend: Backend,
    task: Task[Any, Any],
    inputs: Any,
    messages: Sequence[Message],
    sample: int,
    config: LlmConfig,
    budget: Budget,
) -> Outcome:
    """Ask until there is an answer, at most `config.server.attempts` times; busy servers are waited for.

    `messages` are the task's for `inputs`."""
    outcome, started = Outcome(), time.perf_counter()
    size = sum(len(message["content"].encode("utf-8", "replace")) for message in messages)
    busy = 0
    seed = config.sampling.seed + sample
    while True:
        try:
            reserved = await budget.admit(size)
        except Exhausted:
            outcome.reason, outcome.transient = outcome.reason or "the budget was used up", True
            break
        outcome.sent, used, counted, pause = True, (0, 0), False, None
        try:
            reply = await backend.ask(messages, seed + SEED_STEP * outcome.attempts)
            used, counted = reply.usage, True
            outcome.attempts += 1
            outcome.cut = reply.cut
            answer, outcome.repaired = parse(task, inputs, reply.text)
            outcome.answer = to_json(answer)
            outcome.reason = ""
        except Unusable as error:
            outcome.reason = f"{error}{' (cut off at max_tokens)' if outcome.cut else ''}"
            outcome.transient, pause = False, 0.0
        except Trouble as trouble:
            outcome.reason, outcome.transient = str(trouble), True
            busy += trouble.busy
            outcome.attempts += not trouble.busy
            if trouble.busy:
                pause = 0.0  # the server rests as a whole, see Hosts
            else:
                used = (budget.estimate(size), 0)  # it may have read the prompt, and charge for it
                longest = min(FIRST_PAUSE * 2 ** (outcome.attempts - 1), LONGEST_PAUSE)
                pause = trouble.wait if trouble.wait is not None else longest * random.uniform(0.5, 1.0)
        except Refused as refusal:
            outcome.attempts += 1
            outcome.reason, outcome.transient = str(refusal), False
        finally:
            outcome.usage = (outcome.usage[0] + used[0], outcome.usage[1] + used[1])
            budget.settle(reserved, size, used, counted)
        if pause is None or outcome.attempts >= config.server.attempts or busy >= BUSY_ATTEMPTS:
            break
        outcome.retried += 1
        if pause:
            await asyncio.sleep(pause)
    outcome.seconds = time.perf_counter() - started
    return outcome


def to_json(answer: Any) -> bytes:
    """An answer as one line of JSON."""
    text: str = answer.model_dump_json()
    return text.encode()
