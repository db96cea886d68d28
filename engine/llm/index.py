"""Which requests a job knows, where in its log their line begins, and what became of them: 24 bytes a request.

Sorted arrays and a small dict of what is new, merged now and then. The log itself is engine/llm/log.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SENT, ANSWERED, FAILED, TRANSIENT, REPLY = range(5)  # REPLY: imported and not yet checked
_STATES = 8
MERGE = 8192  # new requests that are held in the dict


class Entry(NamedTuple):
    """What became of a request, and where its line begins (bytes from the start of the log)."""

    state: int
    offset: int


class KeyIndex:
    """Maps keys (32 hex digits) to entries. An answer stays, whatever is put after it."""

    def __init__(self) -> None:
        self._keys = np.empty(0, "S16")
        self._values = np.empty(0, np.int64)
        self._new: dict[bytes, int] = {}

    def get(self, key: str) -> Entry | None:
        value = self._find(bytes.fromhex(key))
        return None if value is None else Entry(value % _STATES, value // _STATES)

    def put(self, key: str, state: int, offset: int) -> None:
        raw = bytes.fromhex(key)
        old = self._find(raw)
        if old is not None and old % _STATES == ANSWERED:
            return
        self._new[raw] = offset * _STATES + state
        if len(self._new) >= MERGE:
            self._merge()

    def forgive(self) -> int:
        """Everything that failed may be asked again; how many that are."""
        self._merge()
        failed = self._values % _STATES == FAILED
        self._values[failed] += TRANSIENT - FAILED
        return int(failed.sum())

    def count(self, state: int) -> int:
        self._merge()
        return int((self._values % _STATES == state).sum())

    def __len__(self) -> int:
        self._merge()
        return len(self._keys)

    def _find(self, raw: bytes) -> int | None:
        value = self._new.get(raw)
        if value is not None or not len(self._keys):
            return value
        place = int(self._keys.searchsorted(np.bytes_(raw)))
        if place < len(self._keys) and self._keys[place] == raw.rstrip(b"\0"):  # numpy drops trailing zeros
            return int(self._values[place])
        return None

    def _merge(self) -> None:
        if not self._new:
            return
        keys = np.fromiter(self._new, "S16", len(self._new))
        values = np.fromiter(self._new.values(), np.int64, len(self._new))
        self._new = {}
        order = keys.argsort()
        keys, values = keys[order], values[order]
        places = self._keys.searchsorted(keys)
        known = np.zeros(len(keys), bool)
        inside = places < len(self._keys)
        known[inside] = self._keys[places[inside]] == keys[inside]
        self._values[places[known]] = values[known]
        new = ~known
        self._keys = np.insert(self._keys, places[new], keys[new])
        self._values = np.insert(self._values, places[new], values[new])
