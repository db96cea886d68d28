"""BRIGHT (xlangai/BRIGHT on the hub), one domain at a time, or SPIKE's preparation of it.

The hub has a folder per table (documents, examples) and per rewriter of the queries (gpt4_reason, ...), in each a file
per domain. SPIKE has a folder per domain, in it document, query, <rewriter>_query and qrel. Rewritten queries become
fields named after their rewriter, for `requests(text_field="gpt4_reason")`. Of the two granularities of documents the
short one is read, which is what both papers report.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.datasets.importers.base import Collection, Importer, Row, Triple, choose, column, stem
from engine.datasets.importers.values import TABLES, read_table
from engine.errors import InputError

_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_NONE = "N/A"
_REWRITTEN = "_query"


@dataclass(slots=True)
class _Domain:
    """The files of one domain; each table may be in several parts. The hub's judgements are in `queries`."""

    documents: list[Path]
    queries: list[Path]
    rewritten: dict[str, list[Path]] = field(default_factory=dict)
    qrels: list[Path] = field(default_factory=list)
    id: str = "id"


def read(source: Path, domain: str | None = None) -> Collection:
    """The domain at `source`; `domain` names it where there are several. All queries are the split `test`."""
    domains = _spike(source) or _hub(source)
    if not domains:
        raise InputError(
            "neither documents/ and examples/ nor document.parquet", where=str(source), remedy=IMPORTER.expects
        )
    files = choose(domains, domain)
    dropped: Counter[str] = Counter()
    rewritten = {name: _rewritten(parts, files.id) for name, parts in files.rewritten.items()}
    judgements = _qrels(files.qrels) if files.qrels else _golds(files.queries)
    return Collection(_documents(files), _queries(files, rewritten, dropped), {"test": judgements}, dropped)


def _hub(source: Path) -> dict[str, _Domain]:
    tables = {folder.name: _parts(folder) for folder in sorted(source.iterdir()) if folder.is_dir()}
    documents, examples = tables.pop("documents", {}), tables.pop("examples", {})
    tables.pop("long_documents", None)
    return {
        name: _Domain(
            documents[name],
            examples[name],
            {rewriter: table[name] for rewriter, table in tables.items() if name in table},
        )
        for name in sorted(documents.keys() & examples.keys())
    }


def _parts(folder: Path) -> dict[str, list[Path]]:
    """{domain: its files} of one table: `biology-00000-of-00001.parquet`, `biology/0000.parquet` or `biology.jsonl`."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.name.endswith(TABLES) and not path.name.startswith("."):
            name = _SHARD.sub("", stem(path.name)) if path.parent == folder else path.parent.name
            found.setdefault(name, []).append(path)
    return found


def _spike(source: Path) -> dict[str, _Domain]:
    domains = {}
    for folder in (source, *sorted(source.iterdir())):
        if not folder.is_dir():
            continue
        tables = {stem(p.name): p for p in sorted(folder.iterdir()) if p.name.endswith(TABLES)}
        if {"document", "query", "qrel"} <= tables.keys():
            rewritten = {n.removesuffix(_REWRITTEN): [p] for n, p in tables.items() if n.endswith(_REWRITTEN)}
            domains[folder.resolve().name] = _Domain(
                [tables["document"]], [tables["query"]], rewritten, [tables["qrel"]], id="query-id"
            )
    return domains


def _documents(files: _Domain) -> Iterator[Row]:
    for row in read_table(files.documents, ("id", "content")):
        yield {"_id": row["id"], "title": "", "text": row["content"]}


def _queries(files: _Domain, rewritten: Mapping[str, dict[str, str]], dropped: Counter[str]) -> Iterator[Row]:
    seen = set()
    for row in read_table(files.queries, (files.id, "query"), ("excluded_ids",)):
        identity = column(row, (files.id,), files.queries[0].name)
        seen.add(identity)
        query: Row = {"_id": identity, "text": row["query"]}
        if exclude := _ids(row.get("excluded_ids")):
            query["exclude"] = exclude
        yield query | {name: texts[identity] for name, texts in rewritten.items() if identity in texts}
    if strangers := sum(len(texts.keys() - seen) for texts in rewritten.values()):
        dropped["rewritten queries of queries that are not there"] += strangers


def _rewritten(parts: list[Path], id_column: str) -> dict[str, str]:
    return {str(row[id_column]): row["query"] for row in read_table(parts, (id_column, "query"))}


def _golds(parts: list[Path]) -> Iterator[Triple]:
    for row in read_table(parts, ("id", "gold_ids")):
        for document in _ids(row["gold_ids"]):
            yield str(row["id"]), document, 1


def _qrels(parts: list[Path]) -> Iterator[Triple]:
    for row in read_table(parts, ("query-id", "corpus-id", "score")):
        yield str(row["query-id"]), str(row["corpus-id"]), int(row["score"])


def _ids(value: object) -> list[str]:
    """A list of ids; BRIGHT writes ["N/A"] for none."""
    return [str(one) for one in value if one != _NONE] if isinstance(value, list) else []


IMPORTER = Importer(
    name="bright",
    about="BRIGHT, one domain at a time, from the hub's files or SPIKE's preparation of them",
    expects="SRC is a folder with documents/, examples/ and e.g. gpt4_reason/, or with SPIKE's document.parquet, "
    "query.parquet and qrel.parquet; Parquet or JSONL",
    read=read,
    options={"domain": "which one, where SRC holds several: biology, pony, ..."},
)
