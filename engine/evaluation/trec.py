"""TREC run files in and out, and qrels in, so that other tools' runs are judged here and ours elsewhere.

Files are read as bytes, line by line, into columns, gzipped or not; every fault is told with file and line. A run that
is written and read again has the same order and, where it was in trec_eval's order, the same float32 scores.
"""

from __future__ import annotations

import gzip
import os
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO

import numpy as np

from engine.errors import InputError
from engine.records import Judgement, Run

BOM = b"\xef\xbb\xbf"


def read_run(path: Path | str) -> Run:
    """A run from lines of `request Q0 document rank score tag`, between white space.

    As in trec_eval, the rank is ignored and each list goes by (float32 score descending, id descending). Requests stand
    in the order of their first line. InputError for a line that is not so, a rank that is no whole number (columns in
    another order), or a score that is no number.
    """
    path = Path(path)
    requests: dict[bytes, int] = {}
    documents: dict[bytes, int] = {}
    owners, rows, scores = array("q"), array("q"), array("d")
    for number, line in _lines(path):
        columns = line.split()
        if len(columns) != 6:
            form = "request Q0 document rank score tag"
            raise _fault(path, number, f"{len(columns)} columns, not the 6 of a TREC run: {form}")
        try:
            score = float(columns[4])
        except ValueError:
            score = float("nan")
        if score != score:
            raise _fault(path, number, f"the score '{_show(columns[4])}' is not a number")
        if not _is_integer(columns[3]):
            raise _fault(path, number, f"the rank '{_show(columns[3])}' is not a whole number")
        owners.append(requests.setdefault(columns[0], len(requests)))
        rows.append(documents.setdefault(columns[2], len(documents)))
        scores.append(score)
    names = [_decode(path, document) for document in documents]
    # (n,) each; a score beyond float32 becomes infinite, as it does in trec_eval.
    owner, row = np.frombuffer(owners, dtype=np.int64), np.frombuffer(rows, dtype=np.int64)
    with np.errstate(over="ignore"):
        score32 = np.frombuffer(scores, dtype=np.float64).astype(np.float32)
    rank_of_id = np.empty(len(names), dtype=np.int64)
    rank_of_id[sorted(range(len(names)), key=names.__getitem__, reverse=True)] = np.arange(len(names))
    order = np.lexsort((rank_of_id[row], -score32, owner))
    offsets = np.zeros(len(requests) + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner, minlength=len(requests)), out=offsets[1:])
    return Run(tuple(_decode(path, request) for request in requests), offsets, row[order], names, score32[order])


def write_run(run: Run, path: Path | str, tag: str = "quintet") -> None:
    """Write a run for trec_eval, gzipped if `path` ends in .gz; the file is replaced in one step, or not touched.

    Scores have the 9 significant digits that give a float32 back. A list that is not in the order in which trec_eval
    would read it is written with scores that count down instead, since the file's order is its scores. Requests with an
    empty list leave no line. InputError for an id that a line can't hold.
    """
    _check_id(tag, "tag")
    checked: set[str] = set()
    with _replacing(Path(path)) as file:
        for request, documents, scores in run.lists():
            _check_id(request, "request id")
            for document in documents:
                if document not in checked:
                    _check_id(document, "document id")
                    checked.add(document)
            keys = list(zip(scores.tolist(), documents, strict=True))
            in_order = all(a > b for a, b in pairwise(keys)) and not np.isnan(scores).any()
            values = [f"{score:.9g}" for score, _ in keys] if in_order else range(len(keys), 0, -1)
            lines = (
                f"{request} Q0 {document} {rank} {value} {tag}\n"
                for rank, (document, value) in enumerate(zip(documents, values, strict=True), start=1)
            )
            file.write("".join(lines).encode())


def read_qrels(path: Path | str) -> list[Judgement]:
    """Judgements from lines of `request 0 document gain`, or as BEIR has them: a heading, then three tabbed columns.

    InputError for a line that is not so, a gain that is no whole number, or a document judged twice and differently.
    """
    path = Path(path)
    tabs: bool | None = None
    judged: dict[tuple[str, str], int] = {}
    for number, line in _lines(path):
        if tabs is None:
            heading = line.strip(b"\r\n").split(b"\t")
            tabs = len(heading) == 3 and not _is_integer(heading[2])
            if tabs:
                continue
        columns = line.strip(b"\r\n").split(b"\t") if tabs else line.split()
        if len(columns) != (3 if tabs else 4):
            form = "3 of BEIR's qrels: request, document, gain" if tabs else "4 of TREC qrels: request 0 document gain"
            raise _fault(path, number, f"{len(columns)} columns, not the {form}")
        if not _is_integer(columns[-1]):
            raise _fault(path, number, f"the gain '{_show(columns[-1])}' is not a whole number")
        request, document, gain = _decode(path, columns[0]), _decode(path, columns[-2]), int(columns[-1])
        if judged.setdefault((request, document), gain) != gain:
            before = judged[request, document]
            raise _fault(path, number, f"'{document}' is judged {gain} for '{request}', and {before} further up")
    return [Judgement(request, document, gain) for (request, document), gain in judged.items()]


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line) of all lines that are not blank; InputError if none is, or the file can't be read."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.GzipFile(fileobj=raw) if zipped else raw as file:
                empty = True
                for number, line in enumerate(file, start=1):
                    if number == 1:
                        line = line.removeprefix(BOM)
                    if line.strip():
                        empty = False
                        yield number, line
        if empty:
            raise InputError("nothing is in it", where=str(path), remedy="Give a file with at least one line")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"can't be read ({getattr(error, 'strerror', None) or error})",
            where=str(path),
            remedy="Check the path, or fetch the file again",
        ) from None


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """A file beside `path` that takes its place at the end, and goes away if anything fails before."""
    if path.exists() and not path.is_file():  # a device or a pipe: a rename would destroy it
        raise InputError("not a plain file", where=str(path), remedy="Name a file")
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as raw:
                if path.suffix == ".gz":
                    # Without a name and a time, the same run gives the same bytes.
                    with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as file:
                        yield file
                else:
                    yield raw
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"can't be written ({error.strerror or error})",
            where=str(path),
            remedy="Name another file, or free some space",
        ) from None


def _check_id(text: str, what: str) -> None:
    """InputError unless `text` is one word to whatever reads the file."""
    if text.split() != [text]:
        raise InputError(
            f"the {what} {text!r} is empty or has white space, which a TREC file can't hold",
            remedy="Export as csv or json, or rename it",
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"the {what} {text!r} is not valid Unicode", remedy="Rename it") from None


def _decode(path: Path, text: bytes) -> str:
    if b"\0" in text:
        raise InputError(f"the id {text!r} has a NUL byte in it", where=str(path), remedy="Remove the NUL")
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise InputError(f"the id {text!r} is not UTF-8", where=str(path), remedy="Save the file as UTF-8") from None


def _is_integer(text: bytes) -> bool:
    text = text.strip()
    return text[text[:1] in (b"-", b"+") :].isdigit()


def _show(text: bytes) -> str:
    return text.decode(errors="replace").strip()


def _fault(path: Path, number: int, what: str) -> InputError:
    return InputError(what, where=f"{path}:{number}", remedy="Correct or remove this line")
