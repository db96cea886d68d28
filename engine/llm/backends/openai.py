"""Any OpenAI-compatible server, over aiohttp: one POST an attempt, several base URLs sharing the load.

The official client is not used: it spends more time on a request than the budget allows for.
"""

from __future__ import annotations

import datetime
import email.utils
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from engine.errors import InputError
from engine.llm.backends.base import Refused, Reply, Trouble
from engine.llm.backends.hosts import Host, Hosts
from engine.llm.backends.schema import response_format
from engine.llm.backends.stream import START, collect
from engine.llm.budget import BYTES
from engine.llm.config import LlmConfig, api_key, redact, secrets
from engine.llm.task import Message, Task

BUSY = (429, 503, 529)
NO_FORMAT = re.compile(r"response_format|json_schema|guided|structured|grammar|schema", re.IGNORECASE)
NO_CREDIT = re.compile(r"insufficient_quota|billing", re.IGNORECASE)
LONGEST_WAIT = 600.0  # seconds of a Retry-After that are believed
TEMPLATE = 4096  # tokens that a server may add to a prompt; one that counts more is not believed
LONGEST_ANSWER = 1_000_000  # tokens, where max_tokens is not known
SHOWN = 300  # characters of a server's reason


class OpenAIBackend:
    """Speaks POST /chat/completions. With `server.serve`, `start` also starts a vLLM, which `close` stops."""

    def __init__(self, task: Task[Any, Any], config: LlmConfig, folder: Path) -> None:
        self._config, self._server, self._folder = config, config.server, folder
        self._hidden = secrets(self._server)
        self._hosts = Hosts(self._server.base_urls, self._server.patience)
        self._format = None if self._server.json_schema == "off" else response_format(task.name, task.answer)
        self._limit = "max_tokens"
        self._shared = self._render_shared()
        self._session: Any = None
        self._child: Any = None

    @property
    def slots(self) -> int:
        return self._server.slots

    async def start(self) -> None:
        import aiohttp

        if self._server.serve:
            from engine.llm.serve import VllmChild

            self._child = VllmChild(self._config.model, self._folder, self._server.key_env)
            await self._child.start()
            self._hosts = Hosts([self._child.url], self._server.patience)
        key = api_key(self._server)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._session = aiohttp.ClientSession(
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=self._server.timeout, sock_connect=min(15.0, self._server.timeout)),
            # uvicorn drops a connection after five idle seconds; ours go first, lest a request meets that
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=3.0, ttl_dns_cache=300),
        )

    async def close(self) -> None:
        try:
            if self._session is not None:
                await self._session.close()
        finally:
            if self._child is not None:
                await self._child.stop()

    async def ask(self, messages: Sequence[Message], seed: int) -> Reply:
        """One POST, or a second one if the server turns out not to know json_schema or max_tokens."""
        shared = self._shared
        try:
            return await self._post(body(shared, messages, seed))
        except Refused as refusal:
            if self._shared == shared and not self._give_way(str(refusal)):
                raise
        return await self._post(body(self._shared, messages, seed))

    def _render_shared(self) -> bytes:
        """What all requests have in common, as JSON that is open at its end; see `body`."""
        return shared_body(self._config, self._format, self._limit)

    def _give_way(self, reason: str) -> bool:
        """Leave out what the server refused; False if it is nothing that can be left out."""
        if self._limit == "max_tokens" and "max_completion_tokens" in reason:
            self._limit = "max_completion_tokens"
        elif self._format and self._server.json_schema == "auto" and NO_FORMAT.search(reason):
            self._format = None
        else:
            return False
        self._shared = self._render_shared()
        return True

    async def _post(self, data: bytes) -> Reply:
        import aiohttp

        host = await self._hosts.take()
        held = True
        try:
            url = f"{host.url}/chat/completions"
            async with self._session.post(url, data=data, allow_redirects=False) as response:
                content = await response.read()
            held = False
            if response.status == 200:
                return self._reply(host, content, len(data))
            self._refuse(host, response.status, response.headers, content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            held = False
            reason = redact(_line(error), self._hidden)
            if self._child is not None:
                self._child.check()
            self._hosts.rest(host, reason)
            raise Trouble(reason, busy=True, wait=0) from None
        except TimeoutError:
            held = False
            self._hosts.failed(host, "timed out")
            raise Trouble(f"no reply within {self._server.timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            held = False
            reason = redact(_line(error) or type(error).__name__, self._hidden)
            self._hosts.failed(host, reason)
            raise Trouble(f"the connection broke ({reason})") from None
        finally:
            if held:  # cancelled
                self._hosts.failed(host, "")
        raise AssertionError("_refuse raises")

    def _reply(self, host: Host, content: bytes, sent: int) -> Reply:
        try:
            found = collect(content) if content.startswith(START) else orjson.loads(content)
            choice = found["choices"][0]
            message = choice["message"]
            text = message.get("content") or ""
            if not isinstance(text, str):
                raise TypeError
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            self._hosts.failed(host, "no chat completion")
            raise Trouble("the server's reply is no chat completion") from None
        self._hosts.answered(host)
        used = usage(found, sent, text, self._config.sampling.max_tokens)
        return Reply(redact(text, self._hidden), used, choice.get("finish_reason") == "length")

    def _refuse(self, host: Host, status: int, headers: Any, content: bytes) -> None:
        reason = redact(server_reason(content), self._hidden)[:SHOWN]
        told = f"{status}: {reason}" if reason else f"status {status}"
        if status in (401, 403):
            self._hosts.failed(host, told)
            raise InputError(
                f"the server refuses the key ({told})",
                where=host.url,
                remedy=f"Put a valid one into the environment variable {self._server.key_env}",
            )
        if 300 <= status < 400:  # not followed: the key is for this server
            self._hosts.failed(host, told)
            raise InputError(
                f"the server sends requests elsewhere ({told})",
                where=host.url,
                remedy="Set llm.server.base_urls to where it really is",
            )
        if status == 429 and NO_CREDIT.search(reason):
            self._hosts.failed(host, told)
            raise InputError(f"the account is used up ({told})", where=host.url, remedy="Top it up and go on")
        if status in BUSY:
            wait = retry_after(headers.get("Retry-After"))
            self._hosts.rest(host, told, wait)
            raise Trouble(told, busy=True, wait=wait)
        if status >= 500 or status in (408, 409, 425):
            self._hosts.failed(host, told)
            raise Trouble(told)
        self._hosts.answered(host)
        raise Refused(told)


def shared_body(config: LlmConfig, format: dict[str, Any] | None, limit: str = "max_tokens") -> bytes:
    """The part of a request's JSON that does not change from one to the next, open at its end."""
    sampling = config.sampling
    fields: dict[str, Any] = {"model": config.model, "temperature": sampling.temperature, "top_p": sampling.top_p}
    fields[limit] = sampling.max_tokens
    if format:
        fields["response_format"] = format
    return orjson.dumps(fields)[:-1]


def body(shared: bytes, messages: Sequence[Message], seed: int) -> bytes:
    """A request's whole JSON."""
    try:
        chat = orjson.dumps(list(messages))
    except TypeError:  # halves of characters in a corpus
        chat = orjson.dumps(
            [{key: str(value).encode("utf-8", "replace").decode() for key, value in m.items()} for m in messages]
        )
    return b'%s,"seed":%d,"messages":%s}' % (shared, seed, chat)


def usage(found: dict[str, Any], sent: int, text: str, longest: int = LONGEST_ANSWER) -> tuple[int, int]:
    """Prompt and generated tokens as a server's reply tells; estimated from the bytes if that cannot be true."""
    told = found.get("usage")
    told = told if isinstance(told, dict) else {}
    prompt, written = told.get("prompt_tokens"), told.get("completion_tokens")
    size = len(text.encode("utf-8", "replace"))
    return (
        prompt if type(prompt) is int and 0 < prompt <= 2 * sent + TEMPLATE else math.ceil(sent / BYTES),
        written if type(written) is int and 0 <= written <= 2 * longest + TEMPLATE else math.ceil(size / BYTES),
    )


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for (a number or a date); None if it says nothing."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=datetime.UTC)
        seconds = (when - datetime.datetime.now(datetime.UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else None


def server_reason(content: bytes) -> str:
    """Why a server refused, in one line, from whatever body it sent."""
    try:
        found = orjson.loads(content)
        error = found.get("error", found.get("detail", found.get("message", found)))
        text = error.get("message", error) if isinstance(error, dict) else error
        return _line(text if isinstance(text, str) else orjson.dumps(text).decode())
    except (ValueError, AttributeError):
        return _line(content[:4000].decode("utf-8", "replace"))


def _line(what: object) -> str:
    return " ".join(str(what).split())
