"""Times that are read many at once: the same as one by one, or left to that. Under 1 s."""

import datetime as dt
import random

import pytest

from elpa_core.artifacts.plain_cells import texts_of
from elpa_core.artifacts.regular_lines import regular_lines
from elpa_core.artifacts.regular_times import _AT_ONCE, StepTimes, regular_times
from elpa_core.artifacts.step_times import StepTimeError, step_times

FORMS = ["2026-01-01T00:00", "2026-01-01 00:00", "2026-01-01T00:00:00", "2026-01-01 00:00:00"]
ZONES = ["", "Z", "+00:00", "-00:00"]
EARLIEST, LATEST = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)  # noqa: DTZ001


def time(rng, form, zone):
    """Return a time of a form, mostly one that exists."""
    if rng.random() < 0.9:
        moment = EARLIEST + (LATEST - EARLIEST) * rng.random()
        text = moment.isoformat(sep=form[10:11] or "T")[: len(form)]
    else:
        text = "".join(rng.choice("0123456789") if code.isdigit() else code for code in form)
    return text + (f"{zone[0]}{rng.randrange(25):02}:{rng.choice([0, 30, 59, 60]):02}" if zone[1:] else zone)


def one_by_one(cells):
    try:
        return step_times(cells)
    except StepTimeError:
        return None


@pytest.mark.parametrize(
    ("form", "zone"), [("2026-01-01", ""), *((form, zone) for form in FORMS for zone in ZONES)]
)
def test_they_are_those_of_step_times(form, zone):
    rng = random.Random(f"{form}{zone}")
    read = 0
    for _ in range(150):
        cells = [time(rng, form, zone) for _ in range(rng.choice([1, 4]))]
        lines = regular_lines("".join(f"1.5,{cell},7\n" for cell in cells).encode())
        found = regular_times(lines.texts(1))
        read += found is not None
        assert found is None or (found.values.tolist(), found.kind) == one_by_one(cells), cells
    assert read > 30


@pytest.mark.parametrize(
    "cells",
    [
        ["2026-01-1", "2026-01-1"],
        ["2026-1-011"],
        ["202-010-101"],
        ["2026-01-01T00:00:00.5"],
        ["20260101"],
        ["2026-01-01", "2026-01-01T00:00"],
        ["2026-01"],
        ["7", "8"],
        ["2026-01-01/00:00"],
    ],
)
def test_other_forms_are_left_to_it(cells):
    lines = regular_lines("".join(f"{cell},7\n" for cell in cells).encode())
    assert lines is None or lines.odd or regular_times(lines.texts(0)) is None


@pytest.mark.parametrize("first", ["2026-01-01", "2026-01-01T00:00Z", "7", "20260101"])
@pytest.mark.parametrize(
    "other", ["2026-01-02", "2026-01-01T00:00+01:00", "20260102", "8.5", "2026-02", "x", ""]
)
@pytest.mark.parametrize("rows", [_AT_ONCE, _AT_ONCE + 900])
def test_times_of_another_form_far_back_are_read_or_refused_as_in_the_next_row(first, other, rows):
    found, expected = (outcome(way, [first] * rows + [other] * 10) for way in (StepTimes.of, step_times))
    assert found == expected


def outcome(way, cells):
    try:
        times = way(texts_of(cells))
    except StepTimeError as error:
        return error.index, error.found, error.expected
    return (times.values.tolist(), times.kind) if isinstance(times, StepTimes) else times
