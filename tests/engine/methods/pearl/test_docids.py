"""Ids of training passages and of strangers' memories: their form, their meaning, and that they stay as they are."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.errors import InputError
from engine.files import write_array
from engine.methods.pearl.docids import ARRAYS, DocidConfig, DocidTree, cluster, last_digits

CONFIG = DocidConfig(k=4, c=3, iterations=10, restarts=1)
Docid = tuple[int, ...]


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def random_vectors(count: int, seed: int = 0, width: int = 8) -> np.ndarray:
    return unit(np.random.default_rng(seed).normal(size=(count, width)))


def clustered(count: int, seed: int = 0, width: int = 16) -> np.ndarray:
    """Groups of groups: 5 far apart, in each 5 near each other, in each some passages."""
    rng = np.random.default_rng(seed)
    far, near = rng.normal(size=(5, width)), rng.normal(size=(5, 5, width))
    outer, inner = rng.integers(5, size=(2, count))
    return unit(far[outer] + 0.5 * near[outer, inner] + 0.2 * rng.normal(size=(count, width)))


def docids(tree: DocidTree) -> list[Docid]:
    return [tree.docid(leaf) for leaf in tree.leaves.tolist()]


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def assert_sound(tree: DocidTree, count: int, config: DocidConfig) -> None:
    ids = docids(tree)
    assert len(ids) == len(set(ids)) == count
    assert all(1 <= digit <= max(config.k, config.c) for one in ids for digit in one)
    assert not any(one[:length] in set(ids) for one in ids for length in range(len(one)))  # the empty id is none
    assert (tree.children[tree.leaves] == 0).all() and (tree.children == 0).sum() == count
    assert tree.children.max() <= max(config.k, config.c)
    np.testing.assert_allclose(np.linalg.norm(tree.vectors, axis=1), 1, atol=1e-5)


# ties and tiny stores among them
STORES = {
    "one": random_vectors(1),
    "two": random_vectors(2),
    "fewer than k": random_vectors(3),
    "as many as c": random_vectors(3, 1),
    "one more than c": random_vectors(4),
    "some": random_vectors(150),
    "groups": clustered(300),
    "all the same": np.repeat(random_vectors(1), 60, axis=0),
    "three vectors": np.repeat(random_vectors(3), 20, axis=0),
    "the same, and one other": np.concatenate([np.repeat(random_vectors(1), 40, axis=0), random_vectors(1, 5)]),
}


@pytest.mark.parametrize("scheme", ["kmeans", "random"])
@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize(("k", "c"), [(4, 3), (2, 1), (5, 7)])
def test_ids_are_unique_and_prefix_free_and_defect_10_duplicates_end(name: str, scheme: str, k: int, c: int) -> None:
    config = CONFIG.model_copy(update={"scheme": scheme, "k": k, "c": c})
    tree = cluster(STORES[name], config)
    assert_sound(tree, len(STORES[name]), config)
    for passage, leaf in enumerate(tree.leaves):
        np.testing.assert_allclose(tree.vectors[leaf], STORES[name][passage], atol=1e-6)


def test_leaves_say_which_passage_is_where() -> None:
    vectors = random_vectors(150)
    tree = cluster(vectors, CONFIG)
    for node in np.flatnonzero(tree.children):
        below = [p for p, leaf in enumerate(tree.leaves.tolist()) if node in (0, *tree.path(leaf))]
        np.testing.assert_allclose(tree.vectors[node], unit(vectors[below].mean(axis=0, keepdims=True))[0], atol=1e-5)
        assert tree.depths[node] == len(tree.docid(int(node)))


def test_the_seed_decides() -> None:
    vectors = random_vectors(150)
    one, same, other = (cluster(vectors, CONFIG.model_copy(update={"seed": seed})) for seed in (7, 7, 8))
    assert all(np.array_equal(getattr(one, name), getattr(same, name)) for name in ARRAYS)
    assert docids(one) != docids(other)


@pytest.mark.parametrize("vectors", [clustered(300), random_vectors(150)], ids=["groups", "noise"])
def test_a_longer_shared_prefix_is_a_higher_cosine(vectors: np.ndarray) -> None:
    ids = docids(cluster(vectors, CONFIG))
    by_depth: dict[int, list[float]] = {}
    for one, other in itertools.combinations(range(len(ids)), 2):
        by_depth.setdefault(min(shared(ids[one], ids[other]), 2), []).append(float(vectors[one] @ vectors[other]))
    means = [float(np.mean(by_depth[depth])) for depth in range(3)]
    assert means == sorted(means) and means[2] > means[0] + 0.2
    everything = float(np.mean([value for values in by_depth.values() for value in values]))
    assert means[1] > everything


def test_random_groups_mean_nothing() -> None:
    vectors = clustered(300)
    ids = docids(cluster(vectors, CONFIG.model_copy(update={"scheme": "random"})))
    cosines = vectors @ vectors.T
    pairs = list(itertools.combinations(range(len(ids)), 2))
    together = [cosines[pair] for pair in pairs if shared(ids[pair[0]], ids[pair[1]]) >= 1]
    assert abs(np.mean(together) - np.mean([cosines[pair] for pair in pairs])) < 0.05


def descent(tree: DocidTree, vector: np.ndarray) -> int:
    """Down to the most similar child while there is a grandchild, written with the definitions alone."""
    below: dict[int, list[int]] = {}
    for node, parent in enumerate(tree.parents.tolist()):
        below.setdefault(parent, []).append(node)
    node = 0
    while any(child in below for child in below.get(node, [])):
        node = max(below[node], key=lambda child: (np.float64(vector) @ np.float64(tree.vectors[child]), -child))
    return node


@pytest.mark.parametrize("scheme", ["kmeans", "random"])
def test_a_stranger_walks_to_the_most_similar_child(scheme: str) -> None:
    tree = cluster(clustered(300), CONFIG.model_copy(update={"scheme": scheme}))
    strangers = np.concatenate([clustered(100, 1), random_vectors(100, 2, 16)])
    nodes = tree.walk(strangers)
    assert nodes.tolist() == [descent(tree, vector) for vector in strangers]
    assert len(set(nodes.tolist())) > 20 and tree.ends[nodes].all()


def test_ids_of_strangers_are_prefix_free() -> None:
    tree = cluster(clustered(300), CONFIG)
    nodes = tree.walk(random_vectors(500, 3, 16)).tolist()
    ids = [(*tree.docid(node), digit) for node, digit in zip(nodes, last_digits(nodes, [None] * 500, {}), strict=True)]
    assert len(set(ids)) == 500
    assert not any(one[:length] in set(ids) for one in ids for length in range(len(one)))


@pytest.mark.parametrize("vectors", [clustered(300, width=384), np.repeat(random_vectors(1, 0, 384), 90, axis=0)])
def test_a_walk_depends_on_nothing_else_that_walks(vectors: np.ndarray) -> None:
    """Whatever the matrix routine does with other shapes; with equal centroids everything is a tie."""
    tree = cluster(vectors, CONFIG)
    strangers = np.concatenate([vectors[:37], clustered(40, 1, 384)])
    together = tree.walk(strangers).tolist()
    for size in (1, 2, 7):
        parts = [tree.walk(strangers[start : start + size]) for start in range(0, len(strangers), size)]
        assert np.concatenate(parts).tolist() == together
    assert tree.walk(strangers[::-1]).tolist() == together[::-1]
    assert tree.walk(np.asfortranarray(strangers)).tolist() == together
    assert tree.walk(strangers[:0]).tolist() == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_in_a_tree_of_one_level_every_walk_ends_at_the_root(count: int) -> None:
    tree = cluster(random_vectors(count), CONFIG)
    assert tree.walk(random_vectors(5, 1)).tolist() == [0] * 5
    assert docids(tree) == [(digit,) for digit in range(1, count + 1)]


def test_last_digits_count_within_a_store_and_a_node() -> None:
    nodes, stores = [5, 5, 9, 5, 5], ["ann", "bob", "ann", "ann", None]
    assert last_digits(nodes, stores, {}) == [1, 1, 1, 2, 1]
    taken = {("ann", 5): 7, ("bob", 9): 3}
    assert last_digits(nodes, stores, taken) == [8, 1, 1, 9, 1]
    assert taken == {("ann", 5): 7, ("bob", 9): 3}
    assert last_digits([], [], {}) == []


def test_later_memories_leave_earlier_ids_as_they_are() -> None:
    tree = cluster(clustered(300), CONFIG)
    vectors, stores = clustered(200, 1), ["ann", "bob"] * 100
    nodes = tree.walk(vectors).tolist()
    whole = last_digits(nodes, stores, {})
    taken, parts = Counter[tuple[str | None, int]](), list[int]()
    for low, high in ((0, 90), (90, 91), (91, 200)):  # each segment on its own, its walk too
        own = tree.walk(vectors[low:high]).tolist()
        assert own == nodes[low:high]
        parts += last_digits(own, stores[low:high], taken)
        taken.update(zip(stores[low:high], own, strict=True))
        assert parts == whole[:high]
    ids = Counter((store, *tree.docid(node), digit) for store, node, digit in zip(stores, nodes, whole, strict=True))
    assert max(ids.values()) == 1


def test_defect_5_two_digits_are_not_two_times_one_digit() -> None:
    """1 12 and 11 2 read the same once they are joined."""
    config = DocidConfig(k=12, c=12, iterations=5, restarts=1)
    ids = docids(cluster(random_vectors(12 * 12, width=16), config.model_copy(update={"scheme": "random"})))
    assert {(1, 12), (11, 2), (1, 1), (11, 1)} <= set(ids)
    assert len({"".join(map(str, one)) for one in ids}) < len(set(ids)) == len(ids) == 144


def saved(folder: Path) -> DocidTree:
    tree = cluster(clustered(80), CONFIG)
    tree.save(folder)
    return tree


def test_a_saved_tree_is_the_same_tree(tmp_path: Path) -> None:
    tree = saved(tmp_path)
    again = DocidTree.load(tmp_path)
    strangers = clustered(50, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.npy" for name in ARRAYS)
    for name in (*ARRAYS, "parents", "depths", "ends"):
        assert np.array_equal(getattr(again, name), getattr(tree, name))
        assert getattr(again, name).dtype == getattr(tree, name).dtype
    assert docids(again) == docids(tree) and np.array_equal(again.walk(strangers), tree.walk(strangers))


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("harm", ["empty", "short", "noise", "cut", "shape", "kind"])
def test_damaged_files_are_told(tmp_path: Path, name: str, harm: str) -> None:
    saved(tmp_path)
    path = tmp_path / f"{name}.npy"
    array, raw = np.load(path), path.read_bytes()
    if harm in ("cut", "shape", "kind"):
        write_array(path, {"cut": array[:-2], "shape": array.reshape(-1, 1, 1), "kind": array.astype(str)}[harm])
    else:
        path.write_bytes({"empty": b"", "short": raw[:-7], "noise": b"\x00" * len(raw)}[harm])
    with pytest.raises(InputError, match="damaged"):
        DocidTree.load(tmp_path)


@pytest.mark.parametrize("harm", ["backwards", "leaf outside", "leaf inside", "leaf twice"])
def test_arrays_that_no_tree_has_are_told(tmp_path: Path, harm: str) -> None:
    tree = saved(tmp_path)
    if harm == "backwards":
        starts = tree.starts.copy()
        starts[1], starts[2] = starts[2], starts[1]
        write_array(tmp_path / "starts.npy", starts)
    else:
        leaves = tree.leaves.copy()
        leaves[0] = {"leaf outside": len(tree.vectors), "leaf inside": 0, "leaf twice": leaves[1]}[harm]
        write_array(tmp_path / "leaves.npy", leaves)
    with pytest.raises(InputError, match="damaged"):
        DocidTree.load(tmp_path)


def test_an_absent_file_is_absent(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "starts.npy").unlink()
    with pytest.raises(FileNotFoundError):
        DocidTree.load(tmp_path)
