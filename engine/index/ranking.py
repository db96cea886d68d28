"""Cutting candidate lists: the best k of each request, in the one order that every run has.

(float32 score descending, id descending), as trec_eval sorts; ids are compared by their rank in the collection. Exact
also at the cut: a tie there is decided by id, not by which candidate happened to be fetched.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.records import Request, Run


def best(rows: np.ndarray, scores: np.ndarray, rank: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of (n,) candidate rows: rows and scores in order. `rank` is (collection rows,)."""
    order = np.lexsort((-rank[rows], -scores))[:k]
    return rows[order], scores[order]


def at_least_kth(scores: np.ndarray, k: int) -> np.ndarray:
    """Positions of all positive (n,) scores that reach the k-th best; more than k where the k-th is tied."""
    if k >= len(scores):
        return np.flatnonzero(scores > 0)
    kth = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= kth) if kth > 0 else np.flatnonzero(scores > 0)


def to_run(requests: Sequence[Request], lists: Sequence[tuple[np.ndarray, np.ndarray]], ids: Sequence[str]) -> Run:
    """A run from one (rows, scores) pair a request."""
    offsets = np.concatenate([[0], np.cumsum([len(rows) for rows, _ in lists])]).astype(np.int64)
    rows = np.concatenate([rows for rows, _ in lists]) if lists else np.empty(0, dtype=np.int64)
    scores = np.concatenate([scores for _, scores in lists]) if lists else np.empty(0, dtype=np.float32)
    return Run(tuple(r.id for r in requests), offsets, rows.astype(np.int64), ids, scores.astype(np.float32))
