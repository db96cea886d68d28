"""The ids of a collection as one forest to decode in, a tree for each person's store, tied to the model's own tree.

Where a walk down the model's tree ended, a memory's last digit follows; that last step is compared with the memory's
own vector, as a training passage's is. Imports torch: import it inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.index.beam import Score
from engine.index.trie import Trie
from engine.methods.pearl.docids import DocidTree


@dataclass(frozen=True, eq=False)
class Forest:
    """`rows[i]` is the collection's row of entry i of `trie`; `stores` gives the root of each person's store.

    Where a digit is one token, trie nodes and edges are tied to the model's tree; else those three say nothing.
    """

    trie: Trie
    rows: np.ndarray  # (entries,) int64
    stores: dict[str | None, int]
    ids: list[list[tuple[int, int | None]]]  # of each entry: its digits, and the model's node where there is one
    tokens: list[list[list[int]]]  # of each entry: the tokens of each digit
    tree_node: Tensor  # (trie nodes,) the model's node that each stands for; of a memory's leaf, where its walk ended
    is_memory: Tensor  # (edges,) whether an edge is a memory's last digit
    targets: Tensor  # (edges,) the model's node, or the memory's entry, that an edge leads to
    own: np.ndarray  # (entries, width) float32, may be mapped: each memory's own vector

    def vectors(self, edges: Tensor, tree_vectors: Tensor) -> Tensor:
        """(e, width) what (e,) edges lead to: centroids, and memories' own vectors."""
        last = self.is_memory[edges]
        found = tree_vectors[torch.where(last, 0, self.targets[edges])]
        if bool(last.any()):
            memories = self.own[self.targets[edges[last]].cpu().numpy()]
            found[last] = torch.from_numpy(np.ascontiguousarray(memories)).to(found)
        return found

    def steps(self, root: int, entries: Sequence[int], score: Score, certain: bool) -> list[list[float]]:
        """p of each digit of each of `entries`, given those before it, for the one query of `score`.

        As in a search, `certain` takes the only edge of a node with p 1. A digit of several tokens has their product.
        """
        flat = [[token for digit in self.tokens[entry] for token in digit] for entry in entries]
        gained: list[list[float]] = [[] for _ in entries]
        nodes, active = [root] * len(entries), list(range(len(entries)))
        level = 0
        while active := [i for i in active if len(flat[i]) > level]:
            node = torch.tensor([nodes[i] for i in active])
            beam, edge = self.trie.legal(node)
            prefix = torch.tensor([flat[i][:level] for i in active], dtype=torch.long).reshape(len(active), level)
            values = score(torch.zeros_like(node), prefix, node, beam, edge)
            wanted = torch.tensor([flat[i][level] for i in active])
            taken = (self.trie.tokens[edge] == wanted[beam]).nonzero()[:, 0]  # one a beam
            degrees = torch.bincount(beam, minlength=len(active))
            for i, e, value, degree in zip(
                active, edge[taken].tolist(), values[taken].tolist(), degrees.tolist(), strict=True
            ):
                gained[i].append(0.0 if certain and degree == 1 else value)
                nodes[i] = int(self.trie.children[e])
            level += 1
        return [_by_digit(self.tokens[entry], values) for entry, values in zip(entries, gained, strict=True)]


def _by_digit(tokens: Sequence[Sequence[int]], values: Sequence[float]) -> list[float]:
    ends = np.cumsum([len(digit) for digit in tokens])
    return [float(np.exp(part.sum())) for part in np.split(np.asarray(values), ends[:-1])]


def plant(
    tree: DocidTree,
    nodes: np.ndarray,
    digits: np.ndarray,
    stores: Sequence[str | None],
    rows: np.ndarray,
    own: np.ndarray,
    tokens: Callable[[Sequence[int]], list[list[int]]],
) -> Forest:
    """The forest of n memories: where each walk ended (n,), the last digits (n,), whose they are, their rows.

    `tokens` writes a docid: the tokens of each of its digits.
    """
    known = {int(node): [(tree.digit(step), step) for step in tree.path(int(node))] for node in np.unique(nodes)}
    ids: list[list[tuple[int, int | None]]] = [
        [*known[node], (digit, None)] for node, digit in zip(nodes.tolist(), digits.tolist(), strict=True)
    ]
    return planted(tree, ids, stores, rows, own, tokens)


def planted(
    tree: DocidTree,
    ids: list[list[tuple[int, int | None]]],
    stores: Sequence[str | None],
    rows: np.ndarray,
    own: np.ndarray,
    tokens: Callable[[Sequence[int]], list[list[int]]],
) -> Forest:
    """The forest of given ids: (digit, the model's node) of each step, None for a last digit that is a memory's own."""
    names = {store: number for number, store in enumerate(dict.fromkeys(stores))}
    groups = np.asarray([names[store] for store in stores], np.int64)
    written = [tokens([digit for digit, _ in docid]) for docid in ids]
    trie = Trie.build([[token for digit in one for token in digit] for one in written], groups)
    tied = all(len(digit) == 1 for one in written for digit in one)
    at, is_memory, targets = _tie(tree, trie) if tied else (np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0))
    return Forest(
        trie,
        np.asarray(rows, np.int64),
        {store: int(trie.roots[number]) for store, number in names.items()},
        ids,
        written,
        torch.from_numpy(at),
        torch.from_numpy(is_memory),
        torch.from_numpy(targets),
        own,
    )


def _tie(tree: DocidTree, trie: Trie) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`tree_node`, `is_memory` and `targets` of a forest whose tokens are digits."""
    starts, tokens, children = (part.numpy() for part in (trie.starts, trie.tokens, trie.children))
    ended = trie.ended.numpy()
    at = np.zeros(len(starts) - 1, np.int64)
    targets, is_memory = np.zeros(len(tokens), np.int64), np.zeros(len(tokens), bool)
    parents = np.repeat(np.arange(len(at)), np.diff(starts))
    entry_at = np.full(len(at), -1, np.int64)
    leaves = np.flatnonzero(np.diff(ended))
    entry_at[leaves] = trie.entries.numpy()[ended[leaves]]
    for level in _levels(parents, children, trie.roots.numpy()):
        above = at[parents[level]]
        last = tree.ends[above]
        below = np.where(last, above, tree.starts[above] + tokens[level])
        at[children[level]] = below
        is_memory[level] = last
        targets[level] = np.where(last, entry_at[children[level]], below)
    return at, is_memory, targets


def _levels(parents: np.ndarray, children: np.ndarray, frontier: np.ndarray) -> Iterator[np.ndarray]:
    """The edges, level by level from the nodes of `frontier`."""
    while len(edges := np.flatnonzero(np.isin(parents, frontier))):
        yield edges
        frontier = children[edges]
