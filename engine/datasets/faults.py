"""What can be wrong with a collection, as data: every kind of fault with its severity and its remedy.

Parsers make `Fault`s, the reader stops at one, the check lists them all. Nothing here reads a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "note"]

# kind: (severity, remedy)
KINDS: dict[str, tuple[Severity, str]] = {
    "missing-folder": ("error", "`python -m admin data list` shows the folders that are there"),
    "missing-file": ("error", "`python -m admin data import` turns other formats into this layout"),
    "ambiguous-file": ("error", "Remove the one that is out of date"),
    "wrong-layout": ("error", "Give a folder in the search layout"),
    "unreadable-file": ("error", "Make the file readable, or fetch it again"),
    "truncated": ("error", "The file ends too early: fetch or compress it again"),
    "not-gzip": ("error", "Compress it with gzip, or drop .gz from its name"),
    "compressed": ("error", "Add .gz to its name"),
    "encoding": ("error", "Save the file as UTF-8"),
    "oversized-line": ("error", "Split the text into passages below 4 MiB"),
    "nul": ("error", "Remove the NUL character"),
    "surrogate": ("error", "Write the character as UTF-8 or as a pair of escapes"),
    "not-json": ("error", "Write one JSON object a line"),
    "not-a-number": ("error", "Write a number or null"),
    "missing-column": ("error", "Add it to the line"),
    "wrong-type": ("error", "Correct the value"),
    "bad-id": ("error", "Give it a non-empty id without tabs and control characters"),
    "duplicate-id": ("error", "Remove one of the two lines, or give it another id"),
    "unreadable-time": ("error", "Write it as 2023-05-08T13:56:00, or leave it out"),
    "empty-file": ("error", "Write at least one line into it"),
    "wrong-columns": ("error", "Write query-id, corpus-id and score, separated by tabs"),
    "gain-not-integer": ("error", "Write a whole number"),
    "contradiction": ("error", "Keep the line that is right"),
    "unknown-document": ("error", "Remove the line, or add the document"),
    "unknown-query": ("error", "Remove the line, or add the query"),
    "unknown-user": ("error", "Correct the user, or add their documents"),
    "unknown-exclude": ("note", "Such an id excludes nothing"),
    "missing-split": ("note", "Add the file if the split is wanted"),
    "no-judgements": ("note", "Add judgements, or remove the file"),
    "time-not-iso": ("note", "Write times as 2023-05-08T13:56:00 to be sure of them"),
    "space-in-id": ("note", "Run files in TREC format cannot carry such ids"),
    "empty-document": ("note", "It can never be found: give it a title or a text"),
    "empty-query": ("note", "Nothing can be found for it"),
    "unjudged-query": ("note", "Such a query can be searched but not scored"),
    "identical-text": ("note", "No searcher can tell them apart"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in `file` (relative to its folder) at `line` (from 1; 0 is the whole file)."""

    file: str
    line: int
    message: str
    remedy: str = ""
    severity: Severity = "error"
    kind: str = ""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def __str__(self) -> str:
        return f"{self.where}: {self.message}. {self.remedy}".rstrip()


def fault(kind: str, file: str, line: int, message: str) -> Fault:
    """A fault of a known kind: severity and remedy come from `KINDS`."""
    severity, remedy = KINDS[kind]
    return Fault(file, line, message, remedy, severity, kind)


def quote(text: object, most: int = 60) -> str:
    """A value of the user's, short enough for a line of text and with nothing in it that moves a terminal's cursor."""
    shown = ascii(text) if not (isinstance(text, str) and text.isprintable()) else repr(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def grouped(faults: Iterable[Fault]) -> dict[tuple[str, str], list[Fault]]:
    """{(file, kind): its faults}, in the order in which each pair first occurs."""
    groups: dict[tuple[str, str], list[Fault]] = {}
    for one in faults:
        groups.setdefault((one.file, one.kind), []).append(one)
    return groups


def summarise(
    faults: Iterable[Fault], most: int = 20, totals: Mapping[tuple[str, str], int] | None = None
) -> list[str]:
    """One line per fault; of a kind that a file repeats more than `most` times, the first `most` and a count.

    `totals` has the true count of a (file, kind) where `faults` does not hold all of them.
    """
    lines = []
    for key, group in grouped(faults).items():
        total = max(len(group), (totals or {}).get(key, 0))
        lines += [str(one) for one in group[:most]]
        if total > most:
            file, kind = key
            lines.append(f"{file}: {total - most} more of this kind ({kind})")
    return lines
