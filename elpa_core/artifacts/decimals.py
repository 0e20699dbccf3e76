"""Read a whole column of numbers at once; each result is bit for bit that of ``float``."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

_LONGEST_EXACT_POWER = 27  # 5 ** 27 < 2 ** 63
_POWERS_OF_TEN = np.cumprod(np.array([1] + [10] * _LONGEST_EXACT_POWER, dtype=np.longdouble))
_EXTRA_BITS, _TIE = 0x7FF, 0x400  # the last 11 of 64 bits, which a double does not have
_X87 = (np.finfo(np.longdouble).nmant, np.longdouble().itemsize, sys.byteorder) == (63, 16, "little")


def floats(cells: list[bytes]) -> NDArray[np.float64]:
    """Return ``float`` of each cell; raise ``ValueError`` if a cell is no number or has an underscore."""
    text = b",".join(cells) + b","
    numbers = _plain_decimals(text, cells)
    if numbers is not None:
        return numbers
    if b"_" in text:
        raise ValueError("an underscore")
    return np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))


def _plain_decimals(text: bytes, cells: list[bytes]) -> NDArray[np.float64] | None:
    """Read cells that all look like ``-12.345``, each followed by a comma, or return None.

    The digits of a cell form an integer below 2 ** 63. This integer and the power of ten, at most
    10 ** 27, are exact in the 64 bits of an x87 number, so the quotient is correctly rounded to
    64 bits. A second rounding, to the 53 bits of a double, is wrong only if the first one produced
    a tie. ``float`` reads these few cells.
    """
    if not _X87 or text.translate(None, b"0123456789-") != b".," * len(cells):
        return None
    characters = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(characters == ord(","))
    starts = np.concatenate(([0], ends[:-1] + 1))
    negative = characters[starts] == ord("-")
    decimals = ends - np.flatnonzero(characters == ord(".")) - 1
    if (
        text.count(b"-") != negative.sum()
        or (ends - starts - negative).min() < len("0.")
        or decimals.max() > _LONGEST_EXACT_POWER
    ):
        return None
    integers = np.fromstring(text.translate(None, b"-."), dtype=np.int64, sep=",")
    if integers.max() == np.iinfo(np.int64).max:  # numpy returns this value for larger integers
        return None
    quotients = integers / _POWERS_OF_TEN[decimals]
    numbers: NDArray[np.float64] = quotients.astype(np.float64)
    np.negative(numbers, out=numbers, where=negative)
    for index in np.flatnonzero(quotients.view(np.uint64)[::2] & _EXTRA_BITS == _TIE):
        numbers[index] = float(cells[index])
    return numbers
