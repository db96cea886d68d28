"""What a branch is said to be about."""

from __future__ import annotations

import numpy as np

from engine.methods.pearl.docids import DocidConfig, cluster
from engine.methods.pearl.topics import topics

SUBJECTS = {"boats": "regatta sails harbour", "teeth": "dentist crown drill", "bread": "oven flour rye"}
TEXTS = [f"with you, and Ann {word} {n}" for words in SUBJECTS.values() for word in words.split() for n in range(4)]
TEXTS = [f"{text} {subject}" for text, subject in zip(TEXTS, np.repeat(list(SUBJECTS), 12), strict=True)]


def test_a_branch_is_named_after_what_its_siblings_lack() -> None:
    vectors = np.repeat(np.eye(4, dtype=np.float32)[:3], 12, axis=0)
    vectors[:, 3] = np.tile(np.linspace(-0.1, 0.1, 12), 3)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    tree = cluster(vectors, DocidConfig(k=3, c=5, iterations=10, restarts=3))
    named = topics(tree, TEXTS)
    assert len(named) == len(tree.vectors) and named == topics(tree, TEXTS)
    assert named[0] == "" and all(name == "" for name in np.asarray(named, object)[tree.children == 0])
    assert sorted(name.split(", ")[0] for name in named[1:4]) == sorted(SUBJECTS)  # in every passage below
    for name in named:
        assert not {"with", "you", "and", "ann"} & set(name.split(", ")) and len(name.split(", ")) <= 3


def test_words_of_one_passage_alone_name_nothing() -> None:
    tree = cluster(np.eye(8, dtype=np.float32), DocidConfig(k=2, c=2, iterations=5, restarts=1))
    assert set(topics(tree, [f"{word}x" * 3 for word in ("ab", "cd", "ef", "gh", "ij", "kl", "mn", "op")])) == {""}
    assert set(topics(tree, [""] * 8)) == {""}


def test_a_tree_of_one_passage_has_no_topics() -> None:
    assert topics(cluster(np.eye(3, dtype=np.float32)[:1], DocidConfig()), ["boats boats"]) == ["", ""]
