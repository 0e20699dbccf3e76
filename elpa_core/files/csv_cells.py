"""Read the number in a cell of a CSV table."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from elpa_core.errors import InputError, Problem, quoted

_Number = TypeVar("_Number", int, float)


def plain_decimal(cell: str) -> str:
    """Return a cell for ``float`` or ``int``, unless it is a number only to Python.

    Raises
    ------
    ValueError
        If it has an underscore, as ``1_000`` has, or digits of another script.

    Examples
    --------
    >>> float(plain_decimal(" 1.5e-3")), int(plain_decimal("7"))
    (0.0015, 7)
    """
    if "_" in cell or not (cell.isascii() or cell.strip().isascii()):
        raise ValueError(f"no plain decimal: {cell!r}")
    return cell


def float_or_nan(cell: str) -> float:
    """Return what ``float`` reads in plain decimal notation, NaN for anything else."""
    try:
        return float(plain_decimal(cell))
    except ValueError:
        return math.nan


class Cell(NamedTuple):
    """A cell and where it stands.

    Parameters
    ----------
    source : str
        The table's name.
    row : int
        Counted from 0, without the header.
    column : str
        The column's name.
    text : str
        What stands in it.
    """

    source: str
    row: int
    column: str
    text: str

    def number(self, bound: float) -> float:
        """Return the number in the cell.

        Raises
        ------
        InputError
            If there is none, or none within ±``bound``.

        Examples
        --------
        >>> Cell("panel.csv", 0, "y_true", "1.5").number(1e150)
        1.5
        """
        value = float_or_nan(self.text)
        if not abs(value) <= bound:
            raise self._refused(f"a number within ±{bound:g}")
        return value

    def forecast(self) -> float:
        """Return the forecast in the cell, NaN if the cell is blank: the model has none.

        Raises
        ------
        InputError
            If it is not blank and no number.

        Examples
        --------
        >>> Cell("panel.csv", 0, "online:a", " ").forecast()
        nan
        """
        return self._read(float, "a number, or blank if there is none") if self.text.strip() else math.nan

    def whole_number(self) -> int:
        """Return the whole number in the cell.

        Raises
        ------
        InputError
            If there is none.

        Examples
        --------
        >>> Cell("actuals.csv", 0, "row", "12").whole_number()
        12
        """
        return self._read(int, "a whole number")

    def _read(self, read: Callable[[str], _Number], expected: str) -> _Number:
        try:
            return read(plain_decimal(self.text))
        except ValueError as error:
            raise self._refused(expected) from error

    def _refused(self, expected: str) -> InputError:
        place = f"row {self.row}, column {self.column}"
        return InputError(Problem(self.source, place, quoted(self.text), expected))
