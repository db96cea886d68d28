"""Small collections for index tests, and an encoder that draws vectors from the text itself: alike texts tie."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.encoder import EncoderConfig
from engine.index import collection as collections
from engine.index.collection import Collection
from engine.index.dense import DenseConfig, DenseIndex
from engine.index.lexical import LexicalConfig, LexicalIndex
from engine.records import Document


class DrawnEncoder:
    """Stands in for a bi-encoder where the numbers do not matter: unit vectors seeded by the text."""

    config = EncoderConfig()
    digest = "drawn"
    dimension = 8

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self._draw(text) for text in texts]) if texts else np.empty((0, 8), np.float32)

    def encode_queries(self, texts: Sequence[str], instruction: str | None = None) -> np.ndarray:
        return self.encode_documents([(instruction or "") + text for text in texts])

    def recall(self, texts: Sequence[str], *, queries: bool, instruction: str | None = None) -> np.ndarray:
        return self.encode_queries(texts, instruction)

    def _draw(self, text: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
        vector = np.random.default_rng(seed).standard_normal(8).astype(np.float32)
        return vector / np.linalg.norm(vector)


def dense(path: Path, collection: Collection, factory: str = "Flat") -> DenseIndex:
    encoder = DrawnEncoder()
    config = DenseConfig(factory=factory)
    DenseIndex.build(path / "dense", collection, config, encoder, path / "vectors", 1)  # type: ignore[arg-type]
    return DenseIndex(path / "dense", collection, encoder)  # type: ignore[arg-type]


def lexical(path: Path, collection: Collection, config: LexicalConfig | None = None) -> LexicalIndex:
    config = config or LexicalConfig()
    LexicalIndex.build(path / "lexical", collection, config)
    return LexicalIndex(path / "lexical", collection, config)


def make(path: Path, documents: Sequence[Document]) -> Collection:
    return collections.ensure(path / "documents", "source", documents)
