"""Ways to reach a model; `make` chooses. The extractive one needs no requests and is no backend: see job.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import InputError
from engine.llm.backends.base import Backend
from engine.llm.config import LlmConfig
from engine.llm.task import Task


def make(task: Task[Any, Any], config: LlmConfig, folder: Path) -> Backend:
    """The backend of `config`, not started; `folder` is the job's, for a server's output. Raises InputError."""
    if not config.model:
        raise InputError(
            f"the {config.backend} backend needs a model",
            where="llm.model",
            remedy="Name it: the server's name for it, a hub id or a folder",
        )
    if config.backend == "transformers":
        from engine.llm.backends.local import LocalBackend

        return LocalBackend(config)
    from engine.llm.backends.openai import OpenAIBackend

    return OpenAIBackend(task, config, folder)
