"""An immutable piece of a collection: documents as JSON lines, memory-mapped, grouped by user.

Documents of one user stand side by side, so that a search in one person's store reads one slice of every array that is
aligned with the rows. Reading a document costs one seek; nothing here knows how documents are searched.
"""

from __future__ import annotations

import json
import mmap
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields as dataclass_fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from engine.artifacts import Manifest, read_manifest, stage, undamaged
from engine.errors import InputError
from engine.files import write_array
from engine.progress import track
from engine.records import Document

DAMAGED = "Delete this folder, index the dataset again (its vectors are cached) and add again what was added"
VERSION = 2  # of this layout; part of every segment's inputs
_NAMES = [f.name for f in dataclass_fields(Document)]


class Segment:
    """A complete segment, opened. Raises FileNotFoundError if it is not (or no longer) there.

    Every file is mapped at once, so that the segment can be read to the end after a compaction has dropped it.
    """

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        if manifest is None:
            raise FileNotFoundError(path)
        self.path, self.manifest = path, manifest
        with undamaged(path.parent, DAMAGED):
            # Plain arrays over the maps, since reading from np.memmap costs more.
            self.offsets = np.asarray(np.load(path / "offsets.npy", mmap_mode="r"))  # (n + 1,) int64, of lines
            self.rank = np.asarray(np.load(path / "rank.npy", mmap_mode="r"))  # (n,) int32: each id's place, for ties
            self.users: dict[str | None, tuple[int, int]] = {
                user: (low, high) for user, low, high in json.loads((path / "users.json").read_text("utf-8"))
            }
            self._lines, self._ids = _map(path / "documents.jsonl"), _map(path / "ids.txt")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def ids(self) -> list[str]:
        with undamaged(self.path.parent, DAMAGED):
            return self._ids[:].decode().split("\n")[:-1]

    def document(self, row: int) -> Document:
        try:  # not `undamaged`, which costs as much as the reading
            return Document(**json.loads(self._lines[self.offsets[row] : self.offsets[row + 1]]))
        except (ValueError, TypeError):
            raise InputError(
                f"document {row} of segment {self.name} is damaged", where=str(self.path.parent), remedy=DAMAGED
            ) from None

    def contents(self, low: int = 0, high: int | None = None) -> Iterator[str]:
        """`Document.content` of the rows [low, high) in order, one at a time."""
        for row in range(low, len(self) if high is None else high):
            yield self.document(row).content


def _map(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def write_segment(path: Path, documents: Iterable[Document], inputs: Mapping[str, Any], total: int | None) -> Manifest:
    """Publish a segment at `path`. `inputs` say where the documents come from; `total` is for the progress bar.

    Raises InputError when there are no documents or an id comes twice; then nothing stays.
    """

    def build(folder: Path) -> dict[str, Any]:
        lines = folder / "documents.jsonl"
        ids, users, offsets = _write_lines(lines, documents, total)
        if not ids:
            raise InputError(
                "there are no documents to index", remedy="Check the corpus with `python -m admin data check DIR`"
            )
        order = np.argsort(users.codes, kind="stable")
        if (order[1:] < order[:-1]).any():
            offsets = _reorder(lines, offsets, order)
            ids = [ids[i] for i in order]
        write_array(folder / "offsets.npy", offsets)
        (folder / "ids.txt").write_text("".join(f"{i}\n" for i in ids), "utf-8")
        rank = np.empty(len(ids), dtype=np.int32)
        rank[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids), dtype=np.int32)
        write_array(folder / "rank.npy", rank)
        (folder / "users.json").write_text(json.dumps(users.ranges(), ensure_ascii=False), "utf-8")
        return {"documents": len(ids), "users": sum(user is not None for user in users.names)}

    return stage(path, "documents", {"version": VERSION, **inputs}, build)


class _Users:
    """The user of every document. Stores stand in the order of the users' names, everybody's first: whatever the order
    in which documents came, went and were compacted, the same documents lie in the same rows."""

    def __init__(self) -> None:
        self.names: dict[str | None, int] = {}
        self._codes = array("q")

    def append(self, user: str | None) -> None:
        self._codes.append(self.names.setdefault(user, len(self.names)))

    @property
    def codes(self) -> np.ndarray:
        """(n,) the place of each document's user in that order."""
        place = np.empty(len(self.names), dtype=np.int64)
        place[[self.names[user] for user in self._ordered()]] = np.arange(len(self.names))
        return place[np.asarray(self._codes, dtype=np.int64)]

    def ranges(self) -> list[tuple[str | None, int, int]]:
        """(user, first row, row after the last) once the rows are sorted by code."""
        ends = np.cumsum(np.bincount(self.codes, minlength=len(self.names))).tolist()
        return [(user, low, high) for user, low, high in zip(self._ordered(), [0, *ends], ends, strict=False)]

    def _ordered(self) -> list[str | None]:
        return sorted(self.names, key=lambda user: (user is not None, user or ""))


def _write_lines(path: Path, documents: Iterable[Document], total: int | None) -> tuple[list[str], _Users, np.ndarray]:
    ids: dict[str, None] = {}
    users, offsets = _Users(), array("q", [0])
    with path.open("wb") as file:
        for document in track(documents, "reading documents", total, "documents"):
            if document.id in ids:
                raise InputError(f"the id {document.id!r} comes twice", remedy="Give every document an id of its own")
            if "\n" in document.id or not document.id:
                raise InputError(f"{document.id!r} cannot be an id", remedy="Ids are non-empty and of one line")
            ids[document.id] = None
            users.append(document.user or None)  # as the record says it below
            record = {name: value for name in _NAMES if (value := getattr(document, name)) not in (None, "", {})}
            record.setdefault("text", "")
            offsets.append(offsets[-1] + file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n"))
    return list(ids), users, np.asarray(offsets, dtype=np.int64)


def _reorder(path: Path, offsets: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Rewrite the lines of `path` in `order`; returns the new offsets. Holds one line at a time."""
    unordered = path.rename(path.with_suffix(".unordered"))
    with unordered.open("rb") as source, path.open("wb") as target:
        for row in order:
            source.seek(offsets[row])
            target.write(source.read(offsets[row + 1] - offsets[row]))
    unordered.unlink()
    return np.concatenate([[0], np.cumsum(np.diff(offsets)[order])]).astype(np.int64)
