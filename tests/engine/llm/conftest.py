"""A workspace, and a server that ends with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.artifacts import Workspace
from engine.llm import attempts
from llm.server import Server


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server: `serve(script, latency=...)`."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(Server(*args, **options))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts are scaled down; they are tested by their sizes."""
    monkeypatch.setattr(attempts, "FIRST_PAUSE", 0.01)
    monkeypatch.setenv("QUINTET_NO_PROGRESS", "1")
