"""A running page, for the benchmarks that measure it as visitors meet it."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(command: Sequence[str], folder: Path, port: int, wait: float = 900) -> Iterator[float]:
    """Run `command` in `folder` until it says that it is ready; the block gets the seconds that took.

    Raises RuntimeError, with what it printed, if it ends before or takes longer than `wait` seconds.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # `make` has children: all of them are ended below
    )
    said: list[str] = []
    ready = threading.Event()

    def listen() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if f":{port} after" in line:
                ready.set()

    threading.Thread(target=listen, daemon=True).start()
    try:
        while not ready.wait(0.02):
            if process.poll() is not None or time.perf_counter() - started > wait:
                raise RuntimeError(f"the page did not start: {''.join(said)[-2000:]}")
        yield time.perf_counter() - started
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answer(url: str, collection: str, person: str, question: str) -> str:
    """The markup that a visitor's question brings."""
    from gradio_client import Client

    return Client(url, verbose=False).predict(collection, person, question, api_name="/search")[0]
