"""Searching with PEARL: a question is tagged, the model writes ids that exist in this person's store, best first."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engine.index.ranking import best, to_run
from engine.methods.base import Searcher, Target
from engine.methods.pearl import index
from engine.methods.pearl.config import PearlConfig, PearlOptions
from engine.methods.pearl.learning import Trained, model_folder
from engine.progress import bar
from engine.records import DecodedId, Hit, Request, Run

if TYPE_CHECKING:
    from torch import Tensor

    from engine.index.beam import Found, Score
    from engine.methods.pearl.forest import Forest

TOGETHER = 32  # questions that are read at once


class PearlSearcher(Searcher[PearlOptions]):
    """Opens the ids of a target. Raises FileNotFoundError if some are missing, InputError if no model is trained."""

    name = "pearl"

    def __init__(self, target: Target, config: PearlConfig) -> None:
        self.config, self.model = config, Trained(model_folder(target, config))
        if told := self.model.other_than(config):
            print(f"note: the model {self.model.folder.name} was made with {told}; that stands", file=sys.stderr)  # noqa: T201
        self._use(target)

    def _use(self, target: Target) -> None:
        self._ids = index.Ids(index.ids(target, self.config, self.model), target.collection)
        self.target = target
        self._forest: Forest | None = None
        self._everything: Forest | None = None

    @property
    def trained(self) -> Path | None:
        return self.model.folder

    def open(self, target: Target) -> None:
        index.build_texts(target, self.config, self.model)
        index.build_ids(target, self.config, self.model)
        self._use(target)

    def search(self, requests: Sequence[Request], k: int, options: PearlOptions | None = None) -> Run:
        options = options or PearlOptions()
        lists: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(requests)
        with bar("decoding", len(requests), "questions") as progress:
            for numbers, forest, found in self._found(requests, options):
                for place, i in enumerate(numbers):
                    part = slice(int(found.offsets[place]), int(found.offsets[place + 1]))
                    rows, scores = forest.rows[found.entries[part]], found.scores[part]
                    banned = [self.collection.row_of.get(document, -1) for document in requests[i].exclude]
                    kept = ~np.isin(rows, banned)
                    lists[i] = best(rows[kept], scores[kept], self.collection.rank, k)
                progress.update(len(numbers))
        return to_run(requests, lists, self.collection.ids)

    def _found(self, requests: Sequence[Request], options: PearlOptions) -> Iterator[tuple[list[int], Forest, Found]]:
        """What beam search finds, some requests at a time: their numbers, and the forest they were searched in.

        One batch a core, each in a single thread: a step's tensors are too small to share, and threads that wait for
        each other beside a training wait long.
        """
        from engine.training.gradients import Workers, on_cpu

        read = self.model.read([request.text for request in requests])
        texts = [self.model.rendered(sentence) for sentence in read]
        by_forest = (
            [i for i, request in enumerate(requests) if request.user is not None],
            [i for i, request in enumerate(requests) if request.user is None],
        )
        for whole, numbers in enumerate(by_forest):
            if not numbers:
                continue
            forest = self._everybodys() if whole else self._own()
            numbers = [i for i in numbers if requests[i].user in forest.stores]
            batches = list(_together(requests, numbers))
            tokens = [self.model.model.tokens([texts[i] for i in some]) for _, some in batches]
            roots = [[forest.stores[requests[i].user] for i in some] for _, some in batches]
            spared = [spared for spared, _ in batches]
            workers = Workers(on_cpu())
            try:
                found = workers.each(partial(self._search, forest, options), tokens, roots, spared)
                for (_, some), answer in zip(batches, found, strict=True):
                    yield some, forest, answer
            finally:
                workers.close()

    def _search(
        self, forest: Forest, options: PearlOptions, tokens: Mapping[str, Tensor], roots: Sequence[int], spared: int
    ) -> Found:
        import torch

        from engine.index.beam import beam_search

        score, certain = self._score(tokens, forest, options), options.normalise == "legal"
        return beam_search(forest.trie, torch.tensor(roots), score, options.beams + spared, certain)

    def _score(self, tokens: Mapping[str, Tensor], forest: Forest, options: PearlOptions) -> Score:
        """What beam search asks of the model about these questions."""
        import torch

        model = self.model.model
        device = next(model.parameters()).device
        with torch.inference_mode():
            encoded = model.encode({name: value.to(device) for name, value in tokens.items()})
        return model.scorer(encoded, forest, options.normalise == "full")

    def _own(self) -> Forest:
        """A tree for each person's store."""
        if self._forest is None:
            self._forest = self._plant(self._ids.stores)
        return self._forest

    def _everybodys(self) -> Forest:
        """One tree of everything, for a request of nobody."""
        if self._everything is None:
            alone = {None} == set(self._ids.stores)
            self._everything = self._own() if alone else self._plant([None] * len(self._ids.stores))
        return self._everything

    def _plant(self, stores: Sequence[str | None]) -> Forest:
        from engine.methods.pearl.forest import plant

        rows = np.flatnonzero(~self.collection.deleted)
        ids, digits = self._ids, self._ids.digits[rows]
        owners = [stores[row] for row in rows.tolist()]
        if stores is not ids.stores:  # the same last digit may be in several stores
            digits = np.asarray(index.last_digits(ids.nodes[rows].tolist(), owners, {}), np.int64)
        own = ids.vectors if len(rows) == len(ids.vectors) else ids.vectors[rows]
        return plant(self.model.tree, ids.nodes[rows], digits, owners, rows, own, self.model.model.written)

    def explain(self, request: Request, documents: Sequence[str], options: PearlOptions | None = None) -> list[Hit]:
        options = options or PearlOptions()
        rows = [self.collection.row_of[document] for document in documents]
        theirs = [row for row in rows if request.user in (None, self._ids.stores[row])]
        told = self._told(request, theirs, options) if theirs else {}
        return [told.get(row) or Hit(self.collection.document(row), 0.0) for row in rows]  # nobody finds another's

    def _told(self, request: Request, rows: Sequence[int], options: PearlOptions) -> dict[int, Hit]:
        """Why these rows, all of the store that is searched."""
        ((_, forest, found),) = self._found([request], options)
        followed = dict(zip(found.entries.tolist(), found.scores.tolist(), strict=True))
        text = self.model.rendered(self.model.read([request.text])[0])
        score = self._score(self.model.model.tokens([text]), forest, options)
        entries = np.searchsorted(forest.rows, rows).tolist()  # rows ascend
        certain = options.normalise == "legal"
        hits = {}
        for row, entry, steps in zip(
            rows, entries, forest.steps(forest.stores[request.user], entries, score, certain), strict=True
        ):
            path = tuple(
                (digit, "" if node is None else self.model.topics[node], p)
                for (digit, node), p in zip(forest.ids[entry], steps, strict=True)
            )
            total = float(np.log(np.maximum(steps, 1e-38)).sum())
            why = DecodedId(path, total, options.beams, entry in followed)
            hits[row] = Hit(self.collection.document(row), followed.get(entry, total), (why,))
        return hits

    def warm(self) -> None:
        if self.collection.live:
            user = self._ids.stores[0]
            self.search([Request("warm", "anybody there?", user=user)], 1)


def _together(requests: Sequence[Request], numbers: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """The requests of `numbers`, some at a time, and how many memories each of them excludes: as many beams more.

    Apart by that number: what one excludes must not widen the search of another.
    """

    def excluded(number: int) -> int:
        return len(requests[number].exclude)

    for spared, group in groupby(sorted(numbers, key=excluded), key=excluded):
        same = list(group)
        yield from ((spared, same[start : start + TOGETHER]) for start in range(0, len(same), TOGETHER))
