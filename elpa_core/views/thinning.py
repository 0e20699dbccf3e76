"""Leave out points that a chart of a given width cannot show."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def thinned(values: Sequence[Sequence[float | None]], width: int, marks: Collection[int] = ()) -> list[int]:
    """Return the indexes to keep: in each bin first and last, each curve's extremes and first gap; all marks.

    Parameters
    ----------
    values : sequence of sequences of float or None
        The curves, all of the same length; None is a gap.
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
    bins = max(1, width // (2 + 2 * len(values)))
    kept = {mark for mark in marks if 0 <= mark < length}
    for number in range(bins):
        begin, end = number * length // bins, (number + 1) * length // bins
        kept |= {begin, end - 1}
        for curve in values:
            here = curve[begin:end]
            known = [value for value in here if value is not None]
            ends = {min(known), max(known)} if known else set()
            kept |= {begin + here.index(value) for value in ends}
            if len(known) < len(here):
                kept.add(begin + here.index(None))
    return sorted(kept)
