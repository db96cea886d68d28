"""Files and locks that survive a crash: a file holds the old bytes or the new ones, a lock ends with its holder.

Knows nothing of artefacts: that is engine/artifacts.py.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import json
import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from engine.errors import BuildError, InputError


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` so that `path` holds either the old bytes or the new ones, also after a crash.

    Raises BuildError when the disk is full.
    """
    with replacing(path) as file:
        file.write(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends well; the same promise as `replace_file`."""
    sweep(path.parent, path.name)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with _open_locked(temporary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise full_disk(error, path) from error
        raise


def sweep(folder: Path, name: str = "*") -> None:
    """Remove what killed writers of `name` (or of any file) left in `folder`. Who still writes holds a lock on it."""
    for path in folder.glob(f".{name if name == '*' else glob.escape(name)}.*.tmp"):
        with contextlib.suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _open_locked(path: Path) -> BinaryIO:
    while True:
        file = path.open("wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # swept away before it was locked


def write_array(path: Path, array: np.ndarray) -> None:
    """The file that np.save would write. Unlike np.save's, its OSError says that the disk is full when it is."""
    array = np.ascontiguousarray(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)


def write_json(path: Path, value: Any) -> None:
    """A JSON file, keys sorted, replaced in one step."""
    replace_file(path, json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n")


@contextlib.contextmanager
def lock(path: Path, *, shared: bool = False, label: str = "") -> Iterator[None]:
    """Hold the lock file `path`; says on stderr whom it waits for. The kernel drops it when the process dies."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise full_disk(error, path.parent) from error
    mode = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        try:
            fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if label:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
                print(f"waiting for process {holder or '?'} to finish {label}", file=sys.stderr)  # noqa: T201
            fcntl.flock(descriptor, mode)
        if not shared:
            with contextlib.suppress(OSError):  # only a note for people; a full disk has no room for it
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock file now."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)


def full_disk(error: OSError, target: Path) -> Exception:
    """The error to raise for an OSError while writing `target`: ours, one line, if the disk is full or not writable."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BuildError(
            "no space left on the device; what was complete before is untouched",
            where=str(target),
            remedy="Free some space or choose another --workspace, then run the same command again",
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR):
        return InputError(
            f"cannot write here ({error.strerror})", where=str(target), remedy="Choose another --workspace"
        )
    return error
