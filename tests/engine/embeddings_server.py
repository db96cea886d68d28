"""A server whose /v1/embeddings embeds with a local encoder or draws vectors, and misbehaves by script."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from aiohttp import web
from llm.server import Act, Server

Embed = Callable[[Sequence[str]], np.ndarray]


def drawn(texts: Sequence[str], dimension: int = 8) -> np.ndarray:
    """Vectors that depend on the text alone."""
    seeds = [int.from_bytes(hashlib.sha256(t.encode("utf-8", "replace")).digest()[:8]) for t in texts]
    return np.stack([np.random.default_rng(seed).normal(size=dimension) for seed in seeds]).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def reply(vectors: np.ndarray, encoding: str = "base64", shuffle: bool = False) -> bytes:
    def cell(vector: np.ndarray) -> Any:
        return vector.tolist() if encoding == "float" else base64.b64encode(vector.astype("<f4").tobytes()).decode()

    rows = [{"object": "embedding", "index": i, "embedding": cell(v)} for i, v in enumerate(vectors)]
    return json.dumps({"object": "list", "model": "m", "data": rows[::-1] if shuffle else rows}).encode()


class Embeddings(Server):
    """Serves /v1/embeddings. A script gets the body and how many requests came before."""

    def __init__(self, script: Callable[[dict[str, Any], int], Act | None] | None = None, embed: Embed = drawn) -> None:
        super().__init__()
        self.act, self.embed = script, embed

    async def open(self) -> web.AppRunner:
        app = web.Application(client_max_size=2**24)
        app.router.add_post("/v1/embeddings", self._embeddings)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self.port = runner.addresses[0][1]
        return runner

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        import asyncio

        body = json.loads(await request.read())
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        self.times.append(time.monotonic())
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            act = (self.act(body, len(self.bodies) - 1) if self.act else None) or Act()
            await asyncio.sleep(act.seconds)
            if act.raw is None and act.status == 200:
                act.raw = reply(self.embed(body["input"]), body["encoding_format"])
            return await self._do(request, body, act)
        finally:
            self.now -= 1

    async def _do(self, request: web.Request, body: dict[str, Any], act: Act) -> web.StreamResponse:
        act.raw = act.raw or b""
        return await super()._do(request, body, act)
