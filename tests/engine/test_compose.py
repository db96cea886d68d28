"""Fusion by hand-computed values, and reranking with real (tiny, random) models saved on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.artifacts import Workspace
from engine.compose import Fusion, FusionOptions, Rerank, fuse, min_max, reciprocal_rank, standardised
from engine.config import RerankOptions, SearchOptions
from engine.errors import InputError
from engine.index import collection as collections
from engine.methods.base import Searcher, Target
from engine.records import Document, FusedRanks, Hit, Request, Reranked, Run

DOCUMENTS = [Document(i, f"text of {i}") for i in "abcdef"]


class Listed(Searcher[SearchOptions]):
    """A searcher with a fixed list."""

    def __init__(self, name: str, path: Path, scores: dict[str, float]) -> None:
        self.name = name
        self.target = Target(Workspace(path), "x", collections.ensure(path, "x", DOCUMENTS))
        self.scores = scores

    def search(self, requests: Sequence[Request], k: int, options: SearchOptions | None = None) -> Run:
        run = Run.from_scores({r.id: self.scores for r in requests}).top(k)
        rows = np.asarray([self.collection.row_of[run.ids[row]] for row in run.rows], dtype=np.int64)
        return Run(run.requests, run.offsets, rows, self.collection.ids, run.scores)

    def explain(self, request: Request, documents: Sequence[str], options: SearchOptions | None = None) -> list[Hit]:
        return [Hit(self.collection.document(self.collection.row_of[d]), self.scores.get(d, 0.0)) for d in documents]

    def open(self, target: Target) -> None:
        self.target = target


@pytest.fixture
def searchers(tmp_path: Path) -> list[Searcher]:
    return [
        Listed("one", tmp_path, {"a": 9.0, "b": 5.0, "c": 1.0}),
        Listed("two", tmp_path, {"b": 0.9, "d": 0.5, "a": 0.1}),
    ]


REQUEST = Request("q", "anything")


def test_reciprocal_ranks_by_hand(searchers: list[Searcher]) -> None:
    run = Fusion("both", searchers).search([REQUEST], 10)
    assert run.documents(0) == ["b", "a", "d", "c"]
    by_hand = [1 / 62 + 1 / 61, 1 / 61 + 1 / 63, 1 / 62, 1 / 63]
    np.testing.assert_allclose(run.scores, by_hand, rtol=1e-6)


def test_weighted_min_max_by_hand(searchers: list[Searcher]) -> None:
    options = FusionOptions(fusion="weighted", weights=(0.75, 0.25))
    run = Fusion("both", searchers).search([REQUEST], 3, options)
    assert run.documents(0) == ["a", "b", "d"]
    np.testing.assert_allclose(run.scores, [0.75, 0.75 * 0.5 + 0.25, 0.25 * 0.5], rtol=1e-6)


@pytest.mark.parametrize("fusion", ["rrf", "weighted"])
def test_a_searcher_of_weight_0_has_no_say(searchers: list[Searcher], fusion: str) -> None:
    options = FusionOptions(fusion=fusion, weights=(1.0, 0.0))  # type: ignore[arg-type]
    run = Fusion("both", searchers).search([REQUEST], 10, options)
    assert run.documents(0) == searchers[0].search([REQUEST], 10).documents(0)  # not d, which `two` alone has


def test_ties_and_empty_lists(tmp_path: Path) -> None:
    nothing, some = Listed("none", tmp_path, {}), Listed("some", tmp_path, {"a": 1.0, "b": 1.0})
    assert Fusion("both", [nothing, some]).search([REQUEST], 5).documents(0) == ["b", "a"]
    assert Fusion("both", [nothing, nothing]).search([REQUEST], 5).documents(0) == []
    assert min_max(np.asarray([2.0, 2.0])).tolist() == [1, 1]
    assert reciprocal_rank(np.asarray([0.3]), 0).tolist() == [1]


def test_a_weight_for_each_or_none(searchers: list[Searcher]) -> None:
    with pytest.raises(InputError, match="1 weights for 2"):
        fuse([REQUEST], [s.search([REQUEST], 5) for s in searchers], np.arange(6), 5, FusionOptions(weights=(1.0,)))


def test_every_fused_answer_says_where_each_searcher_had_it(searchers: list[Searcher]) -> None:
    fusion = Fusion("both", searchers)
    run = fusion.search([REQUEST], 10)
    hits = fusion.explain(REQUEST, run.documents(0))
    assert [hit.document.id for hit in hits] == run.documents(0)
    assert [hit.score for hit in hits] == pytest.approx(run.scores.tolist())
    ranks = {hit.document.id: why.ranks for hit in hits for why in hit.why if isinstance(why, FusedRanks)}
    assert ranks["d"] == (("one", None, 1.0), ("two", 2, 1.0))
    assert "not in its list" in FusedRanks(ranks["d"]).line


@pytest.fixture(scope="module")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A cross-encoder and a bi-encoder of random weights, saved as real ones are."""
    import torch
    from sentence_transformers import CrossEncoder, SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "text", "of", "anything", *"abcdef"]
    (path / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizerFast(str(path / "vocab.txt"))
    sizes = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=1,
    )
    for name, kind in (("raw-cross", BertForSequenceClassification), ("raw-bi", BertModel)):
        kind(sizes).save_pretrained(path / name)
        tokenizer.save_pretrained(path / name)
    CrossEncoder(str(path / "raw-cross")).save_pretrained(str(path / "cross"))
    body = Transformer(str(path / "raw-bi"))
    SentenceTransformer(modules=[body, Pooling(16)]).save_pretrained(str(path / "bi"))
    return {"cross": path / "cross", "bi": path / "bi"}


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["cross", "bi"])
@pytest.mark.parametrize("depth", [1, 2, 50])
def test_reranking_reorders_the_head_and_keeps_the_tail(
    searchers: list[Searcher], tiny_models: dict[str, Path], kind: str, depth: int
) -> None:
    from engine.rerank import reranker

    options = RerankOptions(model=str(tiny_models[kind]), kind=kind, depth=depth)  # type: ignore[arg-type]
    before = searchers[0].search([REQUEST], 10).documents(0)
    searcher = Rerank(searchers[0], options)
    run = searcher.search([REQUEST], 10)
    after = run.documents(0)
    scores = reranker(options).scores(REQUEST.text, [f"text of {i}" for i in before[:depth]])
    assert after[:depth] == [before[i] for i in np.argsort(-scores, kind="stable")]
    assert after[depth:] == before[depth:]
    assert (np.diff(run.scores) <= 0).all()
    moved = [why for hit in searcher.explain(REQUEST, after) for why in hit.why if isinstance(why, Reranked)]
    assert [m.after for m in moved] == [1, 2, 3] and sorted(m.before for m in moved) == [1, 2, 3]


class Scripted:
    """A reranker with fixed scores."""

    name = "scripted"

    def scores(self, query: str, documents: Sequence[str]) -> np.ndarray:
        return np.asarray([{"a": 1.0, "b": 1.0, "c": 4.0}[text[-1]] for text in documents], dtype=np.float32)


@pytest.mark.parametrize(
    ("weight", "order", "scores"),
    [
        (None, "cba", [4, 1, 1]),  # the reranker alone; ids decide ties
        # z of the searcher's 9 5 1 is 1.2247 0 -1.2247, of the reranker's 1 1 4 -0.7071 -0.7071 1.4142
        (0.0, "abc", [1.2247, 0, -1.2247]),
        (1.0, "acb", [0.5176, 0.1895, -0.7071]),
        (2.0, "cab", [1.6037, -0.1895, -1.4142]),
    ],
)
def test_the_rerankers_score_is_added_with_its_weight(
    searchers: list[Searcher], monkeypatch: pytest.MonkeyPatch, weight: float | None, order: str, scores: list[float]
) -> None:
    monkeypatch.setattr("engine.compose.reranker", lambda options: Scripted())
    searcher = Rerank(searchers[0], RerankOptions(model="any", weight=weight))
    run = searcher.search([REQUEST], 10)
    assert run.documents(0) == list(order)
    np.testing.assert_allclose(run.scores, scores, atol=1e-3)
    hits = searcher.explain(REQUEST, run.documents(0))
    assert [hit.score for hit in hits] == pytest.approx(scores, abs=1e-3)
    moved = {hit.document.id: hit.why[0] for hit in hits}
    assert moved["c"] == Reranked("scripted", 3, order.index("c") + 1, 4.0)  # its own score, whatever the sum


def test_a_fused_head_stays_before_the_tail(searchers: list[Searcher], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.compose.reranker", lambda options: Scripted())
    run = Rerank(searchers[0], RerankOptions(model="any", weight=1.0, depth=2)).search([REQUEST], 10)
    # the reranker does not tell a and b apart: the searcher's order; c is not read
    assert run.documents(0) == ["a", "b", "c"] and run.scores.tolist() == pytest.approx([1, -1, -2])
    assert standardised(np.asarray([3.0, 3.0])).tolist() == [0, 0] and standardised(np.empty(0)).tolist() == []


@pytest.mark.integration
def test_reranking_nothing_gives_nothing(tmp_path: Path, tiny_models: dict[str, Path]) -> None:
    searcher = Rerank(Listed("none", tmp_path, {}), RerankOptions(model=str(tiny_models["bi"]), kind="bi"))
    assert searcher.search([REQUEST], 5).documents(0) == []


@pytest.mark.integration
def test_a_folder_without_a_model_is_refused_in_one_line(tmp_path: Path) -> None:
    from engine.rerank import reranker

    with pytest.raises(InputError, match="not a"):
        reranker(RerankOptions(model=str(tmp_path))).scores("q", ["d"])
