"""Numbers in the cells of a CSV file."""

from __future__ import annotations


def plain(cell: str) -> str:
    """Return a cell for ``float`` or ``int``, unless it is a number only to Python.

    Raises
    ------
    ValueError
        If it has an underscore, as ``1_000`` has, or digits of another script.

    Examples
    --------
    >>> float(plain(" 1.5e-3")), int(plain("7"))
    (0.0015, 7)
    """
    if "_" in cell or not (cell.isascii() or cell.strip().isascii()):
        raise ValueError(f"no plain number: {cell!r}")
    return cell
