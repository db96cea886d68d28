"""A collection: immutable segments plus tombstones, as of one moment.

`CURRENT` is one small file that names the segments and the rows that are deleted; replacing it publishes an addition,
a removal or a compaction in one step. Readers hold the snapshot they opened. All indexes of a dataset share its
collection and align their arrays with its rows: global row = rows of the earlier segments + row in the segment.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.artifacts import digest, lock_file, read_manifest
from engine.errors import InputError
from engine.files import lock, write_json
from engine.index.segment import DAMAGED, Segment, write_segment
from engine.records import Document

CURRENT = "CURRENT"


class Range(NamedTuple):
    """Rows [low, high) of a segment; `base` is the segment's first global row."""

    segment: int
    base: int
    low: int
    high: int


class Collection:
    """A snapshot of the collection at `path`. Raises InputError if there is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for attempt in range(10):  # a compaction may remove segments between reading CURRENT and opening them
            try:
                self.current = _read_current(path)
                self.segments = []
                for name in self.current["segments"]:
                    self.segments.append(Segment(path / name))
                break
            except FileNotFoundError:
                if attempt == 9:
                    raise InputError(
                        f"segment {name} of the documents is gone or cut short",
                        where=str(path),
                        remedy=DAMAGED,
                    ) from None
        self.bases = np.concatenate([[0], np.cumsum([len(s) for s in self.segments])]).astype(np.int64)
        self.deleted = np.zeros(len(self), dtype=bool)
        self.deleted[self.current["deleted"]] = True
        self._ranges: dict[str | None, list[Range]] = {}

    def __len__(self) -> int:
        """Rows, deleted ones included."""
        return int(self.bases[-1])

    @property
    def live(self) -> int:
        """Documents that can be found."""
        return len(self) - int(self.deleted.sum())

    @property
    def digest(self) -> str:
        """Names this state of the collection."""
        return digest([self.current["dataset"], self.current["segments"], self.current["deleted"]])

    @cached_property
    def ids(self) -> Sequence[str]:
        """The id of every row."""
        return self.segments[0].ids if len(self.segments) == 1 else [i for s in self.segments for i in s.ids]

    @cached_property
    def rank(self) -> np.ndarray:
        """(rows,) integers that order rows as their ids do."""
        if len(self.segments) == 1:
            return self.segments[0].rank
        rank = np.empty(len(self), dtype=np.int32)
        rank[sorted(range(len(self)), key=self.ids.__getitem__)] = np.arange(len(self), dtype=np.int32)
        return rank

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of every live id."""
        return {i: row for row, i in enumerate(self.ids) if not self.deleted[row]}

    @cached_property
    def users(self) -> list[str]:
        return sorted({user for segment in self.segments for user in segment.users if user is not None})

    def ranges(self, user: str | None) -> list[Range]:
        """The rows to search: everything, or the store of one user (empty if nobody has that name)."""
        if user in self._ranges:  # a search in a small store takes hardly longer than making these
            return self._ranges[user]
        bases = self.bases.tolist()
        if user is None:
            found = [Range(i, bases[i], 0, len(s)) for i, s in enumerate(self.segments)]
        else:
            found = [Range(i, bases[i], *s.users[user]) for i, s in enumerate(self.segments) if user in s.users]
        if found:  # nobody's are not kept: anybody can ask for them
            self._ranges[user] = found
        return found

    def document(self, row: int) -> Document:
        segment = int(np.searchsorted(self.bases, row, side="right")) - 1
        return self.segments[segment].document(row - int(self.bases[segment]))

    def documents(self) -> Iterator[Document]:
        """All live documents in row order, one at a time."""
        return (self.document(row) for row in np.flatnonzero(~self.deleted).tolist())


def ensure(path: Path, source: str, documents: Iterable[Document] | None, total: int | None = None) -> Collection:
    """The collection at `path`, made from `documents` if it is not there. `source` is the dataset's digest.

    An existing collection is taken as it is, with all that was added to it since.
    """
    if not (path / CURRENT).exists():
        if documents is None:
            raise InputError(
                "nothing is indexed here", where=str(path), remedy="Run `python -m admin index METHOD --data DIR`"
            )
        with lock(path / ".lock", label="the documents"):
            if not (path / CURRENT).exists():
                write_segment(path / "0000", documents, {"dataset": source}, total)
                _publish(path, {"dataset": source, "generation": 0, "segments": ["0000"], "deleted": []})
    return Collection(path)


def change(path: Path, add: Sequence[Document] = (), remove: Iterable[str] = ()) -> Collection:
    """Publish removals and additions in one step: tombstones for the ids in `remove`, a new segment of `add`.

    Costs what is added. What is so already is left out (documents there word for word, ids removed before), so that a
    killed command can be given again. An id may be removed and come back in one change. Raises InputError for an id to
    remove that is unknown, an id to add that is another document's, or if no document would be left.
    """
    remove = list(dict.fromkeys(remove))
    request = digest([[asdict(d) for d in add], sorted(remove)])
    with lock(path / ".lock", label="the documents"):
        before = Collection(path)
        if before.current.get("change") == request:  # the last one, given again: perhaps a compaction came between
            _sweep(path, before.current)
            return before
        row_of, gone = before.row_of, {before.ids[row] for row in before.current["deleted"]}
        known = {d.id for d in add if d.id in row_of and _stored(before.document(row_of[d.id])) == _stored(d)}
        removed = [i for i in remove if i in row_of or i not in gone]
        if unknown := [i for i in removed if i not in row_of]:
            raise InputError(
                f"{len(unknown)} ids are not in the index, {unknown[0]!r} first", remedy="Name ids that are"
            )
        removed = [i for i in removed if i not in known]
        added = [d for d in add if d.id not in known]
        if taken := [d.id for d in added if d.id in row_of and d.id not in set(removed)]:
            raise InputError(
                f"{len(taken)} ids are in the index already, {taken[0]!r} first", remedy="Remove them first"
            )
        if not removed and not added:
            _sweep(path, before.current)
            return before
        if len(removed) == before.live and not added:
            raise InputError("this would remove every document", remedy="Delete the index's folder instead")
        generation, segments = before.current["generation"] + 1, before.current["segments"]
        if added:
            segments = [*segments, f"{generation:04d}"]
            content = digest([asdict(d) for d in added])  # a killed change may have left another segment of this name
            inputs = {"dataset": before.current["dataset"], "after": before.digest, "content": content}
            write_segment(path / segments[-1], added, inputs, len(added))
        deleted = sorted([*before.current["deleted"], *(row_of[i] for i in removed)])
        state = {"generation": generation, "segments": segments, "deleted": deleted, "change": request}
        _publish(path, {**before.current, **state})
        return Collection(path)


def add(path: Path, documents: Sequence[Document]) -> Collection:
    """`change` that only adds."""
    return change(path, add=documents)


def remove(path: Path, ids: Iterable[str]) -> Collection:
    """`change` that only removes."""
    return change(path, remove=ids)


def compact(path: Path) -> Collection:
    """Rewrite what is live as one segment, in the order that a new build of the same documents would have."""
    with lock(path / ".lock", label="the documents"):
        before = Collection(path)
        if len(before.segments) == 1 and not before.current["deleted"]:
            _sweep(path, before.current)
            return before
        generation = before.current["generation"] + 1
        name = f"{generation:04d}"
        inputs = {"dataset": before.current["dataset"], "compacts": before.digest}
        write_segment(path / name, before.documents(), inputs, before.live)
        _publish(path, {**before.current, "generation": generation, "segments": [name], "deleted": []})
        return Collection(path)


def _read_current(path: Path) -> dict[str, Any]:
    try:
        current = json.loads((path / CURRENT).read_text("utf-8"))
        if current.keys() >= {"dataset", "generation", "segments", "deleted"}:
            return current
    except FileNotFoundError:
        remedy = "Run `python -m admin index METHOD --data DIR`"
        raise InputError("nothing is indexed here", where=str(path), remedy=remedy) from None
    except (ValueError, AttributeError):  # not ours: we replace it in one step
        pass
    raise InputError("CURRENT is damaged", where=str(path), remedy=DAMAGED)


def _publish(path: Path, current: dict[str, Any]) -> None:
    """Make `current` what readers see from now on, then drop the segments that nobody will open any more."""
    write_json(path / CURRENT, current)
    _sweep(path, current)


def _sweep(path: Path, current: dict[str, Any]) -> None:
    """Remove what `current` does not name: segments of earlier states, and what killed processes left.

    The caller holds the collection's lock, so that nobody is at work on any of it.
    """
    kept = {CURRENT, ".lock", *current["segments"], *(lock_file(path / name).name for name in current["segments"])}
    for entry in path.iterdir():
        if entry.name not in kept:
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def sweep_index(path: Path, documents: Path) -> None:
    """Remove the parts of the index at `path` that belong to no segment of the collection at `documents` any more.

    Who has them open goes on reading them; who is about to open them opens the collection anew.
    """
    with lock(documents / ".lock", label="the documents"):
        kept = _read_current(documents)["segments"]
        for part in path.glob("[!.]*"):
            if part.name not in kept and read_manifest(part):
                shutil.rmtree(part, ignore_errors=True)


def _stored(document: Document) -> Any:
    """A document as it comes back from a segment, for comparison."""
    return json.loads(json.dumps(asdict(document)))
