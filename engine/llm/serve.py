"""A `vllm serve MODEL` of one's own, for as long as a job needs it. Its output goes to vllm.log in the job's folder.

It is stopped with its whole process group when the job ends, also by an error, Ctrl-C or a kill: see supervisor.py.
The variable QUINTET_VLLM names another command than `vllm`.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from engine.errors import BuildError, InputError
from engine.llm import supervisor
from engine.progress import bar

LOG = "vllm.log"
LONGEST_START = 3600.0  # seconds; it may have to download the model
EVERY = 0.25  # seconds between two looks


class VllmChild:
    """`start` returns when the server answers at `url`; `stop` may be called at any time."""

    def __init__(self, model: str, folder: Path, key_env: str) -> None:
        self.url = ""
        self._model, self._log, self._key_env = model, folder / LOG, key_env
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Raises InputError if there is no vllm, BuildError if it ends before it answers."""
        import aiohttp

        command = shlex.split(os.environ.get("QUINTET_VLLM", "vllm"))
        if not command or shutil.which(command[0]) is None:
            raise InputError(
                "vllm is not installed here",
                where="llm.server.serve",
                remedy="pip install -r requirements-gpu.txt, or start a server yourself and set llm.server.base_urls",
            )
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}/v1"
        command += ["serve", self._model, "--host", "127.0.0.1", "--port", str(port)]
        environment = {key: value for key, value in os.environ.items() if key != self._key_env}
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, supervisor.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        deadline = time.monotonic() + LONGEST_START
        with bar(f"starting {command[0]}") as progress:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
                while not await _answers(session, self.url):
                    self.check()
                    if time.monotonic() > deadline:
                        raise BuildError(
                            f"vllm does not answer after {LONGEST_START:g} s",
                            where=str(self._log),
                            remedy="Read this file, or start the server yourself",
                        )
                    await asyncio.sleep(EVERY)
                    progress.update(0)

    def check(self) -> None:
        """Raises BuildError if the server has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise BuildError(
                f"vllm has ended with code {self._process.returncode}",
                where=str(self._log),
                remedy="Read this file; the same command goes on from here",
            )

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        while process.poll() is None:  # not in a thread, which an interrupt would have to wait for
            await asyncio.sleep(0.02)


async def _answers(session: object, url: str) -> bool:
    import aiohttp

    assert isinstance(session, aiohttp.ClientSession)
    try:
        async with session.get(f"{url}/models") as response:
            return response.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
