"""Imports a collection: foreign files in, a checked folder in the search layout out, or nothing.

What a format looks like is its importer's; this writes, checks and publishes.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.datasets.importers.base import Collection, Importer, Row, Triple
from engine.datasets.importers.registry import IMPORTERS
from engine.errors import InputError

_TOLD = 3  # faults named in an error


def import_dataset(
    kind: str, source: Path | str, target: Path | str, /, *, drop_unknown: bool = False, **options: Any
) -> dict[str, Any]:
    """Turns the collection of format `kind` at `source` into the new folder `target`; `options` are the importer's.

    `drop_unknown` leaves out judgements whose query or document is not in the source, as when a part of a TREC
    collection is imported with all its qrels; they are counted. Returns {"documents", "queries", "users": counts,
    "judgements": {split: count}, "dropped": {reason: count}, "notes": the check's notes as text}.

    Raises InputError for an unknown kind or option, a source that can't be read, a target that exists, and a result
    that has errors; `target` is then not there.
    """
    importer = _known(kind)
    source, target = Path(source), Path(target)
    for name in options:
        if name not in importer.options:
            raise InputError(f"{kind} has no option {name!r}", remedy=_offer(name, importer.options))
    if not source.is_dir() and not (source.is_file() and source.name.endswith(importer.files)):
        what = f"{kind} is not read from such a file" if source.is_file() else "there is no such folder"
        raise InputError(what, where=str(source), remedy=importer.expects)

    from engine.datasets.check import check
    from engine.datasets.staging import staged
    from engine.datasets.write import write_rows

    with staged(target) as folder:
        collection = _read(importer, source, options)
        if drop_unknown:
            collection = _known_only(collection)
        counts = write_rows(folder, collection.documents, collection.queries, collection.judgements)
        report = check(folder)
        if errors := report.errors:
            told = "; ".join(f"{one.where}: {one.message}" for one in errors[:_TOLD])
            more = f"; and {len(errors) - _TOLD} more" if len(errors) > _TOLD else ""
            unknown = any(one.kind in ("unknown-document", "unknown-query") for one in errors)
            way = ", or leave such judgements out with --drop-unknown" if unknown else ""
            remedy = f"Nothing was written. Mend the source{way}, and import again"
            raise InputError(f"what it holds has faults: {told}{more}", where=str(source), remedy=remedy)
    dropped = {reason: count for reason, count in sorted(collection.dropped.items()) if count}
    notes = [str(note) for note in report.notes]
    return {**counts, "users": report.users, "dropped": dropped, "notes": notes}


def _known(kind: str) -> Importer:
    if kind not in IMPORTERS:
        raise InputError(f"there is no format {kind!r}", remedy=_offer(kind, IMPORTERS))
    return IMPORTERS[kind]


def _offer(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1)
    there = f"Known are {', '.join(names)}" if names else "It has no options"
    return f"Did you mean {near[0]!r}? {there}" if near else there


def _read(importer: Importer, source: Path, options: dict[str, Any]) -> Collection:
    return importer.read(source, **{name: str(value) for name, value in options.items() if value is not None})


def _known_only(collection: Collection) -> Collection:
    """The collection without judgements of unknown ids. It is read in order: all ids are known before the first."""
    documents: set[str] = set()
    queries: set[str] = set()

    def noted(rows: Iterable[Row], ids: set[str]) -> Iterator[Row]:
        for row in rows:
            ids.add(str(row.get("_id")))
            yield row

    def known(judgements: Iterable[Triple], dropped: Counter[str]) -> Iterator[Triple]:
        for request, document, gain in judgements:
            if request not in queries:
                dropped["judgements of unknown queries"] += 1
            elif document not in documents:
                dropped["judgements of unknown documents"] += 1
            else:
                yield request, document, gain

    return replace(
        collection,
        documents=noted(collection.documents, documents),
        queries=noted(collection.queries, queries),
        judgements={split: known(rows, collection.dropped) for split, rows in collection.judgements.items()},
    )
