"""A prefix tree of ids in CSR form: which tokens may follow, for all beams at once, so that only ids can be written.

Imported only where torch is already needed. Every group of entries (one person's store, say) has a root of its own.
What the tokens mean, and who says how likely they are, is the business of others; `engine.index.beam` searches here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from engine.errors import InputError

Flat = tuple[np.ndarray, np.ndarray]  # tokens (t,) one sequence after the other, offsets (n + 1,)
LIMIT = 2**31  # of a token, so that (node, token) is one int64


@dataclass(frozen=True, eq=False)
class Trie:
    """A forest of n entries; all tensors are int64, because torch indexes with nothing else without a copy.

    Node i has the edges [starts[i], starts[i+1]), their tokens ascending; edge e is called tokens[e] and leads to
    children[e]. The entries that end at node i are entries[ended[i]:ended[i+1]], ascending. An entry ends at a leaf
    only, and only the root of a group without entries is a leaf where none ends. Nodes are numbered level by level.
    """

    starts: Tensor  # (nodes + 1,)
    tokens: Tensor  # (edges,)
    children: Tensor  # (edges,)
    roots: Tensor  # (groups,) the node of each group
    ended: Tensor  # (nodes + 1,)
    entries: Tensor  # (n,)

    @classmethod
    def build(
        cls, sequences: Sequence[Sequence[int]] | Flat, groups: Sequence[int] | np.ndarray | None = None,
        end: int | None = None,
    ) -> Trie:  # fmt: skip
        """The tree of `sequences`, entry i being sequence i: a list of them, or (flat tokens, offsets (n + 1,)).

        `groups` (n,) says to which of the groups 0..g-1 an entry belongs; None is one group. `end` is a token that is
        appended to every sequence, so that an id that is a prefix of another can be told from it. Entries of a group
        with the same sequence end at the same leaf.

        Raises InputError where a sequence is empty (and there is no `end`), a token or a group is negative or too
        large, or an id is a proper prefix of another one of its group.
        """
        flat, offsets = _flat(sequences, end)
        n, lengths = len(offsets) - 1, np.diff(offsets)
        at = _groups(groups, n)  # (n,) the node that each entry has come to
        _check(flat, lengths, offsets)
        roots = nodes = int(at.max(initial=0)) + 1
        parents, tokens = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for level in range(int(lengths.max(initial=0))):
            open_ = np.flatnonzero(lengths > level)
            keys, own = np.unique(at[open_] * LIMIT + flat[offsets[open_] + level], return_inverse=True)
            parents.append(keys // LIMIT)  # ascending, and above those of the level before: so is the whole
            tokens.append(keys % LIMIT)
            at[open_] = nodes + own
            nodes += len(keys)
        starts = _starts(np.concatenate(parents), nodes)
        inner = np.flatnonzero(np.diff(starts)[at] > 0) if n else at
        if len(inner):
            remedy = "Leave the token `end` out of the ids" if end is not None else "Build it with an `end` token"
            raise InputError(f"the id of entry {inner[0]} is a prefix of another one", remedy=remedy)
        arrays = (
            starts,
            np.concatenate(tokens),
            np.arange(roots, nodes),  # level by level, edges and the nodes they lead to have the same order
            np.arange(roots),
            _starts(at, nodes),
            np.argsort(at, kind="stable"),
        )
        return cls(*(torch.from_numpy(array.astype(np.int64, copy=False)) for array in arrays))

    def to(self, device: torch.device | str) -> Trie:
        """The same tree on `device`."""
        return Trie(*(getattr(self, field.name).to(device) for field in fields(self)))

    def legal(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """All edges out of `nodes` (b,): `beam` (e,) the position in `nodes`, ascending, and `edge` (e,).

        The tokens of a beam are ascending too. A leaf has no edges.
        """
        first = take(self.starts, nodes)
        return ranges(first, take(self.starts, nodes + 1) - first)


def take(values: Tensor, index: Tensor) -> Tensor:
    """values[index] of (n, ...) and (e,) by one thread: torch starts all of them for a few thousand numbers.

    A step of a search is a dozen of these, and on a busy machine each wait for the other threads is 10 ms or more.
    """
    return values.index_select(0, index)


def ranges(first: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """The integers of all ranges [first, first + count), (b,) each: the range (e,) of each, and the integers (e,)."""
    owner = torch.repeat_interleave(counts)  # (e,)
    shift = first - (counts.cumsum(0) - counts)  # (b,)
    return owner, torch.arange(len(owner), device=owner.device) + take(shift, owner)


def segment_log_softmax(values: Tensor, segment: Tensor, count: int) -> Tensor:
    """log softmax within each of `count` segments: `values` (e,), `segment` (e,) 0..count-1 in any order -> (e,).

    In float32 and differentiable; -inf stays -inf. Like torch.log_softmax it is NaN all over a segment that has
    nothing but -inf, or +inf, or NaN.
    """
    values = values.float()
    peak = values.new_full((count,), float("-inf")).scatter_reduce_(0, segment, values.detach(), "amax")
    shifted = values - take(peak, segment)
    total = values.new_zeros(count).index_add(0, segment, shifted.exp())
    return shifted - take(total.log(), segment)


def _flat(sequences: Sequence[Sequence[int]] | Flat, end: int | None) -> Flat:
    """Tokens and offsets as int64, `end` appended to every sequence."""
    if isinstance(sequences, tuple) and len(sequences) == 2 and isinstance(sequences[0], np.ndarray):
        flat, offsets = (np.asarray(part, dtype=np.int64) for part in sequences)
    else:
        offsets = np.cumsum([0, *map(len, sequences)], dtype=np.int64)
        flat = np.fromiter((token for one in sequences for token in one), np.int64, int(offsets[-1]))
    if end is not None:
        flat = np.insert(flat, offsets[1:], end)
        offsets = offsets + np.arange(len(offsets))
    return flat, offsets


def _groups(groups: Sequence[int] | np.ndarray | None, n: int) -> np.ndarray:
    if groups is None:
        return np.zeros(n, np.int64)
    own = np.array(groups, dtype=np.int64)
    if own.shape != (n,) or own.min(initial=0) < 0 or own.max(initial=0) >= LIMIT:
        raise InputError(
            f"groups of shape {own.shape} for {n} entries, or one of them negative",
            remedy="Give every entry a group, numbered from 0",
        )
    return own


def _check(flat: np.ndarray, lengths: np.ndarray, offsets: np.ndarray) -> None:
    """Raises InputError where the tree cannot be built of these."""
    if len(empty := np.flatnonzero(lengths <= 0)):
        raise InputError(f"the id of entry {empty[0]} is empty", remedy="Leave it out, or build with an `end` token")
    if len(wrong := np.flatnonzero((flat < 0) | (flat >= LIMIT))):
        entry = int(np.searchsorted(offsets, wrong[0], side="right")) - 1
        raise InputError(
            f"entry {entry} has the token {flat[wrong[0]]}", remedy=f"Tokens are numbers from 0 to {LIMIT - 1}"
        )


def _starts(owners: np.ndarray, count: int) -> np.ndarray:
    """(count + 1,) where the rows of each owner begin once they are sorted by it."""
    return np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=count))]).astype(np.int64)
