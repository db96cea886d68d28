"""Nearest neighbours by inner product over the segments of a collection, with FAISS.

The vectors of a segment are one memory-mapped matrix in row order; FAISS searches it exactly where it lies, and one
user's store is a slice of it. A whole collection may be searched approximately instead (HNSW, quantised), by
configuration; a store is always searched exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from engine.artifacts import Manifest, digest, read_manifest, stage, undamaged
from engine.config import BuildConfig
from engine.encoder import RECALLED, Encoder, EncoderConfig
from engine.errors import InputError
from engine.index import reading
from engine.index.collection import Collection
from engine.index.ranking import to_run
from engine.index.reading import Reads
from engine.index.segment import Segment
from engine.progress import bar
from engine.records import EXPLAINED, ClosestSentence, Request, Run
from engine.sentences import sentences
from engine.vectors import BLOCK, write_vectors

VERSION = 1
SMALL = 2000  # documents whose sentences `warm` encodes beforehand: seconds, a few MB
EF_SEARCH = 256  # HNSW's beam: recall 0.99 on random vectors, where FAISS's own 16 finds 0.4 to 0.7
SMALL_STORE = 512  # rows of which all are scored: cheaper than choosing among them one request at a time
FEW = 20  # queries from which on FAISS multiplies matrices, and a heap each costs little beside that
QUERIES = 256  # encoded between two moves of the bar
BATCH = 4096  # requests whose candidates are held at once


class DenseConfig(BuildConfig):
    """An encoder, and how a whole collection's vectors are searched."""

    encoder: EncoderConfig = EncoderConfig()
    reads: Reads = Field("content", description="how a document is read; 'memory' names its kind and who people are")
    factory: str = Field(
        "Flat", description="a FAISS index_factory string; 'Flat' is exact, 'HNSW32' and 'SQ8' are not"
    )


def name(config: DenseConfig, encoder: Encoder) -> str:
    """Names the index of these vectors (hex), for whichever method shares it."""
    reads = {} if config.reads == "content" else {"reads": config.reads}
    return digest({"encoder": encoder.digest, "factory": config.factory, **reads})


class DenseSegment:
    """The vectors of one segment. Raises FileNotFoundError if they are not there."""

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        if manifest is None:
            raise FileNotFoundError(path)
        self.manifest = manifest
        self.approximate: Any = None
        with undamaged(path, "Delete this folder and run the same command again; its vectors are cached"):
            # (rows, dimension) float32; a plain array over the map, whose slices cost less than those of np.memmap
            self.vectors = np.asarray(np.load(path / "vectors.npy", mmap_mode="r"))
            if (path / "index.faiss").exists():
                import faiss

                self.approximate = faiss.read_index(str(path / "index.faiss"), faiss.IO_FLAG_MMAP_IFC)
        if self.approximate is not None:
            self.is_hnsw = isinstance(faiss.downcast_index(self.approximate), faiss.IndexHNSW)

    def nearest(
        self, queries: np.ndarray, k: int, low: int, high: int, *, exact: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best rows of [low, high) for (q, dimension) queries: rows and inner products, (q, k), best first.

        Rows count from `low`; they are -1 where fewer were found (by an approximate index). Where not `exact`, the
        approximate index is asked, if there is one and not all rows are wanted anyway.
        """
        import faiss

        if self.approximate is not None and not exact and k < high - low == len(self.vectors):
            parameters = None
            if self.is_hnsw:
                parameters = faiss.SearchParametersHNSW(efSearch=max(EF_SEARCH, 2 * k))  # type: ignore[attr-defined]
            scores, rows = self.approximate.search(queries, k, params=parameters)
            return rows, scores
        scores, rows = faiss.knn(queries, self.vectors[low:high], k, metric=faiss.METRIC_INNER_PRODUCT)
        return rows, scores

    def score(self, queries: np.ndarray, low: int, high: int, out: np.ndarray) -> None:
        """The inner products of (q, dimension) queries with all rows of [low, high), unsorted, into `out` (q, rows)."""
        import faiss

        rows, (count, dimension) = self.vectors[low:high], (high - low, queries.shape[1])
        for query, own in zip(queries, out, strict=True):  # FAISS's own loop over rows, so that equal vectors tie
            faiss.fvec_inner_products_ny(  # type: ignore[attr-defined]
                faiss.swig_ptr(own), faiss.swig_ptr(query), faiss.swig_ptr(rows), dimension, count
            )


def inner_products(queries: np.ndarray, vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(q, n) float32 inner products of each query with its own (q, n) rows of (m, dimension) vectors; -inf where -1.

    Reads the vectors where they lie; equal vectors get equal products, whatever stands around them.
    """
    import faiss

    rows = np.ascontiguousarray(rows, dtype=np.int64)
    products = np.full(rows.shape, -np.inf, dtype=np.float32)
    if rows.size and len(vectors):
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        pointers = [faiss.swig_ptr(array) for array in (products, queries, vectors, rows)]
        faiss.fvec_inner_products_by_idx(*pointers, queries.shape[1], *rows.shape)  # type: ignore[attr-defined]
        products[rows < 0] = -np.inf
    return products


def write_dense(
    path: Path,
    segment: Segment,
    before: Sequence[Segment],
    config: DenseConfig,
    encoder: Encoder,
    cache: Path,
    processes: int,
) -> Manifest:
    """Publish the vectors of `segment`; `cache` is the encoder's folder of vectors (engine/vectors.py).

    `before` are the earlier segments of the collection, which may tell who the people in this one are.
    """
    inputs = {
        "version": VERSION,
        "encoder": encoder.digest,
        "factory": config.factory,
        "segment": segment.manifest.digest,
        **reading.inputs(before, config.reads),
    }

    def build(folder: Path) -> dict[str, Any]:
        texts = partial(reading.texts, segment, before, config.reads)
        counts = write_vectors(folder / "vectors.npy", encoder, texts, cache, processes)
        if config.factory != "Flat":
            _write_approximate(folder, config.factory)
        del counts["encoded"]  # how often it was interrupted is no part of an artefact
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
    with (folder / "index.faiss").open("wb") as file:  # FAISS's own writer does not tell that the disk is full
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]


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
        for number, segment in enumerate(collection.segments):
            before = collection.segments[:number]
            write_dense(path / segment.name, segment, before, config, encoder, cache, processes)

    def search(self, requests: Sequence[Request], k: int) -> Run:
        """The k nearest documents of each request."""
        return self.search_vectors(requests, self.encode(requests), k)

    def encode(self, requests: Sequence[Request]) -> np.ndarray:
        """(requests, dimension) float32 vectors of the requests' texts, each with its instruction."""
        if len(requests) == 1:  # a visitor's: several searchers, and the explanations, ask for its vector again
            return self.encoder.recall([requests[0].text], queries=True, instruction=requests[0].instruction)
        vectors = np.empty((len(requests), self.encoder.dimension), np.float32)
        with bar("encoding queries", len(requests), "queries") as progress:
            for instruction in dict.fromkeys(request.instruction for request in requests):
                rows = [i for i, request in enumerate(requests) if request.instruction == instruction]
                for some in (rows[start : start + QUERIES] for start in range(0, len(rows), QUERIES)):
                    vectors[some] = self.encoder.encode_queries([requests[i].text for i in some], instruction)
                    progress.update(len(some))
        return vectors

    def search_vectors(self, requests: Sequence[Request], queries: np.ndarray, k: int) -> Run:
        """The same with the requests' vectors given: (requests, dimension) float32."""
        lists: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(requests)
        by_user = sorted(range(len(requests)), key=lambda i: (requests[i].user is not None, requests[i].user or ""))
        for start in range(0, len(by_user), BATCH):
            members = by_user[start : start + BATCH]
            found = self._nearest([requests[i] for i in members], queries[members], k)
            for i, hits in zip(members, found, strict=True):
                lists[i] = hits
        return to_run(requests, lists, self.collection.ids)

    def _nearest(self, requests: Sequence[Request], queries: np.ndarray, k: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """(rows, scores) of each request's k best allowed rows; requests of one user stand side by side.

        Fetches a little more than k and looks whether that was enough: nothing unfetched may score as high as the k-th
        that is kept. Deleted rows, excluded ids and ties at the cut all end here; where they used the margin up, more
        is fetched for those requests alone.
        """
        results: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        banned = {i: self._rows(request.exclude) for i, request in enumerate(requests) if request.exclude}
        pending = list(range(len(requests)))
        fetch = np.asarray([k + 1 + len(banned.get(i, ())) for i in pending])
        rank, deleted = self.collection.rank, self.collection.deleted
        while pending:
            rows, scores, unseen = self._fetch(
                [requests[i].user for i in pending], queries[pending], fetch[pending].tolist()
            )
            if self.collection.current["deleted"]:
                scores[deleted[rows]] = -np.inf
            for place, i in enumerate(pending):
                if i in banned:
                    scores[place, np.isin(rows[place], banned[i])] = -np.inf
            # By score alone first, which is fast, then by id too where that left ties.
            for keys in (lambda r, s: np.argsort(-s), lambda r, s: np.lexsort((-rank[r], -s), axis=-1)):
                descends = (scores[:, 1:] < scores[:, :-1]) | (scores[:, 1:] == -np.inf)
                wrong = np.flatnonzero(~descends.all(axis=1))
                order = keys(rows[wrong], scores[wrong])
                rows[wrong] = np.take_along_axis(rows[wrong], order, axis=1)
                scores[wrong] = np.take_along_axis(scores[wrong], order, axis=1)
            rows, scores = rows[:, :k], scores[:, :k]
            kept = np.isfinite(scores).sum(axis=1)
            enough = (unseen == -np.inf) | ((kept == k) & (scores[:, -1] > unseen))
            for place, size in zip(np.flatnonzero(enough).tolist(), kept[enough].tolist(), strict=True):
                results[pending[place]] = rows[place, :size], scores[place, :size]
            pending = [pending[place] for place in np.flatnonzero(~enough).tolist()]
            fetch *= 4
        return results

    def _fetch(
        self, users: Sequence[str | None], queries: np.ndarray, fetch: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The `fetch` or more best rows of each (q, dimension) query in every segment that its user is in.

        Returns rows and scores, (q, most of any), padded with scores of -inf, and (q,) what no row left out exceeds.
        """
        calls, width, first = [], 1, 0
        for user, group in groupby(users):
            last, start = first + len(list(group)), 0
            for part in self.collection.ranges(user):
                whole = part.high - part.low <= SMALL_STORE and last - first < FEW
                size = part.high - part.low if whole else min(max(fetch[first:last]), part.high - part.low)
                calls.append((slice(first, last), slice(start, start + size), part, user is not None, whole))
                start += size
            first, width = last, max(width, start)
        rows = np.tile(np.arange(width), (len(users), 1))  # as they are where all of a store is scored
        origin = np.zeros_like(rows)
        scores = np.full(rows.shape, -np.inf, dtype=np.float32)
        unseen = np.full(len(users), -np.inf, dtype=np.float32)
        for asked, place, part, exact, whole in calls:
            segment = self.segments[part.segment]
            if whole:
                segment.score(queries[asked], part.low, part.high, scores[asked, place])
                origin[asked, place] = part.base + part.low - place.start
                continue
            size = place.stop - place.start
            found, values = segment.nearest(queries[asked], size, part.low, part.high, exact=exact)
            rows[asked, place], scores[asked, place], origin[asked, place] = found, values, part.base + part.low
            if size < part.high - part.low:
                unseen[asked] = np.maximum(unseen[asked], np.where(found[:, -1] < 0, -np.inf, values[:, -1]))
        scores[rows < 0] = -np.inf
        return np.where(scores == -np.inf, 0, rows + origin), scores, unseen

    def _rows(self, ids: Sequence[str]) -> np.ndarray:
        return np.asarray([row for i in ids if (row := self.collection.row_of.get(i)) is not None], dtype=np.int64)

    def similarity(self, queries: np.ndarray, row: int) -> np.ndarray:
        """(q,) inner products of queries with the document in `row`."""
        segment = int(np.searchsorted(self.collection.bases, row, side="right")) - 1
        return queries @ self.segments[segment].vectors[row - int(self.collection.bases[segment])]

    def similarities(self, queries: np.ndarray, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
        """For each of the (q, dimension) queries, its inner products with its own (n,) rows, float32."""
        width = max((len(own) for own in rows), default=0)
        padded = np.full((len(rows), width), -1, np.int64)
        for line, own in zip(padded, rows, strict=True):
            line[: len(own)] = own
        products = np.full(padded.shape, -np.inf, np.float32)
        for base, end, segment in zip(self.collection.bases, self.collection.bases[1:], self.segments, strict=False):
            here = (padded >= base) & (padded < end)
            found = inner_products(queries, segment.vectors, np.where(here, padded - base, -1))
            products[here] = found[here]
        return [line[: len(own)] for line, own in zip(products, rows, strict=True)]

    def ranks(self, request: Request, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(n,) the rank, from 1, that each of (n,) rows has for the (dimension,) query among all it may find."""
        scores = np.full(len(self.collection), -np.inf, np.float32)
        for part in self.collection.ranges(request.user):
            low, high = part.base + part.low, part.base + part.high
            self.segments[part.segment].score(query[None], part.low, part.high, scores[None, low:high])
        allowed = ~self.collection.deleted & (scores > -np.inf)
        allowed[self._rows(request.exclude)] = False
        rank = self.collection.rank
        better = [
            allowed & ((scores > scores[row]) | ((scores == scores[row]) & (rank > rank[row]))) for row in rows.tolist()
        ]
        return np.asarray([1 + int(found.sum()) for found in better], dtype=np.int64)

    def warm(self) -> None:
        """Load the model; remember the sentences of a collection that is small enough, for `explain`."""
        texts = []
        if self.collection.live <= SMALL:
            contents = (document.content[:EXPLAINED] for document in self.collection.documents())
            texts = [content[a:b] for content in contents for a, b in sentences(content)]
        self.encoder.recall(texts[:RECALLED] or ["warm"], queries=False)

    def explain(self, query: np.ndarray, rows: Sequence[int]) -> list[ClosestSentence]:
        """For each row, the sentence of its document that lies nearest to the (dimension,) query vector."""
        contents = [self.collection.document(row).content[:EXPLAINED] for row in rows]
        spans = [sentences(content) for content in contents]
        texts = [content[a:b] for content, own in zip(contents, spans, strict=True) for a, b in own]
        similarities = iter((self.encoder.recall(texts, queries=False) @ query).tolist() if texts else [])
        found = []
        for row, content, own in zip(rows, contents, spans, strict=True):
            similarity, (a, b) = max(((next(similarities), span) for span in own), key=lambda pair: pair[0])
            whole = float(self.similarity(query[None], row)[0])
            found.append(ClosestSentence(content[a:b], (a, b), similarity, whole))
        return found
