"""An encoder behind OpenAI-compatible servers: POST /v1/embeddings, batches in flight, several base URLs sharing them.

Synchronous like every encoder, and safe for threads: one thread of its own runs the event loop on which all requests of
a process are put, so that a limit holds for all who ask and a server that failed is known to the next. What the servers
did is told by engine/llm/backends (hosts, refusals, Retry-After), which speaks to the same kind.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import threading
import weakref
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import orjson

from engine.artifacts import digest
from engine.encoder import Encoder, EncoderConfig
from engine.errors import BuildError, InputError
from engine.llm.attempts import BUSY_ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE
from engine.llm.backends.base import Refused, Trouble
from engine.llm.backends.hosts import Host, Hosts
from engine.llm.backends.openai import BUSY, NO_CREDIT, SHOWN, retry_after, server_reason
from engine.llm.config import ServerOptions, api_key, redact, secrets

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SLOTS = 8  # requests in flight for each URL
PATIENCE = 30.0  # seconds without any server that answers
TOO_LONG = ("context length", "too long", "max_model_len", "maximum input length")  # of a text, in a server's words
AGAIN = "Mend the server and run the same command again: finished chunks are kept"


class Unreachable(Trouble):
    """Nobody listens at a URL."""


class RemoteEncoder(Encoder):
    """The encoder that `EncoderConfig.base_urls` serve as `model`. Raises InputError for what servers cannot be told.

    Vectors come as the server pools and scales them; `normalize` makes them unit vectors here.
    """

    remote = True

    def __init__(self, config: EncoderConfig, device: str | None = None) -> None:
        super().__init__(config, device)
        wrong = [name for name in ("revision", "pooling") if getattr(config, name) is not None]
        wrong += ["dtype"] if config.dtype != "float32" else []
        if wrong:
            remedy = "Leave it out: whoever starts the server decides that"
            raise InputError("this cannot be set for a model at base_urls", where=", ".join(wrong), remedy=remedy)
        self._server = ServerOptions(base_urls=config.base_urls, key_env=config.key_env, patience=PATIENCE)
        self._where = ", ".join(self._server.base_urls)
        self._hosts = Hosts(self._server.base_urls, self._server.patience)
        self._size: int | None = None
        self._slots = asyncio.Semaphore(SLOTS * len(self._server.base_urls))
        self._session: Any = None

    @property
    def path(self) -> Path:
        raise self._elsewhere()

    @property
    def model(self) -> SentenceTransformer:
        raise self._elsewhere()

    def _elsewhere(self) -> InputError:
        remedy = "Leave base_urls out to have it in this process, or train no encoder (build.adapt=null)"
        return InputError(f"the weights of {self.config.model!r} are at a server", where="base_urls", remedy=remedy)

    @cached_property
    def digest(self) -> str:
        """Names the vectors: the configuration and the model's name, wherever it is served."""
        return digest({"config": self.config.model_dump(), "remote": self.config.model})

    @property
    def dimension(self) -> int:
        if self._size is None:
            self._encode(["dimension"])
        assert self._size is not None
        return self._size

    def _encode(self, texts: list[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        future = asyncio.run_coroutine_threadsafe(self._batches(texts), self._loop)
        try:
            vectors = future.result()
        finally:
            future.cancel()  # what is still in flight when somebody interrupts
        if self.config.normalize:
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return np.ascontiguousarray(vectors, dtype=np.float32)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._session is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=_run, args=(loop,), name="remote encoder", daemon=True)
                thread.start()
                self._session = asyncio.run_coroutine_threadsafe(_open(self._server), loop).result()
                self._running = loop
                weakref.finalize(self, _close, self._session, loop, thread)
            return self._running

    async def _batches(self, texts: list[str]) -> np.ndarray:
        """(n, dimension) vectors of `texts` in their order. The first error ends all requests."""
        size, key = self.config.batch_size, api_key(self._server)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        hidden = secrets(self._server)
        starts = range(0, len(texts), size)
        tasks = [asyncio.ensure_future(self._settle(texts[i : i + size], headers, hidden)) for i in starts]
        try:
            return np.concatenate(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _settle(self, texts: list[str], headers: dict[str, str], hidden: tuple[str, ...]) -> np.ndarray:
        """One batch until it is answered, refused or given up. Busy servers are waited for, which is no attempt."""
        attempts = busy = 0
        cut, too_long = self.config.max_length, None
        async with self._slots:
            while True:
                try:
                    return await self._post(texts, cut, headers, hidden)
                except Trouble as trouble:
                    silent = isinstance(trouble, Unreachable)
                    waited = trouble.busy and not silent
                    attempts, busy = attempts + (not waited), busy + waited
                    if attempts >= self._server.attempts or busy >= BUSY_ATTEMPTS:
                        what = "no server answers" if silent else f"no embeddings after {attempts + busy} attempts"
                        raise BuildError(f"{what} at {self._where} ({trouble})", remedy=AGAIN) from None
                    if not trouble.busy:  # else the server rests as a whole
                        longest = min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE)
                        await asyncio.sleep(longest * random.uniform(0.5, 1.0))
                except Refused as refusal:
                    if cut is None and any(word in str(refusal).lower() for word in TOO_LONG):
                        cut, too_long = -1, refusal  # to what the model can read, as encoders in this process do
                        continue
                    what = f"the server refuses to embed with {self.config.model!r} ({too_long or refusal})"
                    remedy = "Check build.encoder.model, max_length and base_urls; GET /v1/models lists its names"
                    raise InputError(what, where=self._where, remedy=remedy) from None
                except BuildError as error:  # of `Hosts`, whose remedy is a language model's, or of `_read`
                    raise BuildError(error.what, where=error.where, remedy=AGAIN) from None

    async def _post(
        self, texts: list[str], cut: int | None, headers: dict[str, str], hidden: tuple[str, ...]
    ) -> np.ndarray:
        """One attempt. Raises Trouble, Refused or a QuintetError."""
        import aiohttp

        host = await self._hosts.take()
        held = True
        try:
            content, url = body(self.config.model, texts, cut), f"{host.url}/embeddings"
            async with self._session.post(url, data=content, headers=headers, allow_redirects=False) as response:
                content = await response.read()
            held = False
            if response.status == 200:
                return self._read(host, content, len(texts))
            self._refuse(host, response.status, response.headers, redact(server_reason(content), hidden)[:SHOWN])
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            held = False
            reason = redact(" ".join(str(error).split()), hidden)
            self._hosts.rest(host, reason)
            raise Unreachable(reason, busy=True) from None
        except TimeoutError:
            held = False
            self._hosts.failed(host, "timed out")
            raise Trouble(f"no reply within {self._server.timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            held = False
            reason = redact(" ".join(str(error).split()) or type(error).__name__, hidden)
            self._hosts.failed(host, reason)
            raise Trouble(f"the connection broke ({reason})") from None
        finally:
            if held:  # cancelled
                self._hosts.failed(host, "")

    def _refuse(self, host: Host, status: int, headers: Any, reason: str) -> NoReturn:
        told = f"{status}: {reason}" if reason else f"status {status}"
        if status in BUSY and not NO_CREDIT.search(reason):
            wait = retry_after(headers.get("Retry-After"))
            self._hosts.rest(host, told, wait)
            raise Trouble(told, busy=True, wait=wait)
        self._hosts.answered(host) if status < 500 else self._hosts.failed(host, told)
        if status in (401, 403):
            remedy = f"Put a valid one into the environment variable {self._server.key_env}"
            raise InputError(f"the server refuses the key ({told})", where=host.url, remedy=remedy)
        if status in BUSY:
            raise InputError(f"the account is used up ({told})", where=host.url, remedy="Top it up and go on")
        if status >= 500 or status in (408, 409, 425):
            raise Trouble(told)
        raise Refused(told)

    def _read(self, host: Host, content: bytes, count: int) -> np.ndarray:
        """The (count, dimension) vectors of a reply, in the order of the texts. BuildError for wrong ones."""
        try:
            found = embeddings(content)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._hosts.failed(host, "no embeddings")
            raise Trouble("the server's reply holds no embeddings") from None
        self._hosts.answered(host)
        sizes = {len(vector) for _, vector in found}
        if len(found) != count:
            what = f"{len(found)} vectors for {count} texts"
        elif sorted(index for index, _ in found) != list(range(count)):
            what = f"vectors that are not numbered from 0 to {count - 1}"
        elif len(sizes) > 1 or 0 in sizes or self._size not in (None, *sizes):
            wanted = f" where it gave {self._size} before" if self._size else ""
            what = f"vectors of {' and '.join(map(str, sorted(sizes)))} dimensions{wanted}"
        elif not all(np.isfinite(vector).all() for _, vector in found):
            what = "vectors with values that are no numbers"
        else:
            [self._size] = sizes
            return np.stack([vector for _, vector in sorted(found, key=lambda pair: pair[0])])
        raise BuildError(
            f"{self.config.model!r} gives {what}", where=host.url, remedy="Serve an embedding model under this name"
        )


def body(model: str, texts: list[str], cut: int | None) -> bytes:
    """A request's JSON; `truncate_prompt_tokens` is vLLM's word for a maximum length."""
    fields: dict[str, Any] = {"model": model, "input": texts, "encoding_format": "base64"}
    if cut is not None:
        fields["truncate_prompt_tokens"] = cut
    try:
        return orjson.dumps(fields)
    except TypeError:  # halves of characters in a corpus
        return orjson.dumps(fields | {"input": [text.encode("utf-8", "replace").decode() for text in texts]})


def embeddings(content: bytes) -> list[tuple[int, np.ndarray]]:
    """A reply's vectors with their index, in either encoding format; raises what reading anything else raises."""
    try:
        found = orjson.loads(content)
    except ValueError:
        found = json.loads(content)  # which reads NaN
    return [(int(row.get("index", place)), _vector(row["embedding"])) for place, row in enumerate(found["data"])]


def _vector(value: Any) -> np.ndarray:
    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").astype(np.float32)
    with np.errstate(over="ignore"):
        vector = np.asarray(value, dtype=np.float64).astype(np.float32)
    if vector.ndim != 1:
        raise ValueError("a vector is a list of numbers")
    return vector


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()


async def _open(server: ServerOptions) -> Any:
    import aiohttp

    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=server.timeout, sock_connect=min(15.0, server.timeout)),
        # uvicorn drops a connection after five idle seconds; ours go first, lest a request meets that
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=3.0, ttl_dns_cache=300),
    )


def _close(session: Any, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """Called when nobody holds the encoder any more, at the latest at the end of the process."""

    async def end() -> None:
        await session.close()
        loop.stop()

    asyncio.run_coroutine_threadsafe(end(), loop)
    if threading.current_thread() is not thread:
        thread.join(2)
