"""Beam search over a prefix tree, beside the scores of all ids and beside transformers' constrained generate."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.index.beam import NOTHING, Found, Score, beam_search, from_logits
from engine.index.trie import Trie
from tests.engine.index.test_trie import END, random_ids

VOCABULARY = 8
Logits = Callable[[int, Sequence[int]], np.ndarray]


def random_logits(seed: int) -> Logits:
    """(VOCABULARY,) logits that depend on the query and on the whole prefix, the same ones each time."""

    def logits(query: int, prefix: Sequence[int]) -> np.ndarray:
        name = repr((seed, query, list(prefix))).encode()
        rng = np.random.default_rng(int.from_bytes(hashlib.blake2b(name, digest_size=8).digest()))
        return rng.normal(0, 2, VOCABULARY).astype(np.float32)

    return logits


def scored_by(trie: Trie, logits: Logits, full: bool) -> Score:
    def score(query: Tensor, prefix: Tensor, node: Tensor, beam: Tensor, edge: Tensor) -> Tensor:
        assert len(query) == len(prefix) == len(node) > 0 and not (prefix == NOTHING).any()
        wanted = trie.legal(node)
        assert torch.equal(beam, wanted[0]) and torch.equal(edge, wanted[1])
        rows = [logits(q, p) for q, p in zip(query.tolist(), prefix.tolist(), strict=True)]
        return from_logits(torch.from_numpy(np.stack(rows)), trie, beam, edge, full)

    return score


def brute_force(ids: Sequence[Sequence[int]], logits: Logits, query: int, full: bool) -> list[float]:
    """log p of every id, each followed token by token with log_softmax over all or over what may follow."""
    ends = [(*one, END) for one in ids]
    scores = []
    for one in ends:
        total = 0.0
        for level, token in enumerate(one):
            own = logits(query, one[:level]).astype(np.float64)
            allowed = sorted({other[level] for other in ends if other[:level] == one[:level] and len(other) > level})
            total += own[token] - np.log(np.exp(own if full else own[allowed]).sum())
        scores.append(total)
    return scores


def lists(found: Found) -> list[list[tuple[int, float]]]:
    pairs = list(zip(found.entries.tolist(), found.scores.tolist(), strict=True))
    return [pairs[a:b] for a, b in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


def greedy(trie: Trie, logits: Logits) -> list[int]:
    node, path = 0, []
    while int(trie.starts[node]) < int(trie.starts[node + 1]):
        edges = range(int(trie.starts[node]), int(trie.starts[node + 1]))
        own = logits(0, path)
        edge = max(edges, key=lambda e: own[int(trie.tokens[e])])
        path.append(int(trie.tokens[edge]))
        node = int(trie.children[edge])
    return trie.entries[int(trie.ended[node]) : int(trie.ended[node + 1])].tolist()


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_with_beams_enough_it_is_exact(seed: int, full: bool) -> None:
    rng = np.random.default_rng(seed)
    ids, logits, queries = random_ids(rng, 40), random_logits(seed), 3
    trie = Trie.build(ids, end=END)
    found = beam_search(trie, torch.zeros(queries, dtype=torch.long), scored_by(trie, logits, full), 40, not full)
    for query, own in enumerate(lists(found)):
        wanted = brute_force(ids, logits, query, full)
        assert sorted(entry for entry, _ in own) == list(range(40))
        scores = np.array([score for _, score in own])
        np.testing.assert_allclose(scores, [wanted[entry] for entry, _ in own], atol=1e-4)
        assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("seed", range(12))
def test_few_beams_stay_in_the_tree_and_know_their_scores(seed: int) -> None:
    """Whatever is left out, what is found is an id of the group, once, with its own log p, at its own leaf."""
    rng = np.random.default_rng(100 + seed)
    ids, logits = random_ids(rng, 50), random_logits(seed)
    groups, beams, full = rng.integers(0, 3, 50), int(rng.integers(1, 8)), bool(seed % 2)
    trie = Trie.build(ids, groups, END)
    asked = torch.from_numpy(rng.integers(0, len(trie.roots), 5))
    found = beam_search(trie, trie.roots[asked], scored_by(trie, logits, full), beams, certain=not full)
    for query, (group, own) in enumerate(zip(asked.tolist(), lists(found), strict=True)):
        members = np.flatnonzero(groups == group)
        wanted = brute_force([ids[i] for i in members], logits, query, full)
        different = {tuple(ids[entry]) for entry, _ in own}
        assert len(different) <= min(beams, len({tuple(ids[i]) for i in members}))
        assert len({entry for entry, _ in own}) == len(own) == sum(tuple(ids[i]) in different for i in members)
        for entry, score in own:
            assert groups[entry] == group
            assert score == pytest.approx(wanted[list(members).index(entry)], abs=1e-4)
    for entry, leaf in zip(found.entries.tolist(), found.leaves.tolist(), strict=True):
        assert entry in trie.entries[int(trie.ended[leaf]) : int(trie.ended[leaf + 1])].tolist()


@pytest.mark.parametrize("seed", range(8))
def test_a_batch_is_each_query_alone_and_one_beam_is_greedy(seed: int) -> None:
    rng = np.random.default_rng(200 + seed)
    trie, logits = Trie.build(random_ids(rng, 60), rng.integers(0, 2, 60), END), random_logits(seed)
    roots = torch.tensor([0, 1, 0, 1])
    together = lists(beam_search(trie, roots, scored_by(trie, logits, False), 4))
    for query, own in enumerate(together):
        alone = scored_by(trie, lambda _, prefix, query=query: logits(query, prefix), False)
        assert lists(beam_search(trie, roots[query : query + 1], alone, 4)) == [own]
    first = beam_search(trie, roots[:1], scored_by(trie, logits, False), 1)
    assert first.entries.tolist() == greedy(trie, logits)


def test_what_is_certain_is_not_asked_but_written() -> None:
    trie = Trie.build([[1, 2, 3, 4], [1, 2, 3, 5], [7]])
    seen = []

    def score(query: Tensor, prefix: Tensor, node: Tensor, beam: Tensor, edge: Tensor) -> Tensor:
        seen.append(prefix.tolist())
        return torch.full(edge.shape, 0.5).log()

    found = beam_search(trie, torch.tensor([0]), score, 3)
    assert seen == [[[]], [[1, 2, 3]]]
    assert lists(found) == [[(2, pytest.approx(np.log(0.5))), (0, pytest.approx(np.log(0.25))), (1, found.scores[2])]]
    seen.clear()
    beam_search(trie, torch.tensor([0]), score, 3, certain=False)
    assert seen == [[[]], [[1]], [[1, 2]], [[1, 2, 3]]]  # [7] is finished after the first


def test_where_greedy_fails_a_second_beam_helps() -> None:
    trie = Trie.build([[1, 1], [1, 2], [2, 1]])
    chances = {(): [0, 0.6, 0.4], (1,): [0, 0.5, 0.5], (2,): [0, 1, 0]}

    def score(query: Tensor, prefix: Tensor, node: Tensor, beam: Tensor, edge: Tensor) -> Tensor:
        rows = torch.tensor([chances[tuple(p)] for p in prefix.tolist()])
        return rows[beam, trie.tokens[edge]].log()

    best = {n: lists(beam_search(trie, torch.tensor([0]), score, n))[0] for n in (1, 2, 3)}
    assert best[1] == [(0, pytest.approx(np.log(0.3)))]
    assert best[2] == [(2, pytest.approx(np.log(0.4))), (0, pytest.approx(np.log(0.3)))]
    assert [entry for entry, _ in best[3]] == [2, 0, 1]  # 0 and 1 are equal: the smaller token first


def flat_score(query: Tensor, prefix: Tensor, node: Tensor, beam: Tensor, edge: Tensor) -> Tensor:
    return torch.full(edge.shape, -1.0)


def test_ties_are_ordered_by_path_also_at_the_cut() -> None:
    ids = [[3, 1], [1, 2], [2, 9], [1, 1], [3, 0]]
    trie = Trie.build(ids)
    for beams, wanted in ((2, [3, 1]), (3, [3, 1, 2]), (5, [3, 1, 2, 4, 0])):
        found = beam_search(trie, torch.tensor([0, 0]), flat_score, beams, certain=False)
        assert found.entries.tolist() == wanted * 2
    wide = Trie.build([[token] for token in range(1000)])
    assert beam_search(wide, torch.tensor([0]), flat_score, 7).entries.tolist() == list(range(7))


def test_collisions_are_all_returned_and_take_one_place() -> None:
    trie = Trie.build([[2], [1], [2], [3], [2]])

    def score(query: Tensor, prefix: Tensor, node: Tensor, beam: Tensor, edge: Tensor) -> Tensor:
        return torch.tensor([-3.0, -1.0, -2.0])

    found = beam_search(trie, torch.tensor([0]), score, 2)
    assert lists(found) == [[(0, -1.0), (2, -1.0), (4, -1.0), (3, -2.0)]]
    assert found.leaves.tolist() == [2, 2, 2, 3]


def test_nothing_to_find() -> None:
    trie = Trie.build([[1], [2]], [0, 2])
    found = beam_search(trie, torch.tensor([1, 2, 1]), flat_score, 3)
    assert found.offsets.tolist() == [0, 0, 1, 1] and found.entries.tolist() == [1]
    none = beam_search(trie, torch.tensor([], dtype=torch.long), flat_score, 3)
    assert none.offsets.tolist() == [0] and none.scores.dtype == np.float32 and none.entries.dtype == np.int64


def test_an_impossible_id_comes_last() -> None:
    trie = Trie.build([[1], [2], [3]])
    logits = torch.tensor([[0, -torch.inf, 1, 0]])
    for full in (True, False):
        found = beam_search(
            trie, torch.tensor([0]), lambda q, p, n, b, e, f=full: from_logits(logits, trie, b, e, f), 3
        )
        assert found.entries.tolist() == [1, 2, 0] and found.scores[-1] == -np.inf


def test_faults_are_told() -> None:
    trie, root = Trie.build([[1], [2]]), torch.tensor([0])
    with pytest.raises(ValueError, match="NaN at step 0, first for query 0"):
        beam_search(trie, root, lambda q, p, n, b, e: torch.full(e.shape, torch.nan), 2)
    with pytest.raises(ValueError, match="NaN"):  # nothing legal is possible
        beam_search(trie, root, lambda q, p, n, b, e: from_logits(torch.full((1, 3), -torch.inf), trie, b, e, False), 2)
    with pytest.raises(ValueError, match=r"shape \(1, 2\)"):
        beam_search(trie, root, lambda q, p, n, b, e: torch.zeros(1, 2), 2)
    with pytest.raises(ValueError, match="at least one beam"):
        beam_search(trie, root, flat_score, 0)
    with pytest.raises(IndexError):
        from_logits(torch.zeros(1, 2), trie, *trie.legal(root), full=False)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("longest", "beams"), [(None, 3), (None, 8), (4, 40)])
def test_beside_transformers_generate(longest: int | None, beams: int, full: bool) -> None:
    """Ids of one length with few beams; ids of any length only with beams for all of them.

    generate keeps finished sequences apart from the running ones, so that it follows more than `beams` where some
    finish early; ours compete for the places.
    """
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    config = T5Config(
        vocab_size=50, d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, decoder_start_token_id=0,
        pad_token_id=0, eos_token_id=1, initializer_factor=3.0,
    )  # fmt: skip
    model = T5ForConditionalGeneration(config).eval()
    rng = np.random.default_rng(0)
    ids = [rng.integers(2, 7, rng.integers(1, longest) if longest else 3).tolist() for _ in range(40)]
    ids = sorted({tuple(one) for one in ids})
    trie = Trie.build(ids, end=1)
    questions = torch.from_numpy(rng.integers(2, 50, (3, 6)))

    def score(query: Tensor, prefix: Tensor, node: Tensor, beam: Tensor, edge: Tensor) -> Tensor:
        started = torch.cat([prefix.new_zeros(len(prefix), 1), prefix], dim=1)
        logits = model(input_ids=questions[query], decoder_input_ids=started).logits[:, -1]
        return from_logits(logits, trie, beam, edge, full)

    found = lists(beam_search(trie, torch.zeros(3, dtype=torch.long), score, beams, certain=not full))

    follow: dict[tuple[int, ...], set[int]] = {}
    for one in ids:
        for level, token in enumerate((*one, 1)):
            follow.setdefault(one[:level], set()).add(token)
    made = model.generate(
        questions, num_beams=beams, num_return_sequences=beams, early_stopping=False, length_penalty=0.0,
        do_sample=False, max_new_tokens=max(map(len, ids)) + 1, renormalize_logits=not full,
        prefix_allowed_tokens_fn=lambda _, sent: sorted(follow.get(tuple(sent[1:].tolist()), {0})),
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    for query, own in enumerate(found):
        rows = slice(query * beams, (query + 1) * beams)
        theirs = []
        for sequence, total in zip(made.sequences[rows].tolist(), made.sequences_scores[rows].tolist(), strict=True):
            if total > -1e8:  # the places of beams that it had no more ids for
                theirs.append((ids.index(tuple(token for token in sequence if token > 1)), total))
        assert len(own) == min(beams, len(ids))
        assert [entry for entry, _ in own] == [entry for entry, _ in theirs]
        np.testing.assert_allclose([s for _, s in own], [s for _, s in theirs], atol=1e-4)
