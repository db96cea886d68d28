"""What a branch of the tree is about, in a few words: those that its passages have and its siblings' have not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from engine.methods.pearl.docids import DocidTree

WORDS = 3
_WORD = re.compile(r"[^\W\d_]{3,}")
_COMMON = """
the and for you your with that this from are was have has had not but can will our his her their its they she him who
what when where how all any one two out off about into over just got get let lets there then than them been event
message contact calendar some more need see don didn
"""


def topics(tree: DocidTree, texts: Sequence[str]) -> list[str]:
    """(nodes,) a few words for each inner node, "" for a leaf. `texts` are the training passages.

    Words are ranked by how much more often a passage below the node has them than one below its parent, the
    log-likelihood ratio (Dunning 1993) on passages; only words in two passages of it or more are named.
    """
    words = [frozenset(word.lower() for word in _WORD.findall(text)) - frozenset(_COMMON.split()) for text in texts]
    counts: list[Counter[str]] = [Counter() for _ in range(len(tree.vectors))]
    sizes = np.zeros(len(counts), np.int64)
    for passage, leaf in enumerate(tree.leaves.tolist()):
        for node in (0, *tree.path(leaf)[:-1]):
            counts[node].update(words[passage])
            sizes[node] += 1
    named = []
    for node in range(len(counts)):
        parent = int(tree.parents[node])
        if parent < 0 or not tree.children[node]:
            named.append("")
            continue
        scored = [
            (_ratio(count, int(sizes[node]), counts[parent][word], int(sizes[parent])), word)
            for word, count in counts[node].items()
            if count >= 2
        ]
        best = sorted(((score, word) for score, word in scored if score > 0), key=lambda found: (-found[0], found[1]))
        named.append(", ".join(word for _, word in best[:WORDS]))
    return named


def _ratio(inside: int, size: int, everywhere: int, total: int) -> float:
    """2 log likelihood ratio of a word that `inside` of `size` passages have, and `everywhere` of `total`; signed."""
    outside, rest = everywhere - inside, total - size
    if rest <= 0:
        return float(inside)
    a, b = inside / size, outside / rest
    if a <= b:
        return 0.0

    def likelihood(hits: int, of: int, p: float) -> float:
        return hits * np.log(max(p, 1e-12)) + (of - hits) * np.log(max(1 - p, 1e-12))

    p = everywhere / total
    alone = likelihood(inside, size, a) + likelihood(outside, rest, b)
    return float(2 * (alone - likelihood(inside, size, p) - likelihood(outside, rest, p)))
