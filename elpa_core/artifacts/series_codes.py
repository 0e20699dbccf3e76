"""The series of steps as small numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.growing_column import GrowingColumn
from elpa_core.artifacts.plain_cells import LONGEST_TEXT, Texts, plain

_FACTORS = np.cumprod(np.full(-(-LONGEST_TEXT // 8), 0x9E3779B97F4A7C15, np.uint64))
_FEW = 2**15


@dataclass(frozen=True, slots=True)
class SeriesCodes:
    """To which series each of some steps belongs.

    Parameters
    ----------
    codes : ndarray of int32, shape (n,)
        Places in ``names``.
    names : tuple of str
        The names of series, sorted; those of all steps of a file.
    """

    codes: NDArray[np.int32]
    names: tuple[str, ...]

    def __getitem__(self, chosen: NDArray[np.int64] | slice) -> SeriesCodes:
        return SeriesCodes(self.codes[chosen], self.names)

    @property
    def count(self) -> int:
        """Number of series that have a step."""
        return int(np.count_nonzero(np.bincount(self.codes)))

    def each(self) -> list[str]:
        """Return the name of each step's series."""
        return [self.names[code] for code in self.codes.tolist()]

    def order(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return steps in the order of the names of their series, those of one as they are given."""
        dtype = np.int16 if len(self.names) <= _FEW else np.int32  # the former are sorted in one pass
        return steps[np.argsort(self.codes[steps].astype(dtype), kind="stable")]


class SeriesNames:
    """Gathers the series of a file's steps."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._of_cells: dict[bytes, int] = {}
        self._codes = GrowingColumn()

    def add(self, cells: Texts) -> None:
        """Add the cells of the next steps."""
        firsts, alike = _alike(cells)
        different = cells[firsts].tolist()
        for cell in {*different} - self._of_cells.keys():
            self._of_cells[cell] = self._places.setdefault(plain(cell), len(self._places))
        codes = np.array([*map(self._of_cells.__getitem__, different)], np.int32)
        self._codes.add(codes[alike])

    def series(self) -> SeriesCodes | None:
        """Return the series of all steps, or None if no cells were added."""
        codes = self._codes.whole()
        if codes is None:
            return None
        names = sorted(self._places)
        ranks = np.empty(len(names), np.int32)
        ranks[[self._places[name] for name in names]] = np.arange(len(names))
        return SeriesCodes(ranks[codes], tuple(names))


def _alike(cells: Texts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a place of each cell that differs from all others, and for each cell which of these it is."""
    is_new = np.concatenate(([True], cells[1:] != cells[:-1]))
    runs = np.flatnonzero(is_new)
    if 2 * len(runs) < len(cells):
        firsts, alike = _alike_anywhere(cells[runs])
        return runs[firsts], alike[np.cumsum(is_new) - 1]
    return _alike_anywhere(cells)


def _alike_anywhere(cells: Texts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    keys: NDArray[Any] = cells
    if cells.dtype.kind == "S":
        count = -(-cells.itemsize // 8)
        words = cells.astype(f"S{8 * count}").view(np.uint64).reshape(-1, count)
        keys = words[:, 0] if count == 1 else np.matmul(words, _FACTORS[:count], dtype=np.uint64)
    _, firsts, alike = np.unique(keys, return_index=True, return_inverse=True)
    if keys.dtype.kind == "u" and (cells[firsts][alike] != cells).any():  # two have the same number
        _, firsts, alike = np.unique(cells, return_index=True, return_inverse=True)
    return firsts, alike
