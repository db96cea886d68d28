"""PAIR's raw files (PEARL's data): JSON lists of (query, passage) pairs, one file a person, `<persona>_<count>.json`.

A passage is a calendar event, a message or a contact. Its text is the published "simple form": the values of its fields
joined by ` | `, without its times. The taggings that some pairs carry are left to PEARL.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.datasets.importers.base import Collection, Importer, Row, Triple, stem
from engine.datasets.importers.values import load_json
from engine.errors import InputError

_TIMES = ("ct", "date")
_EMPTY = "-"
_SUFFIXES = (".json", ".json.gz")
_PERSONA = re.compile(r"(.+)_\d+")
# what only one kind of passage has
_KINDS = (("event", ("title", "desc", "date")), ("message", ("body", "from")), ("contact", ("name", "email")))


def read(source: Path) -> Collection:
    """The pairs at `source`, a file or a folder of them; all are the split `test`. A pair that lacks one of its two
    creation times is dropped, as published."""
    files = [source] if source.is_file() else sorted(p for p in source.iterdir() if p.name.endswith(_SUFFIXES))
    if not files:
        raise InputError("there are no .json files in it", where=str(source), remedy=IMPORTER.expects)
    dropped: Counter[str] = Counter()
    pairs = [pair for file in files for pair in _pairs(file, dropped)]
    judgements: Iterator[Triple] = ((query["_id"], document["_id"], 1) for query, document in pairs)
    return Collection((document for _, document in pairs), (query for query, _ in pairs), {"test": judgements}, dropped)


def _pairs(file: Path, dropped: Counter[str]) -> Iterator[tuple[Row, Row]]:
    name = stem(file.name)
    persona = _PERSONA.fullmatch(name)
    user = f"user-{persona[1] if persona else name}"
    number = 0
    content = load_json(file)
    if not isinstance(content, list):
        raise InputError("not a list of pairs", where=file.name, remedy=IMPORTER.expects)
    for place, pair in enumerate(content, 1):
        where = f"{file.name}: pair {place}"
        query, passage = (pair.get(part) if isinstance(pair, dict) else None for part in ("query", "passage"))
        if not isinstance(query, dict) or not isinstance(passage, dict):
            raise InputError("no query and passage that are objects", where=where, remedy=IMPORTER.expects)
        if not query.get("ct") or not passage.get("ct"):
            dropped["pairs without a creation time"] += 1
            continue
        yield (
            {"_id": f"{user}/q{number}", "user": user, "text": query.get("txt"), "time": query["ct"]},
            {"_id": f"{user}/d{number}", "user": user, **_document(passage, where)},
        )
        number += 1


def _document(passage: dict[str, Any], where: str) -> Row:
    kind = next((kind for kind, columns in _KINDS if any(one in passage for one in columns)), None)
    if kind is None:
        raise InputError(
            "the passage is neither an event nor a message nor a contact", where=where, remedy="Correct its kind"
        )
    fields: dict[str, str | list[str]] = {}
    for name, value in passage.items():
        if name in _TIMES:
            continue
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in values):
            raise InputError(f"{name!r} is neither a string nor a list of strings", where=where, remedy="Correct it")
        written = [one for one in values if one not in ("", _EMPTY)]
        if written:
            fields[name] = written if isinstance(value, list) else written[0]
    date = passage.get("date")
    return {
        "kind": kind,
        "time": date if date and date != _EMPTY else passage["ct"],
        "created": passage["ct"],
        "fields": fields,
        "title": "",
        "text": " | ".join(value if isinstance(value, str) else " , ".join(value) for value in fields.values()),
    }


IMPORTER = Importer(
    name="pair",
    about="PAIR, PEARL's personal questions and memories, in its raw form",
    expects="SRC is a file <persona>_<count>.json or a folder of them: lists of {query: {txt, ct}, passage: {...}}",
    read=read,
    files=_SUFFIXES,
)
