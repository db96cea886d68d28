"""qrels/<split>.tsv -> `Judgement`s, line by line, each with what is wrong with it.

Two forms are read: BEIR's three columns separated by tabs, with or without their header, and TREC's four. Whether the
ids exist is the check's to ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.datasets.faults import Fault, fault, quote
from engine.datasets.lines import ByteFile, read_lines
from engine.datasets.parse import Parsed
from engine.records import Judgement

_GAIN = re.compile(r"[+-]?[0-9]{1,9}")  # nine digits: what trec_eval's integers surely hold
_HEADER_ENDS = ("score", "relevance", "rel", "gain", "label")


def read_judgements(source: ByteFile, name: str) -> Iterator[Parsed[Judgement]]:
    """The lines of a qrels file; faults call the file `name`. A repeated judgement is left out, or is a fault if the
    two gains differ."""
    first: dict[tuple[str, str], tuple[int, int]] = {}
    before_data = True
    for number, line in read_lines(source, name):
        if isinstance(line, Fault):
            yield Parsed(number, None, None, [line])
            continue
        cells = _cells(line)
        is_header = before_data and cells is not None and cells[2].lower() in _HEADER_ENDS
        before_data = False
        if is_header:
            continue
        if cells is None:
            columns = line.count("\t") + 1
            message = f"{columns} column{'s' * (columns > 1)} where 3 separated by tabs, or TREC's 4, should be"
            yield Parsed(number, None, None, [fault("wrong-columns", name, number, message)])
            continue
        request, document, written = cells
        if not request or not document:
            yield Parsed(number, None, None, [fault("bad-id", name, number, "an id is empty")])
            continue
        if not _GAIN.fullmatch(written):
            wrong = fault("gain-not-integer", name, number, f"the gain {quote(written)} is not a whole number")
            yield Parsed(number, request, None, [wrong])
            continue
        gain = int(written)
        earlier_gain, earlier_line = first.setdefault((request, document), (gain, number))
        if earlier_gain != gain:
            message = f"query {quote(request)} and document {quote(document)} have gain {gain} here"
            wrong = fault("contradiction", name, number, f"{message} and {earlier_gain} on line {earlier_line}")
            yield Parsed(number, request, None, [wrong])
        elif earlier_line == number:
            yield Parsed(number, request, Judgement(request, document, gain), [])


def _cells(line: str) -> tuple[str, str, str] | None:
    """(query, document, gain) as written; None if the line has another number of columns."""
    cells = line.split("\t")
    if len(cells) not in (3, 4):  # TREC's files are separated by any white space, as their ids have none
        cells = line.split()
        if len(cells) != 4:
            return None
    if len(cells) == 4:
        del cells[1]
    return cells[0], cells[1], cells[2].strip()
