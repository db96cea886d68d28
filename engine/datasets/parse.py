"""corpus.jsonl and queries.jsonl -> `Document`s and `Request`s, line by line, each with what is wrong with it.

The reader and the check both read through here, so that what is used and what is checked cannot differ. A line whose
faults leave no usable record yields none; a line that can be used in spite of a fault (a time that can't be read)
yields both. Faults between files are the check's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.datasets.faults import Fault, fault, quote
from engine.datasets.jsonl import Row, read_rows
from engine.datasets.lines import ByteFile
from engine.datasets.times import read_time
from engine.records import Document, Request

T = TypeVar("T")

# Line and paragraph separators too: tools that split a file into lines the Unicode way would cut the id in two.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SPACE = re.compile(r"\s")


@dataclass(slots=True)
class Parsed(Generic[T]):
    """One line: its number, its id where that much is known, its record if it can be used, and its faults."""

    line: int
    id: str | None
    record: T | None
    faults: list[Fault]


def read_documents(source: ByteFile, name: str) -> Iterator[Parsed[Document]]:
    """The lines of a corpus; faults call the file `name`. A second line with the same id has no record."""
    first_line: dict[str, int] = {}
    for number, row in read_rows(source, name):
        if isinstance(row, Fault):
            yield Parsed(number, None, None, [row])
            continue
        columns = _Columns(row, name, number)
        identity = columns.id("_id", first_line)
        title, text = columns.string("title"), columns.string("text", required=True)
        user, kind = columns.key("user"), columns.string("kind")
        time, created = columns.time("time"), columns.time("created")
        fields = columns.rest()
        record = None
        if columns.usable and identity is not None and text is not None:
            if not text.strip() and not (title or "").strip():
                columns.note(
                    "empty-document", f"document {quote(identity)} has neither title nor text: nothing to search"
                )
            record = Document(identity, text, title or "", user, kind, time, created, fields)
        yield Parsed(number, identity, record, columns.faults)


def read_requests(source: ByteFile, name: str) -> Iterator[Parsed[Request]]:
    """The lines of a queries file; faults call the file `name`. A second line with the same id has no record."""
    first_line: dict[str, int] = {}
    for number, row in read_rows(source, name):
        if isinstance(row, Fault):
            yield Parsed(number, None, None, [row])
            continue
        columns = _Columns(row, name, number)
        identity = columns.id("_id", first_line)
        text = columns.string("text", required=True)
        user, time = columns.key("user"), columns.time("time")
        exclude, instruction = columns.keys("exclude"), columns.string("instruction")
        fields = columns.rest()
        record = None
        if columns.usable and identity is not None and text is not None:
            if not text.strip():
                columns.note("empty-query", f"the text of query {quote(identity)} is empty")
            record = Request(identity, text, user, time, (), exclude, instruction, fields)
        yield Parsed(number, identity, record, columns.faults)


class _Columns:
    """The columns of one row, taken out one at a time; what is wrong with them gathers in `faults`."""

    def __init__(self, row: Row, name: str, line: int) -> None:
        self._row, self._name, self._line = row, name, line
        self.faults: list[Fault] = []
        self.usable = True

    def note(self, kind: str, message: str) -> None:
        self.faults.append(fault(kind, self._name, self._line, message))

    def refuse(self, kind: str, message: str) -> None:
        self.usable = False
        self.note(kind, message)

    def id(self, column: str, first_line: dict[str, int]) -> str | None:
        """The row's own id, which no line in `first_line` may have; enters it there."""
        if column not in self._row:
            self.refuse("missing-column", f"no {column!r}")
            return None
        identity = self._identifier(column, self._row.pop(column))
        if identity is None:
            return None
        if identity in first_line:
            self.refuse("duplicate-id", f"id {quote(identity)} stands on line {first_line[identity]} already")
        first_line.setdefault(identity, self._line)
        if _SPACE.search(identity):
            self.note("space-in-id", f"id {quote(identity)} has a space in it")
        return identity

    def key(self, column: str) -> str | None:
        """An optional id of something else. Empty is refused: it must not be taken for everybody's by mistake."""
        value = self._row.pop(column, None)
        return None if value is None else self._identifier(column, value)

    def keys(self, column: str) -> tuple[str, ...]:
        value = self._row.pop(column, None)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.refuse("wrong-type", f"{column!r} is not a list of ids")
            return ()
        return tuple(key for key in (self._identifier(column, one) for one in value) if key is not None)

    def string(self, column: str, required: bool = False) -> str | None:
        if required and column not in self._row:
            self.refuse("missing-column", f"no {column!r}")
            return None
        value = self._row.pop(column, None)
        if isinstance(value, str) or (value is None and not required):
            return value
        self.refuse("wrong-type", f"{column!r} is not a string but {_type_name(value)}")
        return None

    def time(self, column: str) -> str | None:
        """The time in `column`, None where it can't be read: that is told, and leaves the record usable."""
        value = self._row.pop(column, None)
        if value is None:
            return None
        time, iso = read_time(value) if isinstance(value, str) else (None, False)
        if time is None:
            self.note("unreadable-time", f"{column} {quote(value)} can't be read as one point in time")
        elif not iso:
            self.note("time-not-iso", f"{column} {quote(value)} is not ISO-8601 and is read as {time}")
        return time

    def rest(self) -> Row:
        """All columns that nobody took, with those of an object named `fields` among them."""
        explicit = self._row.pop("fields", None)
        if explicit is None:
            return self._row
        if not isinstance(explicit, dict):
            self.refuse("wrong-type", f"'fields' is not an object but {_type_name(explicit)}")
            return self._row
        return self._row | explicit

    def _identifier(self, column: str, value: Any) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            self.refuse("bad-id", f"{column!r} is neither a string nor a whole number but {_type_name(value)}")
        elif not value or value.isspace():
            self.refuse("bad-id", f"{column!r} is empty")
        elif _CONTROL.search(value):
            self.refuse("bad-id", f"{column!r} {quote(value)} has a tab or another control character in it")
        else:
            return value
        return None


def _type_name(value: Any) -> str:
    names = {type(None): "null", bool: "true or false", int: "a number", float: "a number", str: "a string"}
    return names.get(type(value), "a list" if isinstance(value, list) else "an object")
