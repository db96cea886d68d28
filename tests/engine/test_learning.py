"""The page's own training: in the background, once, and only where it is wanted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine import learning
from engine.artifacts import Workspace, read_manifest


def test_people_are_invented_once(tmp_path: Path) -> None:
    first = learning.invented(Workspace(tmp_path), 2, 40)
    again = learning.invented(Workspace(tmp_path), 2, 40)
    assert first.digest == again.digest and first.path == again.path and first.name == "people"
    assert {"train", "dev"} <= set(first.splits)


def test_nothing_is_trained_where_it_is_not_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUINTET_NO_TRAINING", "1")
    assert learning.in_background(Workspace(tmp_path)) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_background_makes_a_tagger_that_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUINTET_NO_TRAINING")
    started = learning.in_background(Workspace(tmp_path))
    assert started is not None and started.wait(900) == 0
    assert read_manifest(Workspace(tmp_path).trained("tagger", "people")) is not None
    assert learning.in_background(Workspace(tmp_path)) is None  # nothing is missing


def test_what_stops_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-m", "engine.learning", "--workspace", str(tmp_path / "file"), "tagger"],
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr and "this is no folder" in done.stderr
