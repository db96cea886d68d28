"""BEIR's own files: a folder or its zip with corpus.jsonl, queries.jsonl and qrels/*.tsv.

That is the search layout already; importing it unpacks, checks and writes it in one form.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from engine.datasets.importers.base import Collection, Folder, Importer, Row, choose, judgements_of, rows_of, stem
from engine.errors import InputError

_DEPTH = 3  # zips hold one folder; cqadupstack's hold one more for each forum


def read(source: Path, domain: str | None = None, qrels: str | None = None) -> Collection:
    """The collection at `source`. `domain` names its folder where there are several, `qrels` a folder of .tsv files
    that came separately."""
    try:
        root: Folder = source if source.is_dir() else zipfile.Path(source)
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"neither a folder nor a zip ({error})", where=str(source), remedy=IMPORTER.expects) from error
    folders = {folder.name: folder for folder in _folders(root, _DEPTH)}
    if not folders:
        raise InputError("there is no corpus.jsonl in it", where=str(source), remedy=IMPORTER.expects)
    folder = choose(folders, domain)
    tables = _tables(Path(qrels)) if qrels else _tables(folder / "qrels") or _tables(folder)
    if qrels and not tables:
        raise InputError("there are no .tsv files in it", where=qrels, remedy="Name a folder of qrels/SPLIT.tsv")
    return Collection(
        _rows(folder, "corpus.jsonl"),
        _rows(folder, "queries.jsonl"),
        {split: judgements_of(table, f"qrels/{table.name}") for split, table in tables.items()},
    )


def _folders(folder: Folder, depth: int) -> Iterator[Folder]:
    if _file(folder, "corpus.jsonl") is not None:
        yield folder
    elif depth:
        inside: list[Folder] = sorted(folder.iterdir(), key=lambda path: path.name)
        for one in inside:
            if one.is_dir() and not one.name.startswith((".", "__")):
                yield from _folders(one, depth - 1)


def _file(folder: Folder, name: str) -> Folder | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _rows(folder: Folder, name: str) -> Iterator[Row]:
    path = _file(folder, name)
    if path is None:
        raise InputError(f"there is no {name} beside the corpus", where=str(folder), remedy=IMPORTER.expects)
    for _, row in rows_of(path, path.name):
        yield row


def _tables(folder: Folder) -> dict[str, Folder]:
    if not folder.is_dir():
        return {}
    tables = [p for p in folder.iterdir() if p.is_file() and p.name.removesuffix(".gz").endswith(".tsv")]
    return {stem(p.name): p for p in sorted(tables, key=lambda p: p.name) if not p.name.startswith(".")}


IMPORTER = Importer(
    name="beir",
    about="BEIR collections, as a folder or a zip",
    expects="SRC is a folder or zip with corpus.jsonl, queries.jsonl and qrels/*.tsv, each .gz or not",
    read=read,
    files=(".zip",),
    options={
        "domain": "which one, where SRC holds several (cqadupstack)",
        "qrels": "the folder of the .tsv files, where they came separately (the hub's *-qrels)",
    },
)
