"""One step of constrained decoding beside transformers' way, on the same ids, beams and logits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from bench.measure import Comparison, side_by_side
from bench.table import Row, Table, compared, duration
from bench.world import World

QUERIES, BEAMS, VOCABULARY = 8, 20, 152_000
END = 1  # tokens of ids are from 2 on
BRANCHES = (20, 31)  # of a node, the second one excluded
BUDGET = 0.005  # seconds


def run(world: World) -> Table:
    import torch

    from engine.index.trie import Trie

    sizes = world.sizes
    vocabulary, repeats = min(VOCABULARY, sizes.vocabulary), sizes.repeats
    rng = np.random.default_rng(0)
    ids = random_ids(sizes.documents, vocabulary, rng)
    trie, nested = Trie.build(ids, end=END), nested_dictionaries(ids)
    logits = torch.from_numpy(rng.standard_normal((QUERIES * BEAMS, vocabulary), dtype=np.float32))
    levels = branching(trie)
    built = side_by_side(partial(Trie.build, ids, end=END), partial(nested_dictionaries, ids), 3)
    rows = [compared(f"build, {len(ids):,} ids", built, budget=None)]
    deep, inner = len(levels) - 1, max(0, len(levels) - 2)
    for what, level, full, threads in (
        ("a step at the root", 0, False, None),
        ("a step at an inner level", inner, False, None),
        ("a step at the last level", deep, False, None),
        ("a step at an inner level, one thread", inner, False, 1),
        ("a step at an inner level, p over the vocabulary", inner, True, None),
    ):
        step = Step(trie, nested, logits, levels[level], full, rng)
        step.agree()
        with thread_count(threads):
            made = side_by_side(step.ours, step.direct, repeats)
        rows.append(compared(what, made, budget=None) if full else budgeted(what, made))
    depths = sorted({len(one) + 1 for one in ids})
    note = (
        f"{len(ids):,} made-up ids of {depths[0]} to {depths[-1]} tokens, 20 to 30 branches a node, over a "
        f"vocabulary of {vocabulary:,}; {QUERIES} queries x {BEAMS} beams, logits given, "
        f"{torch.get_num_threads()} threads for both, seed 0. "
        "Ours: legal edges, gather, softmax over what is legal, the best beams. Direct: transformers' "
        "`PrefixConstrainedLogitsProcessor` with a tree of dictionaries, log_softmax, topk; at the root it has all "
        "beams already, of which all but one a query are impossible. Both choose the same beams. 'p over the "
        "vocabulary' needs the sum over all logits in both ways, which is what it costs."
    )
    return Table("decoding", note, rows)


def budgeted(what: str, made: Comparison) -> Row:
    """A row whose budget is in seconds."""
    row = compared(what, made, budget=None)
    return replace(row, budget=f"<= {duration(BUDGET)}", met=median(made.ours) <= BUDGET)


class Step:
    """One step of both ways from the same beams: `nodes` are those of one level, of which each query has some."""

    def __init__(self, trie: Any, nested: dict, logits: Any, nodes: np.ndarray, full: bool, rng: Any) -> None:
        import torch
        from transformers import PrefixConstrainedLogitsProcessor

        from engine.index.beam import Beams

        self.trie, self.full = trie, full
        count = min(BEAMS, len(nodes))
        chosen = np.concatenate([np.sort(rng.permutation(nodes)[:count]) for _ in range(QUERIES)])
        prefix = torch.from_numpy(paths(trie, chosen))  # (queries * count, level)
        query = torch.arange(QUERIES).repeat_interleave(count)
        scores = torch.from_numpy(rng.normal(-5, 1, len(chosen)).astype(np.float32))
        self.state = Beams(query, torch.from_numpy(chosen), prefix, scores)
        own = BEAMS if prefix.shape[1] == 0 else count  # transformers starts with all beams, all but the first at -1e9
        rows = torch.arange(QUERIES).repeat_interleave(own) * count + (torch.arange(QUERIES * own) % own) % count
        self.input_ids = torch.nn.functional.pad(prefix[rows], (1, 0))  # (queries * own, 1 + level), 0 starts
        first = torch.arange(QUERIES * own) % own < count
        self.beam_scores = torch.where(first, scores[rows], -1e9)
        self.all_logits = logits[: QUERIES * own]
        self.logits = self.all_logits[first]
        self.own = own
        self.processor = PrefixConstrainedLogitsProcessor(lambda _, sent: allowed(nested, sent[1:].tolist()), own)

    def ours(self) -> Any:
        from engine.index.beam import from_logits, step

        def score(query: Any, prefix: Any, node: Any, beam: Any, edge: Any) -> Any:
            return from_logits(self.logits, self.trie, beam, edge, self.full)

        return step(self.trie, self.state, score, QUERIES, BEAMS)

    def direct(self) -> Any:
        if self.full:
            values = self.processor(self.input_ids, self.all_logits.log_softmax(-1))
        else:
            values = self.processor(self.input_ids, self.all_logits).log_softmax(-1)
        return (values + self.beam_scores[:, None]).view(QUERIES, -1).topk(BEAMS)

    def agree(self) -> None:
        """Raises AssertionError if the two ways choose other beams, or give them other scores."""
        made, (scores, places) = self.ours(), self.direct()
        beams, tokens = np.divmod(places.numpy(), self.all_logits.shape[1])
        for query in range(QUERIES):
            own = made.query == query
            order = made.score[own].argsort(descending=True)
            np.testing.assert_allclose(made.score[own][order], scores[query], atol=1e-4)
            before = self.input_ids[query * self.own + beams[query], 1:].numpy()
            np.testing.assert_array_equal(made.prefix[own][order], np.column_stack([before, tokens[query]]))


def random_ids(count: int, vocabulary: int, rng: Any) -> list[list[int]]:
    """Ids of a tree whose clusters of 20 to 30 are split until there are `count`: no id is a prefix of another."""
    done: list[list[int]] = []
    front = np.empty((1, 0), np.int64)  # (clusters, level)
    while True:
        degrees = rng.integers(*BRANCHES, len(front))
        split = int(np.searchsorted(np.cumsum(degrees - 1), count - len(front))) + 1
        parents = np.repeat(np.arange(min(split, len(front))), degrees[:split])
        nth = np.arange(len(parents)) - np.searchsorted(parents, parents)
        base = rng.integers(0, vocabulary - 2, len(front))[parents]
        tokens = (base + nth * (vocabulary // BRANCHES[1])) % (vocabulary - 2) + 2  # different ones within a cluster
        done = front[split:].tolist()
        partly = split <= len(front)
        front = rng.permutation(np.column_stack([front[parents], tokens]))
        if partly:
            return [*done, *front.tolist()][:count]


def nested_dictionaries(ids: Sequence[Sequence[int]]) -> dict:
    """The tree as dictionaries in dictionaries, as GENRE's `Trie` (De Cao et al. 2021) keeps it."""
    root: dict = {}
    for one in ids:
        node = root
        for token in (*one, END):
            node = node.setdefault(token, {})
    return root


def allowed(nested: dict, prefix: Sequence[int]) -> list[int]:
    for token in prefix:
        nested = nested[token]
    return list(nested)


def branching(trie: Any) -> list[np.ndarray]:
    """The nodes of each level that have several edges."""
    starts, children = trie.starts.numpy(), trie.children.numpy()
    levels, nodes = [], trie.roots.numpy()
    while len(nodes):
        levels.append(nodes[np.diff(starts)[nodes] > 1])
        nodes = children[starts[nodes[0]] : starts[nodes[-1] + 1]]  # a level's nodes lie side by side
    return [level for level in levels if len(level)]


def paths(trie: Any, nodes: np.ndarray) -> np.ndarray:
    """(n, level) the tokens that lead to `nodes`, all of one level."""
    columns = []
    while nodes[0] >= len(trie.roots):
        edges = nodes - len(trie.roots)
        columns.append(trie.tokens.numpy()[edges])
        nodes = np.searchsorted(trie.starts.numpy(), edges, side="right") - 1
    return np.stack(columns[::-1], axis=1) if columns else np.empty((len(nodes), 0), np.int64)


@contextmanager
def thread_count(count: int | None) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
