"""Which server gets the next request: the least loaded one that is well. Knows times and counts, not HTTP."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.errors import BuildError

FIRST_REST, LONGEST_REST = 0.25, 30.0  # seconds


@dataclass
class Host:
    """One base URL: requests in flight, failures in a row, and until when it is left alone (clock seconds)."""

    url: str
    in_flight: int = 0
    failures: int = 0
    rests_until: float = 0.0
    reason: str = ""


@dataclass
class Hosts:
    """All base URLs. `patience`: seconds in which none of them answers before the job is stopped."""

    urls: Sequence[str]
    patience: float
    clock: Callable[[], float] = time.monotonic
    hosts: list[Host] = field(init=False)
    _answered: float = field(init=False)  # when any of them last did

    def __post_init__(self) -> None:
        self.hosts = [Host(url) for url in self.urls]
        self._answered = self.clock()

    async def take(self) -> Host:
        """A host for one request, which is given back by one of the other methods.

        Waits while all of them rest. Raises BuildError when none has answered for `patience` seconds.
        """
        while True:
            now = self.clock()
            if not any(host.in_flight or host.failures for host in self.hosts):
                self._answered = now  # nobody was asked for a while
            free = [host for host in self.hosts if host.rests_until <= now and not (host.failures and host.in_flight)]
            if free:  # one that failed gets a single request to show that it is well
                host = min(free, key=lambda h: (h.in_flight, h.failures))
                host.in_flight += 1
                return host
            self._check(now)
            until = min(host.rests_until for host in self.hosts)
            await asyncio.sleep(max(min(until - now, 1.0), 0.02) * (1 + random.random() / 4))

    def answered(self, host: Host) -> None:
        host.in_flight -= 1
        host.failures = 0
        self._answered = self.clock()

    def failed(self, host: Host, reason: str) -> None:
        """The request had no success, which says nothing of the server itself."""
        host.in_flight -= 1
        host.reason = reason

    def rest(self, host: Host, reason: str, wait: float | None = None) -> None:
        """Leave a host alone: for `wait` seconds if it asked for that, else longer with each failure in a row."""
        host.in_flight -= 1
        host.reason = reason
        now = self.clock()
        if wait is None:
            if host.rests_until > now:  # others have told already
                return
            host.failures += 1
            wait = min(FIRST_REST * 2 ** (host.failures - 1), LONGEST_REST) * random.uniform(0.75, 1.25)
        host.rests_until = max(host.rests_until, now + wait)
        self._check(now)

    def _check(self, now: float) -> None:
        if now - self._answered < self.patience or any(h.in_flight and not h.failures for h in self.hosts):
            return
        where = ", ".join(re.sub(r"//[^/@]*@", "//", host.url) for host in self.hosts)  # without a password
        reasons = "; ".join(dict.fromkeys(host.reason for host in self.hosts if host.reason))
        raise BuildError(
            f"no server answers at {where} ({reasons or 'all of them asked for patience'})",
            remedy="Start it or set llm.server.base_urls; the same command goes on from here",
        )
