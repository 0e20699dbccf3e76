"""Times of steps as arrays; many are read at once where they look alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from elpa_core.artifacts.plain_cells import Texts
from elpa_core.artifacts.step_times import Kind, StepTimeError, step_times

Whole = NDArray[np.int32]

_AT_ONCE = 16_384

_DIGITS = b"0123456789"
_ZERO, _NINE = np.uint8(ord("0")), np.uint8(9)
_DATE, _OFFSETS = b"2026-01-01", (b"+00:00", b"-00:00")
_ZONES = (b"Z", *_OFFSETS)
_CLOCKS = [_DATE + clock for clock in (b"T00:00", b" 00:00", b"T00:00:00", b" 00:00:00")]
_FORMS = {
    form.translate(None, _DIGITS): form
    for form in (_DATE, *(clock + zone for clock in _CLOCKS for zone in (b"", *_ZONES)))
}
"""A time of each form, by what is no digit in it."""
_HOUR, _SECOND, _OFFSET = len("2026-01-01T"), len("2026-01-01T00:00:"), len("+00:00")
_MONTH_LENGTHS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int32)
_FEBRUARY, _MARCH = 2, 3
_ERA, _ERA_DAYS, _DAYS_TO_1970 = 400, 146_097, 719_468  # of the calendar that begins in March
_HOURS, _SIXTY, _HOUR_SECONDS, _DAY_SECONDS, _MICROSECONDS = 24, 60, 3600, 86_400, 1_000_000


@dataclass(frozen=True, slots=True)
class StepTimes:
    """Times that can be compared.

    Parameters
    ----------
    values : ndarray of float64 or int64, shape (n,)
        Numbers as they stand; times in microseconds since 1970, those with a UTC offset in UTC.
    kind : str
        Only times of one kind can be compared.
    """

    values: NDArray[np.float64] | NDArray[np.int64]
    kind: Kind

    @classmethod
    def of(cls, cells: Texts) -> StepTimes:
        """Return the times in some cells; see `step_times`."""
        parts: list[StepTimes] = []
        for first in range(0, len(cells), _AT_ONCE):
            part = _times(cells[first : first + _AT_ONCE])
            if part is None or part.kind != (parts or [part])[0].kind:
                part = _like_the_first(cells, first)
            parts.append(part)
        return cls(np.concatenate([part.values for part in parts]), parts[0].kind)

    def __getitem__(self, chosen: NDArray[np.int64] | slice) -> StepTimes:
        return StepTimes(self.values[chosen], self.kind)


def _times(cells: Texts) -> StepTimes | None:
    """Return times, those that follow each other in one form read once; None if a cell is none."""
    is_new = np.concatenate(([True], cells[1:] != cells[:-1]))
    places = np.flatnonzero(is_new)
    found = regular_times(cells[places])
    if found is None:
        try:
            return _one_by_one(cells)
        except StepTimeError:
            return None
    return found[np.cumsum(is_new) - 1]


def _like_the_first(cells: Texts, first: int) -> StepTimes:
    """Return the times from ``first`` on as the first cell of all is read: 20260101 is a number or a day."""
    lead = min(first, 1)
    try:
        return _one_by_one(np.concatenate((cells[:lead], cells[first : first + _AT_ONCE])))[lead:]
    except StepTimeError as error:
        raise StepTimeError(first + error.index - lead, error.found, error.expected) from None


def _one_by_one(cells: Texts) -> StepTimes:
    values, kind = step_times(cells.tolist())
    return StepTimes(np.array(values), kind)


def regular_times(cells: Texts) -> StepTimes | None:
    """Return the times of cells, those of `step_times`, or None if they are of another form.

    Read are dates, and dates with hours, minutes and perhaps seconds, the latter also with a Z or an offset.
    """
    form = _FORMS.get(bytes(cells[0]).translate(None, _DIGITS))
    if form is None or cells.dtype != np.dtype(f"S{len(form)}"):
        return None
    digits = np.bitwise_xor(cells.view(np.uint8).reshape(-1, len(form)).T, _ZERO, order="C")
    pattern = np.frombuffer(form, np.uint8) ^ _ZERO
    is_digit = pattern <= _NINE
    if (digits[is_digit] > _NINE).any() or (digits[~is_digit] != pattern[~is_digit, None]).any():
        return None
    days = _days(100 * _two(digits, 0) + _two(digits, 2), _two(digits, 5), _two(digits, 8))
    seconds = np.zeros(len(cells), np.int32) if form == _DATE else _seconds(digits, form)
    if days is None or seconds is None:
        return None
    kind: Kind = "times with a UTC offset" if form.endswith(_ZONES) else "times without a UTC offset"
    return StepTimes((_DAY_SECONDS * days.astype(np.int64) + seconds) * _MICROSECONDS, kind)


def _two(digits: NDArray[np.uint8], place: int) -> Whole:
    """Return a number of two digits."""
    both: Whole = (10 * digits[place] + digits[place + 1]).astype(np.int32)
    return both


def _days(year: Whole, month: Whole, day: Whole) -> Whole | None:
    """Return days since 1970 in the Gregorian calendar, or None if there is no such day."""
    if year.min() < 1 or month.min() < 1 or month.max() > len(_MONTH_LENGTHS) - 1 or day.min() < 1:
        return None
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    if (day > _MONTH_LENGTHS[month] + (is_leap & (month == _FEBRUARY))).any():
        return None
    year = year - (month < _MARCH)
    era = year // _ERA
    within = year - _ERA * era
    day_of_year = (153 * ((month - _MARCH) % 12) + 2) // 5 + day - 1
    days: Whole = _ERA_DAYS * era + 365 * within + within // 4 - within // 100 + day_of_year - _DAYS_TO_1970
    return days


def _seconds(digits: NDArray[np.uint8], form: bytes) -> Whole | None:
    """Return seconds since midnight in UTC, or None if there is no such time."""
    seconds = _minutes(digits, _HOUR)
    if seconds is not None and form.count(b":", 0, _SECOND) > 1:
        more = _two(digits, _SECOND)
        seconds = None if more.max() >= _SIXTY else seconds + more
    if seconds is None or not form.endswith(_OFFSETS):
        return seconds
    offset = _minutes(digits, len(form) - _OFFSET + 1)
    if offset is None:
        return None
    return seconds - offset if form[-_OFFSET] == ord("+") else seconds + offset


def _minutes(digits: NDArray[np.uint8], place: int) -> Whole | None:
    """Return the seconds of hours and minutes, or None if there is no such time."""
    hours, minutes = _two(digits, place), _two(digits, place + 3)
    if hours.max() >= _HOURS or minutes.max() >= _SIXTY:
        return None
    seconds: Whole = _HOUR_SECONDS * hours + _SIXTY * minutes
    return seconds
