"""Read many numbers at once; each result is bit for bit that of ``float``."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

LONGEST = 24
"""So many characters before the end of a cell are read at once; a longer number is left to ``float``."""

_WORDS = LONGEST // 8
_BACK = np.arange(LONGEST, 0, -8)[:, None]  # where words of eight characters begin, before the end of a cell
_ZEROS = np.uint64(0x3030303030303030)
_NINE, _POINT = np.uint8(9), np.uint8(ord(".") ^ ord("0"))
_POWERS_OF_TEN = np.cumprod(np.array([1] + [10] * (LONGEST - 1), dtype=np.longdouble))  # 5 ** 27 < 2 ** 63
_EXTRA_BITS, _TIE = 0x7FF, 0x400  # the last 11 of 64 bits, which a double does not have
_X87 = (np.finfo(np.longdouble).nmant, np.longdouble().itemsize, sys.byteorder) == (63, 16, "little")
_TOO_LARGE = 922  # below it, the first word gives less than 2 ** 63

_LAST = np.where(np.arange(LONGEST) >= LONGEST - np.arange(LONGEST + 1)[:, None], 255, 0)
_LAST = np.ascontiguousarray(_LAST.astype(np.uint8).view(np.uint64).T)
"""By word and number: a mask of so many last characters."""
_BEHIND_POINT = np.concatenate((_LAST[:, -1:], _LAST), axis=1)
"""By word and one more than the number of decimals: a mask of these; of all characters without a point."""
_PLACES = np.arange(LONGEST, dtype=np.uint8).reshape(_WORDS, 8)[::-1] + np.uint8(1)
_PLACES = np.ascontiguousarray(_PLACES).view(np.uint64)
"""Times a word with a single 1, this gives in its highest byte one more than the bytes that follow the 1."""
_COUNT = np.uint64(0x0101010101010101)
_PAIRS = (
    (np.uint64(10 * 2**8 + 1), np.uint64(8), np.uint64(0x00FF00FF00FF00FF)),
    (np.uint64(100 * 2**16 + 1), np.uint64(16), np.uint64(0x0000FFFF0000FFFF)),
    (np.uint64(10_000 * 2**32 + 1), np.uint64(32), np.uint64(0x00000000FFFFFFFF)),
)
"""Multiply, shift and mask so that each two neighbours become one number: 8 digits, 4 pairs, 2 fours."""
_BYTE, _HIGHEST, _WORD = np.uint64(8), np.uint64(56), np.uint64(10**8)


def floats(
    characters: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return ``float`` of each cell; raise ``ValueError`` if a cell is no number or has an underscore.

    The digits of a cell like ``-12.345`` or ``12`` form an integer below 2 ** 63. This integer and the power
    of ten are exact in the 64 bits of an x87 number, so the quotient is correctly rounded to 64 bits. A
    second rounding, to the 53 bits of a double, is wrong only if the first one produced a tie. ``float``
    reads these few cells, and those that look different.

    Parameters
    ----------
    characters : ndarray of uint8
        With `LONGEST` of them before the first cell.
    starts, ends : ndarray of int64, shape (n,)
        Where the cells are.
    """
    if not _X87:
        return np.array([_float(characters[s:e].tobytes()) for s, e in zip(starts, ends, strict=True)])
    is_negative = characters[starts] == ord("-")
    lengths = ends - starts - is_negative
    count = min(-(-int(lengths.max()) // 8), _WORDS) or 1
    words = np.ndarray((len(characters) - 7,), np.uint64, characters, strides=(1,))[ends - _BACK[-count:]]
    words ^= _ZEROS
    words &= _LAST[-count:].take(lengths, axis=1, mode="clip")
    is_point = words.view(np.uint8) == _POINT
    is_other = words.view(np.uint8) > _NINE
    decimals = _sum_of_highest(is_point.view(np.uint64), _PLACES[-count:]).astype(np.int64)
    has_point = decimals > 0
    is_odd = (lengths > LONGEST) | (lengths <= has_point)
    if not np.count_nonzero(is_other) == np.count_nonzero(is_point) == np.count_nonzero(has_point):
        is_odd |= _sum_of_highest(is_other.view(np.uint64), _COUNT) != has_point
    _take_points_out(words, decimals)
    for factor, shift, mask in _PAIRS:
        words *= factor
        words >>= shift
        words &= mask
    if count == _WORDS:
        is_odd |= words[0] >= _TOO_LARGE
    integers = words[0]
    for word in words[1:]:
        integers = integers * _WORD + word
    quotients = integers.view(np.int64) / _POWERS_OF_TEN.take(decimals - has_point, mode="clip")
    numbers: NDArray[np.float64] = quotients.astype(np.float64)
    np.negative(numbers, out=numbers, where=is_negative)
    is_odd |= quotients.view(np.uint64)[::2] & _EXTRA_BITS == _TIE
    for index in np.flatnonzero(is_odd):
        numbers[index] = _float(characters[starts[index] : ends[index]].tobytes())
    return numbers


def _float(cell: bytes) -> float:
    if b"_" in cell:
        raise ValueError("an underscore")
    return float(cell)


def _sum_of_highest(words: NDArray[np.uint64], factor: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    products = words * factor
    products >>= _HIGHEST
    total: NDArray[np.uint64] = products.sum(axis=0)
    return total


def _take_points_out(words: NDArray[np.uint64], decimals: NDArray[np.int64]) -> None:
    """Move what is before a point by one character to the end."""
    moved = words << _BYTE
    moved[1:] |= words[:-1] >> _HIGHEST
    words ^= moved
    words &= _BEHIND_POINT[-len(words) :].take(decimals, axis=1, mode="clip")
    words ^= moved
