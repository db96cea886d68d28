"""What a workspace holds and in what state: fresh, stale (and why), missing, damaged, interrupted, building."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine import methods, runs
from engine.artifacts import MANIFEST, Workspace, digest_file, lock_file, read_manifest
from engine.artifacts import verify as verify_files
from engine.errors import InputError
from engine.files import is_locked
from engine.index import dense, grouped, lexical, segment
from engine.index.collection import CURRENT, Collection

SOURCE = "dataset.json"
VERSIONS = {
    "documents": segment.VERSION,
    "lexical": lexical.VERSION,
    "dense": dense.VERSION,
    "grouped": grouped.VERSION,
    **{kind: version for method in methods.everything() for kind, version in method.versions.items()},
}


@dataclass(frozen=True)
class Item:
    """One artefact: what it is, its state, why, and the command that mends it."""

    kind: str
    name: str
    state: str
    detail: str = ""
    remedy: str = ""
    bytes: int = 0


def survey(workspace: Workspace, verify: bool = False) -> list[Item]:
    """Everything in the workspace, collections and their indexes first; `verify` reads all files again."""
    changed = changed_files if verify else lambda _: ""
    parts = (_imports(workspace, changed), _indexes(workspace, changed), _models(workspace, changed))
    return [item for part in parts for item in part] + [*_vectors(workspace), *_runs(workspace, changed)]


Changed = Callable[[Path], str]


def changed_files(folder: Path) -> str:
    """What of an artefact is not as it was published, in words; empty if all is."""
    return ", ".join(f"{folder.name}/{name} has changed" for name in verify_files(folder))


def _imports(workspace: Workspace, changed: Changed) -> Iterator[Item]:
    for dataset in _folders(workspace.root / "imports"):
        name = dataset_name(workspace, dataset.name)
        for folder in _folders(dataset):
            manifest, found = read_manifest(folder), changed(folder)
            detail = found or (f"{manifest.inputs.get('file')}, {manifest.created}" if manifest else "")
            state = "damaged" if found else "fresh" if manifest else _unfinished(folder) or "missing"
            remedy = "" if state == "fresh" else f"python -m admin data import {folder.name} FILE --data DIR"
            yield Item("import", f"{name} {folder.name}", state, detail, remedy, _bytes(folder))


def _models(workspace: Workspace, changed: Changed) -> Iterator[Item]:
    for method in _folders(workspace.root / "models"):
        for folder in _folders(method):
            manifest, found = read_manifest(folder), changed(folder)
            detail = found or (f"trained {manifest.created} in {manifest.seconds:.0f} s" if manifest else "")
            broken = found or (not manifest and (folder / MANIFEST).exists())
            state = "damaged" if broken else "fresh" if manifest else _unfinished(folder) or "missing"
            remedy = f"Delete {folder} and train again" if broken else ""
            yield Item("model", f"{method.name} {folder.name}", state, detail, remedy, _bytes(folder))


def _indexes(workspace: Workspace, changed: Changed) -> Iterator[Item]:
    for folder in _folders(workspace.root / "indexes"):
        source = _source(folder)
        name, command = (
            source.get("name", folder.name),
            f"python -m admin index METHOD --data {source.get('path', 'DIR')}",
        )
        try:
            documents = Collection(folder / "documents")
        except InputError as error:
            if not any((folder / "documents").glob("*")) and not _unfinished(folder / "documents" / "0000"):
                continue  # a build that failed left its lock
            there = (folder / "documents" / CURRENT).exists()
            state = _unfinished(folder / "documents" / "0000") or ("damaged" if there else "missing")
            yield Item("documents", name, state, error.what, error.remedy if state == "damaged" else command)
            continue
        if found := "; ".join(filter(None, (changed(s.path) for s in documents.segments))):
            yield Item("documents", name, "damaged", found, segment.DAMAGED, _bytes(folder / "documents"))
            continue
        reason = _changed(source)
        detail = f"{documents.live} documents in {len(documents.segments)} segments"
        yield Item(
            "documents", name, "stale" if reason else "fresh", f"{detail}; {reason}" if reason else detail,
            command if reason else "", _bytes(folder / "documents"),
        )  # fmt: skip
        for method in _folders(folder):
            if method.name != "documents":
                for index in _folders(method):
                    if any(index.glob("[!.]*")) or any(index.glob(".*.building")):  # else a build that failed
                        label = index.name if "-" in index.name else index.name[:8]
                        title = f"{name} {method.name} {label}"
                        yield _index(index, title, documents, command.replace("METHOD", method.name), changed)


def _index(folder: Path, name: str, documents: Collection, command: str, changed: Changed) -> Item:
    if found := "; ".join(filter(None, (changed(folder / part.name) for part in documents.segments))):
        return Item("index", name, "damaged", found, f"Delete {folder}, then {command}", _bytes(folder))
    lacking = []
    for part in documents.segments:
        manifest = read_manifest(folder / part.name)
        if manifest is None:
            lacking.append(part.name)
            if unfinished := _unfinished(folder / part.name):
                return Item("index", name, unfinished, f"segment {part.name}", command, _bytes(folder))
        elif manifest.inputs.get("version") != VERSIONS.get(manifest.kind):
            return Item("index", name, "stale", "made by another version of the engine", command, _bytes(folder))
        elif (origin := manifest.inputs.get("made_from")) and origin not in _origins(folder, part.name):
            what = f"what segment {part.name} was made from has been replaced"
            return Item("index", name, "stale", what, command, _bytes(folder))
        elif manifest.inputs.get("segment") != part.manifest.digest:
            return Item(
                "index",
                name,
                "stale",
                f"made from other documents than segment {part.name} has",
                command,
                _bytes(folder),
            )
    if lacking:
        return Item(
            "index", name, "missing", f"{len(lacking)} of {len(documents.segments)} segments", command, _bytes(folder)
        )
    return Item("index", name, "fresh", "", "", _bytes(folder))


def _origins(index: Path, part: str) -> set[str]:
    """What an index's part may be made from, by digest: the same part of its method's others; files of imports."""
    imports = index.parents[3] / "imports" / index.parents[1].name
    parts = [manifest for other in _folders(index.parent) if (manifest := read_manifest(other / part))]
    taken = [manifest for folder in _folders(imports) if (manifest := read_manifest(folder))]
    return {manifest.digest for manifest in parts} | {h for manifest in taken for h in manifest.hashes.values()}


def _vectors(workspace: Workspace) -> Iterator[Item]:
    for folder in _folders(workspace.root / "vectors"):
        chunks = len(list(folder.glob("*.keys.npy")))
        yield Item("vectors", folder.name, "fresh", f"{chunks} chunks in the cache", "", _bytes(folder))


def _runs(workspace: Workspace, changed: Changed) -> Iterator[Item]:
    for run in runs.everything(workspace):
        if found := changed(run.path):
            yield Item("run", run.id, "damaged", found, f"Remove {run.path} and evaluate again", _bytes(run.path))
            continue
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in list(run.info["metrics"].items())[:2])
        yield Item("run", run.id, "fresh", metrics, "", _bytes(run.path))
    for folder in runs.damaged(workspace):
        yield Item("run", folder.name, "damaged", runs.DAMAGED, f"Remove {folder} and evaluate again", _bytes(folder))
    for folder in sorted(workspace.runs.glob(".*.building")) if workspace.runs.is_dir() else ():
        target = folder.with_name(folder.name[1:].removesuffix(".building"))
        yield Item("run", target.name, _unfinished(target) or "missing", "", "Evaluate again", _bytes(folder))


def remember_source(collection: Path, name: str, path: Path, digest: str) -> None:
    """Note beside a collection which dataset it was read from."""
    from engine.files import write_json

    source = {"name": name, "path": str(path), "digest": digest}
    if _source(collection.parent) != source:
        collection.parent.mkdir(parents=True, exist_ok=True)
        write_json(collection.parent / SOURCE, source)


def dataset_name(workspace: Workspace, digest: str) -> str:
    """The name of the dataset of this digest, as it was last read."""
    return _source(workspace.collection(digest).parent).get("name", digest[:8])


def edited_before(workspace: Workspace, path: Path, digest: str) -> str:
    """Where an index of the same folder as it was before lies, if it was added to or removed from; else empty."""
    for folder in _folders(workspace.root / "indexes"):
        source = _source(folder)
        if Path(source.get("path", "")).resolve() == path.resolve() and source.get("digest") != digest:
            with contextlib.suppress(InputError):
                current = Collection(folder / "documents").current
                if current["generation"] > 0:
                    return str(folder)
    return ""


def _source(folder: Path) -> dict[str, str]:
    try:
        return json.loads((folder / SOURCE).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}


def _changed(source: dict[str, str]) -> str:
    """Why the collection no longer is what the dataset's folder holds; empty if it is, or if the folder is gone."""
    for name in ("corpus.jsonl", "corpus.jsonl.gz"):
        corpus = Path(source.get("path", "")) / name
        if source and corpus.is_file():
            return "" if digest_file(corpus) == source["digest"] else f"{corpus} has changed since"
    return ""


def _unfinished(target: Path) -> str:
    if target.with_name(f".{target.name}.building").exists():
        return "building" if is_locked(lock_file(target)) else "interrupted"
    return ""


def _folders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")) if path.is_dir() else []


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
