"""The series of steps as small numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

    def order(self) -> NDArray[np.int64]:
        """Return the steps in the order of the names of their series, those of one as they stand."""
        few = len(self.names) <= _FEW  # numpy sorts these in one pass
        return np.argsort(self.codes.astype(np.int16) if few else self.codes, kind="stable")


class SeriesNames:
    """Gathers the series of a file's steps."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._codes: list[NDArray[np.int32]] = []
        self._known = _KnownCells()

    def add(self, cells: Texts) -> None:
        """Add the cells of the next steps."""
        codes, is_known = self._known.find(cells)
        if not is_known.all():
            different, alike = np.unique(cells, return_inverse=True)
            names = map(plain, different.tolist())
            found = np.array([self._places.setdefault(name, len(self._places)) for name in names], np.int32)
            codes = found[alike]
            is_new = ~self._known.find(different)[1]
            self._known.add(different[is_new], found[is_new])
        self._codes.append(codes)

    def series(self) -> SeriesCodes | None:
        """Return the series of all steps, or None if no cells were added."""
        if not self._codes:
            return None
        names = sorted(self._places)
        ranks = np.empty(len(names), np.int32)
        ranks[[self._places[name] for name in names]] = np.arange(len(names))
        return SeriesCodes(ranks[np.concatenate(self._codes)], tuple(names))


class _KnownCells:
    """Cells and the codes of their series, sorted so that many are found at once."""

    def __init__(self) -> None:
        self._cells: Texts = np.empty(0, "S1")
        self._codes = np.empty(0, np.int32)
        self._keys = np.empty(0, np.uint64)

    def find(self, cells: Texts) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Return the code of each cell, and whether it is known."""
        if cells.dtype.kind != "S" or not len(self._cells):
            return np.zeros(len(cells), np.int32), np.zeros(len(cells), np.bool_)
        places = np.minimum(self._keys.searchsorted(_keys(cells)), len(self._keys) - 1)
        return self._codes[places], self._cells[places] == cells

    def add(self, cells: Texts, codes: NDArray[np.int32]) -> None:
        """Add cells and their codes; long ones are never known."""
        if cells.dtype.kind != "S":
            return
        cells, codes = np.concatenate((self._cells, cells)), np.concatenate((self._codes, codes))
        keys = _keys(cells)
        order = np.argsort(keys)
        self._cells, self._codes, self._keys = cells[order], codes[order], keys[order]


def _keys(cells: Texts) -> NDArray[np.uint64]:
    """Return a number for each cell of at most `LONGEST_TEXT` bytes, that seldom is the one of another."""
    count = -(-cells.itemsize // 8)
    words = cells.astype(f"S{8 * count}").view(np.uint64).reshape(len(cells), count)
    keys: NDArray[np.uint64] = np.matmul(words, _FACTORS[:count], dtype=np.uint64)
    return keys
