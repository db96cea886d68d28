"""Lines -> JSON objects, with what JSON allows and no searcher can use refused: NUL, lone surrogates, NaN, infinities.

Which columns an object should have is engine/datasets/parse.py's.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from engine.datasets.faults import Fault, fault
from engine.datasets.lines import ByteFile, read_lines

Row = dict[str, Any]

# Only an escape can bring a NUL or half a surrogate pair into a line that is valid UTF-8 without NUL bytes.
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Malformed(ValueError):
    """Text that is not the JSON it should be; `kind` is one of `faults.KINDS`."""

    def __init__(self, kind: str, message: str, line: int = 1) -> None:
        self.kind, self.message, self.line = kind, message, line
        super().__init__(message)


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed("not-a-number", f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Malformed("not-a-number", f"{digits[:20]} is too large for a number")
    return value


# made once: json.loads makes one for every line
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def decode(text: str) -> Any:
    """The value that `text` is as JSON. Raises `Malformed`."""
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Malformed(
            "not-json", f"not JSON: {error.msg.removesuffix(' at')} at column {error.colno}", error.lineno
        ) from None
    except RecursionError:
        raise Malformed("not-json", "not JSON that can be read: nested too deeply") from None
    except Malformed:
        raise
    except ValueError:  # Python reads no integers of thousands of digits
        raise Malformed("not-json", "not JSON that can be read: a number is too long") from None
    if _SUSPECT.search(text):
        _refuse_characters(value)
    return value


def read_rows(source: ByteFile, name: str) -> Iterator[tuple[int, Row | Fault]]:
    """(line number, the object on it or what is wrong) for each line that is not blank. Raises nothing."""
    for number, line in read_lines(source, name):
        if isinstance(line, Fault):
            yield number, line
            continue
        try:
            value = decode(line)
        except Malformed as error:
            yield number, fault(error.kind, name, number, error.message)
            continue
        if isinstance(value, dict):
            yield number, value
        else:
            yield number, fault("not-json", name, number, f"not a JSON object but a {type(value).__name__}")


def _refuse_characters(value: Any) -> None:
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            if "\0" in one:
                raise Malformed("nul", "a NUL character is escaped in it")
            if _SURROGATE.search(one):
                raise Malformed("surrogate", "half a surrogate pair is escaped in it")
        elif isinstance(one, dict):
            left.extend(one)
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
