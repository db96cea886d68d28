"""A collection in the search layout, opened for use: documents, requests and judgements as records.

Reading stops at the first fault with an `InputError`; engine/datasets/check.py lists them all. Opening is cheap, and
documents stream: the corpus is never held.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from engine.datasets.faults import Fault
from engine.datasets.folder import locate
from engine.datasets.parse import Parsed, read_documents, read_requests
from engine.datasets.qrels import read_judgements
from engine.errors import InputError
from engine.records import Document, Judgement, Request

T = TypeVar("T")


class Dataset:
    """The collection in the folder `path`. Raises InputError if its corpus or its queries are missing or there twice.

    Only names are looked at here; contents are read when they are asked for.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        files = locate(self.path)
        if files.corpus is None or files.queries is None or files.faults:
            first = files.faults[0]
            raise InputError(first.message, where=first.where, remedy=first.remedy)
        self.corpus_path, self.queries_path = files.corpus, files.queries
        self._qrels = files.qrels

    def __repr__(self) -> str:
        return f"Dataset({str(self.path)!r})"

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.resolve().name

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the corpus file's bytes. It names indexes; queries and judgements are no part of it."""
        with self.corpus_path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    @property
    def splits(self) -> list[str]:
        """The splits that have judgements, sorted."""
        return sorted(self._qrels)

    def documents(self) -> Iterator[Document]:
        """Every document in file order; only their ids are held. Raises InputError at the first fault."""
        yield from self._usable(read_documents(self.corpus_path, self.corpus_path.name))

    def requests(self, split: str | None = None, text_field: str | None = None) -> list[Request]:
        """The queries in file order; with a `split`, those that it has at least one judgement of.

        `text_field` takes the text from that field instead (rewritten queries). Raises InputError at the first fault,
        for an unknown split, and at the first query without that field.
        """
        judged = None if split is None else {judgement.request for judgement in self.judgements(split)}
        requests = []
        name = self.queries_path.name
        for parsed in read_requests(self.queries_path, name):
            request = self._record(parsed)
            if judged is not None and request.id not in judged:
                continue
            if text_field is not None:
                text = request.fields.get(text_field)
                if not isinstance(text, str) or not text.strip():
                    raise InputError(
                        f"query {request.id!r} has no text in its field {text_field!r}",
                        where=f"{name}:{parsed.line}",
                        remedy=_known_fields(request),
                    )
                request = replace(request, text=text)
            requests.append(request)
        return requests

    def judgements(self, split: str) -> list[Judgement]:
        """The judgements of a split in file order, each pair once. Raises InputError if there is no such split."""
        if split not in self._qrels:
            there = f"It has {', '.join(self.splits)}" if self._qrels else "It has no qrels/*.tsv at all"
            raise InputError(f"there is no split {split!r} in {self.path}", remedy=there)
        return list(self._usable(read_judgements(self._qrels[split], f"qrels/{split}.tsv")))

    def check(self) -> list[Fault]:
        """Every fault of every file of the folder; `engine.datasets.check.check` also returns counts."""
        from engine.datasets.check import check

        return check(self.path).faults

    def _usable(self, lines: Iterable[Parsed[T]]) -> Iterator[T]:
        for parsed in lines:
            yield self._record(parsed)

    def _record(self, parsed: Parsed[T]) -> T:
        return _usable_record(parsed, f"`python -m admin data check {self.path}` lists every fault")


def read_corpus(path: Path | str) -> Iterator[Document]:
    """The documents of one corpus file outside of any folder (.jsonl or .jsonl.gz), as when some are added to an index.

    Raises InputError at the first fault, also one that leaves the document usable (a time that can't be read): nobody
    runs `data check` on such a file.
    """
    path = Path(path)
    for parsed in read_documents(path, path.name):
        if parsed.record is None or any(fault.severity == "error" for fault in parsed.faults):
            raise _first_error(parsed)
        yield parsed.record


def _usable_record(parsed: Parsed[T], remedy: str) -> T:
    """The record of a line that has one; else raises InputError with the line's first error."""
    if parsed.record is not None:
        return parsed.record
    raise _first_error(parsed, remedy)


def _first_error(parsed: Parsed[T], remedy: str = "") -> InputError:
    first = next(fault for fault in parsed.faults if fault.severity == "error")
    return InputError(first.message, where=first.where, remedy=remedy or first.remedy)


def _known_fields(request: Request) -> str:
    return f"Its fields are {', '.join(sorted(request.fields))}" if request.fields else "It has no fields at all"
