"""Scenarios of many documents on the disk: one line a document, and where each line begins."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from engine.artifacts import read_manifest, undamaged
from engine.files import write_array
from engine.methods.spike.scenarios import DocumentScenarios

LINES = "scenarios.jsonl"


class StoredScenarios:
    """A published folder of them, read by row. Raises FileNotFoundError if it is not there."""

    damaged: ClassVar[str]  # the remedy for files that cannot be read

    def __init__(self, folder: Path) -> None:
        manifest = read_manifest(folder)
        if manifest is None:
            raise FileNotFoundError(folder)
        self.folder, self.manifest = folder, manifest
        with undamaged(folder, self.damaged):
            self._offsets = np.load(folder / "offsets.npy")  # (documents + 1,) int64, of lines

    def row(self, row: int) -> DocumentScenarios:
        """One document's."""
        with undamaged(self.folder, self.damaged), (self.folder / LINES).open("rb") as file:
            file.seek(self._offsets[row])
            return DocumentScenarios.of_record(json.loads(file.read(self._offsets[row + 1] - self._offsets[row])))

    def __iter__(self) -> Iterator[DocumentScenarios]:
        with undamaged(self.folder, self.damaged), (self.folder / LINES).open("rb") as file:
            for line in file:
                yield DocumentScenarios.of_record(json.loads(line))


def write_scenarios(folder: Path, documents: Iterable[DocumentScenarios]) -> None:
    """The two files that `StoredScenarios` reads; `documents` are streamed."""
    offsets = array("q", [0])
    with (folder / LINES).open("wb") as lines:
        for document in documents:
            line = json.dumps(document.record(), ensure_ascii=False).encode() + b"\n"
            offsets.append(offsets[-1] + lines.write(line))
    write_array(folder / "offsets.npy", np.asarray(offsets, dtype=np.int64))
