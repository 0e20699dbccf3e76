"""The first run of a Dag whose ``offline_schedule`` has a tick at its start or before its first interval."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from typing import Any

import pytest

from elpa_airflow.run.offline_schedule import offline_tick
from elpa_core.config.airflow import DagRunOptions


def found(start_date: str, offline: str, interval: tuple[str, str], **fields: Any) -> tuple[str, bool]:
    options = DagRunOptions.model_validate(
        {"schedule": "@daily", "offline_schedule": offline, "start_date": start_date, **fields}
    )
    start, end = (dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) for text in interval)
    run = SimpleNamespace(data_interval_start=start, data_interval_end=end, logical_date=start, run_after=end)
    tick = offline_tick(options, run)
    assert tick is not None
    return tick.as_of.isoformat().removesuffix(":00+00:00"), tick.is_due


FIRST, SECOND = ("2026-01-01", "2026-01-02"), ("2026-01-02", "2026-01-03")


@pytest.mark.parametrize("offline", ["@monthly", "@yearly", "@daily", "0 0 1 1 *"])
def test_a_tick_at_the_start_counts_as_the_end_of_the_first_interval(offline: str) -> None:
    assert found("2026-01-01", offline, FIRST) == ("2026-01-02T00:00", True)


def test_the_second_run_is_not_due_again() -> None:
    assert found("2026-01-01", "@monthly", SECOND) == ("2026-01-02T00:00", False)


def test_a_tick_between_the_start_and_the_first_interval_is_before_the_data_too() -> None:
    interval = ("2026-01-02", "2026-01-03")
    assert found("2026-01-01T06:00:00+00:00", "0 12 1 * *", interval) == ("2026-01-03T00:00", True)
    assert found("2026-01-01T06:00:00+00:00", "0 0 2 * *", interval) == ("2026-01-03T00:00", True)


def test_a_tick_inside_the_first_interval_counts_as_itself() -> None:
    assert found("2026-01-01", "0 18 1 * *", FIRST) == ("2026-01-01T18:00", True)
    assert found("2026-01-01", "0 18 1 * *", SECOND) == ("2026-01-01T18:00", False)


def test_in_the_timezone_of_the_config() -> None:
    interval = ("2025-12-31T23:00", "2026-01-01T23:00")
    assert found("2026-01-01", "@monthly", interval, timezone="Europe/Berlin") == ("2026-01-01T23:00", True)
