"""A running page, for the benchmarks that measure it as visitors meet it."""

from __future__ import annotations

import http.client
import json
import os
import secrets
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


class Visitor:
    """One open page: a session of its own and a connection that stays, over which questions go as the Ask button's."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._connection.request("GET", "/config")
        config = json.loads(self._connection.getresponse().read())
        [event] = [e for e in config["dependencies"] if e["api_name"] == "search"]
        self._call = {"fn_index": event["id"], "session_hash": secrets.token_hex(6)}
        self._path = f"{config['api_prefix']}/run/predict"

    def ask(self, collection: str, person: str, question: str) -> str:
        """The markup of the answers. Raises RuntimeError if there are none."""
        body = json.dumps({**self._call, "data": [collection, person, question]})
        self._connection.request("POST", self._path, body, {"Content-Type": "application/json"})
        answer = json.loads(self._connection.getresponse().read())
        if "q-card" not in str(answer.get("data")):
            raise RuntimeError(f"no answer to {question!r}: {str(answer)[:300]}")
        return answer["data"][0]
