"""`python -m bench.llm_server SECONDS`: a stand-in for a model server, so plain that the client is what is measured.

Answers every POST after SECONDS with the same chat completion, as many at once as come. Says its port on stdout.
"""

from __future__ import annotations

import asyncio
import json
import sys

ANSWER = {"needs": ["a need that somebody may have", "another need"], "reason": "because the text says so " * 8}
MESSAGE = {"role": "assistant", "content": json.dumps(ANSWER)}
BODY = json.dumps(
    {
        "id": "stand-in",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 300, "completion_tokens": 80, "total_tokens": 380},
    }
).encode()
REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


class StandIn(asyncio.Protocol):
    """One connection, kept alive; requests come one after the other."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._read = seconds, b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            if len(self._read) < end + 4 + length:
                return
            self._read = self._read[end + 4 + length :]
            asyncio.get_running_loop().call_later(self._seconds, self._answer)

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(REPLY)


async def main(seconds: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: StandIn(seconds), "127.0.0.1", 0, backlog=512)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1])))
