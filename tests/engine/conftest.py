"""A workspace, and a language model's server that ends with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.artifacts import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts are scaled down; they are tested by their sizes."""
    from engine.llm import attempts

    monkeypatch.setattr(attempts, "FIRST_PAUSE", 0.01)
    monkeypatch.setenv("QUINTET_NO_PROGRESS", "1")


@pytest.fixture
def serve(quick: None) -> Iterator[Callable[..., object]]:
    """Start a server of tests/engine/llm/server.py: `serve(script, latency=...)`."""
    from llm.server import Server

    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Server(*args, **options))
