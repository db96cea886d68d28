"""BM25 over the segments of a collection, with bm25s' tokeniser and scorer.

A segment's postings hold finished scores (bm25s' eager scoring), so a search only adds them up. They are computed with
the statistics of the whole collection as it was when the segment was written; as in Lucene, older segments keep theirs,
and deleted documents count, until a compaction. Statistics are the collection's also where a request searches one
user's store: a small store alone knows too little about which words are common.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from engine.artifacts import Manifest, read_manifest, stage, undamaged
from engine.config import BuildConfig
from engine.errors import InputError
from engine.files import write_array
from engine.index.collection import Collection
from engine.index.ranking import at_least_kth, best, to_run
from engine.index.segment import Segment
from engine.progress import track
from engine.records import EXPLAINED, MatchedTerms, Request, Run

DAMAGED = "Delete this folder and run the same command again"
VERSION = 1
BATCH = 16384  # documents tokenised at once: words are looked up once a batch
WORD = r"(?u)\b\w\w+\b"
Texts = Callable[[Segment], Iterator[str]]


class LexicalConfig(BuildConfig):
    """BM25 in Lucene's form; k1 and b are Anserini's, which also did best on the development collections."""

    k1: float = Field(0.9, ge=0, description="how fast repeated words stop counting")
    b: float = Field(0.4, ge=0, le=1, description="how much long documents are held back")
    stemmer: str | None = Field("english", description="a Snowball stemmer's name, or null for none")
    stopwords: Literal["en"] | None = Field("en", description="drop English function words, or null to keep all words")


def idf(df: np.ndarray, documents: int) -> np.ndarray:
    """ln(1 + (N - df + 0.5) / (df + 0.5)): Lucene's idf, never negative (Kamphuis et al. 2020, table 1)."""
    return np.log1p((documents - df + 0.5) / (df + 0.5))


def tfc(tf: np.ndarray, length: np.ndarray, average: float, k1: float, b: float) -> np.ndarray:
    """tf / (tf + k1 (1 - b + b |d| / avgdl)): BM25's term frequency part in Lucene's form (ibid.)."""
    return tf / (tf + k1 * (1 - b + b * length / average))


class Analyzer:
    """Texts to tokens: lower case, words of two letters and more, stop words out, stems."""

    def __init__(self, config: LexicalConfig) -> None:
        self._stopwords: Any = config.stopwords or []
        self._language = config.stemmer

    @cached_property
    def _stemmer(self) -> Any:
        if self._language is None:
            return None
        import Stemmer

        if self._language not in Stemmer.algorithms():
            known = ", ".join(Stemmer.algorithms())
            raise InputError(f"there is no stemmer {self._language!r}", where="stemmer", remedy=f"There are: {known}")
        return Stemmer.Stemmer(self._language, 0)  # bm25s asks for each word once: a cache would cost, not save

    def tokens(self, texts: Sequence[str]) -> list[list[str]]:
        """The tokens of each text, in order, repeats kept."""
        ids, words = self.token_ids(texts)
        return [[words[i] for i in text] for text in ids]

    def token_ids(self, texts: Sequence[str]) -> tuple[list[list[int]], list[str]]:
        """The same as numbers, and the token that each number stands for; numbers are these texts' own."""
        import bm25s

        tokenized = bm25s.tokenize(list(texts), stopwords=self._stopwords, stemmer=self._stemmer, show_progress=False)
        return tokenized.ids, list(tokenized.vocab)

    def words(self, text: str) -> Iterator[tuple[str, int, int]]:
        """(token, start, end) of each word of `text` that has a token; offsets are characters of `text`."""
        matches = list(re.finditer(WORD, text))
        for match, tokens in zip(matches, self.tokens([m.group() for m in matches]), strict=True):
            if tokens:
                yield tokens[0], match.start(), match.end()


class LexicalSegment:
    """The postings of one segment, memory-mapped. Raises FileNotFoundError if they are not there."""

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        if manifest is None:
            raise FileNotFoundError(path)
        self.manifest = manifest
        with undamaged(path, DAMAGED):
            # Plain arrays over the maps: their slices cost less than those of np.memmap.
            self.data = np.asarray(np.load(path / "scores.npy", mmap_mode="r"))  # (postings,) float32
            self.indices = np.asarray(np.load(path / "rows.npy", mmap_mode="r"))  # (postings,) int32, ascend in a token
            self.indptr = np.asarray(np.load(path / "starts.npy", mmap_mode="r"))  # (tokens + 1,) int64
            self._words = (path / "vocabulary.txt").read_text("utf-8")

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """The number of each token; made at the first look, since a build opens segments that it does not read."""
        return {word: i for i, word in enumerate(self._words.split("\n")[:-1])}

    @property
    def documents(self) -> int:
        return self.manifest.outputs["documents"]

    @property
    def length(self) -> int:
        """Tokens of all documents together."""
        return self.manifest.outputs["tokens"]

    def document_frequency(self, token: str) -> int:
        i = self.vocabulary.get(token)
        return 0 if i is None else int(self.indptr[i + 1] - self.indptr[i])

    def scores(self, tokens: Sequence[str], low: int, high: int) -> np.ndarray:
        """(high - low,) float32 BM25 scores of the rows [low, high) for a tokenised query."""
        ids = [i for token in tokens if (i := self.vocabulary.get(token)) is not None]
        if not ids:
            return np.zeros(high - low, np.float32)
        if (low, high) == (0, self.documents):
            return self._whole.get_scores_from_ids(ids)
        # Rows ascend within a token: one user's are one slice of them, found by bounds of the rows' own type (for those
        # of another, numpy would copy the postings). Token i of the query is then the column [2i, 2i + 1).
        starts, ends = self.indptr[ids], self.indptr[np.add(ids, 1)]
        bounds = np.asarray([low, high], dtype=self.indices.dtype)
        cuts = [self.indices[s:e].searchsorted(bounds) for s, e in zip(starts, ends, strict=True)]
        scorer = self._scorer((starts[:, None] + np.stack(cuts)).ravel(), high)
        return scorer.get_scores_from_ids(range(0, 2 * len(ids), 2))[low:]

    @cached_property
    def _whole(self) -> Any:
        return self._scorer(self.indptr, self.documents)

    def _scorer(self, indptr: np.ndarray, documents: int) -> Any:
        """bm25s over our postings; token i has those of indptr[i] to indptr[i + 1]."""
        import bm25s

        scorer = bm25s.BM25(method="lucene")
        scorer.nonoccurrence_array = None
        scorer.scores = {"data": self.data, "indices": self.indices, "indptr": indptr, "num_docs": documents}
        return scorer

    def weight(self, token: str, row: int) -> float:
        """What `token` adds to the score of `row`; 0 if it is not in it."""
        i = self.vocabulary.get(token)
        if i is None:
            return 0.0
        start, end = int(self.indptr[i]), int(self.indptr[i + 1])
        place = start + int(self.indices[start:end].searchsorted(self.indices.dtype.type(row)))
        return float(self.data[place]) if place < end and self.indices[place] == row else 0.0


def write_lexical(
    path: Path,
    segment: Segment,
    before: Sequence[LexicalSegment],
    config: LexicalConfig,
    texts: Texts = Segment.contents,
    made_from: str | None = None,
) -> Manifest:
    """Publish the postings of `segment`. `before` are the earlier segments of the collection, for its statistics.

    `texts` gives the text of each of its documents, in row order; `made_from` is the digest of the
    artefact that holds other texts than their own.
    """
    inputs = {
        "version": VERSION,
        "config": config.model_dump(),
        "segment": segment.manifest.digest,
        "before": [s.manifest.digest for s in before],
        **({"made_from": made_from} if made_from else {}),
    }

    def build(folder: Path) -> dict[str, Any]:
        vocabulary, rows, tokens, tf, lengths = _count(texts(segment), len(segment), Analyzer(config))
        order = np.argsort(tokens, kind="stable")  # rows ascend already
        rows, tokens, tf = rows[order], tokens[order], tf[order]
        own_df = np.bincount(tokens, minlength=len(vocabulary))
        df = own_df + np.asarray([sum(s.document_frequency(t) for s in before) for t in vocabulary], dtype=np.int64)
        documents = len(segment) + sum(s.documents for s in before)
        average = max((int(lengths.sum()) + sum(s.length for s in before)) / documents, 1e-9)
        scores = idf(df, documents)[tokens] * tfc(tf, lengths[rows], average, config.k1, config.b)
        write_array(folder / "scores.npy", scores.astype(np.float32))
        write_array(folder / "rows.npy", rows)
        write_array(folder / "starts.npy", np.concatenate([[0], np.cumsum(own_df)]).astype(np.int64))
        (folder / "vocabulary.txt").write_text("".join(f"{t}\n" for t in vocabulary), "utf-8")
        return {"documents": len(segment), "tokens": int(lengths.sum()), "vocabulary": len(vocabulary)}

    return stage(path, "lexical", inputs, build)


def _count(
    texts: Iterator[str], total: int, analyzer: Analyzer
) -> tuple[dict[str, int], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The vocabulary in order of first appearance; rows, tokens and counts of all postings; lengths of documents."""
    vocabulary: dict[str, int] = {}
    postings: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    lengths: list[int] = []
    for batch in _batches(track(texts, "tokenising", total, "documents")):
        lists, words = analyzer.token_ids(batch)
        first, sizes = len(lengths), [len(tokens) for tokens in lists]
        number = np.empty(len(words), dtype=np.int64)  # the batch's own ids to the vocabulary's
        for i in dict.fromkeys(chain.from_iterable(lists)):
            number[i] = vocabulary.setdefault(words[i], len(vocabulary))
        ids = number[np.fromiter(chain.from_iterable(lists), dtype=np.int64, count=sum(sizes))]
        pairs, tf = np.unique((np.repeat(np.arange(len(lists)), sizes) << 32) | ids, return_counts=True)
        postings.append(
            ((first + (pairs >> 32)).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32), tf.astype(np.int32))
        )
        lengths += sizes
    rows, tokens, tf = (np.concatenate(column) for column in zip(*postings, strict=True))
    return vocabulary, rows, tokens, tf, np.asarray(lengths, dtype=np.int64)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    stream = iter(texts)
    while batch := list(islice(stream, BATCH)):
        yield batch


class LexicalIndex:
    """BM25 over a collection whose every segment has its postings under `path`; FileNotFoundError if one has not."""

    def __init__(self, path: Path, collection: Collection, config: LexicalConfig) -> None:
        self.path, self.collection = path, collection
        self.analyzer = Analyzer(config)
        self.segments = [LexicalSegment(path / segment.name) for segment in collection.segments]

    @staticmethod
    def build(
        path: Path,
        collection: Collection,
        config: LexicalConfig,
        texts: Texts = Segment.contents,
        made_from: Callable[[Segment], str] | None = None,
    ) -> None:
        """Write the postings that are missing; what is there is left alone. See `write_lexical`."""
        before: list[LexicalSegment] = []
        for segment in collection.segments:
            origin = made_from(segment) if made_from else None
            write_lexical(path / segment.name, segment, before, config, texts, origin)
            before.append(LexicalSegment(path / segment.name))

    def search(self, requests: Sequence[Request], k: int) -> Run:
        """The k best documents of each request that share a word with it."""
        asked = [*zip(requests, self.analyzer.tokens([r.text for r in requests]), strict=True)]
        lists = [self._search(request, tokens, k) for request, tokens in track(asked, "searching", unit="requests")]
        return to_run(requests, lists, self.collection.ids)

    def _search(self, request: Request, tokens: list[str], k: int) -> tuple[np.ndarray, np.ndarray]:
        collection = self.collection
        banned = [row for i in request.exclude if (row := collection.row_of.get(i)) is not None]
        parts = collection.ranges(request.user) if tokens else []
        if not parts:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        rows, values = [], []
        for part in parts:
            scores = self.segments[part.segment].scores(tokens, part.low, part.high)
            first, last = part.base + part.low, part.base + part.high
            if collection.current["deleted"]:
                scores[collection.deleted[first:last]] = 0
            if banned:
                scores[[row - first for row in banned if first <= row < last]] = 0
            found = at_least_kth(scores, k)
            rows.append(first + found)
            values.append(scores[found])
        return best(np.concatenate(rows), np.concatenate(values), collection.rank, k)

    def scores(self, text: str, rows: np.ndarray) -> np.ndarray:
        """(n,) float32 BM25 scores of `text` in (n,) rows; those of `search`."""
        tokens = self.analyzer.tokens([text])[0]
        place = np.searchsorted(self.collection.bases, rows, side="right") - 1
        found = np.zeros(len(rows), np.float32)
        for number in np.unique(place):
            here = place == number
            segment = self.segments[number]
            local = rows[here] - int(self.collection.bases[number])
            found[here] = segment.scores(tokens, 0, segment.documents)[local]
        return found

    def explain(self, text: str, row: int) -> MatchedTerms:
        """The words of the document in `row` that the query's words found, the weightiest first."""
        segment = int(np.searchsorted(self.collection.bases, row, side="right")) - 1
        local = row - int(self.collection.bases[segment])
        content = self.collection.document(row).content[:EXPLAINED]
        query = self.analyzer.tokens([text])[0]
        weights = {t: self.segments[segment].weight(t, local) * query.count(t) for t in query}
        written: dict[str, str] = {}
        spans = []
        for token, start, end in self.analyzer.words(content):
            if weights.get(token, 0) > 0:
                written.setdefault(token, content[start:end])
                spans.append((start, end))
        found = {t: weight for t, weight in weights.items() if weight > 0}  # also what stands further down
        terms = sorted(
            ((written.get(t, t), round(weight, 4)) for t, weight in found.items()), key=lambda term: (-term[1], term[0])
        )
        return MatchedTerms(tuple(terms), tuple(spans))
