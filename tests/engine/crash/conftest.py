"""One prepared folder for all crash tests, copied for each of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from crash import harness, operations


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a grown collection with postings, and three runs: what every operation starts from."""
    folder = tmp_path_factory.mktemp("crash") / "prepared"
    folder.mkdir()
    harness.run(operations.prepare, folder)
    return folder


@pytest.fixture
def fresh(prepared: Path, tmp_path: Path) -> Callable[[str], Path]:
    """fresh(name): a copy of what was prepared."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(prepared, tmp_path / name))

    return copy
