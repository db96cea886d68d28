"""`generate`: a stream of inputs put to a model, answers kept in the job's log; interrupted, it goes on from there.

What is due, of the requests that `items` amount to:
- without a line in the log, or sent and never answered (the process died): asked; the latter counts as `resent`;
- failed for no fault of its own (server down or overloaded, time-outs, a ceiling): asked again by the next call;
- failed for good (the server refused it, or no usable answer in `attempts` attempts): listed with its reason, and
  asked again only after `retry=True` or `python -m admin llm retry JOB`;
- answered: never asked again.

A request that fails does not stop the others. A refused key, a ceiling, a full disk, and servers that are all gone
do: they raise, and everything answered until then is in the log. The extractive backend keeps no log: its answers are
made when they are read.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from engine.artifacts import Workspace
from engine.errors import BuildError, InputError
from engine.llm import log as logs
from engine.llm.config import LlmConfig
from engine.llm.index import ANSWERED, FAILED, TRANSIENT, KeyIndex
from engine.llm.task import A, I, Task

T = TypeVar("T")
Items = Callable[[], Iterator[tuple[str, I]]]


@dataclass
class Counts:
    """What one call of `generate` did. Requests are inputs times samples, identical ones counted once under `asked`.

    `retried` are attempts after the first; `cut` replies ran into max_tokens; tokens and cost are of this call,
    `seconds` its wall time.
    """

    asked: int = 0
    answered: int = 0
    from_log: int = 0
    shared: int = 0  # requests that had the same inputs as another of this call
    resent: int = 0
    failed: int = 0
    repaired: int = 0
    retried: int = 0
    cut: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Generated(Generic[I, A]):
    """What a job brought: iterate it for (id, answers, reason) in the order of `items`, which is read again.

    `answers` has one object per sample that succeeded; `reason` says why one did not, else it is None. Nothing is
    held in memory; answers are read from the log one by one. May be iterated again and again.
    """

    def __init__(
        self,
        task: Task[I, A],
        items: Items[I],
        config: LlmConfig,
        counts: Counts,
        folder: Path | None = None,
        index: KeyIndex | None = None,
    ) -> None:
        self.counts, self.folder = counts, folder
        self._task, self._items, self._config, self._index = task, items, config, index

    def __iter__(self) -> Iterator[tuple[str, list[A], str | None]]:
        if self.folder is None or self._index is None:
            yield from self._extracted()
            return
        descriptor = os.open(self.folder / logs.LOG, os.O_RDONLY)
        try:
            model = self._config.model_key()
            for name, inputs in self._items():
                answers, reason = [], None
                for sample in range(self._config.samples):
                    key = self._task.key(inputs, model, self._config.sampling, sample)
                    answer, why = self._read(descriptor, key)
                    if answer is not None:
                        answers.append(answer)
                    reason = reason or why
                yield name, answers, reason
        finally:
            os.close(descriptor)

    def failures(self) -> Iterator[tuple[str, str]]:
        """(id, reason) of every input that lacks an answer."""
        return ((name, reason) for name, _, reason in self if reason)

    def _read(self, descriptor: int, key: str) -> tuple[A | None, str | None]:
        assert self._index is not None
        entry = self._index.get(key)
        if entry is None:
            return None, "never asked: the inputs have changed since"
        line = logs.read_line(descriptor, entry.offset)
        if entry.state == ANSWERED:
            try:
                return self._task.answer.model_validate_json(logs.answer_json(line)), None
            except ValueError as error:
                raise InputError(
                    f"an answer in the log does not fit task {self._task.name} ({str(error).splitlines()[0]})",
                    where=str(self.folder),
                    remedy="Raise the task's version when its answer changes, or delete this folder to ask again",
                ) from None
        if entry.state in (FAILED, TRANSIENT):
            import orjson

            return None, orjson.loads(line)["reason"]
        return None, "sent and not answered"

    def _extracted(self) -> Iterator[tuple[str, list[A], str | None]]:
        extract = self._task.extractive
        assert extract is not None
        self.counts.answered = self.counts.failed = 0
        for name, inputs in self._items():
            try:
                answer = extract(inputs)
                self._task.check(inputs, answer)
            except ValueError as error:
                self.counts.failed += 1
                yield name, [], " ".join(str(error).split())[:200] or "nothing to extract"
            else:
                self.counts.answered += 1
                yield name, [answer], None


def generate(
    workspace: Workspace,
    task: Task[I, A],
    items: Items[I],
    config: LlmConfig,
    total: int | None = None,
    *,
    retry: bool = False,
) -> Generated[I, A]:
    """Have every input answered that can be, and return the way to read the answers.

    `items` is called for a fresh stream of (id, inputs) each time one is needed, always the same one; `total` is how
    many there are, for the progress bar. With `config.server.export`, what is due is written to the job's
    requests.jsonl instead (see batch.py), and BuildError says so.

    Raises InputError (no model named; no extractive answer to be had; a refused key) and BuildError (a ceiling, a full
    disk, no server); what was answered until then is kept. KeyboardInterrupt passes through, with the same promise.
    """
    if config.backend == "extractive":
        if task.extractive is None:
            raise InputError(
                f"task {task.name} is not available without a language model",
                where="llm.backend",
                remedy="Configure one: llm.backend=openai (or transformers) and llm.model=NAME",
            )
        return Generated(task, items, config, Counts())
    from engine.llm import backends, batch
    from engine.llm.session import Session

    folder = logs.job_folder(workspace, task, config)
    backend = backends.make(task, config, folder)
    logs.describe(folder, task, config)
    with logs.writing(folder) as log:
        if retry:
            log.add_retry()
        session = Session(log, task, items, config, backend, total)
        if config.server.export:
            exported = batch.write_requests(folder, session.due(), task, config)
            if exported:
                raise BuildError(
                    f"{exported} requests are due and were not asked, as llm.server.export says",
                    where=str(folder / logs.REQUESTS),
                    remedy=f"Go on with: python -m admin llm export-batch {folder.name} FILE",
                )
        else:
            _run(session.run())
        counts, index = session.counts, log.index
    return Generated(task, items, config, counts, folder, index)


async def _interruptible(work: Coroutine[Any, Any, T]) -> T:
    """The same; where Ctrl-C falls into some task of the client's, that task is not told of beside what ends us."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), KeyboardInterrupt):
            loop.default_exception_handler(context)

    asyncio.get_running_loop().set_exception_handler(handle)
    return await work


def _run(work: Coroutine[Any, Any, T]) -> T:
    """asyncio.run, also where an event loop runs already (a notebook): then in a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_interruptible(work))
    result: list[T] = []
    error: list[BaseException] = []

    def target() -> None:
        try:
            result.append(asyncio.run(_interruptible(work)))
        except BaseException as caught:
            error.append(caught)

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    if error:
        raise error[0]
    return result[0]
