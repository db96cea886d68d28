"""Questions of a dataset beside the memories that answer them, as texts to train on.

What dense and the reranker learn from: any dataset with judgements will do, `data synth personal` makes one of people.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.index import reading
from engine.index.collection import Collection
from engine.index.reading import Reads
from engine.records import Request


@dataclass(frozen=True, slots=True)
class Answered:
    """A request and the row of a document that answers it."""

    request: Request
    row: int


class Questions:
    """The judged questions of one split, and all documents of their collection as an index reads them.

    Raises InputError where the split has no answered question.
    """

    def __init__(self, dataset: Dataset, documents: Collection, reads: Reads, split: str = "train") -> None:
        self.documents, self.reads = documents, reads
        if split not in dataset.splits:
            there = ", ".join(dataset.splits) or "none"
            remedy = f"Splits are {there}; `python -m admin data synth personal DIR` makes people to learn from"
            raise InputError(f"there is no {split} split to learn from", where=str(dataset.path), remedy=remedy)
        requests = {request.id: request for request in dataset.requests(split)}
        row_of = documents.row_of
        self.answered = [
            Answered(requests[judgement.request], row_of[judgement.document])
            for judgement in dataset.judgements(split)
            if judgement.gain > 0 and judgement.request in requests and judgement.document in row_of
        ]
        if not self.answered:
            raise InputError("no question of it is answered", where=f"{dataset.path}, {split}", remedy="Judge some")

    def at_most(self, number: int) -> list[Answered]:
        """So many of the answered questions, evenly spread over the split; all where there are fewer."""
        step = max(1.0, len(self.answered) / number)
        return [self.answered[int(i * step)] for i in range(min(len(self.answered), number))]

    @cached_property
    def texts(self) -> list[str]:
        """Each document as it is read, in row order."""
        segments = self.documents.segments
        return [text for n, segment in enumerate(segments) for text in reading.texts(segment, segments[:n], self.reads)]

    def store(self, user: str | None) -> np.ndarray:
        """(n,) rows of one person's live documents."""
        if user is None:
            return np.flatnonzero(~self.documents.deleted)
        return np.asarray(reading.store_rows(self.documents, user), dtype=np.int64)
