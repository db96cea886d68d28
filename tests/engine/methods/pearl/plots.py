"""A tree of ids, two people's stores in it, and the step probabilities of their ids straight from the definitions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.index.beam import Found
from engine.methods.pearl.docids import DocidConfig, DocidTree, cluster, last_digits
from engine.methods.pearl.forest import Forest, plant

Logits = Callable[[Sequence[int]], np.ndarray]  # (vocabulary,) after these tokens


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def random_vectors(count: int, seed: int, width: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, width)))


def grown(width: int, count: int = 40, seed: int = 0) -> DocidTree:
    return cluster(random_vectors(count, seed, width), DocidConfig(k=3, c=3, iterations=10, restarts=1))


@dataclass
class Plot:
    """Memories of `ann` and `bob`, each at a node of the tree, several at some."""

    tree: DocidTree
    own: np.ndarray
    stores: list[str | None]
    nodes: np.ndarray
    digits: np.ndarray

    @staticmethod
    def of(tree: DocidTree, count: int = 24, seed: int = 1) -> Plot:
        own = random_vectors(count, seed, tree.vectors.shape[1])
        own[3], own[5] = own[1], own[0]  # the same memory twice in bob's store; one both have
        stores: list[str | None] = ["ann" if n % 3 == 0 else "bob" for n in range(count)]
        nodes = tree.walk(own)
        digits = np.asarray(last_digits(nodes.tolist(), stores, {}))
        assert digits.max() >= 3 and (tree.children[nodes] == 0).any()  # several at one node; some at a leaf
        return Plot(tree, own, stores, nodes, digits)

    def planted(self, written: Any, rows: Sequence[int] | None = None) -> Forest:
        rows = range(len(self.own)) if rows is None else rows
        kept = np.asarray(rows, np.int64)
        stores = [self.stores[row] for row in rows]
        return plant(self.tree, self.nodes[kept], self.digits[kept], stores, kept, self.own[kept], written)

    def of_store(self, store: str | None, rows: Sequence[int] | None = None) -> list[int]:
        return [row for row in (range(len(self.own)) if rows is None else rows) if self.stores[row] == store]

    def docid(self, row: int) -> tuple[int, ...]:
        return (*self.tree.docid(int(self.nodes[row])), int(self.digits[row]))

    def tree_steps(self, row: int, beside: Sequence[int], full: bool, looked_for: Any) -> list[float]:
        """p of each digit of `row`'s id in the store of `beside`: a softmax over what a child or memory resembles."""
        way = [0, *self.tree.path(int(self.nodes[row]))]
        passed = {step for other in beside for step in self.tree.path(int(self.nodes[other]))}
        steps = []
        for node, child in itertools.pairwise(way):
            logits = {int(c): self._vector(int(c)) @ looked_for(node) for c in self._children(node)}
            allowed = set(logits) if full else set(logits) & passed
            steps.append(_softmax(logits[child], [logits[c] for c in allowed]))
        node = way[-1]
        here = {other: np.float64(self.own[other]) @ looked_for(node) for other in beside if self.nodes[other] == node}
        trained = [self._vector(int(c)) @ looked_for(node) for c in self._children(node)] if full else []
        return [*steps, _softmax(here[row], [*here.values(), *trained])]

    def _children(self, node: int) -> np.ndarray:
        return np.flatnonzero(self.tree.parents == node)

    def _vector(self, node: int) -> np.ndarray:
        return np.float64(self.tree.vectors[node])


def digit_steps(
    id_: Sequence[Sequence[int]], beside: Sequence[Sequence[Sequence[int]]], full: bool, writable: Sequence[int],
    logits: Logits,
) -> list[float]:  # fmt: skip
    """p of each digit of an id, token by token, over all `writable` ones or those that continue an id of `beside`."""
    flat = [[token for digit in one for token in digit] for one in beside]
    steps, before = [], list[int]()
    for digit in id_:
        p = 1.0
        for token in digit:
            values = np.float64(logits(before))
            allowed = {one[len(before)] for one in flat if one[: len(before)] == before and len(one) > len(before)}
            p *= _softmax(values[token], [values[t] for t in (writable if full else sorted(allowed))])
            before.append(token)
        steps.append(p)
    return steps


def _softmax(value: float, among: Sequence[float]) -> float:
    peak = max(among)
    return math.exp(value - peak) / sum(math.exp(other - peak) for other in among)


def ranked(found: Found, forest: Forest) -> list[list[tuple[int, float]]]:
    """Rows and log p, a list a query."""
    pairs = list(zip(forest.rows[found.entries].tolist(), found.scores.tolist(), strict=True))
    return [pairs[a:b] for a, b in zip(found.offsets[:-1], found.offsets[1:], strict=True)]
