"""The stage "texts": the entities of every memory, found by the model's tagger; both renderings come of them.

Only the offsets are kept, beside each segment of the collection: what a text is, its index says (`reads`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.artifacts import Manifest, read_manifest, stage, undamaged
from engine.files import write_array
from engine.index import reading
from engine.index.collection import Collection
from engine.index.reading import Reads
from engine.index.segment import Segment
from engine.methods.pearl.labelled import TYPES, Sentence
from engine.records import Entity

if TYPE_CHECKING:
    from engine.methods.pearl.tagging import Tagger

KIND, VERSION = "pearl-texts", 1
READ = 4000  # characters of a text that are tagged: more than any model here reads
TOGETHER = 4096  # texts that are tagged, and held, at once
REMEDY = "Delete this folder and run the same command again"


class SegmentEntities:
    """The entities of one segment's documents. Raises FileNotFoundError if they are not there."""

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        if manifest is None:
            raise FileNotFoundError(path)
        self.manifest = manifest
        with undamaged(path, REMEDY):
            self.spans = np.load(path / "spans.npy", mmap_mode="r")  # (m, 3): start, end, place in TYPES
            self.starts = np.load(path / "starts.npy", mmap_mode="r")  # (documents + 1,)

    def of(self, row: int) -> tuple[Entity, ...]:
        spans = self.spans[self.starts[row] : self.starts[row + 1]].tolist()
        return tuple((start, end, TYPES[kind]) for start, end, kind in spans)


def build(path: Path, documents: Collection, reads: Reads, tagger: Tagger | None, digest: str) -> None:
    """Tag every segment under `path` that is not tagged yet. `digest` names the tagger; None of it: no entities."""
    for number, segment in enumerate(documents.segments):
        _write(path / segment.name, segment, documents.segments[:number], reads, tagger, digest)


def _write(
    path: Path, segment: Segment, before: Sequence[Segment], reads: Reads, tagger: Tagger | None, digest: str
) -> Manifest:
    inputs = {
        "version": VERSION,
        "tagger": digest,
        "segment": segment.manifest.digest,
        **reading.inputs(before, reads),
    }

    def run(folder: Path) -> Mapping[str, Any]:
        spans, counts = list[tuple[int, int, int]](), list[int]()
        for texts in _cut(reading.texts(segment, before, reads)):
            for found in tagger.tag([text[:READ] for text in texts]) if tagger else [()] * len(texts):
                spans += [(start, end, TYPES.index(kind)) for start, end, kind in found]
                counts.append(len(found))
        write_array(folder / "spans.npy", np.asarray(spans, np.int32).reshape(-1, 3))
        write_array(folder / "starts.npy", np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))
        return {"documents": len(counts), "entities": len(spans)}

    return stage(path, KIND, inputs, run)


def _cut(texts: Iterator[str]) -> Iterator[list[str]]:
    some: list[str] = []
    for text in texts:
        some.append(text)
        if len(some) == TOGETHER:
            yield some
            some = []
    if some:
        yield some


def sentences(path: Path, documents: Collection, number: int, reads: Reads) -> Iterator[Sentence]:
    """The memories of segment `number` with their entities, in row order, as they are read."""
    segment, before = documents.segments[number], documents.segments[:number]
    known = SegmentEntities(path / segment.name)
    for row, text in enumerate(reading.texts(segment, before, reads)):
        yield Sentence(text, known.of(row))
