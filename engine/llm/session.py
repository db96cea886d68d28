"""One run of a job inside an event loop: workers take what is due, ask, and put what they got into the log.

As many workers as the backend has slots, each taking the next input only when it is free: nothing is read ahead, and
never more requests are in flight. Lines are written once per turn of the event loop, `sent` before the request leaves.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from engine.llm.attempts import Outcome, settle, to_json
from engine.llm.backends.base import Backend
from engine.llm.budget import Budget
from engine.llm.config import LlmConfig
from engine.llm.index import ANSWERED, FAILED, REPLY, SENT, TRANSIENT
from engine.llm.job import Counts
from engine.llm.log import JobLog
from engine.llm.parse import Unusable, parse
from engine.llm.task import Task
from engine.progress import bar

BREATH = 256  # requests passed over before replies that have come in are looked at


class Due(NamedTuple):
    """A request to be asked."""

    key: str
    inputs: Any
    sample: int


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
        self._in_flight: set[str] = set()
        self._written: asyncio.Future[None] | None = None
        self._bar: Any = None
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
                    yield Due(key, inputs, sample)
                else:
                    self._tick()
                    skipped += 1
                    if skipped % BREATH == 0:
                        yield None

    def _is_due(self, key: str, inputs: Any) -> bool:
        log, counts = self._log, self.counts
        entry = log.index.get(key)
        if key in self._in_flight or (entry and entry.offset >= log.start):
            counts.shared += 1
            return False
        if entry is None or entry.state == TRANSIENT:
            return True
        if entry.state == SENT:
            counts.resent += 1
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
        budget = Budget(server, self._config.sampling.max_tokens, spent)
        self._log.add_session(self._total, (server.price_in, server.price_out))
        due = self.due()
        with bar(self._task.name, self._total, "requests") as self._bar:
            workers = [asyncio.create_task(self._work(due, budget)) for _ in range(self._backend.slots)]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
                if self._ready is not None:
                    self._ready.cancel()
                await self._backend.close()
                self.counts.cost = budget.cost - Budget(server, 0, spent).cost
                self.counts.seconds = time.perf_counter() - started
        if budget.exhausted:
            self._log.flush()
            raise budget.error()

    async def _work(self, due: Iterator[Due | None], budget: Budget) -> None:
        for request in due:
            if budget.exhausted:
                return
            if request is None:
                await asyncio.sleep(0)
                continue
            self._in_flight.add(request.key)
            try:
                await self._start()
                self._log.add_sent(request.key)
                await self._flushed()
                self.counts.asked += 1
                outcome = await settle(self._backend, self._task, request.inputs, request.sample, self._config, budget)
                self._keep(request.key, outcome)
                self._flushed()
            finally:
                self._in_flight.discard(request.key)

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
            written.set_exception(error)
            written.exception()  # it may be that nobody waits, and the next write fails the same
        else:
            written.set_result(None)

    def _tick(self) -> None:
        if self._bar is not None:
            self._bar.update()
