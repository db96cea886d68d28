"""What an importer is: a format that declares itself as data, and a function from its files to the layout's rows.

Importers stream and write nothing: writing, checking and publishing are engine/datasets/importers/run.py's.
"""

from __future__ import annotations

import difflib
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from engine.datasets.faults import Fault
from engine.datasets.jsonl import Row, read_rows
from engine.datasets.lines import ByteFile
from engine.errors import InputError

T = TypeVar("T")

Triple = tuple[str, str, int]  # (query, document, gain)
Folder = Path | zipfile.Path


@dataclass(frozen=True, slots=True)
class Collection:
    """What a source holds, as iterables that are read once, in this order: documents, queries, judgements by split.

    Rows have the search layout's columns. `dropped` counts what was left out, by reason; it is complete when all
    has been read.
    """

    documents: Iterable[Row]
    queries: Iterable[Row]
    judgements: Mapping[str, Iterable[Triple]]
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Importer:
    """A foreign format. `expects` says what the source should hold; `options` are {name: one line of help}.

    `read(source, **options)` returns a `Collection`; it, or reading from it, raises InputError. The source is a folder,
    or a file whose name ends in one of `files`.
    """

    name: str
    about: str
    expects: str
    read: Callable[..., Collection]
    options: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()


def stop(fault: Fault, hint: str = "") -> InputError:
    """The error that ends an import at `fault`."""
    return InputError(fault.message, where=fault.where, remedy=hint or fault.remedy)


def rows_of(source: ByteFile, name: str) -> Iterator[tuple[int, Row]]:
    """(line number, object) for each line of a JSONL file. Raises InputError at the first that is none."""
    for number, row in read_rows(source, name):
        if isinstance(row, Fault):
            raise stop(row)
        yield number, row


def judgements_of(source: ByteFile, name: str) -> Iterator[Triple]:
    """The judgements of a qrels file (BEIR's or TREC's). Raises InputError at the first fault."""
    from engine.datasets.qrels import read_judgements

    for parsed in read_judgements(source, name):
        if parsed.record is None:
            raise stop(parsed.faults[0])
        yield parsed.record.request, parsed.record.document, parsed.record.gain


def column(row: Mapping[str, object], names: Iterable[str], where: str) -> str:
    """The value of the first of `names` that `row` has, as a string. Raises InputError if it has none of them."""
    names = tuple(names)
    for name in names:
        value = row.get(name)
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
            return str(value)
    raise InputError(f"no {' or '.join(map(repr, names))} that is a string", where=where, remedy="Add the column")


def choose(candidates: Mapping[str, T], wanted: str | None) -> T:
    """The one of `candidates` that the option `domain` names, or the only one. Raises InputError that lists them."""
    if wanted is None and len(candidates) == 1:
        return next(iter(candidates.values()))
    names = ", ".join(sorted(candidates))
    if wanted is None:
        raise InputError(f"there are several domains ({names})", remedy="Choose one with --domain NAME")
    if wanted not in candidates:
        near = difflib.get_close_matches(wanted, candidates, 1)
        remedy = f"Did you mean {near[0]!r}? There are {names}" if near else f"There are {names}"
        raise InputError(f"there is no domain {wanted!r}", remedy=remedy)
    return candidates[wanted]


def stem(name: str) -> str:
    """A file's name without .gz and without what tells its format."""
    return name.removesuffix(".gz").rsplit(".", 1)[0]
