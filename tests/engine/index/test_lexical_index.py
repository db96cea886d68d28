"""BM25 against bm25s called directly, and what stores, additions, removals and odd queries do to it."""

from __future__ import annotations

from pathlib import Path

import bm25s
import numpy as np
import pytest
import Stemmer

from engine.index import collection as collections
from engine.index.lexical import LexicalConfig
from engine.records import Document, Request

from .worlds import lexical, make

WORDS = ["boat", "boats", "sailing", "lake", "bicycle", "garage", "dinner", "dentist", "roof", "roofs", "choir", "exam"]
WORDS += ["train", "music", "friend", "birthday"]


def corpus(number: int = 300, seed: int = 0) -> list[Document]:
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, len(WORDS) + 1)
    return [
        Document(
            f"d{i:04d}",
            " ".join(rng.choice(WORDS, size=rng.integers(0, 12), p=weights / weights.sum())),
            user=("ann", "bob", "carl")[i % 3],
        )
        for i in range(number)
    ]


@pytest.mark.parametrize("config", [LexicalConfig(), LexicalConfig(k1=1.5, b=0.75, stemmer=None, stopwords=None)])
def test_scores_equal_bm25s_called_directly(tmp_path: Path, config: LexicalConfig) -> None:
    collection = make(tmp_path, corpus())
    index = lexical(tmp_path, collection, config)
    stemmer = Stemmer.Stemmer(config.stemmer) if config.stemmer else None

    def tokens(texts: list[str]) -> list[list[str]]:
        return bm25s.tokenize(
            texts, stopwords=config.stopwords or [], stemmer=stemmer, return_ids=False, show_progress=False
        )

    direct = bm25s.BM25(k1=config.k1, b=config.b, method="lucene")
    direct.index(tokens([d.content for d in collection.documents()]), show_progress=False)
    for text in ("boats", "boat boat lake", "the dentist and my roof xyzzy", "sailing music"):
        expected = direct.get_scores([t for t in tokens([text])[0] if t in direct.vocab_dict])
        run = index.search([Request("q", text)], 300)
        scores = dict(zip(run.documents(0), run.scores.tolist(), strict=True))
        for row, value in enumerate(expected):
            assert scores.get(collection.ids[row], 0.0) == pytest.approx(float(value), abs=1e-5)
        scoped = index.search([Request("q", text, user="bob")], 300)
        assert dict(zip(scoped.documents(0), scoped.scores.tolist(), strict=True)) == pytest.approx(
            {i: s for i, s in scores.items() if collection.document(collection.row_of[i]).user == "bob"}
        )


@pytest.mark.parametrize("text", ["", "   ", "the of and", "xyzzy", "!?", "𝒳 é", "a"])
def test_a_question_without_known_words_finds_nothing(tmp_path: Path, text: str) -> None:
    assert lexical(tmp_path, make(tmp_path, corpus(30))).search([Request("q", text)], 5).documents(0) == []


def test_a_corpus_of_empty_texts_can_be_indexed(tmp_path: Path) -> None:
    index = lexical(tmp_path, make(tmp_path, [Document("a", ""), Document("b", "the")]))
    assert index.search([Request("q", "boat")], 5).documents(0) == []


def test_ties_are_decided_by_id_also_at_the_cut(tmp_path: Path) -> None:
    index = lexical(tmp_path, make(tmp_path, [Document(f"{i:03d}", "boat") for i in range(100)]))
    run = index.search([Request("q", "boat"), Request("r", "boat", exclude=("098", "unknown"))], 3)
    assert run.documents(0) == ["099", "098", "097"] and run.documents(1) == ["099", "097", "096"]


def test_what_is_added_is_found_and_what_is_removed_is_not(tmp_path: Path) -> None:
    make(tmp_path, corpus(60))
    collections.add(tmp_path / "documents", [Document("new", "xylophone boat", user="ann")])
    grown = collections.remove(tmp_path / "documents", ["d0000", "d0001"])
    index = lexical(tmp_path, grown)
    found = index.search([Request("q", "xylophone boat", user="ann")], 100).documents(0)
    assert found[0] == "new" and "d0000" not in found
    assert index.search([Request("q", "xylophone", user="bob")], 5).documents(0) == []


def test_compacting_gives_the_bytes_of_a_fresh_build(tmp_path: Path) -> None:
    documents = corpus(90)
    make(tmp_path / "grown", documents[:70])
    collections.add(tmp_path / "grown" / "documents", documents[70:])
    collections.remove(tmp_path / "grown" / "documents", [d.id for d in documents[::7]])
    compact = collections.compact(tmp_path / "grown" / "documents")
    fresh = make(tmp_path / "fresh", [d for i, d in enumerate(documents) if i % 7])
    lexical(tmp_path / "grown", compact)
    lexical(tmp_path / "fresh", fresh)
    for kind in ("documents", "lexical"):
        grown_files = files(tmp_path / "grown" / kind / compact.segments[0].name)
        assert grown_files == files(tmp_path / "fresh" / kind / fresh.segments[0].name)
        assert len(grown_files) >= 4


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}


def test_adding_leaves_every_existing_file_alone(tmp_path: Path) -> None:
    collection = make(tmp_path, corpus(200))
    lexical(tmp_path, collection)
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in tmp_path.rglob("*/0000/*")}
    lexical(tmp_path, collections.add(tmp_path / "documents", [Document("new", "boat")]))
    assert before and all((p.stat().st_mtime_ns, p.stat().st_ino) == known for p, known in before.items())


def test_the_matched_words_add_up_to_the_score_and_are_where_they_say(tmp_path: Path) -> None:
    documents = [*corpus(50), Document("x", "Boats on the Lake; my boat's sail", title="Sailing", user="ann")]
    collection = make(tmp_path, documents)
    index = lexical(tmp_path, collection)
    run = index.search([Request("q", "boat boat sailing lake trumpet")], 100)
    score = dict(zip(run.documents(0), run.scores.tolist(), strict=True))["x"]
    why = index.explain("boat boat sailing lake trumpet", collection.row_of["x"])
    content = collection.document(collection.row_of["x"]).content
    assert sum(weight for _, weight in why.terms) == pytest.approx(score, abs=1e-3)
    assert {content[a:b] for a, b in why.spans} == {"Boats", "boat", "Lake", "Sailing", "sail"}
