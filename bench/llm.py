"""Jobs at a language model: how close to the server's own best rate they come, and what a long log costs in memory.

    python -m bench.llm ANSWERS FOLDER

is the child whose memory is looked at: it goes on with a job of so many answers and reads them all.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel

from bench.measure import side_by_side
from bench.memory import EVERY, anonymous
from bench.table import Row, Table, compared, number, size
from bench.world import World
from engine.artifacts import Workspace
from engine.llm import log as logs
from engine.llm.backends.openai import body, shared_body
from engine.llm.backends.schema import response_format
from engine.llm.config import LlmConfig
from engine.llm.job import generate
from engine.llm.task import Message, Task

ROOT = Path(__file__).parent.parent
LATENCY, SLOTS = 0.05, 64
RATE = 0.95  # of the server's own, at least
MEGABYTES = 8.0  # that 100 times the answers may take more
INSTRUCTIONS = "Read the text and name the needs that it serves, as JSON. " * 20


class Passage(BaseModel):
    text: str


class Needs(BaseModel):
    needs: list[str]
    reason: str


def messages(inputs: Passage) -> list[Message]:
    return [{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": inputs.text}]


TASK: Task[Passage, Needs] = Task("bench", 1, Passage, Needs, messages)


def run(world: World) -> Table:
    count, repeats = world.sizes.requests, world.sizes.repeats
    rows: list[Row] = []
    with server() as url:
        settings = config(url)
        form = shared_body(settings, response_format(TASK.name, TASK.answer))
        bodies = [body(form, messages(passage), 0) for _, passage in passages(count)()]
        turn = itertools.count()

        def ours() -> None:
            made = generate(Workspace(world.scratch / f"llm-{next(turn)}"), TASK, passages(count), settings, count)
            if made.counts.answered != count:
                raise RuntimeError(f"{made.counts}")

        comparison = side_by_side(ours, lambda: asyncio.run(bare(url, bodies)), repeats)
        what = f"a job, {SLOTS} slots at a server of {LATENCY * 1000:g} ms, per request"
        rows.append(compared(what, comparison, 1 / RATE, count))
    few, many = world.sizes.answers // 100, world.sizes.answers
    small, large = (peak(world.scratch / f"llm-memory-{n}", n) for n in (few, many))
    rows.insert(
        0,
        Row(
            f"a job of {many:,} answers goes on, memory at its peak",
            size(large),
            f"{size(small)} with {few:,}",
            number(large / small),
            f"<= {MEGABYTES:g} MB more",
            large - small <= MEGABYTES * 1e6,
        ),
    )
    note = (
        f"{count:,} requests, all different, to a stand-in server on this machine that answers after "
        f"{LATENCY * 1000:g} ms. Direct: an aiohttp loop that does the same {SLOTS} POSTs at once with bodies made "
        f"beforehand, and looks at nothing. At least {RATE:.0%} of its rate is a ratio of at most {1 / RATE:.3f}. "
        "Memory is anonymous memory of a process that opens a log, asks for one request more and reads every answer."
    )
    return Table("llm", note, rows)


async def bare(url: str, bodies: list[bytes]) -> None:
    """The POSTs and nothing else."""
    import aiohttp

    waiting = iter(bodies)
    headers = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def work() -> None:
            for data in waiting:
                async with session.post(f"{url}/chat/completions", data=data) as response:
                    await response.read()

        await asyncio.gather(*(work() for _ in range(SLOTS)))


def passages(count: int) -> Callable[[], Iterator[tuple[str, Passage]]]:
    return lambda: ((f"d{i}", Passage(text=f"passage {i} " + "of some length " * 60)) for i in range(count))


def config(url: str) -> LlmConfig:
    return LlmConfig.model_validate({"backend": "openai", "model": "m", "server": {"base_urls": [url], "slots": SLOTS}})


@contextmanager
def server() -> Iterator[str]:
    """The URL of a stand-in server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.llm_server", str(LATENCY)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.wait()


def peak(folder: Path, answers: int) -> int:
    """Bytes of anonymous memory at the peak of a process that goes on with a job of so many answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.llm", str(answers), str(folder)],
        cwd=ROOT,
        env={**os.environ, "QUINTET_NO_PROGRESS": "1"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    most = 0
    try:
        process.stdout.readline()  # the log is written
        while not select.select([process.stdout], [], [], EVERY)[0]:
            most = max(most, anonymous(process.pid))
        if not process.stdout.readline():
            raise RuntimeError("the measured process died")
    finally:
        process.kill()
        process.wait()
    return most


def main(answers: int, folder: Path) -> None:
    """The child: a log as if `answers` had come, then one request more, then all of them read."""
    with server() as url:
        settings = config(url)
        job = logs.job_folder(Workspace(folder), TASK, settings)
        logs.describe(job, TASK, settings)
        fill(job, answers, settings)
        _say("filled")
        made = generate(Workspace(folder), TASK, passages(answers + 1), settings)
        if made.counts.from_log != answers or sum(len(found) for _, found, _ in made) != answers + 1:
            raise RuntimeError(f"{made.counts}")
        _say("done")
        sys.stdin.readline()


def fill(job: Path, answers: int, settings: LlmConfig) -> None:
    """Write a log of answers without asking for them."""
    answer = Needs(needs=["a need", "another"], reason="because the text says so " * 8).model_dump_json().encode()
    with logs.writing(job) as log:
        for i, (_, passage) in enumerate(passages(answers)()):
            key = TASK.key(passage, settings.model_key(), settings.sampling)
            log.add_sent(key)
            log.add_answer(key, answer, (300, 80), 0.05, 1, False)
            if i % 100 == 0:
                log.flush()


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
