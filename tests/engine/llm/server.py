"""An OpenAI-compatible server on 127.0.0.1 that misbehaves by script.

`Server(script)` runs on a thread; `python server.py PORT LATENCY` runs it in a process of its own. A script is a
function (request body, how often this prompt was asked before) -> Act; without one every prompt is answered well.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Act:
    """What to do with one request. `text` is the model's reply; `raw` replaces the whole body; `half` breaks it off."""

    text: str | None = None
    status: int = 200
    raw: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    half: bool = False
    reset: bool = False
    finish: str = "stop"
    usage: Any = "count"


Script = Callable[[dict[str, Any], int], Act]


def prompt(body: dict[str, Any]) -> str:
    """The last message of a request."""
    content: str = body["messages"][-1]["content"]
    return content


def good(body: dict[str, Any]) -> str:
    """The answer that tests expect to a prompt."""
    return json.dumps({"word": prompt(body).split()[-1], "score": body["seed"]})


def completion(text: str, finish: str = "stop", usage: Any = "count") -> bytes:
    message = {"role": "assistant", "content": text}
    found = {"id": "x", "object": "chat.completion", "choices": [{"index": 0, "message": message}]}
    found["choices"][0]["finish_reason"] = finish
    if usage == "count":
        found["usage"] = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    elif usage is not None:
        found["usage"] = usage
    return json.dumps(found).encode()


class Server:
    """Counts what it is asked: `bodies` and `headers` of all requests, `peak` requests at once."""

    def __init__(self, script: Script | None = None, latency: float = 0.0, port: int = 0, keep: bool = True) -> None:
        self.script, self.latency, self.port, self.keep = script, latency, port, keep
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.asked: Counter[str] = Counter()
        self.now = self.peak = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def prompts(self) -> list[str]:
        return [prompt(body) for body in self.bodies]

    def __enter__(self) -> Server:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = self._loop.run_until_complete(self.open())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def open(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, backlog=512)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "m"}]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            if not self.keep:
                await asyncio.sleep(self.latency)
                return web.Response(body=completion(good(body)), content_type="application/json")
            before = self.asked[prompt(body)]
            self.asked[prompt(body)] += 1
            self.bodies.append(body)
            self.headers.append(dict(request.headers))
            self.times.append(time.monotonic())
            act = self.script(body, before) if self.script else Act()
            await asyncio.sleep(self.latency + act.seconds)
            return await self._do(request, body, act)
        finally:
            self.now -= 1

    async def _do(self, request: web.Request, body: dict[str, Any], act: Act) -> web.StreamResponse:
        if act.reset:
            assert request.transport is not None
            request.transport.abort()
        content = act.raw
        if content is None:
            text = good(body) if act.text is None else act.text
            content = completion(text, act.finish, act.usage)
        if act.half:
            response = web.StreamResponse(headers={"Content-Length": str(len(content))})
            await response.prepare(request)
            await response.write(content[: len(content) // 2])
            assert request.transport is not None
            request.transport.close()
            return response
        return web.Response(status=act.status, body=content, content_type="application/json", headers=act.headers)


def main(port: int, latency: float) -> None:
    """Serve until killed; says its port on stdout."""

    async def serve() -> None:
        server = Server(latency=latency, port=port, keep=False)
        await server.open()
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
