"""How the documents of a segment are put into words for an index: as they are, or as one person's memories.

`memory` names each document's kind and puts beside the people in it what they are to the store's owner, as far as that
was known when the segment was written (engine/people.py); as with BM25's statistics, older segments keep theirs until a
compaction. Documents that are nobody's, or of no known kind, read as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from engine.index.collection import Collection
from engine.index.segment import Segment
from engine.people import Circle, as_memory

Reads = Literal["content", "memory"]
VERSION = 1  # of how a memory is put into words


def texts(segment: Segment, before: Sequence[Segment], reads: Reads) -> Iterator[str]:
    """One text a document of `segment`, in row order; `before` are the earlier segments of its collection."""
    if reads == "content":
        yield from segment.contents()
        return
    for user, (low, high) in sorted(segment.users.items(), key=lambda item: item[1]):
        if user is None:
            yield from segment.contents(low, high)
            continue
        own = [segment.document(row) for row in range(low, high)]
        earlier = (s.document(row) for s in before if user in s.users for row in range(*s.users[user]))
        circle = Circle([*earlier, *own])
        yield from (as_memory(document, circle) for document in own)


class Reader:
    """Documents as they are read, one by one; of a collection as it is now, so `memory` knows all of a store."""

    def __init__(self, collection: Collection, reads: Reads) -> None:
        self.collection, self.reads = collection, reads
        self._circles: dict[str, Circle] = {}

    def text(self, row: int) -> str:
        document = self.collection.document(row)
        if self.reads == "content" or document.user is None:
            return document.content
        return as_memory(document, self.circle(document.user))

    def circle(self, user: str) -> Circle:
        """Who is who in one person's store."""
        if user not in self._circles:
            self._circles[user] = Circle(self.collection.document(row) for row in store_rows(self.collection, user))
        return self._circles[user]


def store_rows(collection: Collection, user: str) -> list[int]:
    """The rows of one person's live documents."""
    parts = collection.ranges(user)
    return [row for p in parts for row in range(p.base + p.low, p.base + p.high) if not collection.deleted[row]]


def inputs(before: Sequence[Segment], reads: Reads) -> dict[str, Any]:
    """What else than the segment itself these texts are made of, for a manifest."""
    return {} if reads == "content" else {"reads": [reads, VERSION], "people_of": [s.manifest.digest for s in before]}
