"""One run of a job inside an event loop: workers take what is due, ask, and put what they got into the log.

As many workers as the backend has slots, so never more requests are in flight; as many again are made ready while they
wait, and no more is read ahead. Lines are written once per turn of the event loop, `sent` before the request leaves.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from engine.llm.attempts import Outcome, settle, to_json
from engine.llm.backends.base import Backend
from engine.llm.backends.schema import response_format
from engine.llm.budget import Budget
from engine.llm.config import LlmConfig
from engine.llm.index import ANSWERED, FAILED, REPLY, SENT, TRANSIENT
from engine.llm.job import Counts
from engine.llm.log import JobLog
from engine.llm.parse import Unusable, parse
from engine.llm.task import Message, Task
from engine.progress import bar

BREATH = 256  # requests passed over before replies that have come in are looked at


class Due(NamedTuple):
    """A request to be asked; `again` if an earlier session sent it and died."""

    key: str
    inputs: Any
    sample: int
    again: bool = False


class Session:
    """`run` asks what is due; `due` alone only tells it. Either may be used, once."""

    def __init__(
        self,
        log: JobLog,
        task: Task[Any, Any],
        items: Callable[[], Iterator[tuple[str, Any]]],
        config: LlmConfig,
        backend: Backend,
        total: int | None,
    ) -> None:
        self.counts = Counts()
        self._log, self._task, self._items, self._config, self._backend = log, task, items, config, backend
        self._total = None if total is None else total * config.samples
        self._in_flight: set[str] = set()  # the prepared ones too
        self._prepared: deque[tuple[Due, Sequence[Message]]] = deque()
        self._more, self._room, self._complete = asyncio.Event(), asyncio.Event(), False
        self._written: asyncio.Future[None] | None = None
        self._bar: Any = None
        self._passed = 0  # requests that need not be asked, beside those the log was told of
        self._ready: asyncio.Task[None] | None = None

    def due(self) -> Iterator[Due | None]:
        """The requests that must be asked, in order; counts the others, with None in between now and then.

        Identical ones come once.
        """
        model, sampling = self._config.model_key(), self._config.sampling
        skipped = 0
        for _, inputs in self._items():
            for sample in range(self._config.samples):
                key = self._task.key(inputs, model, sampling, sample)
                if self._is_due(key, inputs):
                    entry = self._log.index.get(key)
                    yield Due(key, inputs, sample, again=entry is not None and entry.state == SENT)
                else:
                    self._tick()
                    self._passed += 1
                    skipped += 1
                    if skipped % BREATH == 0:
                        yield None

    def _is_due(self, key: str, inputs: Any) -> bool:
        log, counts = self._log, self.counts
        entry = log.index.get(key)
        if key in self._in_flight or (entry and entry.offset >= log.start):
            counts.shared += 1
            return False
        if entry is None or entry.state in (TRANSIENT, SENT):
            return True
        if entry.state == REPLY:
            self._check_imported(key, inputs, log.row(entry.offset))
        else:
            counts.from_log += entry.state == ANSWERED
            counts.failed += entry.state == FAILED
        return False

    async def run(self) -> None:
        """Ask all that is due. Raises what ends a job; what was answered is in the log even then."""
        started = time.perf_counter()
        tally, server = self._log.tally, self._config.server
        spent = (tally.prompt_tokens, tally.completion_tokens)
        budget = Budget(server, self._config.sampling.max_tokens, spent, self._fixed())
        self._log.add_session(self._total, (server.price_in, server.price_out))
        with bar(self._task.name, self._total, "requests") as self._bar:
            preparing = asyncio.create_task(self._prepare(self.due()))
            workers = [asyncio.create_task(self._work(budget)) for _ in range(self._backend.slots)]
            try:
                await asyncio.gather(*workers)
                if not budget.exhausted:
                    await preparing  # its error, if it had one
            finally:
                for running in (preparing, *workers):
                    running.cancel()
                await asyncio.gather(preparing, *workers, return_exceptions=True)
                if self._ready is not None:
                    self._ready.cancel()
                await self._backend.close()
                self.counts.cost = budget.cost - Budget(server, 0, spent).cost
                self.counts.seconds = time.perf_counter() - started
        if budget.exhausted:
            self._log.flush()
            raise budget.error()

    def _fixed(self) -> int:
        """Bytes of the schema that goes out with each request."""
        if self._config.backend != "openai" or self._config.server.json_schema == "off":
            return 0
        return len(orjson.dumps(response_format(self._task.name, self._task.answer)))

    async def _prepare(self, due: Iterator[Due | None]) -> None:
        """Keep `_prepared` filled with what comes next, in the time in which the workers wait for replies."""
        try:
            for request in due:
                if request is None:
                    self._tell_passed()
                else:
                    self._in_flight.add(request.key)
                    self._prepared.append((request, self._task.messages(request.inputs)))
                    self._more.set()
                while len(self._prepared) >= self._backend.slots:
                    self._room.clear()
                    await self._room.wait()
                await asyncio.sleep(0)  # replies first
            self._tell_passed()
        finally:
            self._complete = True
            self._more.set()

    def _tell_passed(self) -> None:
        if self._passed:
            self._log.add_passed(self._passed)
            self._passed = 0

    async def _work(self, budget: Budget) -> None:
        while not budget.exhausted:
            while not self._prepared:
                if self._complete or budget.exhausted:
                    return
                self._more.clear()
                await self._more.wait()
            if budget.exhausted:
                return
            request, messages = self._prepared.popleft()
            self._room.set()
            await self._start()
            self._log.add_sent(request.key)
            await self._flushed()
            outcome = await settle(
                self._backend, self._task, request.inputs, messages, request.sample, self._config, budget
            )
            self.counts.asked += outcome.sent
            self.counts.resent += request.again and outcome.sent
            self._keep(request.key, outcome)
            self._in_flight.discard(request.key)  # the log knows it now
            self._flushed()

    def _keep(self, key: str, outcome: Outcome) -> None:
        counts = self.counts
        counts.retried += outcome.retried
        counts.cut += outcome.cut
        counts.prompt_tokens += outcome.usage[0]
        counts.completion_tokens += outcome.usage[1]
        if outcome.answer is not None:
            counts.answered += 1
            counts.repaired += outcome.repaired
            self._log.add_answer(
                key, outcome.answer, outcome.usage, outcome.seconds, outcome.attempts, outcome.repaired
            )
        else:
            counts.failed += 1
            self._log.add_failed(key, outcome.reason, outcome.usage, outcome.attempts, outcome.transient)
        self._tick()

    def _check_imported(self, key: str, inputs: Any, row: dict[str, Any]) -> None:
        used = (row["usage"][0], row["usage"][1])
        self._passed -= 1  # its own line tells
        self.counts.prompt_tokens += used[0]
        self.counts.completion_tokens += used[1]
        try:
            answer, repaired = parse(self._task, inputs, row["text"])
        except Unusable as error:
            self.counts.failed += 1
            self._log.add_failed(key, str(error), used, 1, transient=False)
        else:
            self.counts.from_log += 1
            self.counts.repaired += repaired
            self._log.add_answer(key, to_json(answer), used, 0.0, 1, repaired)

    async def _start(self) -> None:
        """Start the backend when the first request needs it; all wait for it, and all fail if it does."""
        if self._ready is None:
            self._ready = asyncio.create_task(self._backend.start())
        if not self._ready.done() or self._ready.exception():
            await asyncio.shield(self._ready)

    def _flushed(self) -> asyncio.Future[None]:
        """Done when all lines added by now are written, at the end of this turn of the event loop."""
        if self._written is None:
            loop = asyncio.get_running_loop()
            self._written = loop.create_future()
            loop.call_soon(self._write)
        return self._written

    def _write(self) -> None:
        written, self._written = self._written, None
        assert written is not None
        try:
            self._log.flush()
        except Exception as error:
            if not written.done():  # who waited for it may have been cancelled
                written.set_exception(error)
                written.exception()  # it may be that nobody waits, and the next write fails the same
        else:
            if not written.done():
                written.set_result(None)

    def _tick(self) -> None:
        if self._bar is not None:
            self._bar.update()
