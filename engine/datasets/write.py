"""Writes a collection in the search layout: all of it or nothing, as a stream.

Everything goes into a temporary folder beside the target, which one rename publishes. The bytes depend on the content
alone, so that the digest of a corpus written twice is the same.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from engine.datasets.jsonl import Row
from engine.datasets.lines import MAX_LINE
from engine.datasets.staging import staged
from engine.errors import InputError

if TYPE_CHECKING:  # records bring numpy, and importers are listed without it
    from engine.records import Document, Judgement, Request

_SPLIT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def write_dataset(
    target: Path,
    documents: Iterable[Document],
    queries: Iterable[Request],
    judgements: Mapping[str, Iterable[Judgement]],
    compress: bool = True,
) -> dict[str, int | dict[str, int]]:
    """Writes records to the new folder `target` and returns how many, as `write_rows` does. Raises as `staged` does."""
    with staged(target) as folder:
        return write_rows(
            folder,
            (document_row(document) for document in documents),
            (request_row(request) for request in queries),
            {split: ((j.request, j.document, j.gain) for j in rows) for split, rows in judgements.items()},
            compress,
        )


def write_rows(
    folder: Path,
    documents: Iterable[Row],
    queries: Iterable[Row],
    judgements: Mapping[str, Iterable[tuple[str, str, int]]],
    compress: bool = True,
) -> dict[str, int | dict[str, int]]:
    """Fills `folder` with rows that have the layout's columns already; judgements are (query, document, gain).

    Returns {"documents": n, "queries": n, "judgements": {split: n}}. `compress` applies to the corpus. Raises
    InputError for what the layout cannot hold: a line over 4 MiB, half a surrogate pair, NaN, an id with a tab.
    """
    n_documents = _write_json(folder / ("corpus.jsonl.gz" if compress else "corpus.jsonl"), documents)
    n_queries = _write_json(folder / "queries.jsonl", queries)
    (folder / "qrels").mkdir()
    counts = {}
    for split, rows in judgements.items():
        if not _SPLIT_NAME.fullmatch(split):
            raise InputError(f"a split cannot be named {split!r}", remedy="Use letters, digits, '_', '-' and '.'")
        counts[split] = _write_qrels(folder / "qrels" / f"{split}.tsv", rows)
    return {"documents": n_documents, "queries": n_queries, "judgements": counts}


def document_row(document: Document) -> Row:
    """The line of a corpus that reads back as `document`."""
    row: Row = {"_id": document.id, "title": document.title, "text": document.text}
    optional = {name: getattr(document, name) for name in ("user", "kind", "time", "created")}
    return row | _present(optional | {"fields": dict(document.fields) or None})


def request_row(request: Request) -> Row:
    """The line of a queries file that reads back as `request`, which can have no history in this layout."""
    if request.history:
        raise ValueError("a request with a history belongs to the recommendation layout")
    row: Row = {"_id": request.id, "text": request.text}
    optional = {name: getattr(request, name) for name in ("user", "time", "instruction")}
    return row | _present(optional | {"exclude": list(request.exclude) or None, "fields": dict(request.fields) or None})


def _present(columns: Row) -> Row:
    return {name: value for name, value in columns.items() if value is not None}


def _write_json(path: Path, rows: Iterable[Row]) -> int:
    count = 0
    with _create(path) as stream:
        for row in rows:
            try:
                line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
            except ValueError as error:
                raise InputError(
                    f"{row.get('_id')!r} cannot be written as JSON ({error})", where=path.name, remedy="Correct it"
                ) from error
            if len(line) > MAX_LINE:
                raise InputError(
                    f"{row.get('_id')!r} is longer than {MAX_LINE >> 20} MiB", where=path.name, remedy="Split it"
                )
            stream.write(line + b"\n")
            count += 1
    return count


def _write_qrels(path: Path, rows: Iterable[tuple[str, str, int]]) -> int:
    count = 0
    with _create(path) as stream:
        stream.write(b"query-id\tcorpus-id\tscore\n")
        for request, document, gain in rows:
            for one in (request, document):
                if "\t" in one or "\n" in one or "\r" in one:
                    raise InputError(
                        f"the id {one!r} has a tab or a line end in it", where=f"qrels/{path.name}", remedy="Rename it"
                    )
            stream.write(f"{request}\t{document}\t{gain}\n".encode())
            count += 1
    return count


@contextmanager
def _create(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """A new file, on the disk when the block has ended; gzip if its name ends in .gz."""
    with path.open("xb") as raw:
        if path.suffix == ".gz":
            # no name and no time in the header: the same content gives the same bytes
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=6, mtime=0) as packed:
                yield packed
        else:
            yield raw
        raw.flush()
        os.fsync(raw.fileno())
