"""Leave out points that a chart of a given width cannot show."""

from __future__ import annotations

from collections.abc import Collection, Sequence

_OF_A_BIN = 4


def thinned(values: Sequence[Sequence[float | None]], width: int, marks: Collection[int] = ()) -> list[int]:
    """Return the indexes to keep: of each bin the first, the last, the lowest and the highest, and all marks.

    Parameters
    ----------
    values : sequence of sequences of float or None
        The curves whose extremes are kept; all have the same length.
    width : int
        About how many points to keep.
    marks : collection of int
        Indexes that are kept in any case.

    Examples
    --------
    >>> thinned([[1.0, 9.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0]], 4, marks=[6])
    [0, 1, 4, 6, 7]
    >>> thinned([[1.0, 2.0]], 10)
    [0, 1]
    """
    length = len(values[0]) if values else 0
    if length <= width:
        return list(range(length))
    bins = max(1, width // _OF_A_BIN)
    kept = {mark for mark in marks if 0 <= mark < length}
    for number in range(bins):
        begin, end = number * length // bins, (number + 1) * length // bins
        kept |= {begin, end - 1}
        for curve in values:
            known = [(value, i) for i in range(begin, end) if (value := curve[i]) is not None]
            if known:
                kept |= {min(known)[1], max(known)[1]}
    return sorted(kept)
