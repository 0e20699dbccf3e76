"""Read a model's validation errors from its error CSV (section 3 of the contract).

The csv module defines the format. A faster parser reads blocks of plain lines, with bit-identical
numbers. The csv module reads every other block.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.decimals import floats
from elpa_core.artifacts.error_columns import NONE_NAMED, Role
from elpa_core.artifacts.error_rows import ErrorReader, ErrorRows

_NOT_SEPARATORS = bytes(set(range(256)) - set(b",\n"))


@dataclass(frozen=True, slots=True)
class ErrorBlock:
    """Consecutive usable rows of an error CSV.

    Parameters
    ----------
    errors : ndarray of float64, shape (n,)
        Absolute errors, in the unit of the forecast, oldest first.
    rows, lines : sequence of int, length n
        Data row and physical line of each error, counted from 1.
    y_true, pred : ndarray of float64, shape (n,), or None
        Actuals and forecasts of the errors; None if the errors are those of ``abs_error``.
    others : mapping of str to sequence of str or bytes, length n
        The cells of the columns that give no error, by what they hold; as they stand in the file.
    """

    errors: NDArray[np.float64]
    rows: Sequence[int]
    lines: Sequence[int]
    y_true: NDArray[np.float64] | None
    pred: NDArray[np.float64] | None
    others: Mapping[Role, Sequence[str | bytes]]


def iter_error_blocks(
    path: Path, on_bytes: Callable[[bytes], object] = lambda _: None, named: Mapping[Role, str] = NONE_NAMED
) -> Iterator[ErrorBlock]:
    """Yield the usable rows of an error CSV in blocks, at least one, with bounded memory; see `ErrorReader`.

    Parameters
    ----------
    path : Path
        The file.
    on_bytes : callable, optional
        Called with each chunk of the file's bytes, in order.
    named : mapping of str to str, optional
        The columns that ``error_columns`` names, see `find_columns`.

    Raises
    ------
    ArtifactError
        As in `ErrorReader.rows`.
    """
    return _Reader(path, named).blocks(on_bytes)


class _Reader(ErrorReader):
    def blocks(self, on_bytes: Callable[[bytes], object]) -> Iterator[ErrorBlock]:
        raw_blocks = self.raw_blocks(on_bytes)
        body = self.read_header(next(raw_blocks, b""))
        return self.require_one(
            block for raw in chain([body], raw_blocks) for block in self._parse(raw, raw_blocks)
        )

    def _parse(self, raw: bytes, following: Iterator[bytes]) -> Iterable[ErrorBlock]:
        if b'"' in raw:  # a quoted cell may continue in the next blocks
            return map(_block_of_rows, self.parse(chain([raw], following)))
        block = self._parse_plain(raw)
        return map(_block_of_rows, self.parse([raw])) if block is None else [block]

    def _parse_plain(self, raw: bytes) -> ErrorBlock | None:
        """Read lines of plain cells, or return None if the block holds anything else."""
        text = raw.replace(b"\r\n", b"\n") if b"\r" in raw else raw
        text = text if text.endswith(b"\n") else text + b"\n"
        width, rows = self.width, text.count(b"\n")
        if (
            len(raw) > csv.field_size_limit()
            or b"\r" in text
            or text.translate(None, _NOT_SEPARATORS) != (b"," * (width - 1) + b"\n") * rows
        ):
            return None
        cells = text.replace(b"\n", b",").split(b",")
        try:
            if not text.isascii():
                text.decode()
            values = [floats(cells[column:-1:width]) for column in self.scored]
        except ValueError:
            return None
        row, line = self.row + 1, self.line + 1
        others = {role: cells[self.columns.places[role] : -1 : width] for role in self.columns.others}
        block = _block(values, range(row, row + rows), range(line, line + rows), others)
        if not np.isfinite(block.errors).all():
            return None
        self.row += rows
        self.line += rows
        self.offset += len(raw)
        return block


def _block_of_rows(found: ErrorRows) -> ErrorBlock:
    return _block([*np.array(found.values).T.copy()], found.rows, found.lines, found.others)


def _block(
    values: list[NDArray[np.float64]],
    rows: Sequence[int],
    lines: Sequence[int],
    others: Mapping[Role, Sequence[str | bytes]],
) -> ErrorBlock:
    if len(values) == 1:
        return ErrorBlock(np.abs(values[0]), rows, lines, None, None, others)
    with np.errstate(over="ignore", invalid="ignore"):
        return ErrorBlock(np.abs(values[0] - values[1]), rows, lines, values[0], values[1], others)
