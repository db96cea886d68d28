"""bm25: documents that share words with the request, rare words counting most (Robertson et al., TREC-3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from engine.artifacts import digest
from engine.config import SearchOptions
from engine.index import reading
from engine.index.lexical import LexicalConfig, LexicalIndex
from engine.index.reading import Reads
from engine.index.segment import Segment
from engine.methods.base import Hit, Method, Paper, Request, Run, Searcher, Stage, Target
from engine.records import MatchedTerms


class Bm25Config(LexicalConfig):
    """BM25, and how documents are read."""

    reads: Reads = Field("content", description="'memory' reads also the kind, and who people are to the owner")


class Bm25Searcher(Searcher[SearchOptions]):
    """Opens the postings of a target. Raises FileNotFoundError if some are missing."""

    name = "bm25"

    def __init__(self, target: Target, config: Bm25Config) -> None:
        self.config, self.target = config, target
        self.index = LexicalIndex(folder(target, config), target.collection, config)

    def open(self, target: Target) -> None:
        build(target, self.config)
        self.target, self.index = target, LexicalIndex(folder(target, self.config), target.collection, self.config)

    def search(self, requests: Sequence[Request], k: int, options: SearchOptions | None = None) -> Run:
        return self.index.search(requests, k)

    def explain(self, request: Request, documents: Sequence[str], options: SearchOptions | None = None) -> list[Hit]:
        hits = []
        for document in documents:
            row = self.collection.row_of[document]
            why = self.index.explain(request.text, row)
            hits.append(Hit(self.collection.document(row), sum(weight for _, weight in why.terms), (why,)))
        return hits


def folder(target: Target, config: Bm25Config) -> Path:
    default = {"reads"} if config.reads == "content" else None
    return target.folder("bm25", digest(config.model_dump(exclude=default)))


def build(target: Target, config: Bm25Config) -> None:
    path, segments = folder(target, config), target.collection.segments
    lexical = LexicalConfig(**config.model_dump(exclude={"reads"}))
    if config.reads == "content":
        LexicalIndex.build(path, target.collection, lexical)
        return

    def before(segment: Segment) -> list[Segment]:
        return segments[: [s.name for s in segments].index(segment.name)]

    def texts(segment: Segment) -> Iterator[str]:
        return reading.texts(segment, before(segment), config.reads)

    def made_from(segment: Segment) -> str:
        return digest(reading.inputs(before(segment), config.reads))

    LexicalIndex.build(path, target.collection, lexical, texts, made_from)


METHOD = Method(
    name="bm25",
    title="BM25",
    task="search",
    summary="ranks documents by the words they share with the request, rare words counting most",
    paper=Paper("Okapi at TREC-3", "TREC 1994", "https://trec.nist.gov/pubs/trec3/t3_proceedings.html"),
    needs=(),
    explains=(MatchedTerms,),
    build_config=Bm25Config,
    search_options=SearchOptions,
    stages=(Stage("lexical", "postings with finished scores", build),),
    load=Bm25Searcher,
    folders=lambda target, config: [folder(target, config)],
)
