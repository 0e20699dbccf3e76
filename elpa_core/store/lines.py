"""Files of lines that are only ever added to, and of which the end is enough to add the next line.

After each 1,000 lines comes a head: a line that says how many lines come before it, and what they add up to.
A local file holds all lines. On object storage each 1,000 lines become an object of their own, in a folder
named after the file, and never change again; the file begins with the head that follows them.

A file without a head is as earlier versions have it. They refuse a head as a line that is none of theirs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from elpa_core import files
from elpa_core.errors import InputError, Problem
from elpa_core.files import StorePath
from elpa_core.files.location import Place_co
from elpa_core.files.reading import open_regular, require_short

LAYOUT = 2
"""The layout of a file with a head."""
SEGMENT = 1_000
"""After so many lines comes a head."""
_MARK = b'{"layout": '
_AT_ONCE = 1 << 19


class Head(BaseModel):
    """What comes before a line."""

    model_config = ConfigDict(frozen=True)

    layout: int = LAYOUT
    lines: int = Field(default=0, ge=0, description="How many lines come before it; heads do not count.")
    segments: int = Field(default=0, ge=0, description="How many closed segments come before its file.")
    state: dict[str, Any] = Field(default={}, description="What the lines before it add up to.")

    def line(self) -> bytes:
        """Return the head as a line of a file."""
        return (json.dumps(self.model_dump(), ensure_ascii=False) + "\n").encode()


@dataclass(frozen=True)
class Lines:
    """The lines of a file behind a head.

    Parameters
    ----------
    head : Head
        What comes before them; nothing, if they are all.
    lines : tuple of bytes
        The lines, each with its newline.
    size : int
        The length of the whole lines of a local file; what stands behind them was left by a killed writer.
    """

    head: Head
    lines: tuple[bytes, ...] = ()
    size: int = 0

    @property
    def count(self) -> int:
        """How many lines the file has, closed segments included."""
        return self.head.lines + len(self.lines)

    def next_head(self, state: dict[str, Any]) -> Head:
        """Return the head that follows them in a local file.

        Parameters
        ----------
        state : dict
            What they add up to.
        """
        return Head(lines=self.count, segments=self.head.segments, state=state)

    @property
    def are_full(self) -> bool:
        """Whether a head comes before the next line."""
        return len(self.lines) >= SEGMENT

    @property
    def are_all(self) -> bool:
        """Whether nothing comes before them."""
        return self.head.lines == 0


StateAfter = Callable[[Lines], dict[str, Any]]
"""What lines add up to, together with those before them."""


def whole_lines(data: bytes) -> bytes:
    """Return lines without the start of one that a killed writer left."""
    return data[: data.rfind(b"\n") + 1]


def is_head(line: bytes) -> bool:
    """Tell whether a line looks like a head."""
    return line.startswith(_MARK)


def parse_lines(data: bytes, source: str) -> Lines:
    """Return the lines of a file, or of its end from a head on.

    Raises
    ------
    InputError
        If a later version wrote them.
    """
    found = [line + b"\n" for line in whole_lines(data).split(b"\n")[:-1]]
    first = _head(found[0], source) if found else None
    payload = tuple(line for line in found if not is_head(line) or _head(line, source) is None)
    return Lines(first or Head(), payload)


def _head(line: bytes, source: str) -> Head | None:
    """Return the head that a line is; None if it is none, or a damaged one."""
    if not is_head(line):
        return None
    try:
        head = Head.model_validate_json(line)
    except ValidationError:
        return None
    if head.layout != LAYOUT:
        found, hint = f"layout {head.layout}", "a later version of ELPA wrote this store: use that one"
        raise InputError(Problem(source, "", found, f"layout {LAYOUT}, or lines without one", hint))
    return head


def read_end(path: Path) -> Lines:
    """Return the lines of a local file behind its last head.

    Raises
    ------
    InputError
        If a later version wrote them.
    OSError
        If the file cannot be read, or a line is too long; a file that does not exist has no lines.
    """
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            data, begin, most = b"", size, _AT_ONCE
            while begin > 0 and not _begin_of_end(data):
                begin = max(0, size - most)
                file.seek(begin)
                data, most = file.read(size - begin), most * 8
                _require_short_lines(data)
    except FileNotFoundError:
        return Lines(Head())
    data = whole_lines(data)
    found = parse_lines(data[_begin_of_end(data) :], str(path))
    return Lines(found.head, found.lines, begin + len(data))


def _require_short_lines(data: bytes) -> None:
    for line in data.split(b"\n"):
        require_short(line)


def _begin_of_end(data: bytes) -> int:
    """Return where the last head in some lines begins; 0 if only the first line can be one."""
    return data.rfind(b"\n" + _MARK, 0, data.rfind(b"\n")) + 1


def segment(path: Place_co, number: int) -> Place_co:
    """Return the place of a closed segment of a file, counted from 1."""
    return path.parent / path.name.partition(".")[0] / f"{number:06}.jsonl"


def read_whole(path: StorePath, *, derived: bool = False) -> bytes:
    """Return all lines of a file, closed segments included; a reader passes heads over.

    Parameters
    ----------
    path : path
        The file.
    derived : bool
        Whether lines that are lacking can be made anew: then nobody misses them here.

    Raises
    ------
    InputError
        If lines are missing before a head, or a later version wrote them.
    OSError
        If the file does not exist or cannot be read.
    """
    data = files.read_text_lines(path)
    head = _head(data[: data.find(b"\n") + 1], str(path))
    if head is not None and head.segments:
        places = [segment(path, number) for number in range(1, head.segments + 1)]
        found = {str(place): content for place, content in files.read_all(places)}
        data = b"".join(found.get(str(place), b"") for place in places) + data
    if not derived:
        _require_whole(data, path)
    return data


def _require_whole(data: bytes, path: StorePath) -> None:
    """Refuse lines of which some are missing before a head."""
    count = 0
    for line in whole_lines(data).split(b"\n")[:-1]:
        head = _head(line, str(path))
        if head is None:
            count += 1
        elif head.lines != count:
            found, expected = f"{count} lines before a head", f"{head.lines} lines, as the head says"
            hint = "restore the file, and the folder of its closed segments, from one backup"
            raise InputError(Problem(str(path), "", found, expected, hint))


def last_lines(path: StorePath, count: int, length: int) -> bytes:
    """Return the last whole lines of a file, of about this length in bytes; empty bytes if there is none.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    data, size = b"", (count + 2) * length
    with suppress(FileNotFoundError, NotADirectoryError):
        data = files.read_end(path, size)
        while len(data) == size and data.count(b"\n") <= count + 1:
            _require_short_lines(data)
            size *= 4
            data = files.read_end(path, size)
        is_part = len(data) == size
        end = parse_lines(data[data.find(b"\n") + 1 :] if is_part else data, str(path))
        found = end.lines
        if not is_part and len(found) < count and end.head.segments:
            found = (*parse_lines(files.read(segment(path, end.head.segments)), str(path)).lines, *found)
        return b"".join(found[-count:])
    return b""


def closed(end: Lines, state_after: StateAfter) -> tuple[list[bytes], Lines]:
    """Return the contents of the segments that some lines fill, and what is left of the lines.

    They depend on the lines alone: whoever closes them has the same.

    Parameters
    ----------
    end : Lines
        All lines of a file on object storage.
    state_after : callable
        See `StateAfter`.
    """
    contents = []
    while end.are_full:
        full = Lines(end.head, end.lines[:SEGMENT])
        first = b"" if full.are_all else full.head.line()
        contents.append(first + b"".join(full.lines))
        head = Head(lines=full.count, segments=end.head.segments + 1, state=state_after(full))
        end = Lines(head, end.lines[SEGMENT:])
    return contents, end
