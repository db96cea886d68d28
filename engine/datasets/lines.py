"""Bytes -> numbered lines of text, of a file, a gzip file or a member of a zip, never holding more than one line.

What cannot be a line (too long, not UTF-8, a NUL in it, a damaged file) comes out as a `Fault` in its place.
What a line means is decided elsewhere.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO, Any, Protocol

from engine.datasets.faults import Fault, fault

MAX_LINE = 4 << 20  # bytes, without the line end
_CHUNK = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class ByteFile(Protocol):
    """What is read: a `pathlib.Path`, or a `zipfile.Path` inside an archive."""

    @property
    def name(self) -> str: ...

    def open(self, mode: Any = ...) -> IO[Any]: ...


def read_lines(source: ByteFile, name: str, encoding: str = "utf-8") -> Iterator[tuple[int, str | Fault]]:
    """(line number from 1, the line without its end or what is wrong with it) for each line that is not blank.

    `name` is what faults call the file. Decompresses if the source's name ends in .gz. A fault of the file itself
    (missing, truncated, not gzip, UTF-16) comes last: nothing follows it. Raises nothing.
    """
    number = 0
    try:
        with ExitStack() as stack:
            stream: IO[bytes] | gzip.GzipFile = stack.enter_context(source.open("rb"))
            if source.name.endswith(".gz"):
                stream = stack.enter_context(gzip.GzipFile(fileobj=stream, mode="rb"))
            while raw := stream.readline(MAX_LINE + 1):
                number += 1
                if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
                    yield number, fault("oversized-line", name, number, f"the line is over {MAX_LINE >> 20} MiB long")
                    _skip_line(stream)
                    continue
                if number == 1:
                    if raw.startswith(_GZIP_MAGIC):
                        yield 1, fault("compressed", name, 1, "the file is gzip data")
                        return
                    if raw.startswith(_UTF16_BOMS):
                        yield 1, fault("encoding", name, 1, "the file is UTF-16")
                        return
                    raw = raw.removeprefix(_UTF8_BOM)
                raw = raw.rstrip(b"\r\n")
                if b"\0" in raw:
                    yield number, fault("nul", name, number, f"a NUL byte at column {raw.index(0) + 1}")
                elif raw and not raw.isspace():
                    yield number, _decode(raw, name, number, encoding)
    except EOFError:
        yield number + 1, fault("truncated", name, number + 1, "the compressed data breaks off")
    except gzip.BadGzipFile as error:
        if number == 0 and "Not a gzipped file" in str(error):
            yield 1, fault("not-gzip", name, 1, "the file is named .gz and is not gzip data")
        else:
            yield number + 1, fault("unreadable-file", name, number + 1, f"the compressed data is damaged ({error})")
    except (zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        # RuntimeError and NotImplementedError: an encrypted zip, or one packed in a way that Python does not know
        yield number + 1, fault("unreadable-file", name, number + 1, f"the compressed data is damaged ({error})")
    except OSError as error:
        at = number + 1 if number else 0  # nothing of the file was read
        yield at, fault("unreadable-file", name, at, f"it cannot be read ({error.strerror or error})")


def _skip_line(stream: IO[bytes] | gzip.GzipFile) -> None:
    while (piece := stream.readline(_CHUNK)) and not piece.endswith(b"\n"):
        pass


def _decode(raw: bytes, name: str, number: int, encoding: str) -> str | Fault:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        message = f"not {encoding.upper()} (byte 0x{raw[error.start]:02x} at column {error.start + 1})"
        return fault("encoding", name, number, message)
