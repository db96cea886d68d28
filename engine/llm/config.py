"""How a language model is reached: what decides its words (part of every digest) and what does not (`server`)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from engine.artifacts import digest_tree
from engine.config import BuildConfig, Config
from engine.errors import InputError
from engine.llm.task import Sampling

NO_SECRETS = ("empty", "none", "null", "dummy", "test", "token")  # what local servers are given as a key


def check_urls(urls: tuple[str, ...]) -> tuple[str, ...]:
    """Each base URL once, without a slash at its end. ValueError for what is none, or holds a password or query."""
    for url in urls:
        if not url.startswith(("http://", "https://")) or set("@?#") & set(url):
            raise ValueError("write http://HOST:PORT/v1, and put a key into the variable that key_env names")
    return tuple(dict.fromkeys(url.rstrip("/") for url in urls))


BaseUrls = Annotated[  # of servers that share the load; one may be given as it is
    tuple[str, ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else value),
    AfterValidator(check_urls),
]


class ServerOptions(Config):
    """Where and how fast requests are put; never part of a key or digest, as none of it changes an answer."""

    base_urls: BaseUrls = Field(("http://127.0.0.1:8000/v1",), min_length=1, description="share the load")
    key_env: str = Field("OPENAI_API_KEY", description="the environment variable that holds the key, if one is needed")
    slots: int = Field(64, ge=1, description="requests in flight, over all URLs")
    timeout: float = Field(300.0, gt=0, description="seconds that one request may take")
    attempts: int = Field(5, ge=1, description="how often one request is tried before it is listed as failed")
    patience: float = Field(120.0, ge=0, description="seconds without any server that answers before the job stops")
    max_tokens_total: int | None = Field(None, ge=0, description="ceiling on tokens, earlier sessions included")
    max_cost: float | None = Field(None, ge=0, description="ceiling on money, earlier sessions included")
    price_in: float = Field(0.0, ge=0, description="money per million prompt tokens")
    price_out: float = Field(0.0, ge=0, description="money per million generated tokens")
    json_schema: Literal["auto", "on", "off"] = Field("auto", description="hold the server to the answer's schema")
    serve: bool = Field(False, description="start `vllm serve MODEL` as a child and stop it afterwards")
    export: bool = Field(False, description="write what is due to the job's requests.jsonl instead of asking")
    batch_size: int = Field(8, ge=1, description="of the transformers backend")

    @model_validator(mode="after")
    def _money_needs_a_price(self) -> ServerOptions:
        if self.max_cost is not None and not (self.price_in or self.price_out):
            raise ValueError("max_cost needs price_in or price_out, the money for a million tokens")
        return self


class LlmConfig(BuildConfig):
    """Which model writes, and how its words are drawn. `server` is left out of `model_dump`, hence of digests.

    `samples` answers are asked for each input; the sample's index is added to the seed.
    """

    backend: Literal["openai", "transformers", "extractive"] = Field(
        "extractive", description="a server, a model in this process, or the inputs' own sentences"
    )
    model: str = Field("", description="its name at the server; for transformers a hub id or folder")
    sampling: Sampling = Sampling()
    samples: int = Field(1, ge=1, description="answers for each input")
    server: ServerOptions = Field(default_factory=ServerOptions, exclude=True)

    def identity(self) -> dict[str, Any]:
        """What belongs into digests: backend, model, sampling, samples; of a model's folder also what its files hold.

        Of the extractive backend nothing else matters, so nothing else is told.
        """
        if self.backend == "extractive":
            return {"backend": self.backend, "model": "extractive", "sampling": {}, "samples": 1}
        found = {
            "backend": self.backend,
            "model": self.model,
            "sampling": self.sampling.model_dump(),
            "samples": self.samples,
        }
        if self.backend == "transformers" and Path(self.model).is_dir():
            found |= {"model": Path(self.model).resolve().name, "files": _files_digest(self.model)}
        return found

    def model_key(self) -> str:
        """What stands for the model in a request's key: its name, for a folder the digest of its files too."""
        identity = self.identity()
        return f"{identity['model']} {identity['files']}" if "files" in identity else str(identity["model"])


def secrets(options: ServerOptions, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """What must never be shown: the key, unless it is a word such as EMPTY that local servers are given.

    Keys of less than four characters are no secrets: to hide them would garble replies, and anybody guesses them.
    """
    key = environment.get(options.key_env, "").strip()
    return (key,) if len(key) >= 4 and key.lower() not in NO_SECRETS else ()


def api_key(options: ServerOptions, environment: Mapping[str, str] = os.environ) -> str:
    """The key that is sent, "" if there is none. Raises InputError for one that no header can hold."""
    key = environment.get(options.key_env, "").strip()  # files end with a line break
    if not key.isprintable():
        raise InputError(
            "this is no key: it has line breaks or control characters", where=options.key_env, remedy="Set it again"
        )
    return key


def redact(text: str, hidden: tuple[str, ...]) -> str:
    """`text` without the secrets, whoever put them there."""
    for secret in hidden:
        if secret in text:
            text = text.replace(secret, "[key]")
    return text


def _files_digest(folder: str) -> str:
    """The digest of a model's files, read again only when one of them has changed."""
    root = Path(folder).resolve()
    stamps = tuple(
        (str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(root.rglob("*")) if path.is_file()
    )
    return _digest_once(root, stamps)


@lru_cache(maxsize=8)
def _digest_once(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> str:
    return digest_tree(folder)
