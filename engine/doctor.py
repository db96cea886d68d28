"""Whether this machine can run the engine, checked by doing: imports, a vector, a file, a query."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.artifacts import Workspace, hardware
from engine.files import replace_file

REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"
ENOUGH_DISK = 2 << 30  # bytes
ENOUGH_MEMORY = 2 << 30


@dataclass(frozen=True)
class Check:
    """One thing looked at. `ok` is None where it is worth knowing but not needed."""

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def examine(workspace: Workspace) -> Iterator[Check]:
    """Each check as it is done; one that fails stops none of the others."""
    for name, check in (
        ("python", _python),
        ("packages", _packages),
        ("memory", _memory),
        ("gpu", _gpu),
        ("encoder", _encoder),
        ("store", _duckdb),
    ):
        yield _guarded(name, check)
    yield _guarded("workspace", lambda: _workspace(workspace))


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Exception as error:  # a broken installation fails in ways that nobody can list
        return Check(
            name, False, f"{type(error).__name__}: {error}", "Make the environment again: `make clean install`"
        )


def _python() -> Check:
    ok = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Check("python", ok, f"{platform.python_version()} on {hardware()}", "" if ok else "Use Python 3.11 or 3.12")


def _packages() -> Check:
    wrong = []
    pins = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;#]+)", REQUIREMENTS.read_text("utf-8"), flags=re.MULTILINE)
    for name, version in pins:
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if installed.split("+")[0] != version:
            wrong.append(f"{name} is {installed}, not {version}")
    detail = "; ".join(wrong) if wrong else f"{len(pins)} as pinned"
    return Check("packages", not wrong, detail, "Run `make install`" if wrong else "")


def _memory() -> Check:
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    detail = f"{total / 2**30:.1f} GB, {free / 2**30:.1f} GB free"
    return Check("memory", total >= ENOUGH_MEMORY, detail, "" if total >= ENOUGH_MEMORY else "2 GB are needed")


def _gpu() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check("gpu", True, ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())))
    return Check("gpu", None, f"none; torch {torch.__version__} uses {torch.get_num_threads()} threads")


def _encoder() -> Check:
    from engine.encoder import Encoder, EncoderConfig

    boat, ship, tax = Encoder(EncoderConfig()).encode_queries(["a small boat", "a little ship", "income tax"])
    ok = bool(boat @ ship > boat @ tax)
    return Check("encoder", ok, f"minilm: boat-ship {boat @ ship:.2f}, boat-tax {boat @ tax:.2f}")


def _duckdb() -> Check:
    import duckdb

    with duckdb.connect() as connection:
        rows = connection.execute("SELECT sum(range) FROM range(4)").fetchall()
    return Check("store", rows == [(6,)], f"duckdb {duckdb.__version__}")


def _workspace(workspace: Workspace) -> Check:
    root = workspace.root
    existing = next(path for path in (root, *root.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    try:
        if root.exists():
            probe = root / ".doctor"
            replace_file(probe, b"")
            probe.unlink()
        elif not os.access(existing, os.W_OK):
            raise PermissionError(f"{existing} is not writable")
    except OSError as error:
        return Check("workspace", False, f"{root}: {error.strerror or error}", "Choose another --workspace")
    ok = free >= ENOUGH_DISK
    return Check("workspace", ok, f"{root}, {free / 2**30:.1f} GB free", "" if ok else "Free some disk space")
