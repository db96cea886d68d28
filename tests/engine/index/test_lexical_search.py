"""BM25 against bm25s called directly, on anything that hypothesis thinks of; and damaged or stale postings."""

from __future__ import annotations

import os
from pathlib import Path

import bm25s
import numpy as np
import pytest
import Stemmer
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.index import collection as collections
from engine.index.lexical import Analyzer, LexicalConfig, LexicalIndex, LexicalSegment
from engine.records import Document, Request
from index.worlds import lexical, make

CONFIGS = [LexicalConfig(), LexicalConfig(k1=1.2, b=0.75, stemmer=None, stopwords=None), LexicalConfig(k1=0, b=0)]
# Stems that meet, stop words, one-letter words, other scripts, digits, marks, and nothing.
WORD = st.sampled_from(
    ["boat", "Boats", "boating", "the", "a", "x", "lake", "lakes.", "日本", "été", "2024", "it's", ""]
)
TEXT = st.lists(WORD, max_size=8).map(" ".join)
WORLD = st.lists(st.tuples(TEXT, st.sampled_from(["ann", "bob", None])), min_size=1, max_size=12)


def direct(texts: list[str], config: LexicalConfig, query: str) -> np.ndarray:
    """bm25s' own scores of `texts`, from its own tokeniser to its own scorer."""
    stemmer = Stemmer.Stemmer(config.stemmer) if config.stemmer else None

    def tokens(some: list[str]) -> list[list[str]]:
        return bm25s.tokenize(
            some, stopwords=config.stopwords or [], stemmer=stemmer, return_ids=False, show_progress=False
        )

    corpus, [asked] = tokens(texts), tokens([query])
    known = {token for text in corpus for token in text}
    if not known or not (asked := [token for token in asked if token in known]):
        return np.zeros(len(texts))
    scorer = bm25s.BM25(k1=config.k1, b=config.b, method="lucene")
    scorer.index(corpus, show_progress=False)
    return scorer.get_scores(asked)


@settings(max_examples=60, deadline=None)
@given(WORLD, st.lists(TEXT, min_size=1, max_size=3), st.sampled_from(CONFIGS))
def test_scores_are_those_of_bm25s(
    tmp_path_factory: pytest.TempPathFactory,
    world: list[tuple[str, str | None]],
    queries: list[str],
    config: LexicalConfig,
) -> None:
    path = tmp_path_factory.mktemp("world")
    collection = make(path, [Document(f"d{i:02}", text, user=user) for i, (text, user) in enumerate(world)])
    index = lexical(path, collection, config)
    users = [None, "ann", "nobody"]
    requests = [Request(f"{i} {user}", query, user=user) for i, query in enumerate(queries) for user in users]
    run = index.search(requests, 100)
    for i, request in enumerate(requests):
        scores = direct([d.content for d in collection.documents()], config, request.text)
        wanted = {
            d.id: score
            for d, score in zip(collection.documents(), scores.tolist(), strict=True)
            if score > 0 and request.user in (None, d.user)
        }
        assert dict(zip(run.documents(i), run.scores_of(i).tolist(), strict=True)) == pytest.approx(wanted, abs=1e-5)
        order = sorted(run.documents(i), key=lambda d: (np.float32(wanted[d]).round(4), d), reverse=True)
        assert [np.float32(wanted[d]).round(4) for d in run.documents(i)] == [
            np.float32(wanted[d]).round(4) for d in order
        ]


@settings(max_examples=60, deadline=None)
@given(TEXT, TEXT)
def test_matched_words_lie_where_they_are_said_to(
    tmp_path_factory: pytest.TempPathFactory, query: str, content: str
) -> None:
    path = tmp_path_factory.mktemp("world")
    index = lexical(path, make(path, [Document("d", content), Document("e", "boat lake été 2024 zebra")]))
    why, run = index.explain(query, 0), index.search([Request("q", query)], 10)
    score = dict(zip(run.documents(0), run.scores.tolist(), strict=True)).get("d", 0.0)
    assert sum(weight for _, weight in why.terms) == pytest.approx(score, abs=1e-3)
    analyzer = Analyzer(LexicalConfig())
    asked = set(analyzer.tokens([query])[0])
    for a, b in why.spans:
        assert set(analyzer.tokens([content[a:b]])[0]) & asked


@pytest.mark.parametrize("requests", [[], [Request("q", "")], [Request("q", "boat", user="nobody")]])
def test_requests_without_an_answer(tmp_path: Path, requests: list[Request]) -> None:
    run = lexical(tmp_path, make(tmp_path, [Document("d", "boat", user="ann")])).search(requests, 5)
    assert run.requests == tuple(r.id for r in requests) and len(run.rows) == 0


DOCUMENTS = [Document(f"d{i}", f"boat number {i}") for i in range(30)]


@pytest.mark.parametrize("name", ["scores.npy", "rows.npy", "starts.npy", "vocabulary.txt", "manifest.json"])
def test_postings_that_were_cut_short_are_written_again(tmp_path: Path, name: str) -> None:
    collection = make(tmp_path, DOCUMENTS)
    lexical(tmp_path, collection)
    file = tmp_path / "lexical" / "0000" / name
    whole = file.read_bytes()
    os.truncate(file, len(whole) // 2)
    with pytest.raises(FileNotFoundError):
        LexicalIndex(tmp_path / "lexical", collection, LexicalConfig())
    lexical(tmp_path, collection)
    assert name == "manifest.json" or file.read_bytes() == whole


def test_postings_are_written_again_only_where_something_changed(tmp_path: Path) -> None:
    def times() -> dict[str, int]:
        return {p.name: (p / "scores.npy").stat().st_mtime_ns for p in (tmp_path / "lexical").glob("0*")}

    make(tmp_path, DOCUMENTS)
    grown = collections.add(tmp_path / "documents", [Document("new", "boat lake")])
    lexical(tmp_path, grown)
    first = times()
    lexical(tmp_path, grown)
    assert times() == first
    lexical(tmp_path, grown, LexicalConfig(k1=1.5))
    assert all(times()[name] > first[name] for name in ("0000", "0001"))


def test_statistics_of_the_whole_collection_hold_where_a_segment_was_added(tmp_path: Path) -> None:
    """A word that is common in the first segment stays common in the second, where it stands once."""
    make(tmp_path, DOCUMENTS)
    grown = collections.add(tmp_path / "documents", [Document("new", "boat lake")])
    lexical(tmp_path, grown)
    second = LexicalSegment(tmp_path / "lexical" / "0001")
    whole = direct([*(d.content for d in DOCUMENTS), "boat lake"], LexicalConfig(), "boat")
    assert second.weight("boat", 0) == pytest.approx(whole[-1], abs=1e-6)
    assert second.weight("lake", 0) > 10 * second.weight("boat", 0)
