"""TREC test collections: documents and topics in TREC's markup, as TSV or as JSONL, and qrels in four columns.

The files are found by their names or named by options. A topic's title becomes the query's text; its description and
narrative become fields, for `requests(text_field="description")`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from engine.datasets.faults import Fault
from engine.datasets.importers.base import Collection, Importer, Row, Triple, column, judgements_of, rows_of, stop
from engine.datasets.importers.sgml import elements, first_of, plain, without
from engine.datasets.lines import read_lines
from engine.errors import InputError

_NAMES = {
    "documents": ("documents", "docs", "corpus", "collection"),
    "topics": ("topics", "queries"),
    "qrels": ("qrels",),
}
_TITLES = ("TITLE", "HEADLINE", "HL", "HEAD", "TI")
_NOT_TEXT = ("DOCNO", "DOCID", "DOCHDR", *_TITLES)
_IDS, _TEXTS = ("id", "_id", "docid", "docno", "qid"), ("contents", "text", "query", "title")
_TOPIC_FIELD = re.compile(r"<(num|title|desc|narr|con|dom|smry|fac|def|head)>", re.IGNORECASE)
_LABEL = re.compile(r"(Number|Topic|Description|Narrative)\s*:\s*", re.IGNORECASE)
_SPLITS = {"train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "test": "test"}


def read(
    source: Path,
    documents: str | None = None,
    topics: str | None = None,
    qrels: str | None = None,
    encoding: str = "utf-8",
) -> Collection:
    """The collection at `source`. The options name files or folders in it; `encoding` is the documents' and topics'."""
    try:
        codecs.lookup(encoding)
    except LookupError as error:
        raise InputError(f"there is no encoding {encoding!r}", remedy="Older collections are latin-1") from error
    topic_files = _find(source, "topics", topics)
    marked_up = any(_form(path, encoding) == "markup" for path in topic_files)
    by_split: dict[str, list[Path]] = {}
    for path in _find(source, "qrels", qrels):
        words = re.split(r"[^a-z]+", path.name.lower())
        by_split.setdefault(next((_SPLITS[word] for word in words if word in _SPLITS), "test"), []).append(path)
    return Collection(
        _documents(_find(source, "documents", documents), encoding),
        _topics(topic_files, encoding),
        {split: _judgements(paths, marked_up) for split, paths in by_split.items()},
    )


def _find(source: Path, part: str, named: str | None) -> list[Path]:
    """The files of one part, sorted: those at `named`, or those whose name begins as such files' names do."""
    if named is not None:
        roots = [source / named]
    elif source.is_dir():
        roots = [p for p in sorted(source.iterdir()) if p.name.lower().startswith(_NAMES[part])]
    else:
        roots = []
    files = [p for root in roots for p in ([root] if root.is_file() else sorted(root.rglob("*"))) if p.is_file()]
    files = [p for p in files if not p.name.startswith(".") and not p.name.lower().startswith("readme")]
    if not files:
        raise InputError(
            f"no {part} in it", where=str(source), remedy=f"Name them with --option {part}=FILE. {IMPORTER.expects}"
        )
    return files


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    hint = "Give another encoding, such as --option encoding=latin-1"
    for number, line in read_lines(path, path.name, encoding):
        if isinstance(line, Fault):
            raise stop(line, hint if line.kind == "encoding" else "")
        yield number, line


def _form(path: Path, encoding: str) -> str:
    """What a file is written in, by its first line: `markup`, `jsonl` or `tsv`."""
    first = next((line.lstrip() for _, line in _lines(path, encoding)), "")
    return "markup" if first.startswith("<") else "jsonl" if first.startswith("{") else "tsv"


def _documents(paths: list[Path], encoding: str) -> Iterator[Row]:
    for path in paths:
        if (form := _form(path, encoding)) != "markup":
            yield from _plain_rows(path, form, encoding)
            continue
        for number, block in elements(_lines(path, encoding), "DOC", path.name):
            identity = first_of(block, ("DOCNO",))
            if not identity:
                raise InputError("<DOC> has no <DOCNO>", where=f"{path.name}:{number}", remedy="Add it")
            text = first_of(block, ("TEXT",)) or plain(without(block, _NOT_TEXT))
            yield {"_id": identity, "title": first_of(block, _TITLES), "text": text}


def _topics(paths: list[Path], encoding: str) -> Iterator[Row]:
    for path in paths:
        if (form := _form(path, encoding)) != "markup":
            yield from _plain_rows(path, form, encoding)
            continue
        number = 0
        for number, block in elements(_lines(path, encoding), "top", path.name):
            _, *pieces = _TOPIC_FIELD.split(block)
            parts = {tag.lower(): _LABEL.sub("", plain(inside), count=1) for tag, inside in _pairs(pieces)}
            if not parts.get("num"):
                raise InputError("<top> has no <num>", where=f"{path.name}:{number}", remedy="Add it")
            fields = {"description": parts.get("desc"), "narrative": parts.get("narr")}
            # some years' topics are descriptions only
            row: Row = {"_id": _number(parts["num"]), "text": parts.get("title") or parts.get("desc") or ""}
            yield row | {name: text for name, text in fields.items() if text}
        if not number:
            raise InputError("there is no <top> in it", where=path.name, remedy="Write the topics as id<TAB>text")


def _pairs(pieces: list[str]) -> Iterator[tuple[str, str]]:
    yield from zip(pieces[::2], pieces[1::2], strict=True)


def _plain_rows(path: Path, form: str, encoding: str) -> Iterator[Row]:
    """Documents or queries as `id<TAB>text` or as objects with `id` and `contents` (Anserini's names) or likewise."""
    if form == "jsonl":
        for number, row in rows_of(path, path.name):
            where = f"{path.name}:{number}"
            identity, text = column(row, _IDS, where), column(row, _TEXTS, where)
            rest = {name: value for name, value in row.items() if name not in (*_IDS, "contents", "text", "query")}
            yield rest | {"_id": identity, "text": text}
        return
    for number, line in _lines(path, encoding):
        identity, tab, text = line.partition("\t")
        if not tab:
            raise InputError("no tab between id and text", where=f"{path.name}:{number}", remedy=IMPORTER.expects)
        yield {"_id": identity.strip(), "text": text}


def _judgements(paths: list[Path], marked_up: bool) -> Iterator[Triple]:
    for path in paths:
        for request, document, gain in judgements_of(path, path.name):
            yield _number(request) if marked_up else request, document, gain


def _number(written: str) -> str:
    """Topics are numbered 051 and their qrels 51, or the other way round."""
    return str(int(written)) if written.isdecimal() else written


IMPORTER = Importer(
    name="trec",
    about="TREC collections: documents and topics in TREC's markup, TSV or JSONL, qrels in four columns",
    expects="SRC is a folder with documents* (<DOC>, id<TAB>text, or JSONL of id and contents), topics* and qrels*, "
    "each a file or a folder, .gz or not",
    read=read,
    options={
        "documents": "the documents' file or folder in SRC, where its name does not begin so",
        "topics": "the topics' file or folder in SRC",
        "qrels": "the qrels' file or folder in SRC",
        "encoding": "of documents and topics (default utf-8; older collections are latin-1)",
    },
)
