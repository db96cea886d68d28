"""Stages and files of the workspace: built once, replaced as a whole, rebuilt when they are cut short or stale."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from engine import artifacts, files
from engine.artifacts import MANIFEST, building_folder, digest, digest_tree, lock_file, read_manifest, recover, stage
from engine.errors import BuildError, InputError
from engine.files import full_disk, is_locked, lock, replace_file, sweep, write_array, write_json

ROOT = Path(__file__).parents[2]


class Build:
    """A stage's `build` that counts its calls and writes one file."""

    def __init__(self, content: str = "built") -> None:
        self.content, self.calls = content, 0

    def __call__(self, folder: Path) -> dict[str, Any]:
        self.calls += 1
        (folder / "inside").mkdir()
        (folder / "inside" / "file.txt").write_text(self.content)
        return {"files": 1}


def text(target: Path) -> str:
    return (target / "inside" / "file.txt").read_text()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_the_same_inputs_are_built_once(tmp_path: Path) -> None:
    build, target = Build(), tmp_path / "deep" / "target"
    first = stage(target, "kind", {"a": 1, "b": (2, "é")}, build)
    again = stage(target, "kind", {"b": [2, "é"], "a": 1}, build)
    assert build.calls == 1 and first.digest == again.digest
    assert again.outputs == {"files": 1} and again.files == {"inside/file.txt": 5}
    assert names(target.parent) == ["target"]


@pytest.mark.parametrize(("kind", "inputs"), [("kind", {"a": 2}), ("other", {"a": 1}), ("kind", {"a": 1, "b": None})])
def test_other_inputs_are_built_anew(tmp_path: Path, kind: str, inputs: dict[str, Any]) -> None:
    target = tmp_path / "target"
    stage(target, "kind", {"a": 1}, Build("old"))
    stage(target, kind, inputs, Build("new"))
    assert text(target) == "new" and names(tmp_path) == ["target"]


def cut(target: Path) -> None:
    (target / "inside" / "file.txt").write_text("bui")


def lose(target: Path) -> None:
    (target / "inside" / "file.txt").unlink()


def lose_manifest(target: Path) -> None:
    (target / MANIFEST).unlink()


def tear_manifest(target: Path) -> None:
    (target / MANIFEST).write_bytes((target / MANIFEST).read_bytes()[:40])


def garble_manifest(target: Path) -> None:
    (target / MANIFEST).write_text(json.dumps({"kind": "kind", "inputs": {}, "files": 3}))


def list_manifest(target: Path) -> None:
    (target / MANIFEST).write_text("[]")


@pytest.mark.parametrize("harm", [cut, lose, lose_manifest, tear_manifest, garble_manifest, list_manifest])
def test_a_damaged_artefact_is_not_there_and_is_built_again(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    build, target = Build(), tmp_path / "target"
    stage(target, "kind", {}, build)
    harm(target)
    assert read_manifest(target) is None
    stage(target, "kind", {}, build)
    assert build.calls == 2 and text(target) == "built" and names(tmp_path) == ["target"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError(errno.ENOSPC, "full")])
def test_a_failed_build_leaves_the_old_artefact_and_nothing_else(tmp_path: Path, error: Any) -> None:
    target = tmp_path / "target"
    stage(target, "kind", {"a": 1}, Build("old"))

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise error

    expected = BuildError if isinstance(error, OSError) else error
    with pytest.raises(expected):
        stage(target, "kind", {"a": 2}, fail)
    assert text(target) == "old" and names(tmp_path) == ["target"]


def leave_building(target: Path, inputs: dict[str, Any], content: str, complete: bool) -> None:
    """What a killed process leaves beside `target`."""
    apart = target.parent / "apart" / target.name
    stage(apart, "kind", inputs, Build(content))
    if not complete:
        (apart / MANIFEST).unlink()
    apart.rename(building_folder(target))
    lock_file(apart).unlink()
    apart.parent.rmdir()


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("moved_away", [True, False])
def test_what_a_killed_process_left_is_finished_or_undone(tmp_path: Path, complete: bool, moved_away: bool) -> None:
    target = tmp_path / "target"
    stage(target, "kind", {"a": 1}, Build("old"))
    leave_building(target, {"a": 2}, "killed", complete)
    if moved_away:
        target.rename(tmp_path / ".target.old")
    build = Build("new")
    stage(target, "kind", {"a": 2}, build)
    assert text(target) == ("killed" if complete else "new") and build.calls == (not complete)
    assert names(tmp_path) == ["target"]


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("moved_away", [True, False])
def test_a_killed_build_of_something_else_is_no_reason_to_build_again(
    tmp_path: Path, complete: bool, moved_away: bool
) -> None:
    target, build = tmp_path / "target", Build("old")
    stage(target, "kind", {"a": 1}, build)
    leave_building(target, {"a": 2}, "killed", complete)
    if moved_away:
        target.rename(tmp_path / ".target.old")
    stage(target, "kind", {"a": 1}, build)
    assert build.calls == 1 and text(target) == "old" and names(tmp_path) == ["target"]


def test_recovering_a_folder_leaves_alone_what_somebody_works_on(tmp_path: Path) -> None:
    leave_building(tmp_path / "complete", {}, "done", complete=True)
    leave_building(tmp_path / "half.way", {}, "half", complete=False)
    leave_building(tmp_path / "busy", {}, "busy", complete=False)
    with lock(lock_file(tmp_path / "busy")):
        recover(tmp_path)
    assert names(tmp_path) == [".busy.building", "complete"] and text(tmp_path / "complete") == "done"
    recover(tmp_path)
    assert names(tmp_path) == ["complete"]


def test_a_file_is_replaced_or_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file [1]*.json"
    write_json(path, {"b": 1, "a": "é"})
    assert json.loads(path.read_bytes()) == {"a": "é", "b": 1}
    with monkeypatch.context() as patch, pytest.raises(BuildError, match="no space left"):
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        replace_file(path, b"new")
    assert json.loads(path.read_bytes()) == {"a": "é", "b": 1}
    assert names(tmp_path) == [path.name]


def test_temporary_files_of_the_dead_are_swept_those_of_the_living_stay(tmp_path: Path) -> None:
    for name in (".file.0a1b2c3d.tmp", ".other.0a1b2c3d.tmp", ".file.ffffffff.tmp"):
        (tmp_path / name).write_text("left")
    with files._open_locked(tmp_path / ".file.ffffffff.tmp") as alive:
        replace_file(tmp_path / "file", b"new")
        assert names(tmp_path) == [".file.ffffffff.tmp", ".other.0a1b2c3d.tmp", "file"]
        sweep(tmp_path)
        assert names(tmp_path) == [".file.ffffffff.tmp", "file"]
        alive.write(b"still mine")
    sweep(tmp_path)
    assert names(tmp_path) == ["file"]


@settings(max_examples=40, deadline=None)
@given(
    arrays.arrays(
        dtype=st.sampled_from(["<f4", "<i4", "<i8", "S16", "bool"]),
        shape=arrays.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=5),
    )
)
def test_arrays_are_written_as_numpy_writes_them(tmp_path_factory: pytest.TempPathFactory, array: np.ndarray) -> None:
    folder = tmp_path_factory.mktemp("arrays")
    np.save(folder / "numpy.npy", array)
    write_array(folder / "ours.npy", array)
    assert (folder / "ours.npy").read_bytes() == (folder / "numpy.npy").read_bytes()


def test_a_lock_is_held_until_its_holder_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    assert not is_locked(path)
    script = f"from pathlib import Path; from engine.artifacts import lock\nwith lock(Path({str(path)!r})): input()"
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, text=True, cwd=ROOT)
    while not is_locked(path):
        assert holder.poll() is None
    holder.kill()
    holder.wait()
    assert not is_locked(path)
    with lock(path, shared=True), lock(path, shared=True):
        assert is_locked(path) is False, "many may read"
    with lock(path):
        assert is_locked(path)


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, BuildError), (errno.EDQUOT, BuildError), (errno.EROFS, InputError)]
)
def test_what_the_disk_says_becomes_one_line(number: int, kind: type[Exception]) -> None:
    error = full_disk(OSError(number, os.strerror(number)), Path("workspace/x"))
    assert isinstance(error, kind) and "workspace/x" in str(error) and "--workspace" in str(error)
    other = OSError(errno.EIO, "broken")
    assert full_disk(other, Path("x")) is other


def test_digests_know_order_where_it_matters(tmp_path: Path) -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1}) != digest({"a": 1, "b": [2, 1]})
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "x").write_text("same")
    assert digest_tree(tmp_path / "one") == digest_tree(tmp_path / "two")
    (tmp_path / "two" / "sub" / "x").rename(tmp_path / "two" / "sub" / "y")
    assert digest_tree(tmp_path / "one") != digest_tree(tmp_path / "two")
    assert digest_tree(tmp_path / "one" / "sub" / "x") == artifacts.digest_file(tmp_path / "two" / "sub" / "y")
