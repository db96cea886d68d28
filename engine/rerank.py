"""Scoring a short list again with a model that reads query and document together, or with another bi-encoder.

Knows texts only; which candidates, and what becomes of the new scores, is engine/compose.py's.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np

from engine.config import RerankOptions
from engine.encoder import EncoderConfig, find_model, shared_encoder
from engine.errors import InputError

_PIECE = 16  # pairs in one forward pass of one core: a short list is then shared out evenly


class Reranker(ABC):
    """Scores documents for one query."""

    name: str

    @abstractmethod
    def scores(self, query: str, documents: Sequence[str]) -> np.ndarray:
        """(n,) float32, higher is better."""


class CrossEncoderReranker(Reranker):
    """A cross-encoder: query and document in one input (Nogueira & Cho 2019, arXiv 1901.04085).

    Scores are raw logits, whatever the model's files say: behind a sigmoid all above 17 are the same float32.
    """

    def __init__(self, options: RerankOptions) -> None:
        import torch
        from sentence_transformers import CrossEncoder
        from torch.nn import Identity

        path = find_model(options.model)
        try:
            self.model = CrossEncoder(
                str(path), local_files_only=True, model_kwargs={"use_safetensors": True}, activation_fn=Identity()
            )
        except Exception as error:  # each library has its own: safetensors, tokenizers, transformers
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise InputError(
                f"not a cross-encoder ({reason[:200]})", where=str(path), remedy="Name a sequence-classification model"
            ) from None
        if drawn := _random_weights(path):
            raise InputError(
                f"not a cross-encoder: {drawn[0]} and {len(drawn) - 1} more weights are not in it",
                where=str(path),
                remedy="For a bi-encoder set search.rerank.kind=bi",
            )
        if self.model.num_labels != 1:
            raise InputError(
                f"this model has {self.model.num_labels} outputs; a reranker has one",
                where=str(path),
                remedy="For a bi-encoder set search.rerank.kind=bi",
            )
        self.name, self.batch_size = path.name, options.batch_size
        self._cores = torch.get_num_threads()
        self._tokenizing = threading.Lock()  # fast tokenizers keep their padding as state

    def scores(self, query: str, documents: Sequence[str]) -> np.ndarray:
        pairs = [(query, document) for document in documents]
        if self.model.device.type == "cpu":
            return self._scores_in_threads(pairs)
        scores = self.model.predict(pairs, batch_size=self.batch_size, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(scores, dtype=np.float32)

    def _scores_in_threads(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """One batch a core instead of one batch over all cores, as engine/encoder.py does and for its reasons."""
        import torch

        order = np.argsort([-len(document) for _, document in pairs], kind="stable")  # like lengths together
        size = min(self.batch_size, _PIECE)
        batches = [order[start : start + size] for start in range(0, len(order), size)]

        def score(batch: np.ndarray) -> np.ndarray:
            with self._tokenizing:
                features = self.model.preprocess([pairs[i] for i in batch])
            with torch.inference_mode():
                return self.model(features)["scores"].float().reshape(len(batch)).numpy()

        scores = np.empty(len(pairs), dtype=np.float32)
        with ThreadPoolExecutor(self._cores, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            for batch, result in zip(batches, pool.map(score, batches), strict=True):
                scores[batch] = result
        torch.set_num_threads(self._cores)  # what the workers set for themselves, threads made later would inherit
        return scores


def _random_weights(path: Path) -> list[str]:
    """What a model's files lack of a sequence classifier: transformers would draw it at random, and only warn."""
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    if (path / "modules.json").exists() and not (path / "config.json").exists():
        return []  # put together by sentence-transformers, which loads each part strictly
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        _, report = AutoModelForSequenceClassification.from_pretrained(
            str(path), local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    finally:
        logging.set_verbosity(level)
    return sorted(report["missing_keys"])


class BiEncoderReranker(Reranker):
    """A bi-encoder: the inner product of two vectors made apart. A document's is remembered for the next query."""

    def __init__(self, options: RerankOptions) -> None:
        self.encoder = shared_encoder(EncoderConfig(model=options.model, batch_size=options.batch_size))
        self.name = self.encoder.path.name if options.model != "minilm" else "minilm"

    def scores(self, query: str, documents: Sequence[str]) -> np.ndarray:
        return self.encoder.recall(documents, queries=False) @ self.encoder.encode_queries([query])[0]


@lru_cache(maxsize=2)
def reranker(options: RerankOptions) -> Reranker:
    """The reranker that `options` name, kept loaded. Raises InputError if it cannot be loaded."""
    return {"cross": CrossEncoderReranker, "bi": BiEncoderReranker}[options.kind](options)
