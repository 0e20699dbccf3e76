"""A column of a file, put together block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_MORE = 65_536


class GrowingColumn:
    """A column to whose end parts are added; it is held once, not beside its parts.

    Examples
    --------
    >>> column = GrowingColumn()
    >>> column.add(np.array([b"a", b"b"]))
    >>> column.add(np.array([b"long"]))
    >>> column.whole()
    array([b'a', b'b', b'long'], dtype='|S4')
    """

    def __init__(self) -> None:
        self._cells: NDArray[Any] | None = None
        self._size = 0

    def add(self, part: NDArray[Any]) -> None:
        """Add cells, perhaps wider ones than those before."""
        if self._cells is None:
            self._cells = np.empty(max(_MORE, len(part)), part.dtype)
        self._cells = self._cells.astype(np.promote_types(self._cells.dtype, part.dtype), copy=False)
        size = self._size + len(part)
        if size > len(self._cells):
            self._cells.resize(size + _MORE, refcheck=False)  # the system moves pages, no bytes are copied
        self._cells[self._size : size] = part
        self._size = size

    def whole(self) -> NDArray[Any] | None:
        """Return the column, or None if nothing was added."""
        return None if self._cells is None else self._cells[: self._size]
