"""Read a JSON object strictly: refuse everything that JSON does not allow, and duplicate keys."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elpa_core.errors import InputError, Problem, quoted, short
from elpa_core.files import access
from elpa_core.files.location import StorePath
from elpa_core.files.os_errors import as_input_error
from elpa_core.files.reading import read_at_most

_MAX_DIGITS = 4300  # the limit of int()
_MAX_LEVELS = 100  # code that walks or writes a value uses recursion


class _Doubled(dict[str, Any]):
    """An object with duplicate keys, which ``doubled`` holds."""

    doubled: tuple[str, ...] = ()


class _NotANumber:
    """A literal such as NaN or 1e999: not a JSON number, or too large for a double."""

    def __init__(self, literal: str, expected: str = "a finite number") -> None:
        self.literal = literal
        self.expected = expected

    def __repr__(self) -> str:
        return self.literal


def read_object(path: StorePath, *, or_pipe: bool = False) -> dict[str, Any]:
    """Return the JSON object in a file; see `read_file` and `parse_object`."""
    return parse_object(read_file(path, or_pipe=or_pipe), str(path))


def read_file(path: StorePath, *, or_pipe: bool = False) -> bytes:
    """Return the bytes of a JSON file.

    Parameters
    ----------
    path : path
        In a local folder or on object storage.
    or_pipe : bool
        Whether to read a pipe too; the read waits until the writer closes the pipe.

    Raises
    ------
    InputError
        If the file is missing, not a regular file, not readable, or larger than 16 MiB.
    """
    expected = "a JSON file that can be read"
    with as_input_error(path, expected):
        if not isinstance(path, Path):
            return access.read(path)
        if or_pipe and not (path.is_file() or path.is_dir()):
            with path.open("rb") as file:
                return read_at_most(file, path)
        return access.read(path)


def parse_object(data: bytes, source: str) -> dict[str, Any]:
    """Return the JSON object that ``data`` holds.

    Parameters
    ----------
    data : bytes
        UTF-8, with or without a byte order mark.
    source : str
        The file's name, for errors.

    Raises
    ------
    InputError
        If it is not UTF-8, not JSON, not an object or nested too deeply; or if it holds a duplicate key,
        NaN, Infinity, a number that is too large, or text that UTF-8 cannot express. The error names
        every such place.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        place = f"byte {error.start} (line {line})"
        raise InputError(
            Problem(source, place, f"the byte 0x{data[error.start]:02x}", "UTF-8 text")
        ) from error
    suspicious: list[object] = []

    def pairs_to_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) == len(pairs):
            return result
        marked = _Doubled(result)
        marked.doubled = tuple(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        suspicious.append(marked)
        return marked

    def refuse(*fault: str) -> _NotANumber:
        suspicious.append(fault)
        return _NotANumber(*fault)

    def number(literal: str) -> float | _NotANumber:
        value = float(literal)
        return value if math.isfinite(value) else refuse(literal)

    def integer(literal: str) -> int | _NotANumber:
        digits = len(literal)
        if digits <= _MAX_DIGITS:
            return int(literal)
        return refuse(f"an integer of {digits} digits", f"a number of at most {_MAX_DIGITS} digits")

    try:
        value = json.loads(
            text,
            object_pairs_hook=pairs_to_dict,
            parse_constant=refuse,
            parse_float=number,
            parse_int=integer,
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        found = _found_at(text, error.pos)
        raise InputError(Problem(source, place, found, f"JSON ({error.msg})")) from error
    except RecursionError as error:
        raise _too_deep(source) from error
    if _is_deep(value):
        raise _too_deep(source)
    if not isinstance(value, dict):
        raise InputError(Problem(source, "$", quoted(value), "a JSON object"))
    escaped = "\\ud" in text or "\\uD" in text
    if (suspicious or escaped) and (faults := list(_faults(value, "$", source))):
        raise InputError(faults)
    return value


def _too_deep(source: str) -> InputError:
    found = "arrays or objects nested too deeply"
    return InputError(Problem(source, "", found, f"JSON of at most {_MAX_LEVELS} levels"))


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(_MAX_LEVELS):
        if not level:
            return False
        level = [
            member
            for one in level
            if isinstance(one, dict | list)
            for member in (one.values() if isinstance(one, dict) else one)
        ]
    return bool(level)


def _found_at(text: str, position: int) -> str:
    rest = text[position : position + 20].partition("\n")[0]
    return quoted(rest) if rest else "the end of the file" if position >= len(text) else "the end of the line"


def member_path(parent: str, key: str | int) -> str:
    """Return the JSON path of a member of ``parent``.

    >>> member_path("$.models", 1), member_path("$", "beta"), member_path("$", "a b")
    ('$.models[1]', '$.beta', '$["a b"]')
    """
    if isinstance(key, int):
        return f"{parent}[{key}]"
    return f"{parent}.{short(key)}" if key.isidentifier() else f"{parent}[{quoted(key)}]"


def same_value(one: object, other: object) -> bool:
    """Tell whether two scalars are the same JSON value; true is not 1.

    >>> same_value(1, 1.0), same_value(True, 1)
    (True, False)
    """
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _faults(value: object, place: str, source: str) -> Iterator[Problem]:
    if isinstance(value, _NotANumber):
        yield Problem(source, place, quoted(value), value.expected)
    elif isinstance(value, str):
        if not _is_utf8(value):
            yield Problem(source, place, "half of a surrogate pair", "text that UTF-8 can express")
    elif isinstance(value, dict):
        for key in value.doubled if isinstance(value, _Doubled) else ():
            yield Problem(source, member_path(place, key), "the key twice", "each key once")
        for key, member in value.items():
            if not _is_utf8(key):
                found = "a key with half of a surrogate pair"
                yield Problem(source, place, found, "text that UTF-8 can express")
            yield from _faults(member, member_path(place, key), source)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _faults(member, member_path(place, index), source)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
