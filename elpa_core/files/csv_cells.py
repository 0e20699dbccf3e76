"""Read the numbers in the cells of a CSV table."""

from __future__ import annotations

import math

from elpa_core.errors import InputError, Problem, quoted, short


def plain_decimal(cell: str) -> str:
    """Return a cell for ``float`` or ``int``; refuse notations that only Python accepts.

    Raises
    ------
    ValueError
        If the cell has an underscore, as in ``1_000``, or digits of another script.

    Examples
    --------
    >>> float(plain_decimal(" 1.5e-3")), int(plain_decimal("7"))
    (0.0015, 7)
    """
    if "_" in cell or not (cell.isascii() or cell.strip().isascii()):
        raise ValueError(f"no plain decimal: {cell!r}")
    return cell


def float_or_nan(cell: str) -> float:
    """Return the number of a cell in plain decimal notation, NaN for anything else."""
    try:
        return float(plain_decimal(cell))
    except ValueError:
        return math.nan


def number_cell(source: str, row: int, column: str, cell: str, bound: float) -> float:
    """Return the number in a cell.

    Parameters
    ----------
    source : str
        The table's name, for errors.
    row : int
        Counted from 0, without the header.
    column : str
        The column's name.
    cell : str
        Its text.
    bound : float
        The largest magnitude that a number may have.

    Raises
    ------
    InputError
        If the cell holds no number within ±``bound``.

    Examples
    --------
    >>> number_cell("panel.csv", 0, "y_true", "1.5", bound=1e150)
    1.5
    """
    value = float_or_nan(cell)
    if not abs(value) <= bound:
        raise _refused(source, row, column, cell, f"a number within ±{bound:g}")
    return value


def forecast_cell(source: str, row: int, column: str, cell: str) -> float:
    """Return the forecast in a cell, NaN for a blank cell (no forecast); see `number_cell`.

    Raises
    ------
    InputError
        If the cell is neither blank nor a number.

    Examples
    --------
    >>> forecast_cell("panel.csv", 0, "online:a", " ")
    nan
    """
    if not cell.strip():
        return math.nan
    try:
        return float(plain_decimal(cell))
    except ValueError as error:
        raise _refused(source, row, column, cell, "a number, or blank if there is none") from error


def whole_number_cell(source: str, row: int, column: str, cell: str) -> int:
    """Return the whole number in a cell; see `number_cell`.

    Raises
    ------
    InputError
        If the cell holds no whole number.

    Examples
    --------
    >>> whole_number_cell("actuals.csv", 0, "row", "12")
    12
    """
    try:
        return int(plain_decimal(cell))
    except ValueError as error:
        raise _refused(source, row, column, cell, "a whole number") from error


def _refused(source: str, row: int, column: str, cell: str, expected: str) -> InputError:
    return InputError(Problem(source, f"row {row}, column {short(column)}", quoted(cell), expected))
