"""Ids as a forest: whose ids can be found, which are gone, and what its edges stand for in the model's tree."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.index.beam import Score, beam_search
from engine.index.trie import segment_log_softmax
from engine.methods.pearl.docids import last_digits
from engine.methods.pearl.forest import Forest, plant
from methods.pearl.plots import Plot, grown, random_vectors, ranked

WIDTH = 32
TREE = grown(WIDTH)
Written = Callable[[Sequence[int]], list[list[int]]]
VECTORS = torch.from_numpy(TREE.vectors)


def single(docid: Sequence[int]) -> list[list[int]]:
    """A digit is a token."""
    return [[digit] for digit in docid]


def halves(docid: Sequence[int]) -> list[list[int]]:
    """A digit is two tokens, and 0 ends an id."""
    tokens = [[1 + digit // 2, 100 + digit % 2] for digit in docid]
    return [*tokens[:-1], [*tokens[-1], 0]]


def resembling(forest: Forest, query: np.ndarray) -> Score:
    """log p of an edge: a softmax over the edges there of what they lead to and the query have in common."""

    def score(_: Tensor, prefix: Tensor, node: Tensor, beam: Tensor, edge: Tensor) -> Tensor:
        logits = 4 * forest.vectors(edge, VECTORS) @ torch.from_numpy(query)
        return segment_log_softmax(logits, beam, len(node))

    return score


def by_tokens(forest: Forest) -> Score:
    """Something that depends on the token and on how many came before; no distribution over what is legal."""

    def score(_: Tensor, prefix: Tensor, node: Tensor, beam: Tensor, edge: Tensor) -> Tensor:
        return -0.1 - torch.sin(forest.trie.tokens[edge] * (1.0 + prefix.shape[1])).abs()

    return score


def found(forest: Forest, store: str | None, score: Score, certain: bool = True, beams: int = 100) -> dict[int, float]:
    roots = torch.tensor([forest.stores[store]])
    return dict(ranked(beam_search(forest.trie, roots, score, beams, certain), forest)[0])


QUERY = random_vectors(1, 9, WIDTH)[0]


def test_edges_lead_to_the_model_s_nodes_and_at_last_to_the_memory() -> None:
    plot = Plot.of(TREE)
    forest = plot.planted(single)
    trie = forest.trie
    for row, docid in enumerate(forest.ids):
        assert [digit for digit, _ in docid] == list(plot.docid(row))
        assert [node for _, node in docid] == [*TREE.path(int(plot.nodes[row])), None]
        at = forest.stores[plot.stores[row]]
        for digit, node in docid:
            edge = next(e for e in range(int(trie.starts[at]), int(trie.starts[at + 1])) if trie.tokens[e] == digit)
            last = node is None
            assert bool(forest.is_memory[edge]) == last and int(forest.targets[edge]) == (row if last else node)
            assert int(forest.tree_node[at]) == (plot.nodes[row] if last else TREE.parents[node])
            wanted = plot.own[row] if last else TREE.vectors[node]
            assert torch.equal(forest.vectors(torch.tensor([edge]), VECTORS)[0], torch.from_numpy(wanted))
            at = int(trie.children[edge])
        assert trie.entries[trie.ended[at] : trie.ended[at + 1]].tolist() == [row]


def test_own_vectors_may_be_mapped(tmp_path: Path) -> None:
    plot = Plot.of(TREE)
    np.save(tmp_path / "own.npy", plot.own)
    wanted = plot.planted(single)
    mapped = np.load(tmp_path / "own.npy", mmap_mode="r")
    forest = plant(TREE, plot.nodes, plot.digits, plot.stores, np.arange(len(mapped)), mapped, single)
    edges = torch.arange(len(forest.trie.tokens))
    assert torch.equal(forest.vectors(edges, VECTORS), wanted.vectors(edges, VECTORS))


def test_two_stores_do_not_see_each_other() -> None:
    """What is in bob's changes neither what ann's are nor how probable they are."""
    plot = Plot.of(TREE)
    both, anns = plot.planted(single), plot.planted(single, plot.of_store("ann"))
    assert sorted(both.stores) == ["ann", "bob"] and list(anns.stores) == ["ann"]
    for store in ("ann", "bob"):
        assert sorted(found(both, store, resembling(both, QUERY))) == plot.of_store(store)
    alone = found(anns, "ann", resembling(anns, QUERY))
    assert found(both, "ann", resembling(both, QUERY)) == pytest.approx(alone, abs=1e-6)


def test_the_same_digits_in_two_stores_are_two_memories() -> None:
    own = random_vectors(3, 4, WIDTH)
    own[1] = own[0]
    nodes, stores = TREE.walk(own), ["ann", "bob", "bob"]
    digits = np.asarray(last_digits(nodes.tolist(), stores, {}))
    forest = plant(TREE, nodes, digits, stores, np.array([7, 8, 9]), own, single)
    assert forest.ids[0] == forest.ids[1]
    assert list(found(forest, "ann", by_tokens(forest), certain=False)) == [7]
    assert sorted(found(forest, "bob", by_tokens(forest), certain=False)) == [8, 9]


@pytest.mark.parametrize("written", [single, halves])
def test_what_is_deleted_is_gone_and_the_others_keep_their_ids(written: Written) -> None:
    plot = Plot.of(TREE)
    whole = plot.planted(written)
    kept = [row for row in range(len(plot.own)) if row not in (1, 4, 5, 9)]  # of some nodes the first, of some the last
    forest = plot.planted(written, kept)
    assert forest.rows.tolist() == kept
    assert forest.ids == [whole.ids[row] for row in kept] and forest.tokens == [whole.tokens[row] for row in kept]
    for store in ("ann", "bob"):
        before = found(whole, store, by_tokens(whole), certain=False)
        after = found(forest, store, by_tokens(forest), certain=False)
        wanted = {row: value for row, value in before.items() if row in kept}
        assert after == pytest.approx(wanted, abs=1e-6)  # nothing here is relative to what else is legal
    if written is single:
        again = found(forest, "bob", resembling(forest, QUERY))
        assert math.fsum(math.exp(value) for value in again.values()) == pytest.approx(1, abs=1e-5)


def test_several_memories_at_one_node_are_told_apart_by_their_own_vectors() -> None:
    own = np.repeat(random_vectors(1, 4, WIDTH), 40, axis=0) + 0.01 * random_vectors(40, 5, WIDTH)
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    own[11] = own[3]
    nodes = np.full(40, TREE.walk(own[:1])[0])
    forest = plant(TREE, nodes, np.arange(1, 41), ["ann"] * 40, np.arange(40), own.astype(np.float32), single)
    scores = found(forest, "ann", resembling(forest, QUERY))
    order = sorted(range(40), key=lambda row: (-float(own[row] @ QUERY), row))
    assert len(scores) == 40 and scores[3] == scores[11]
    exact = 4 * own @ QUERY
    assert scores == pytest.approx(dict(enumerate(exact - np.log(np.exp(exact).sum()))), abs=1e-5)
    assert next(iter(scores)) == order[0]
    assert set(found(forest, "ann", resembling(forest, QUERY), beams=5)) == set(order[:5])


@pytest.mark.parametrize("certain", [False, True])
@pytest.mark.parametrize("written", [single, halves])
def test_steps_multiply_to_what_the_search_finds(written: Written, certain: bool) -> None:
    plot = Plot.of(TREE)
    forest = plot.planted(written)
    for store in ("ann", "bob"):
        rows = plot.of_store(store)
        scores = found(forest, store, by_tokens(forest), certain)
        steps = forest.steps(forest.stores[store], rows, by_tokens(forest), certain)
        for row, own in zip(rows, steps, strict=True):
            assert len(own) == len(plot.docid(row)) and all(0 < p <= 1 for p in own)
            assert math.log(math.prod(own)) == pytest.approx(scores[row], abs=1e-4)
    assert forest.steps(forest.stores["ann"], [], by_tokens(forest), certain) == []


def test_the_only_way_is_certain_where_p_is_among_what_is_legal() -> None:
    own = random_vectors(1, 4, WIDTH)
    forest = plant(TREE, TREE.walk(own), np.array([1]), [None], np.array([5]), own, single)
    assert found(forest, None, by_tokens(forest)) == {5: 0.0}
    assert forest.steps(forest.stores[None], [0], by_tokens(forest), True) == [[1.0] * len(forest.ids[0])]
    assert found(forest, None, by_tokens(forest), certain=False)[5] < 0


def test_ids_of_one_digit() -> None:
    """A tree of three passages has one level: every memory is at its root."""
    tree, own = grown(WIDTH, 3), random_vectors(4, 4, WIDTH)
    forest = plant(tree, tree.walk(own), np.arange(1, 5), [None] * 4, np.arange(4), own, single)
    assert forest.ids == [[(digit, None)] for digit in range(1, 5)] and bool(forest.is_memory.all())
    score = resembling(forest, QUERY)
    exact = 4 * own @ QUERY
    assert found(forest, None, score) == pytest.approx(dict(enumerate(exact - np.log(np.exp(exact).sum()))), abs=1e-5)


def test_a_forest_of_nothing_has_no_store() -> None:
    empty = np.zeros(0, np.int64)
    forest = plant(TREE, empty, empty, [], empty, np.zeros((0, WIDTH), np.float32), single)
    assert forest.stores == {} and forest.ids == [] and len(forest.rows) == 0
