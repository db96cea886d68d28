"""Ids for memories: hierarchical k-means over what they say, and the way down its tree for those it has never seen.

The paper clusters all training passages into k groups, each of these again, and so on until a group holds c or fewer,
which are numbered; the digits on the way down are the id (section 3.2 of its code). A stranger's memory gets its id
by walking down the *stored* centroids, O(k d) a level, with no training and without touching any other id; a last
digit tells those apart that arrive at the same place. Ids are tuples of digits, never strings of them: [1, 12] and
[11, 2] are two ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from engine.artifacts import undamaged
from engine.config import BuildConfig
from engine.files import write_array

ARRAYS = ("vectors", "starts", "leaves")
REMEDY = "Train the model again"
SURE = 1e-5  # a difference of cosines that no rounding makes


class DocidConfig(BuildConfig):
    """How training passages are clustered into ids."""

    scheme: Literal["kmeans", "random"] = Field("kmeans", description="random: the same tree of random groups")
    k: int = Field(20, ge=2, description="children of a node, at most")
    c: int = Field(20, ge=1, description="groups of so many passages or fewer are numbered, not split")
    iterations: int = Field(25, ge=1, description="of each k-means")
    restarts: int = Field(3, ge=1, description="of each k-means; the best is kept")
    seed: int = Field(7, ge=0, description="of k-means' first centroids, or of the random groups")


@dataclass(frozen=True)
class DocidTree:
    """The stored tree. Node 0 is the root; nodes are numbered level by level, children of a node side by side.

    A node's digit is its place among its siblings, from 1. A leaf is one training passage; its vector is the
    passage's own, an inner node's the centroid of what is below it.
    """

    vectors: np.ndarray  # (nodes, d) float32, unit length
    starts: np.ndarray  # (nodes + 1,) int64: the children of node n are 1 + starts[n] .. starts[n + 1]
    leaves: np.ndarray  # (passages,) int64: each training passage's node

    @property
    def children(self) -> np.ndarray:
        """(nodes,) how many children each node has; 0 for a leaf."""
        return np.diff(self.starts)

    @cached_property
    def parents(self) -> np.ndarray:
        """(nodes,) each node's parent; -1 for the root."""
        return np.concatenate([[-1], np.repeat(np.arange(len(self.vectors)), self.children)]).astype(np.int64)

    @cached_property
    def depths(self) -> np.ndarray:
        """(nodes,) digits on the way to each node."""
        depths = np.zeros(len(self.vectors), np.int64)
        for node in range(1, len(depths)):  # parents come first
            depths[node] = depths[self.parents[node]] + 1
        return depths

    @cached_property
    def ends(self) -> np.ndarray:
        """(nodes,) where a walk goes no further: leaves, and nodes whose children are leaves all."""
        lone = self.children == 0
        below = np.ones(len(lone), bool)
        np.logical_and.at(below, self.parents[1:], lone[1:])
        return lone | below

    @cached_property
    def stops(self) -> np.ndarray:
        """(n,) the nodes where a walk can stop: ends below no other end, the root left out."""
        return 1 + np.flatnonzero(self.ends[1:] & ~self.ends[self.parents[1:]])

    def path(self, node: int) -> list[int]:
        """The nodes from below the root down to `node`."""
        way = []
        while node > 0:
            way.append(node)
            node = int(self.parents[node])
        return way[::-1]

    def digit(self, node: int) -> int:
        return int(node - self.starts[self.parents[node]])

    def docid(self, node: int) -> tuple[int, ...]:
        """The digits on the way to `node`, each from 1."""
        return tuple(self.digit(step) for step in self.path(node))

    def walk(self, vectors: np.ndarray) -> np.ndarray:
        """(n,) the node at which each of (n, d) unit vectors ends: at every step to the child most similar to it.

        Ties go to the smaller digit. A node of training passages alone ends the walk: which of them is nearest says
        nothing of a stranger.
        """
        nodes = np.zeros(len(vectors), np.int64)
        active = np.arange(len(vectors))[~self.ends[nodes]]
        while len(active):
            for node in np.unique(nodes[active]):
                here = active[nodes[active] == node]
                first, last = 1 + self.starts[node], 1 + self.starts[node + 1]
                nodes[here] = first + _nearest(vectors[here], self.vectors[first:last])
            active = active[~self.ends[nodes[active]]]
        return nodes

    def save(self, folder: Path) -> None:
        for name in ARRAYS:
            write_array(folder / f"{name}.npy", getattr(self, name))

    @staticmethod
    def load(folder: Path) -> DocidTree:
        """The tree of a folder. Raises FileNotFoundError, or InputError for damaged files."""
        with undamaged(folder, REMEDY):
            arrays: Mapping[str, np.ndarray] = {name: np.load(folder / f"{name}.npy") for name in ARRAYS}
            tree = DocidTree(**arrays)
            if not tree.sound():
                raise ValueError("its arrays do not fit together")
            return tree

    def sound(self) -> bool:
        """Whether the arrays are those of one tree."""
        kinds = [(array.dtype.kind, array.ndim) for array in (self.vectors, self.starts, self.leaves)]
        return (
            kinds == [("f", 2), ("i", 1), ("i", 1)]
            and len(self.starts) == len(self.vectors) + 1
            and (self.starts[0], self.starts[-1]) == (0, len(self.vectors) - 1)
            and bool((self.children >= 0).all())
            and np.array_equal(np.sort(self.leaves), np.flatnonzero(self.children == 0))
        )


def _nearest(vectors: np.ndarray, children: np.ndarray) -> np.ndarray:
    """(n,) which of (k, d) children is most similar to each of (n, d) vectors; the first of equal ones.

    A matrix product rounds differently with other rows beside, so it decides only where there is no doubt.
    """
    similar = vectors @ children.T  # (n, k)
    close = similar >= similar.max(axis=1, keepdims=True) - SURE
    for row in np.flatnonzero(close.sum(axis=1) > 1):
        exact = np.multiply(vectors[row], children, dtype=np.float64, order="C").sum(axis=1)  # (k,)
        similar[row] = exact >= exact.max() - 1e-12
    return np.argmax(similar, axis=1)


def cluster(vectors: np.ndarray, config: DocidConfig) -> DocidTree:
    """The tree of (n, d) unit vectors, n >= 1; the same for the same seed.

    Spherical k-means, so that what is nearest is what the walk, and the model's own scores, call nearest.
    """
    groups: list[np.ndarray] = [np.arange(len(vectors))]  # what lies below each node, in the nodes' order
    starts, leaves = [0], np.zeros(len(vectors), np.int64)
    node = 0
    while node < len(groups):
        members = groups[node]
        if node and len(members) == 1:
            leaves[members[0]] = node
        elif len(members) <= config.c:
            groups += list(members[:, None])
        else:
            groups += _split(vectors, members, config, node)
        starts.append(len(groups) - 1)
        node += 1
    means = np.stack([vectors[members].mean(axis=0) for members in groups]).astype(np.float32)
    norms = np.linalg.norm(means, axis=1, keepdims=True)
    return DocidTree(means / np.maximum(norms, 1e-12), np.asarray(starts, np.int64), leaves)


def _split(vectors: np.ndarray, members: np.ndarray, config: DocidConfig, node: int) -> list[np.ndarray]:
    """At most k groups of `members`, two at least, none empty."""
    k = min(config.k, len(members))
    if config.scheme == "random":
        shuffled = np.random.default_rng([config.seed, node]).permutation(members)
        return [np.sort(part) for part in np.array_split(shuffled, k)]
    nearest = _kmeans(np.ascontiguousarray(vectors[members], np.float32), k, config, node)
    groups = [members[nearest == number] for number in range(k)]
    groups = [group for group in groups if len(group)]
    if len(groups) == 1:  # the same vector throughout: no k-means would ever end
        groups = np.array_split(members, k)
    return groups


def _kmeans(vectors: np.ndarray, k: int, config: DocidConfig, node: int) -> np.ndarray:
    import faiss

    found = faiss.Kmeans(
        vectors.shape[1],
        k,
        niter=config.iterations,
        nredo=config.restarts,
        seed=config.seed + node,
        spherical=True,
        min_points_per_centroid=1,
        max_points_per_centroid=1_000_000_000,
    )
    found.train(vectors)
    return found.index.search(vectors, 1)[1][:, 0]


def last_digits(
    nodes: Sequence[int], stores: Sequence[str | None], taken: Mapping[tuple[str | None, int], int]
) -> list[int]:
    """The digit that tells each memory from those of its store that end at the same node, from 1, in their order.

    `taken` is how many of each (store, node) were numbered before, in earlier segments: theirs stay as they are.
    """
    count = dict(taken)
    digits = []
    for node, store in zip(nodes, stores, strict=True):
        count[store, node] = count.get((store, node), 0) + 1
        digits.append(count[store, node])
    return digits
