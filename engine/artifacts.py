"""The workspace: what is built, published so that a crash leaves either the old artefact or the new one, never half.

A stage builds into `.NAME.building` beside its target, writes `manifest.json` last and is published by one rename.
A folder with a manifest is complete; anything else is not there. Who reads does not lock; who builds holds a lock
file, so that two processes building one stage take turns and the second finds it done. Nothing here knows what is
built.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine import __version__
from engine.errors import InputError
from engine.files import full_disk, is_locked, lock, write_json

MANIFEST = "manifest.json"


def digest(value: Any) -> str:
    """sha256 (hex) of a JSON-able value, independent of key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def digest_file(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_tree(folder: Path) -> str:
    """sha256 (hex) of the names and bytes of all files below `folder` (of the file itself if it is one)."""
    if folder.is_file():
        return digest_file(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest([[path.relative_to(folder).as_posix(), digest_file(path)] for path in files])


@dataclass(frozen=True)
class Manifest:
    """What went into an artefact and what came out. `inputs` decide whether it is fresh; the rest is for people."""

    kind: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, int] = field(default_factory=dict)  # path inside the folder -> bytes
    hashes: Mapping[str, str] = field(default_factory=dict)  # the same -> sha256 (hex), for `verify`
    seconds: float = 0.0
    created: str = ""
    code: str = __version__
    hardware: str = ""

    @property
    def digest(self) -> str:
        return digest({"kind": self.kind, "inputs": self.inputs})


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a complete artefact; None if there is none. A file cut short afterwards counts as absent."""
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text("utf-8")))
        if all((folder / name).stat().st_size == size for name, size in manifest.files.items()):
            return manifest
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, AttributeError):
        pass
    return None


def verify(folder: Path) -> list[str]:
    """The files of a complete artefact that no longer hold what was published; reads all of them."""
    manifest = read_manifest(folder)
    return (
        [name for name, wanted in manifest.hashes.items() if digest_file(folder / name) != wanted] if manifest else []
    )


@contextlib.contextmanager
def undamaged(folder: Path, remedy: str) -> Iterator[None]:
    """What cannot be made of an artefact's files is told as damage to them: InputError with `remedy`.

    FileNotFoundError passes: the artefact is not there, which its reader knows how to mend.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, EOFError, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:100] if str(error).strip() else type(error).__name__
        raise InputError(f"a file of it is damaged ({reason})", where=str(folder), remedy=remedy) from None


def building_folder(target: Path) -> Path:
    """Where a stage builds before it is published."""
    return target.with_name(f".{target.name}.building")


def lock_file(target: Path) -> Path:
    """The lock that whoever builds `target` holds."""
    return target.with_name(f".{target.name}.lock")


def stage(
    target: Path, kind: str, inputs: Mapping[str, Any], build: Callable[[Path], Mapping[str, Any] | None]
) -> Manifest:
    """Make the artefact `target`, unless it is there with the same `kind` and `inputs`.

    `build` gets an empty folder to fill and returns what the manifest's `outputs` shall say. The old artefact stays in
    place until the new one is complete. Raises BuildError when the disk is full; then, and on any other error, nothing
    half-written stays.
    """
    wanted = Manifest(kind, json.loads(json.dumps(inputs)))
    if not _interrupted(target) and (done := read_manifest(target)) and done.digest == wanted.digest:
        return done
    building = building_folder(target)
    try:
        with lock(lock_file(target), label=f"{kind} {target.name}"):
            _recover(target, wanted)
            if (done := read_manifest(target)) and done.digest == wanted.digest:
                return done
            building.mkdir(parents=True)
            try:
                started = time.perf_counter()
                outputs = build(building) or {}
                sizes = _sizes(building)
                manifest = Manifest(
                    kind,
                    wanted.inputs,
                    outputs,
                    sizes,
                    {name: digest_file(building / name) for name in sizes},
                    round(time.perf_counter() - started, 3),
                    datetime.datetime.now().isoformat(timespec="seconds"),
                    hardware=hardware(),
                )
                write_json(building / MANIFEST, asdict(manifest))
                _publish(building, target)
            except BaseException:
                shutil.rmtree(building, ignore_errors=True)
                raise
            return manifest
    except OSError as error:
        raise full_disk(error, target) from error


def model_stage(
    target: Path, inputs: Mapping[str, Any], train: Callable[[Path, Path], Mapping[str, Any] | None]
) -> Manifest:
    """`stage` for a trained model. `train` gets the folder to fill, and one that outlives a killed run, where a trainer
    keeps what it resumes from; that one goes when the model is published."""
    state = target.with_name(f".{target.name}.state")
    manifest = stage(target, "model", inputs, lambda made: train(made, state))
    shutil.rmtree(state, ignore_errors=True)
    return manifest


def recover(folder: Path) -> None:
    """Finish or undo what killed processes left in `folder`; where somebody is at work, nothing is touched."""
    for left in sorted(folder.glob(".*.building")) + sorted(folder.glob(".*.old")):
        target = folder / left.stem[1:]
        if _interrupted(target):
            with lock(lock_file(target)):
                _recover(target)


def _interrupted(target: Path) -> bool:
    """Whether a killed process left something beside `target` that nobody works on now."""
    return (building_folder(target).exists() or _old(target).exists()) and not is_locked(lock_file(target))


def _recover(target: Path, wanted: Manifest | None = None) -> None:
    """Finish or undo what a killed process left: it may have died between the two renames of `_publish`.

    A complete build is published, unless something else is `wanted`.
    """
    building, old = building_folder(target), _old(target)
    if building.exists():
        complete = read_manifest(building)
        if complete and (wanted is None or complete.digest == wanted.digest):
            _publish(building, target)
        else:
            shutil.rmtree(building)
    if old.exists():
        if target.exists():
            shutil.rmtree(old)
        else:
            old.rename(target)


def _publish(building: Path, target: Path) -> None:
    """Put a complete folder in its place. The files reach the disk before their name does."""
    for name in _sizes(building):
        _sync(building / name)
    _sync(building)
    old = _old(target)
    if target.exists():
        if old.exists():
            shutil.rmtree(old)
        target.rename(old)
    building.rename(target)
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _sizes(folder: Path) -> dict[str, int]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hardware() -> str:
    """The machine in a few words, for manifests and tables."""
    processor = platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                processor = line.partition(":")[2].strip()
                break
    torch = sys.modules.get("torch")  # never import it just for a label
    gpu = f", {torch.cuda.get_device_name(0)}" if torch is not None and torch.cuda.is_available() else ""
    return f"{os.cpu_count()} x {processor}{gpu}"


class Workspace:
    """Where everything that is built lives; knows the layout (DESIGN.md section 4) and no contents."""

    def __init__(self, root: Path | str = "workspace") -> None:
        """Raises InputError if there is something at `root` that is no folder."""
        self.root = Path(root)
        if self.root.exists() and not self.root.is_dir():
            raise InputError("this is no folder", where=str(root), remedy="Choose another --workspace")

    def collection(self, dataset_digest: str) -> Path:
        """The documents of one dataset, shared by the indexes of all methods."""
        return self.root / "indexes" / dataset_digest[:16] / "documents"

    def index(self, dataset_digest: str, method: str, model_digest: str) -> Path:
        return self.root / "indexes" / dataset_digest[:16] / method / model_digest[:16]

    def index_folders(self, dataset_digest: str) -> list[Path]:
        """The indexes that any method has of one dataset, its documents not among them."""
        folder = self.root / "indexes" / dataset_digest[:16]
        methods = sorted(p for p in folder.glob("[!.]*") if p.is_dir() and p.name != "documents")
        return [index for method in methods for index in sorted(method.glob("[!.]*")) if index.is_dir()]

    def vectors(self, encoder_digest: str) -> Path:
        """The cache of one encoder's vectors, keyed by content."""
        return self.root / "vectors" / encoder_digest[:16]

    def imports(self, dataset_digest: str) -> Path:
        """What was made elsewhere for one dataset, keyed by document id."""
        return self.root / "imports" / dataset_digest[:16]

    def model(self, method: str, name: str) -> Path:
        """A trained model by its name. Raises InputError for what cannot be one."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
            raise InputError(
                f"{name!r} cannot be a model's name", where="model", remedy="Use letters, digits, . _ and -"
            )
        return self.root / "models" / method / name

    def prepared(self, method: str, content: str) -> Path:
        """What a training makes before its model, by the digest of what it is made from; kept for the next one."""
        return self.root / "models" / method / ".prepared" / content[:16]

    def models(self, method: str) -> list[Path]:
        """The folders of a method's models, complete or not."""
        return sorted((self.root / "models" / method).glob("[!.]*"))

    def trained(self, method: str, name: str) -> Path:
        """A complete trained model by its name. Raises InputError where there is none, and names those there are."""
        folder = self.model(method, name)
        if read_manifest(folder) is None:
            there = [path.name for path in self.models(method) if read_manifest(path)]
            train = f"Make one: python -m admin train {method} --data DIR --name {name}"
            if folder.exists():
                what = f"the model {name!r} of {method} is damaged, or was never finished"
                raise InputError(what, where=str(folder), remedy=f"Train it again: {train.removeprefix('Make one: ')}")
            remedy = f"There are {', '.join(there)}" if there else train
            raise InputError(f"{method} has no model {name!r}", where="--model", remedy=remedy)
        return folder

    @property
    def jobs(self) -> Path:
        return self.root / "jobs"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def store(self) -> Path:
        return self.root / "store.duckdb"
