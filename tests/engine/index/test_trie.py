"""The prefix tree: every id can be written and nothing else, groups are apart, and faults are told."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from engine.errors import InputError
from engine.index.trie import Trie, segment_log_softmax

END = 0


def random_ids(rng: np.random.Generator, n: int, vocabulary: int = 6, longest: int = 5) -> list[list[int]]:
    """Ids of tokens from 1 on, many of them twice or prefixes of others."""
    return [rng.integers(1, vocabulary, rng.integers(1, longest + 1)).tolist() for _ in range(n)]


def walk(trie: Trie, root: int) -> dict[tuple[int, ...], list[int]]:
    """The entries at the end of each path from `root`, read one node at a time; the slow way."""
    found, queue = {}, [((), root)]
    while queue:
        path, node = queue.pop()
        first, last = int(trie.starts[node]), int(trie.starts[node + 1])
        own = trie.entries[int(trie.ended[node]) : int(trie.ended[node + 1])].tolist()
        assert not (own and last > first), "an entry ends at a leaf only"
        if own:
            found[path] = own
        tokens = trie.tokens[first:last].tolist()
        assert tokens == sorted(set(tokens))
        queue += [((*path, t), int(trie.children[e])) for e, t in zip(range(first, last), tokens, strict=True)]
    return found


def expected(ids: Sequence[Sequence[int]], groups: Sequence[int], end: int | None) -> list[dict]:
    trees: list[dict] = [{} for _ in range(max(groups) + 1)]
    for entry, (one, group) in enumerate(zip(ids, groups, strict=True)):
        trees[group].setdefault((*one, end) if end is not None else tuple(one), []).append(entry)
    return trees


def test_a_small_tree_as_it_lies_in_memory() -> None:
    trie = Trie.build([[3, 1], [2], [3, 1], [3, 4]])
    assert trie.starts.tolist() == [0, 2, 2, 4, 4, 4]  # root; then "2"; "3"; "3 1"; "3 4"
    assert trie.tokens.tolist() == [2, 3, 1, 4]
    assert trie.children.tolist() == [1, 2, 3, 4]
    assert trie.roots.tolist() == [0]
    assert trie.ended.tolist() == [0, 0, 1, 1, 3, 4]
    assert trie.entries.tolist() == [1, 0, 2, 3]  # 0 and 2 collide at "3 1"


@pytest.mark.parametrize("seed", range(20))
def test_every_id_is_reachable_and_nothing_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = random_ids(rng, int(rng.integers(1, 60)))
    groups = rng.integers(0, 4, len(ids))
    trie = Trie.build(ids, groups, END)
    assert trie.roots.tolist() == list(range(groups.max() + 1))
    assert [walk(trie, root) for root in trie.roots.tolist()] == expected(ids, groups.tolist(), END)


def test_a_list_and_flat_arrays_make_the_same_tree() -> None:
    ids = random_ids(np.random.default_rng(0), 50)
    flat, offsets = np.concatenate(ids), np.cumsum([0, *map(len, ids)])
    assert walk(Trie.build((flat, offsets), end=END), 0) == walk(Trie.build(ids, end=END), 0)


def test_a_group_without_entries_is_an_empty_root() -> None:
    trie = Trie.build([[1], [2]], [0, 2])
    assert [walk(trie, root) for root in trie.roots.tolist()] == [{(1,): [0]}, {}, {(2,): [1]}]
    assert walk(Trie.build([]), 0) == {}


def test_prefixes_need_an_end() -> None:
    with pytest.raises(InputError, match=r"entry 1 is a prefix.*`end`"):
        Trie.build([[1, 2], [1]])
    Trie.build([[1, 2], [1]], groups=[0, 1])  # of another group it may be
    assert walk(Trie.build([[1, 2], [1]], end=END), 0) == {(1, 2, END): [0], (1, END): [1]}
    with pytest.raises(InputError, match="prefix"):
        Trie.build([[1, END], [1]], end=END)  # "1 END" and "1 END END"


@pytest.mark.parametrize(
    ("ids", "groups", "end", "message"),
    [
        ([[1], []], None, None, "entry 1 is empty"),
        ([[1], [4, -2]], None, None, "entry 1 has the token -2"),
        ([[1], [2**31]], None, None, "entry 1 has the token 2147483648"),
        ([[1]], None, -1, "token -1"),
        ([[1], [2]], [0], None, "groups of shape"),
        ([[1], [2]], [0, -1], None, "negative"),
    ],
)
def test_faults_are_told(ids: list, groups: list | None, end: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Trie.build(ids, groups, end)


def test_an_empty_id_has_its_end() -> None:
    assert walk(Trie.build([[], [1]], end=END), 0) == {(END,): [0], (1, END): [1]}


def test_legal_edges_of_many_nodes() -> None:
    trie = Trie.build([[3, 1], [2], [3, 4]])
    beam, edge = trie.legal(torch.tensor([2, 1, 0, 2]))  # node 1 is a leaf
    assert beam.tolist() == [0, 0, 2, 2, 3, 3]
    assert trie.tokens[edge].tolist() == [1, 4, 2, 3, 1, 4]
    assert [part.shape for part in trie.legal(torch.tensor([1]))] == [(0,), (0,)]
    assert [part.shape for part in trie.legal(torch.tensor([], dtype=torch.long))] == [(0,), (0,)]


def test_a_hundred_thousand_ids_take_well_under_a_second() -> None:
    flat = np.random.default_rng(0).integers(0, 25, 500_000)
    started = time.process_time()
    trie = Trie.build((flat, np.arange(0, 500_001, 5)))
    assert time.process_time() - started < 1
    assert len(trie.entries) == 100_000


def test_a_copy_on_a_device() -> None:
    trie = Trie.build([[1]]).to("meta")
    assert trie.tokens.device.type == trie.entries.device.type == "meta"


@pytest.mark.parametrize("seed", range(5))
def test_segment_log_softmax_is_torch_s(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 9, 7)
    segment = torch.from_numpy(rng.permutation(np.repeat(np.arange(7), sizes)))
    values = torch.from_numpy(rng.normal(0, 300, len(segment))).float()
    values[segment == 3] += 1e4  # exp of it is infinite
    values[rng.random(len(values)) < 0.2] = -torch.inf
    values[(segment == 5).nonzero()[0]] = 1.0
    values.requires_grad_()
    ours = segment_log_softmax(values, segment, 8)  # segment 7 is empty
    weights = torch.from_numpy(rng.normal(size=len(values))).float()
    ours_gradient = torch.autograd.grad((ours.exp() * weights).sum(), values, retain_graph=True)[0]
    for number in range(7):
        own = segment == number
        direct = torch.log_softmax(values[own], 0)
        torch.testing.assert_close(ours[own], direct, equal_nan=True)
        gradient = torch.autograd.grad((direct.exp() * weights[own]).sum(), values, retain_graph=True)[0]
        torch.testing.assert_close(ours_gradient[own], gradient[own], equal_nan=True)


def test_segment_log_softmax_of_infinities_and_halves() -> None:
    inf = torch.inf
    made = segment_log_softmax(torch.tensor([-inf, 0, -inf, -inf, 5]), torch.tensor([0, 0, 1, 1, 2]), 3)
    assert made[[0, 1, 4]].tolist() == [-inf, 0, 0] and made[2:4].isnan().all()  # nothing is possible in segment 1
    half = segment_log_softmax(torch.zeros(4, dtype=torch.bfloat16), torch.zeros(4, dtype=torch.long), 1)
    torch.testing.assert_close(half, torch.full((4,), -np.log(4), dtype=torch.float32))
