"""The folder that a dataset is written in before it is published, known to the next run when its writer was killed.

It is `.OUT.<random>.part` beside OUT, and its writer holds a lock on the folder itself, which the kernel drops when the
process dies. So that no file need be taken out before the folder is published, there is no lock file. Two writers of
one OUT have a folder each; who ends second is refused.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.errors import BuildError, InputError


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` if the block ends well, and is removed if it does not.

    What killed writers of `target` left is removed first. Raises InputError if something is at `target` already, before
    the block or by its end, and BuildError if the disk does not take the files. Whatever ends the block, an interrupt
    too, nothing is left behind.
    """
    taken = InputError(f"{target} exists already", remedy=f"Remove it (`rm -r {target}`) or give another folder")
    target = target.absolute()
    sweep(target)
    if os.path.lexists(target):
        raise taken
    missing = [parent for parent in target.parents if not parent.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder, held = _locked(target)
    except OSError as error:
        raise InputError(
            f"{target} cannot be made ({error.strerror or error})", remedy="Choose another folder"
        ) from error
    try:
        yield folder
        if os.path.lexists(target):
            raise taken
        folder.rename(target)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        if isinstance(error, OSError):
            raise BuildError(
                f"{target} could not be written ({error})", remedy="Free some space or choose another folder"
            ) from error
        raise
    finally:
        os.close(held)


def sweep(target: Path) -> None:
    """Removes the folders that dead writers of `target` left; a living writer's stays."""
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{12}}\.part")
    found: list[Path] = []
    with suppress(OSError):  # not there yet, or not to be read
        found = [path for path in sorted(target.parent.iterdir()) if name.fullmatch(path.name)]
    for folder in found:
        with suppress(OSError):  # held, gone by now, or on a disk without such locks: left alone
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)


def _locked(target: Path) -> tuple[Path, int]:
    """A new folder beside `target`, and the descriptor that holds its lock."""
    while True:
        folder = target.parent / f".{target.name}.{secrets.token_hex(6)}.part"
        folder.mkdir()
        with suppress(FileNotFoundError):
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            with suppress(OSError):  # no locks on this disk: then nothing is swept either
                fcntl.flock(held, fcntl.LOCK_SH)  # shared, as network disks give no other for what cannot be written to
            if folder.exists():
                return folder, held
            os.close(held)  # swept away before it was locked
