"""Several vectors a document, such as the scenarios it serves: each stands for it, and one pool of them is its score.

Beside every segment of a collection lies the matrix of its documents' vectors, one document's side by side, and where
each document's begin. Documents may have none. How a document's several similarities become one is `POOLS`; what these
texts are is their maker's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from engine.artifacts import Manifest, read_manifest, stage, undamaged
from engine.encoder import Encoder
from engine.files import write_array
from engine.index.collection import Collection
from engine.index.dense import inner_products
from engine.index.segment import Segment
from engine.records import Request
from engine.vectors import write_vectors

VERSION = 1
TEMPERATURE = 0.05  # of the soft maximum: at differences of cosine well below it, vectors count alike
DAMAGED = "Delete this folder and run the same command again; its vectors are cached"
Texts = Callable[[Segment], Iterator[Sequence[str]]]


def max_pool(similarities: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The best of each group. `similarities` is (m,), group i those from `starts[i]` on; no group is empty."""
    return np.maximum.reduceat(similarities, starts)


def mean_pool(similarities: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The mean of each group."""
    return np.add.reduceat(similarities, starts) / np.diff(np.append(starts, len(similarities)))


def soft_pool(similarities: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """t log mean exp(s / t): between mean and maximum, so that several near vectors say more than one."""
    return TEMPERATURE * np.log(mean_pool(np.exp(similarities / TEMPERATURE), starts))


POOLS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "max": max_pool,
    "soft": soft_pool,
    "mean": mean_pool,
}


class GroupedSegment:
    """The vectors of one segment's documents. Raises FileNotFoundError if they are not there."""

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        if manifest is None:
            raise FileNotFoundError(path)
        self.manifest = manifest
        with undamaged(path, DAMAGED):
            self.vectors = np.asarray(np.load(path / "vectors.npy", mmap_mode="r"))  # (m, dimension) float32
            self.starts = np.load(
                path / "starts.npy"
            )  # (documents + 1,) int64: document i has [starts[i], starts[i+1])
        self.owners = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))  # (m,) the document of each

    def nearest(self, queries: np.ndarray, fetch: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        """The `fetch` nearest vectors of the documents [low, high): their documents and inner products, (q, fetch)."""
        import faiss

        first, last = int(self.starts[low]), int(self.starts[high])
        fetch = min(fetch, last - first)
        if not fetch:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        scores, rows = faiss.knn(queries, self.vectors[first:last], fetch, metric=faiss.METRIC_INNER_PRODUCT)
        return self.owners[first + rows], scores


def write_grouped(
    path: Path,
    segment: Segment,
    texts: Texts,
    made_from: str,
    how: Mapping[str, Any],
    encoder: Encoder,
    cache: Path,
    processes: int,
) -> Manifest:
    """Publish the vectors of `texts(segment)`, which has a list for each of its documents.

    `made_from` is the digest of the artefact that the texts are made of, and `how` what was chosen of it.
    """
    inputs = {
        "version": VERSION,
        "encoder": encoder.digest,
        "segment": segment.manifest.digest,
        "made_from": made_from,
        "how": how,
    }

    def build(folder: Path) -> dict[str, Any]:
        sizes = np.fromiter((len(group) for group in texts(segment)), dtype=np.int64)
        if len(sizes) != len(segment):
            raise ValueError(f"{len(sizes)} groups for {len(segment)} documents")
        write_array(folder / "starts.npy", np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
        if sizes.any():
            flat = lambda: (text for group in texts(segment) for text in group)  # noqa: E731
            write_vectors(folder / "vectors.npy", encoder, flat, cache, processes)
        else:
            write_array(folder / "vectors.npy", np.empty((0, encoder.dimension), np.float32))
        return {"documents": len(sizes), "without": int((sizes == 0).sum()), "vectors": int(sizes.sum())}

    return stage(path, "grouped", inputs, build)


class GroupedIndex:
    """The groups of a collection whose every segment has its vectors under `path`; else raises FileNotFoundError."""

    def __init__(self, path: Path, collection: Collection) -> None:
        self.path, self.collection = path, collection
        self.segments = [GroupedSegment(path / segment.name) for segment in collection.segments]

    @property
    def complete(self) -> bool:
        """Whether every document has a vector at least."""
        return not any(segment.manifest.outputs["without"] for segment in self.segments)

    def nearest(
        self, requests: Sequence[Request], queries: np.ndarray, fetch: int
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """The documents of the `fetch` nearest vectors in each segment, for each of the requests.

        Returns a (n,) array of global rows a request, repeats and deleted ones left in, and (q,) what no vector that
        was left out exceeds. Requests of one user are answered together.
        """
        found: list[list[np.ndarray]] = [[] for _ in requests]
        unseen = np.full(len(requests), -np.inf, dtype=np.float32)
        by_user = sorted(range(len(requests)), key=lambda i: (requests[i].user is not None, requests[i].user or ""))
        for user, group in groupby(by_user, key=lambda i: requests[i].user):
            members = list(group)
            for part in self.collection.ranges(user):
                segment = self.segments[part.segment]
                owners, scores = segment.nearest(queries[members], fetch, part.low, part.high)
                for i, own in zip(members, owners, strict=True):
                    found[i].append(part.base + own)
                if owners.shape[1] < segment.starts[part.high] - segment.starts[part.low]:
                    unseen[members] = np.maximum(unseen[members], scores[:, -1])
        return [np.concatenate(rows) if rows else np.empty(0, np.int64) for rows in found], unseen

    def similarities(self, queries: np.ndarray, rows: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each query and its own (n,) global rows: all their vectors' similarities, and (n + 1,) where each begins.

        In the order of the rows; a row without vectors begins where the next one does.
        """
        counts = [np.zeros(len(own), np.int64) for own in rows]
        places = [np.searchsorted(self.collection.bases, own, side="right") - 1 for own in rows]
        for i, own in enumerate(rows):
            for number in np.unique(places[i]):
                here = places[i] == number
                local = own[here] - int(self.collection.bases[number])
                starts = self.segments[number].starts
                counts[i][here] = starts[local + 1] - starts[local]
        bounds = [np.concatenate([[0], np.cumsum(count)]) for count in counts]
        values = [np.empty(int(bound[-1]), np.float32) for bound in bounds]
        for number, segment in enumerate(self.segments):
            here = [place == number for place in places]
            flat = [
                _ranges(segment.starts[own[mask] - int(self.collection.bases[number])], count[mask])
                for own, mask, count in zip(rows, here, counts, strict=True)
            ]
            width = max((len(f) for f in flat), default=0)
            padded = np.full((len(rows), width), -1, np.int64)
            for line, f in zip(padded, flat, strict=True):
                line[: len(f)] = f
            products = inner_products(queries, segment.vectors, padded)
            for i, mask in enumerate(here):
                values[i][np.repeat(mask, counts[i])] = products[i, : len(flat[i])]
        return list(zip(values, bounds, strict=True))


def pool(kind: str, similarities: np.ndarray, bounds: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """(n,) one similarity a document: `POOLS[kind]` of its own, `fallback` (n,) where it has none.

    `similarities` (m,) and `bounds` (n + 1,) as `GroupedIndex.similarities` gives them.
    """
    pooled = fallback.astype(np.float32).copy()
    has = np.flatnonzero(np.diff(bounds))
    if len(has):
        pooled[has] = POOLS[kind](similarities, bounds[has])
    return pooled


def _ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The integers of all ranges [start, start + count), one range after the other."""
    total = int(counts.sum())
    offset = np.repeat(starts - np.concatenate([[0], np.cumsum(counts)[:-1]]) if len(counts) else starts, counts)
    return np.arange(total, dtype=np.int64) + offset
