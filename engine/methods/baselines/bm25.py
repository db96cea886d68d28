"""bm25: documents that share words with the request, rare words counting most (Robertson et al., TREC-3)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.artifacts import digest
from engine.config import SearchOptions
from engine.index.lexical import LexicalConfig, LexicalIndex
from engine.methods.base import Hit, Method, Paper, Request, Run, Searcher, Stage, Target
from engine.records import MatchedTerms


class Bm25Searcher(Searcher[SearchOptions]):
    """Opens the postings of a target. Raises FileNotFoundError if some are missing."""

    name = "bm25"

    def __init__(self, target: Target, config: LexicalConfig) -> None:
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


def folder(target: Target, config: LexicalConfig) -> Path:
    return target.folder("bm25", digest(config.model_dump()))


def build(target: Target, config: LexicalConfig) -> None:
    LexicalIndex.build(folder(target, config), target.collection, config)


METHOD = Method(
    name="bm25",
    title="BM25",
    task="search",
    summary="ranks documents by the words they share with the request, rare words counting most",
    paper=Paper("Okapi at TREC-3", "TREC 1994", "https://trec.nist.gov/pubs/trec3/t3_proceedings.html"),
    needs=(),
    explains=(MatchedTerms,),
    build_config=LexicalConfig,
    search_options=SearchOptions,
    stages=(Stage("lexical", "postings with finished scores", build),),
    load=Bm25Searcher,
    folders=lambda target, config: [folder(target, config)],
)
