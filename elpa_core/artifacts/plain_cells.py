"""The cells of lines without quotes, as arrays of bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.decimals import LONGEST, floats

Texts = NDArray[Any]
"""Cells as bytes: of one width (``S12``), or objects where one of them is long."""

LONGEST_TEXT = 40
"""Cells of a block are held in the width of the longest one, if that is no more bytes than these."""
_BEFORE = bytes(LONGEST)
_COMMA, _NEWLINE = b",\n"


class PlainCells:
    """The cells of some lines.

    Parameters
    ----------
    characters : ndarray of uint8
        The lines, with `LONGEST` more characters before them.
    ends : ndarray of int64, shape (lines, cells of a line)
        Where the comma or the line end behind each cell is.
    """

    def __init__(self, characters: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self._characters, self._ends = characters, ends

    @classmethod
    def of(cls, text: bytes, width: int) -> PlainCells | None:
        """Find the cells of lines, each ending in LF; return None if a line has not ``width`` of them."""
        characters = np.frombuffer(_BEFORE + text, np.uint8)
        ends = np.flatnonzero((characters == _COMMA) | (characters == _NEWLINE))
        separators = (b"," * (width - 1) + b"\n") * (len(ends) // width)
        return cls(characters, ends.reshape(-1, width)) if characters[ends].tobytes() == separators else None

    def __len__(self) -> int:
        return len(self._ends)

    def numbers(self, columns: Iterable[int]) -> NDArray[np.float64]:
        """Return the numbers of columns, each in a row; raise ``ValueError`` if a cell is none."""
        places = [self._places(column) for column in columns]
        starts, ends = (np.concatenate(each) for each in zip(*places, strict=True))
        return floats(self._characters, starts, ends).reshape(len(places), -1)

    def texts(self, column: int) -> Texts:
        """Return the cells of a column."""
        starts, ends = self._places(column)
        return texts_at(self._characters, starts, ends)

    def _places(self, column: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        ends = self._ends[:, column]
        if column:
            return self._ends[:, column - 1] + 1, ends
        starts = np.empty_like(ends)
        starts[0], starts[1:] = len(_BEFORE), self._ends[:-1, -1] + 1
        return starts, ends


def texts_at(characters: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Texts:
    """Return the cells at some places."""
    lengths = ends - starts
    width = max(1, int(lengths.max()))
    if width <= LONGEST_TEXT:
        if starts.max() + width > len(characters):
            characters = np.concatenate((characters, np.zeros(width, np.uint8)))
        found = np.ndarray((len(characters) - width + 1,), f"V{width}", characters, strides=(1,))[starts]
        cells = found.view(np.uint8).reshape(-1, width)
        if (lengths != width).any():
            cells *= np.arange(width, dtype=np.uint8) < lengths.astype(np.uint8)[:, None]
        if np.count_nonzero(cells) == lengths.sum():
            return found.view(f"S{width}")
    return _objects([characters[start:end].tobytes() for start, end in zip(starts, ends, strict=True)])


def texts_of(cells: Iterable[str]) -> Texts:
    """Return the same of single cells."""
    texts = [cell.encode() for cell in cells]
    if any(len(text) > LONGEST_TEXT or text.endswith(b"\0") for text in texts):
        return _objects(texts)
    return np.array(texts, np.bytes_)


def plain(text: bytes) -> str:
    """Return a cell without the spaces around it.

    >>> plain(b" Berlin ")
    'Berlin'
    """
    return text.decode().strip()


def _objects(texts: list[bytes]) -> Texts:
    found = np.empty(len(texts), np.object_)
    found[:] = texts
    return found
