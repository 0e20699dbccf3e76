"""Times of forecast steps, as error CSVs give them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Literal

from elpa_core.errors import quoted

Kind = Literal["numbers", "times without a UTC offset", "times with a UTC offset"]

EXPECTED = "an ISO 8601 date or time, or a number"
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_MONTH = re.compile(r"\d{4}-\d{2}", re.ASCII)
_ZERO = {False: dt.datetime(1970, 1, 1), True: dt.datetime(1970, 1, 1, tzinfo=dt.UTC)}  # noqa: DTZ001
_MICROSECOND = dt.timedelta(microseconds=1)


class StepTimeError(ValueError):
    """A cell that is no time of a step.

    Parameters
    ----------
    index : int
        Position of the cell.
    found, expected : str
        What it holds, and what it should hold.
    """

    def __init__(self, index: int, found: str, expected: str) -> None:
        super().__init__(found)
        self.index, self.found, self.expected = index, found, expected


def step_times(cells: Sequence[str | bytes]) -> tuple[list[float] | list[int], Kind]:
    """Read the times of steps: ISO 8601 dates and times, months (``2026-01``), or numbers.

    Returns
    -------
    values : list of float or int
        Numbers as they stand; times in microseconds since 1970, those with a UTC offset in UTC.
    kind : str
        Only times of one kind can be compared.

    Raises
    ------
    StepTimeError
        If a cell is none of these, or of another kind than the first one.

    Examples
    --------
    >>> step_times(["1970-01-01T00:00:01Z", "1970-01-01 01:00:01+01:00"])
    ([1000000, 1000000], 'times with a UTC offset')
    >>> step_times([b"7", b"8"])
    ([7.0, 8.0], 'numbers')
    """
    texts = [cell.decode() if isinstance(cell, bytes) else cell for cell in cells]
    texts = [text.strip() for text in texts]
    if texts and _NUMBER.fullmatch(texts[0]):
        return _numbers(texts), "numbers"
    known: dict[str, int] = {}  # the same times stand in each series of a file
    aware: bool | None = None
    for text in dict.fromkeys(texts):
        try:
            moment = dt.datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
        except ValueError as error:
            found = quoted(text) if text else "a blank cell"
            raise StepTimeError(texts.index(text), found, EXPECTED) from error
        has_offset = moment.tzinfo is not None
        if aware is None:
            aware = has_offset
        elif aware != has_offset:
            found = f"{quoted(text)}, a time {'with' if has_offset else 'without'} a UTC offset"
            expected = f"one {'with' if aware else 'without'} it, as in the first row"
            raise StepTimeError(texts.index(text), found, expected)
        known[text] = (moment - _ZERO[has_offset]) // _MICROSECOND
    values = [known[text] for text in texts]
    return values, "times with a UTC offset" if aware else "times without a UTC offset"


def _numbers(texts: Sequence[str]) -> list[float]:
    for index, text in enumerate(texts):
        if not _NUMBER.fullmatch(text):
            raise StepTimeError(index, quoted(text), "a number, as in the first row")
    return [float(text) for text in texts]
