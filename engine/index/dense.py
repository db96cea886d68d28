"""Nearest neighbours by inner product over the segments of a collection, with FAISS.

The vectors of a segment are one memory-mapped matrix in row order; FAISS searches it exactly where it lies, and one
user's store is a slice of it. A whole collection may be searched approximately instead (HNSW, quantised), by
configuration; a store is always searched exactly.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from engine.artifacts import Manifest, read_manifest, stage
from engine.config import BuildConfig
from engine.encoder import Encoder, EncoderConfig
from engine.errors import InputError
from engine.index.collection import Collection, Range
from engine.index.ranking import to_run
from engine.index.segment import Segment
from engine.records import ClosestSentence, Request, Run
from engine.vectors import BLOCK, write_vectors

VERSION = 1


class DenseConfig(BuildConfig):
    """An encoder, and how a whole collection's vectors are searched."""

    encoder: EncoderConfig = EncoderConfig()
    factory: str = Field(
        "Flat", description="a FAISS index_factory string; 'Flat' is exact, 'HNSW32' and 'SQ8' are not"
    )


class DenseSegment:
    """The vectors of one segment. Raises FileNotFoundError if they are not there."""

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        if manifest is None:
            raise FileNotFoundError(path)
        self.manifest = manifest
        self.vectors = np.load(path / "vectors.npy", mmap_mode="r")  # (rows, dimension) float32
        self.approximate: Any = None
        if (path / "index.faiss").exists():
            import faiss

            self.approximate = faiss.read_index(str(path / "index.faiss"), faiss.IO_FLAG_MMAP_IFC)

    def nearest(self, queries: np.ndarray, k: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        """The k best rows of [low, high) for (q, dimension) queries: rows and inner products, (q, k), best first."""
        import faiss

        if self.approximate is not None and (low, high) == (0, len(self.vectors)):
            scores, rows = self.approximate.search(queries, k)
            return rows, scores
        scores, rows = faiss.knn(queries, self.vectors[low:high], k, metric=faiss.METRIC_INNER_PRODUCT)
        return rows + low, scores


def write_dense(
    path: Path, segment: Segment, config: DenseConfig, encoder: Encoder, cache: Path, processes: int
) -> Manifest:
    """Publish the vectors of `segment`; `cache` is the encoder's folder of vectors (engine/vectors.py)."""
    inputs = {
        "version": VERSION,
        "encoder": encoder.digest,
        "factory": config.factory,
        "segment": segment.manifest.digest,
    }

    def build(folder: Path) -> dict[str, Any]:
        counts = write_vectors(folder / "vectors.npy", encoder, segment.contents, cache, processes)
        if config.factory != "Flat":
            _write_approximate(folder, config.factory)
        return counts

    return stage(path, "dense", inputs, build)


def _write_approximate(folder: Path, factory: str) -> None:
    import faiss

    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    try:
        index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        if not index.is_trained:
            index.train(np.ascontiguousarray(vectors[: 256 * 1024]))
        for start in range(0, len(vectors), BLOCK):
            index.add(np.ascontiguousarray(vectors[start : start + BLOCK]))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1][:200]
        raise InputError(
            f"FAISS cannot build {factory!r} here ({reason})", where="build.factory", remedy="Try Flat, HNSW32 or SQ8"
        ) from None
    faiss.write_index(index, str(folder / "index.faiss"))


class DenseIndex:
    """Exact or approximate search over a collection whose every segment has its vectors under `path`.

    Raises FileNotFoundError if one has not.
    """

    def __init__(self, path: Path, collection: Collection, encoder: Encoder) -> None:
        self.path, self.collection, self.encoder = path, collection, encoder
        self.segments = [DenseSegment(path / segment.name) for segment in collection.segments]

    @staticmethod
    def build(
        path: Path, collection: Collection, config: DenseConfig, encoder: Encoder, cache: Path, processes: int
    ) -> None:
        """Write the vectors that are missing; what is there is left alone."""
        for segment in collection.segments:
            write_dense(path / segment.name, segment, config, encoder, cache, processes)

    def search(self, requests: Sequence[Request], k: int) -> Run:
        """The k nearest documents of each request."""
        return self.search_vectors(requests, self.encoder.encode_queries([r.text for r in requests]), k)

    def search_vectors(self, requests: Sequence[Request], queries: np.ndarray, k: int) -> Run:
        """The same with the requests' vectors given: (requests, dimension) float32."""
        groups: dict[str | None, list[int]] = defaultdict(list)
        for i, request in enumerate(requests):
            groups[request.user].append(i)
        lists: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(requests)
        for user, members in groups.items():
            parts = self.collection.ranges(user)
            banned = [
                np.asarray(
                    [row for i in requests[m].exclude if (row := self.collection.row_of.get(i)) is not None], np.int64
                )
                for m in members
            ]
            for member, found in zip(members, self._nearest(queries[members], parts, banned, k), strict=True):
                lists[member] = found
        return to_run(requests, lists, self.collection.ids)

    def _nearest(
        self, queries: np.ndarray, parts: Sequence[Range], banned: Sequence[np.ndarray], k: int
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """(rows, scores) of each query's k best allowed rows in `parts`.

        Fetches a little more than k and looks whether that was enough: nothing unfetched may score as high as the k-th
        that is kept. Deleted rows, excluded ids and ties at the cut all end here; where they used the margin up, more
        is fetched for those queries alone.
        """
        results: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        pending = np.arange(len(queries)) if parts else np.empty(0, np.int64)
        fetch = k + 1 + max((len(rows) for rows in banned), default=0)
        rank, deleted = self.collection.rank, self.collection.deleted
        while len(pending):
            found_rows, found_scores = [], []
            unseen = np.full(len(pending), -np.inf, dtype=np.float32)  # no unfetched row scores above this
            for part in parts:
                size = min(fetch, part.high - part.low)
                rows, scores = self.segments[part.segment].nearest(queries[pending], size, part.low, part.high)
                scores = np.where(rows < 0, -np.inf, scores)  # an approximate index may return fewer
                if size < part.high - part.low:
                    unseen = np.maximum(unseen, scores[:, -1])
                found_rows.append(np.where(rows < 0, 0, rows + part.base))
                found_scores.append(scores)
            rows, scores = np.concatenate(found_rows, axis=1), np.concatenate(found_scores, axis=1)
            if self.collection.current["deleted"]:
                scores[deleted[rows]] = -np.inf
            for i, query in enumerate(pending.tolist()):
                if len(banned[query]):
                    scores[i, np.isin(rows[i], banned[query])] = -np.inf
            order = np.lexsort((-rank[rows], -scores), axis=-1)[:, :k]
            rows, scores = np.take_along_axis(rows, order, axis=1), np.take_along_axis(scores, order, axis=1)
            kept = np.isfinite(scores).sum(axis=1)
            enough = (unseen == -np.inf) | ((kept == k) & (scores[:, -1] > unseen))
            for i in np.flatnonzero(enough).tolist():
                results[pending[i]] = rows[i, : kept[i]], scores[i, : kept[i]]
            pending = pending[~enough]
            fetch *= 4
        return results

    def similarity(self, queries: np.ndarray, row: int) -> np.ndarray:
        """(q,) inner products of queries with the document in `row`."""
        segment = int(np.searchsorted(self.collection.bases, row, side="right")) - 1
        return queries @ self.segments[segment].vectors[row - int(self.collection.bases[segment])]

    def explain(self, query: np.ndarray, row: int) -> ClosestSentence:
        """The sentence of the document in `row` that lies nearest to the (dimension,) query vector."""
        content = self.collection.document(row).content
        spans = sentences(content)
        vectors = self.encoder.encode_documents([content[a:b] for a, b in spans])
        similarities = vectors @ query
        nearest = int(np.argmax(similarities))
        a, b = spans[nearest]
        return ClosestSentence(
            content[a:b], (a, b), float(similarities[nearest]), float(self.similarity(query[None], row)[0])
        )


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) offsets of the sentences of `text`; at least one, blanks trimmed."""
    spans = [(m.start(), m.end()) for m in re.finditer(r"\S(?:.*?[.!?](?=\s)|.*?$)", text, flags=re.DOTALL)]
    return [s for s in spans if s[1] > s[0]] or [(0, len(text))]
