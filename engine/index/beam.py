"""Beam search over a `Trie`: the most probable ids of many queries at once, whatever model says how probable.

Imported only where torch is already needed. It knows no model: `score` says log p of each edge, and how that is
normalised. Within a step nothing is done query by query or beam by beam.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from engine.index.trie import Trie, ranges, segment_log_softmax, take

# query (b,), prefix (b, l), node (b,), beam (e,), edge (e,) -> log p (e,) of each edge, given its beam
Score = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
NOTHING = -1  # in the prefix of a finished beam, after its last token


class Found(NamedTuple):
    """What was found for each query: its entries are those from offsets[i] to offsets[i+1], the best one first."""

    offsets: np.ndarray  # (queries + 1,) int64
    entries: np.ndarray  # (n,) int64
    scores: np.ndarray  # (n,) float32, log p of the whole id; entries with the same id have the same
    leaves: np.ndarray  # (n,) int64, the node at which the entry ends


class Beams(NamedTuple):
    """The state between two steps, ordered by (query, path): ties are then broken by position alone."""

    query: Tensor  # (b,)
    node: Tensor  # (b,)
    prefix: Tensor  # (b, l)
    score: Tensor  # (b,) float32


def beam_search(trie: Trie, roots: Tensor, score: Score, beams: int, certain: bool = True) -> Found:
    """The best `beams` ids of each query, searched from its own root.

    `roots` (q,) are nodes, `trie.roots[group]` for the ids of a group. `score(query, prefix, node, beam, edge)` is
    asked once a step: `query` (b,) is the number of each beam's query, `prefix` (b, l) the tokens written so far,
    `node` (b,) where it stands, and `beam` and `edge` (e,) are `trie.legal(node)`. It returns log p (e,) of each
    edge given its beam, none above 0, or -inf.

    `certain`: a node's only edge is followed with log p 0, and `score` is not asked. That is right where p is
    normalised over the legal edges, and only there.

    A beam at a leaf is finished and goes on competing for the places of its query. log p only falls, so with as many
    beams as there are ids the result is exact. Order: (log p descending, path ascending). Entries with the same id
    take one place together, so that there may be more entries than beams.

    Raises ValueError where `beams` is below 1, or `score` returns NaN or another shape.
    """
    if beams < 1:
        raise ValueError(f"a search needs at least one beam, not {beams}")
    with torch.no_grad():
        roots = roots.to(trie.starts.device)
        state = Beams(
            torch.arange(len(roots), device=roots.device),
            roots,
            roots.new_empty((len(roots), 0)),
            torch.zeros(len(roots), device=roots.device),
        )
        while (after := step(trie, state, score, len(roots), beams, certain)) is not None:
            state = after
        return _found(trie, state, len(roots))


def step(trie: Trie, state: Beams, score: Score, queries: int, beams: int, certain: bool = True) -> Beams | None:
    """The beams one token further, the best `beams` of each of `queries`; None if all are finished."""
    first = take(trie.starts, state.node)  # (b,)
    degree = take(trie.starts, state.node + 1) - first
    if not bool((degree > 0).any()):
        return None
    beam, edge = ranges(first, degree.clamp(min=1))  # (e,) what is finished stays one candidate, its edge means nothing
    moves = take(degree > 0, beam)  # (e,)
    edge = torch.where(moves, edge, 0)
    total = take(state.score, beam) + _asked(state, degree > (1 if certain else 0), beam, edge, score)  # (e,)
    kept = _best(total, take(state.query, beam), queries, beams)  # (at most queries * beams,)
    beam, edge, moves = take(beam, kept), take(edge, kept), take(moves, kept)
    token = torch.where(moves, take(trie.tokens, edge), NOTHING)
    return Beams(
        take(state.query, beam),
        torch.where(moves, take(trie.children, edge), take(state.node, beam)),
        torch.cat([take(state.prefix, beam), token[:, None]], dim=1),  # (b, l + 1)
        take(total, kept),
    )


def from_logits(logits: Tensor, trie: Trie, beam: Tensor, edge: Tensor, full: bool) -> Tensor:
    """log p (e,) of legal edges, `logits` (b, vocabulary) being those of the beams' next tokens; differentiable.

    Normalised over a beam's legal tokens, of which alone the logits are read, or with `full` over the vocabulary.
    `beam` and `edge` (e,) as from `trie.legal`. Raises IndexError if the tree has a token that the vocabulary has not.
    """
    values = logits[beam, take(trie.tokens, edge)].float()  # (e,)
    if full:
        return values - torch.logsumexp(logits.float(), dim=1)[beam]
    return segment_log_softmax(values, beam, len(logits))


def _asked(state: Beams, open_: Tensor, beam: Tensor, edge: Tensor, score: Score) -> Tensor:
    """log p (e,) of the edges of the beams that are `open_` (b,), as `score` says; 0 of all others."""
    gain = torch.zeros(len(beam), device=beam.device)
    if not bool(open_.any()):
        return gain
    chosen = take(open_, beam).nonzero()[:, 0]  # (asked,)
    number = open_.cumsum(0) - 1  # (b,) of the beam among those that are open
    own, edge = take(number, take(beam, chosen)), take(edge, chosen)  # (asked,)
    values = score(state.query[open_], state.prefix[open_], state.node[open_], own, edge)  # (asked,)
    if values.shape != chosen.shape:
        raise ValueError(f"score returned the shape {tuple(values.shape)} for {len(chosen)} edges")
    if bool(values.isnan().any()):
        where = int(chosen[values.isnan()][0])
        raise ValueError(
            f"score returned NaN at step {state.prefix.shape[1]}, first for query {int(state.query[beam[where]])}: "
            "its logits are NaN or infinite, or all that is legal has log p -inf"
        )
    return gain.index_copy_(0, chosen, values.to(gain))


def _best(total: Tensor, query: Tensor, queries: int, beams: int) -> Tensor:
    """Positions, ascending, of the best `beams` of each query; of equal ones the first. `query` (e,) is ascending."""
    table, _ = _table(total, query, queries)
    if table.shape[1] <= beams:
        return torch.arange(len(total), device=total.device)
    # topk decides a tie at random, so it only says what may be left out; the few that remain are sorted stably
    last = table.topk(beams, dim=1).values[:, -1]  # (q,)
    near = (total >= take(last, query)).nonzero()[:, 0]
    table, bounds = _table(take(total, near), take(query, near), queries)
    column = table.sort(dim=1, descending=True, stable=True).indices[:, :beams]  # a real -inf comes before the filling
    places = bounds[:-1, None] + column  # (q, beams)
    return take(near, places[places < bounds[1:, None]].sort().values)


def _table(total: Tensor, query: Tensor, queries: int) -> tuple[Tensor, Tensor]:
    """(q, width) the values of each query from the left, filled with -inf; (q + 1,) where each begins in `total`."""
    bounds = torch.searchsorted(query, torch.arange(queries + 1, device=query.device))
    width = int(bounds.diff().max())
    shift = width * torch.arange(queries + 1, device=query.device) - bounds
    places = torch.arange(len(query), device=query.device) + take(shift, query)
    table = total.new_full((queries * width,), float("-inf")).index_copy_(0, places, total)
    return table.view(queries, width), bounds


def _found(trie: Trie, state: Beams, queries: int) -> Found:
    """The entries at the leaves of finished beams, in order."""
    order = state.score.sort(descending=True, stable=True).indices
    order = order[state.query[order].sort(stable=True).indices]
    first = trie.ended[state.node[order]]
    beam, place = ranges(first, trie.ended[state.node[order] + 1] - first)  # (n,)
    beam = order[beam]
    counts = torch.bincount(state.query[beam], minlength=queries).cpu().numpy()
    return Found(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        trie.entries[place].cpu().numpy(),
        state.score[beam].cpu().numpy(),
        state.node[beam].cpu().numpy(),
    )
