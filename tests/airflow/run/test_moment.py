"""The dates that a Dag run means to its commands."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from elpa_airflow.run.moment import run_moment

START, END = dt.datetime(2026, 1, 30, 5, tzinfo=dt.UTC), dt.datetime(2026, 1, 31, 5, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 2, 1, 12, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))


def dag_run(**dates: Any) -> Any:
    fields = dict.fromkeys(("data_interval_start", "data_interval_end", "logical_date"))
    return SimpleNamespace(**{**fields, "run_id": "r", "run_type": "manual", "run_after": LATER, **dates})


@pytest.mark.parametrize(
    ("dates", "as_of"),
    [
        ({"data_interval_start": START, "data_interval_end": END, "logical_date": START}, END),
        ({"logical_date": START}, START),
        ({}, LATER),
    ],
    ids=["the end of the interval", "else the logical date", "else run_after"],
)
def test_as_of(dates: dict[str, dt.datetime], as_of: dt.datetime) -> None:
    text = run_moment(dag_run(**dates)).as_of
    assert dt.datetime.fromisoformat(text) == as_of
    assert text.endswith("+00:00")


def test_dates_that_a_run_does_not_have_are_empty() -> None:
    moment = run_moment(dag_run())
    assert (moment.data_interval_start, moment.data_interval_end) == ("", "")
    assert (moment.run_id, moment.run_type) == ("r", "manual")
