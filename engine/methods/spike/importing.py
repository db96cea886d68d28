"""Scenarios made elsewhere, taken into a workspace for one dataset; they stand in for the generator's stage.

An import is read whole and checked before it is published. Its manifest names the file by its digest; no configuration
of the generator makes it stale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.artifacts import Workspace, digest_file, stage, undamaged
from engine.datasets.faults import Fault
from engine.datasets.jsonl import read_rows
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.index.collection import CURRENT, Collection
from engine.methods.spike.scenarios import DocumentScenarios, of_row
from engine.methods.spike.stored import LINES, StoredScenarios, write_scenarios

KIND = "spike-scenarios"
VERSION = 1
FORM = 'A line is {"id": ..., "main_topic": ..., "scenarios": [{"information_need": ..., "explanation": ...}]}'


class ImportedScenarios(StoredScenarios):
    """The scenarios imported for a dataset, by document. Raises FileNotFoundError if there are none."""

    damaged = "Import the scenarios again"

    @property
    def content(self) -> str:
        """Names what was taken in (hex), whenever and from whichever file."""
        return self.manifest.hashes[LINES]

    @cached_property
    def _row_of(self) -> dict[str, int]:
        with undamaged(self.folder, self.damaged):
            return {i: row for row, i in enumerate((self.folder / "ids.txt").read_text("utf-8").split("\n")[:-1])}

    def __contains__(self, identity: str) -> bool:
        return identity in self._row_of

    def __getitem__(self, identity: str) -> DocumentScenarios:
        return self.row(self._row_of[identity])


def folder(workspace: Workspace, dataset_digest: str) -> Path:
    """Where a dataset's imported scenarios lie."""
    return workspace.imports(dataset_digest) / KIND


def imported(workspace: Workspace, dataset_digest: str) -> ImportedScenarios | None:
    """The dataset's imported scenarios, if there are any."""
    try:
        return ImportedScenarios(folder(workspace, dataset_digest))
    except FileNotFoundError:
        return None


def import_scenarios(workspace: Workspace, dataset: Dataset, file: Path) -> Mapping[str, Any]:
    """Read, check and publish the scenarios in `file` (JSON lines, gzipped or not). Returns counts.

    Raises InputError that names the line of the first fault, and if no id is a document's; then nothing has changed.
    """
    known, state = {document.id for document in dataset.documents()}, None
    if (workspace.collection(dataset.digest) / CURRENT).exists():  # what was added to the index since counts too
        collection = Collection(workspace.collection(dataset.digest))
        known, state = known | set(collection.row_of), collection.digest

    def build(target: Path) -> Mapping[str, Any]:
        counts = {"documents": 0, "scenarios": 0, "without": 0, "unknown": 0}
        ids: dict[str, int] = {}

        def usable() -> Iterator[DocumentScenarios]:
            for number, document in _read(file):
                if document.id not in known:
                    counts["unknown"] += 1
                    continue
                if document.id in ids:
                    what = f"the document {document.id!r} came in line {ids[document.id]} already"
                    raise InputError(what, where=f"{file}:{number}", remedy="Keep one of the two lines")
                ids[document.id] = number
                counts["documents"] += 1
                counts["scenarios"] += len(document.scenarios)
                counts["without"] += not document.scenarios
                yield document

        write_scenarios(target, usable())
        if not ids:
            what = f"none of its {counts['unknown']} ids is a document of {dataset.name}"
            raise InputError(what, where=str(file), remedy="Name the dataset that they were made for with --data")
        (target / "ids.txt").write_text("".join(f"{i}\n" for i in ids), "utf-8")
        return {**counts, "missing": len(known) - counts["documents"]}

    if not file.is_file():
        raise InputError("there is no such file", where=str(file), remedy="Name a file of JSON lines")
    inputs = {
        "version": VERSION,
        "file": file.name,
        "sha256": digest_file(file),
        "dataset": dataset.digest,
        "collection": state,
    }
    return stage(folder(workspace, dataset.digest), KIND, inputs, build).outputs


def _read(file: Path) -> Iterator[tuple[int, DocumentScenarios]]:
    """(line number, its scenarios). InputError at the first line that has none."""
    for number, row in read_rows(file, file.name):
        if isinstance(row, Fault):
            raise InputError(row.message, where=f"{file}:{row.line}" if row.line else str(file), remedy=row.remedy)
        try:
            yield number, of_row(row, f"import:{file.name}")
        except (ValueError, TypeError) as error:
            raise InputError(_reason(error), where=f"{file}:{number}", remedy=FORM) from None


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}"
    return str(error)
