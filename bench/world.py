"""What is measured on: documents with a Zipf vocabulary, seeded, in a real workspace on disk.

Nothing is downloaded and nothing real stands in it; texts have the lengths and word frequencies of prose, not its
meaning. Vectors come from a stand-in encoder, because encoding is measured apart (`encoding`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from bench.measure import timed
from engine.artifacts import Workspace
from engine.index import collection
from engine.index.collection import Collection
from engine.index.dense import DenseConfig, DenseIndex
from engine.index.lexical import LexicalConfig, LexicalIndex
from engine.records import Document, Request

STORE = 100  # documents of one user


@dataclass(frozen=True)
class Sizes:
    """How much is measured, and how often."""

    documents: int = 100_000
    dimension: int = 384
    vocabulary: int = 200_000
    queries: int = 1000
    k: int = 100
    repeats: int = 9
    scored: tuple[tuple[int, int], ...] = ((2_000, 1_000), (22_000, 100))  # requests, documents a request
    added: int = 100
    encoded: int = 512
    encoded_beside: int = 256  # texts encoded beside a busy process
    encoded_part: int = 128
    characters: int = 1000  # of a document in the memory measurement
    starts: int = 10
    requests: int = 2000  # to a language model
    answers: int = 100_000  # in a job's log


QUICK = Sizes(
    documents=400, dimension=16, vocabulary=500, queries=10, k=10, repeats=2, scored=((20, 30), (40, 10)), added=10,
    encoded=4, encoded_beside=4, encoded_part=2, characters=200, starts=1,
    requests=40, answers=400,
)  # fmt: skip


def zipf_texts(count: int, vocabulary: int, words: int, seed: int) -> list[str]:
    """`count` texts of about `words` words (log-normal), drawn by the Zipf-Mandelbrot law 1 / (rank + 2.7)^1.07.

    The first ranks are English function words, so that as much is dropped as of prose.
    """
    from bm25s.stopwords import STOPWORDS_EN

    rng = np.random.default_rng(seed)
    lexicon = np.asarray([*STOPWORDS_EN, *(_word(rank) for rank in range(len(STOPWORDS_EN), vocabulary))], dtype=object)
    chance = 1 / (np.arange(vocabulary) + 3.7) ** 1.07
    lengths = np.maximum(rng.lognormal(np.log(words), 0.4, count).astype(int), 3)
    drawn = lexicon[rng.choice(vocabulary, size=int(lengths.sum()), p=chance / chance.sum())]
    ends = np.cumsum(lengths)
    return [" ".join(drawn[end - length : end]) for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]


def _word(rank: int) -> str:
    """A word for a rank: letters only, longer for rarer ones, the same rank always the same."""
    rank += 26 * 26
    letters = ""
    while rank:
        rank, last = divmod(rank, 26)
        letters = chr(97 + last) + letters
    return letters


class StandInEncoder:
    """Random unit vectors, seeded by the text, in place of a model's; counts what it was asked for."""

    def __init__(self, dimension: int) -> None:
        self.dimension, self.digest = dimension, f"stand-in-{dimension}"
        self.texts = 0

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dimension) float32."""
        self.texts += len(texts)
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        for i, text in enumerate(texts):
            seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())
            np.random.default_rng(seed).standard_normal(out=vectors[i], dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def encode_queries(self, texts: Sequence[str], instruction: str | None = None) -> np.ndarray:
        """(n, dimension) float32."""
        return self.encode_documents([f"query: {text}" for text in texts])


def write_collection(workspace: Workspace, documents: Sequence[Document]) -> Collection:
    return collection.ensure(workspace.collection("world"), "world", documents, len(documents))


def open_lexical(workspace: Workspace, documents: Collection) -> LexicalIndex:
    """The index, after what is missing of it has been built; so does a searcher that opens or refreshes."""
    path = workspace.index("world", "bm25", "bench")
    LexicalIndex.build(path, documents, LexicalConfig())
    return LexicalIndex(path, documents, LexicalConfig())


def open_dense(workspace: Workspace, documents: Collection, encoder: StandInEncoder) -> DenseIndex:
    """The same for vectors."""
    path = workspace.index("world", "dense", "bench")
    DenseIndex.build(path, documents, DenseConfig(), encoder, workspace.vectors(encoder.digest), 1)  # type: ignore[arg-type]
    return DenseIndex(path, documents, encoder)  # type: ignore[arg-type]


class World:
    """The workspace below `scratch`, built as it is needed. `real` is the folder of real collections, if there is one.

    `seconds` keeps how long the three builds took.
    """

    def __init__(self, sizes: Sizes, scratch: Path, real: Path) -> None:
        self.sizes, self.scratch, self.real = sizes, scratch, real
        self.workspace = Workspace(scratch / "workspace")
        self.encoder = StandInEncoder(sizes.dimension)
        self.seconds: dict[str, float] = {}

    @cached_property
    def documents(self) -> list[Document]:
        texts = zipf_texts(self.sizes.documents, self.sizes.vocabulary, 60, seed=0)
        return [Document(f"d{i:06d}", text, user=f"u{i // STORE:05d}") for i, text in enumerate(texts)]

    @cached_property
    def requests(self) -> list[Request]:
        """Queries of about 8 words to the whole collection."""
        texts = zipf_texts(self.sizes.queries, self.sizes.vocabulary, 8, seed=1)
        return [Request(f"q{i}", text) for i, text in enumerate(texts)]

    @cached_property
    def scoped(self) -> list[Request]:
        """The same queries, each to the store of one user."""
        users = self.collection.users
        return [Request(r.id, r.text, user=users[i % len(users)]) for i, r in enumerate(self.requests)]

    @cached_property
    def vectors(self) -> np.ndarray:
        """(queries, dimension) float32."""
        return self.encoder.encode_queries([r.text for r in self.requests])

    @cached_property
    def collection(self) -> Collection:
        documents = self.documents
        self.seconds["documents"], made = timed(lambda: write_collection(self.workspace, documents))
        made.rank, made.ids  # noqa: B018  (read once by the first search)
        return made

    @cached_property
    def lexical(self) -> LexicalIndex:
        documents = self.collection
        self.seconds["lexical"], made = timed(lambda: open_lexical(self.workspace, documents))
        return made

    @cached_property
    def dense(self) -> DenseIndex:
        documents = self.collection
        self.seconds["dense"], made = timed(lambda: open_dense(self.workspace, documents, self.encoder))
        return made
