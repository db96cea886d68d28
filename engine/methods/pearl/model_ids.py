"""Ids that the model itself makes for strangers' memories, the published alternative (section 4.1 of its code).

The model writes the id of every memory as it would a question's, over all of its tree; a memory takes the first of its
candidates that no other of its store has. Published, whoever finds all of them taken ends the program; here a last
digit tells such memories apart, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from engine.index.beam import beam_search
from engine.methods.pearl.docids import DocidTree
from engine.methods.pearl.forest import Forest, planted
from engine.methods.pearl.model import PearlModel
from engine.progress import bar

CANDIDATES = 20  # ids that a memory may choose among
TOGETHER = 16  # memories that are read at once


def model_ids(
    model: PearlModel, texts: Sequence[str], stores: Sequence[str | None], taken: set[tuple[str | None, int]]
) -> np.ndarray:
    """(n,) the node of each memory, one of `model.places`. `texts` are as the model reads them.

    `taken` are the (store, node) of earlier memories, which keep theirs; it is added to.
    """
    ways = whole_tree(model)
    nodes = np.empty(len(texts), np.int64)
    with bar("writing ids", len(texts), "memories") as progress:
        for number, candidates in enumerate(_candidates(model, texts, ways)):
            free = (node for node in candidates if (stores[number], node) not in taken)
            nodes[number] = next(free, candidates[0])
            taken.add((stores[number], int(nodes[number])))
            progress.update(1)
    return nodes


def whole_tree(model: PearlModel) -> Forest:
    """Every place that a memory's id may have, as ids to decode among; entry i is the i-th of `model.places`."""
    tree: DocidTree = model.tree
    ids: list[list[tuple[int, int | None]]] = [[(tree.digit(n), n) for n in tree.path(int(at))] for at in model.places]
    own = np.empty((0, tree.vectors.shape[1]), np.float32)
    return planted(tree, ids, [None] * len(ids), model.places, own, model.written)


def _candidates(model: PearlModel, texts: Sequence[str], ways: Forest) -> Iterator[list[int]]:
    device = next(model.parameters()).device
    for start in range(0, len(texts), TOGETHER):
        some = texts[start : start + TOGETHER]
        if not len(ways.rows):  # a tree so small that a walk ends at its root
            yield from ([0] for _ in some)
            continue
        with torch.inference_mode():
            read = model.encode({name: value.to(device) for name, value in model.tokens(some).items()})
        roots = torch.full((len(some),), ways.stores[None])
        found = beam_search(ways.trie, roots, model.scorer(read, ways, full=True), CANDIDATES, certain=False)
        for first, last in zip(found.offsets[:-1], found.offsets[1:], strict=True):
            yield ways.rows[found.entries[first:last]].tolist()
