"""Which server gets the next request: the least loaded one that is well. Knows times and counts, not HTTP."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.errors import BuildError

FIRST_REST, LONGEST_REST = 0.25, 30.0  # seconds
WORKED_ON = 5.0  # seconds; a server that turns a request away does so sooner
IDLE = 60.0  # seconds without a request, after which it starts anew who answers


@dataclass
class Host:
    """One base URL: requests in flight, failures in a row, and until when it is left alone (clock seconds).

    `asked`: its last reply was a Retry-After; `sent`: when each task sent the request that is in flight.
    """

    url: str
    in_flight: int = 0
    failures: int = 0
    rests_until: float = 0.0
    reason: str = ""
    asked: bool = False
    sent: dict[object, float] = field(default_factory=dict)


@dataclass
class Hosts:
    """All base URLs. `patience`: seconds of refusals, without any answer in between, before the job is stopped.

    A Retry-After that is longer than that is still obeyed, once.
    """

    urls: Sequence[str]
    patience: float
    clock: Callable[[], float] = time.monotonic
    hosts: list[Host] = field(init=False)
    _since: float | None = None  # the first refusal after the last answer
    _wait: float = 0.0  # the longest Retry-After since then
    _used: float = field(init=False)

    def __post_init__(self) -> None:
        self.hosts = [Host(url) for url in self.urls]
        self._used = self.clock()

    async def take(self) -> Host:
        """A host for one request, which is given back by one of the other methods.

        Waits while all of them rest. Raises BuildError when none has answered for `patience` seconds.
        """
        while True:
            now = self.clock()
            if now - self._used > IDLE and not any(host.in_flight for host in self.hosts):
                self._since = None
            self._used = now
            free = [host for host in self.hosts if host.rests_until <= now and not (host.failures and host.in_flight)]
            if free:  # one that failed gets a single request to show that it is well
                host = min(free, key=lambda h: (h.in_flight, h.failures))
                host.in_flight += 1
                host.sent[asyncio.current_task()] = now
                return host
            self._check(now)
            until = min(host.rests_until for host in self.hosts)
            await asyncio.sleep(max(min(until - now, 1.0), 0.02) * (1 + random.random() / 4))

    def answered(self, host: Host) -> None:
        self._given_back(host)
        host.failures, host.asked = 0, False
        self._since = None

    def failed(self, host: Host, reason: str) -> None:
        """The request had no success, which says nothing of the server itself."""
        self._given_back(host)
        host.reason = reason

    def rest(self, host: Host, reason: str, wait: float | None = None) -> None:
        """Leave a host alone: for `wait` seconds if it named any, else longer with each failure in a row."""
        self._given_back(host)
        host.reason, host.asked = reason, bool(wait)
        now = self.clock()
        if self._since is None:
            self._since, self._wait = now, 0.0
        self._check(now)
        if not wait:  # 0 too: whoever says so is not to be asked at once for ever
            if host.rests_until > now:  # others have told already
                return
            host.failures += 1
            wait = min(FIRST_REST * 2 ** (host.failures - 1), LONGEST_REST) * random.uniform(0.75, 1.25)
        else:
            self._wait = max(self._wait, wait)
        host.rests_until = max(host.rests_until, now + wait)

    def _given_back(self, host: Host) -> None:
        host.in_flight -= 1
        host.sent.pop(asyncio.current_task(), None)
        self._used = self.clock()

    def _works(self, host: Host, now: float) -> bool:
        """Whether it may be at work on a request, as far as its replies to others tell."""
        if not host.asked:
            return host.in_flight > 0 and not host.failures
        return any(now - sent >= min(WORKED_ON, self.patience / 2) for sent in host.sent.values())

    def _check(self, now: float) -> None:
        if self._since is None or now - self._since < max(self.patience, self._wait):
            return
        if any(self._works(host, now) for host in self.hosts):
            return
        where = ", ".join(host.url for host in self.hosts)
        reasons = "; ".join(dict.fromkeys(host.reason for host in self.hosts if host.reason))
        busy = all(host.asked for host in self.hosts)
        what = f"the servers have only been busy for {now - self._since:.0f} s" if busy else "no server answers"
        raise BuildError(
            f"{what} at {where} ({reasons or 'no reason given'})",
            remedy="Start it or set llm.server.base_urls; the same command goes on from here",
        )
