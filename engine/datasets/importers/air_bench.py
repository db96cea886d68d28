"""AIR-Bench's files on the hub: corpus.jsonl, <split>_queries.jsonl, and <split>_qrels.jsonl from a second repository.

A folder is named <version>/<dataset> in both repositories (AIR-Bench_24.05/default), which is how they are matched.
The qrels of the test split are not public; its queries come in unjudged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.datasets.importers.base import Collection, Importer, Row, Triple, choose, column, rows_of, stem
from engine.errors import InputError


def read(source: Path, domain: str | None = None) -> Collection:
    """The collection at `source`; `domain` is its folder, such as `default` or `AIR-Bench_24.05/default`."""
    files = sorted(p for p in source.rglob("*.jsonl*") if p.name.endswith((".jsonl", ".jsonl.gz")))
    found = [p for p in files if stem(p.name) == "corpus"]
    corpora = {_key(p): p for p in found}
    if not corpora:
        raise InputError("there is no corpus.jsonl in it", where=str(source), remedy=IMPORTER.expects)
    if len(corpora) < len(found):  # nothing would tell which qrels belong to which
        raise InputError(
            "it holds several tasks", where=str(source), remedy="Give a folder with one task and its qrels"
        )
    # the short name will do while only one version has it
    short = [key for key in corpora if domain is not None and key.endswith(f"/{domain}")]
    corpus = choose(corpora, short[0] if len(short) == 1 else domain)
    beside = [p for p in files if _key(p) == _key(corpus)]
    qrels = {_split(p): p for p in beside if stem(p.name).endswith("qrels")}
    return Collection(
        _documents(corpus),
        _queries([p for p in beside if stem(p.name).endswith("queries")]),
        {split: _judgements(path) for split, path in qrels.items()},
    )


def _key(path: Path) -> str:
    return "/".join(path.parent.parts[-2:])


def _split(path: Path) -> str:
    """dev of dev_qrels.jsonl; version 24.04 names no split, and has but one."""
    return stem(path.name).rpartition("_")[0] or "test"


def _documents(path: Path) -> Iterator[Row]:
    for number, row in rows_of(path, path.name):
        yield _renamed(row, f"{path.name}:{number}")


def _queries(paths: list[Path]) -> Iterator[Row]:
    for path in paths:
        for number, row in rows_of(path, path.name):
            yield _renamed(row, f"{path.name}:{number}")


def _renamed(row: Row, where: str) -> Row:
    identity = column(row, ("id",), where)
    return {"_id": identity} | {name: value for name, value in row.items() if name != "id"}


def _judgements(path: Path) -> Iterator[Triple]:
    for number, row in rows_of(path, path.name):
        where = f"{path.name}:{number}"
        gain = column(row, ("relevance",), where)
        if not gain.lstrip("-").isdecimal():
            raise InputError(f"the relevance {gain!r} is not a whole number", where=where, remedy="Correct it")
        yield column(row, ("qid",), where), column(row, ("docid",), where), int(gain)


IMPORTER = Importer(
    name="air-bench",
    about="AIR-Bench datasets, as downloaded from the hub",
    expects="SRC is a folder with, at any depth, <version>/<dataset>/corpus.jsonl, *_queries.jsonl and *_qrels.jsonl",
    read=read,
    options={"domain": "which one, where SRC holds several: its folder (default), or version and folder"},
)
