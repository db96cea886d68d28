"""Errors that a user can act on: one line that says what is wrong, where, and how to mend it.

Everything that the engine raises on purpose is a `QuintetError`; the command line prints it without a traceback.
Anything else that escapes is a bug of ours, and is shown as one.
"""

from __future__ import annotations


class QuintetError(Exception):
    """What went wrong, where, and the remedy. `exit_code` is what the command line ends with."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        line = f"{where}: {what}" if where else what
        super().__init__(" ".join(f"{line}. {remedy}".split()) if remedy else " ".join(line.split()))


class InputError(QuintetError):
    """The user's data, option or file is wrong; nothing was changed."""

    exit_code = 2


class BuildError(QuintetError):
    """A build could not be finished (disk full, a worker died); what was complete before is untouched."""
