"""As of when the offline models of a run are trained: timezones, summer time, first runs, any order."""

from __future__ import annotations

import datetime as dt
import random
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from elpa_airflow.run.offline_schedule import OfflineTick, offline_tick
from elpa_core.config.airflow import DagRunOptions


def options(**fields: Any) -> DagRunOptions:
    return DagRunOptions.model_validate({"schedule": "@daily", "offline_schedule": "@weekly", **fields})


def moment(text: str) -> dt.datetime:
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def run(start: str | None = None, end: str | None = None, *, after: str = "2030-01-01") -> Any:
    """Return a run of an interval, or one without dates."""
    return SimpleNamespace(
        data_interval_start=moment(start) if start else None,
        data_interval_end=moment(end) if end else None,
        logical_date=moment(start) if start else None,
        run_after=moment(after),
    )


def tick_of(chosen: DagRunOptions, dag_run: Any) -> OfflineTick:
    tick = offline_tick(chosen, dag_run)
    assert tick is not None
    return tick


def text(tick: OfflineTick) -> tuple[str, bool]:
    return tick.as_of.isoformat().removesuffix(":00+00:00"), tick.is_due


def test_without_an_offline_schedule_there_is_none() -> None:
    assert offline_tick(DagRunOptions(schedule="@daily"), run("2026-01-01", "2026-01-02")) is None


class TestTheLastTick:
    # 2026-01-04 and 2026-01-11 are Sundays, on which @weekly has its ticks.
    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            ("2026-01-02", "2026-01-03", ("2025-12-28T00:00", False)),
            ("2026-01-03", "2026-01-04", ("2026-01-04T00:00", True)),
            ("2026-01-04", "2026-01-05", ("2026-01-04T00:00", False)),
            ("2026-01-09", "2026-01-10", ("2026-01-04T00:00", False)),
            ("2026-01-10", "2026-01-11", ("2026-01-11T00:00", True)),
            # An interval with several ticks is of the last one.
            ("2026-01-01", "2026-02-01", ("2026-02-01T00:00", True)),
            ("2026-01-01", "2026-01-31", ("2026-01-25T00:00", True)),
        ],
    )
    def test_an_interval_holds_its_end_and_not_its_start(
        self, start: str, end: str, expected: tuple[str, bool]
    ) -> None:
        assert text(tick_of(options(), run(start, end))) == expected

    @pytest.mark.parametrize(
        ("cron", "as_of", "expected"),
        [
            ("@hourly", "2026-03-05T10:30", "2026-03-05T10:00"),
            ("@daily", "2026-03-05T10:30", "2026-03-05T00:00"),
            ("@weekly", "2026-03-05T10:30", "2026-03-01T00:00"),
            ("@monthly", "2026-03-05T10:30", "2026-03-01T00:00"),
            ("@quarterly", "2026-03-05T10:30", "2026-01-01T00:00"),
            ("@yearly", "2026-03-05T10:30", "2026-01-01T00:00"),
            ("15 6 * * 1-5", "2026-03-08T10:30", "2026-03-06T06:15"),
            ("0 0 29 2 *", "2026-03-05T10:30", "2024-02-29T00:00"),
        ],
    )
    def test_of_presets_and_expressions(self, cron: str, as_of: str, expected: str) -> None:
        tick = tick_of(options(offline_schedule=cron), run(None, as_of))
        assert text(tick) == (expected, False)

    @pytest.mark.parametrize(
        ("after", "expected"),
        [
            ("2026-01-04T00:00:00", "2026-01-04T00:00"),
            ("2026-01-04T00:00:00.000001", "2026-01-04T00:00"),
            ("2026-01-03T23:59:59.999999", "2025-12-28T00:00"),
            ("2026-01-03T23:59:59", "2025-12-28T00:00"),
        ],
    )
    def test_is_never_after_the_run_not_by_a_part_of_a_second(self, after: str, expected: str) -> None:
        tick = tick_of(options(), run(after=after))
        assert text(tick) == (expected, False)


class TestTimezones:
    def test_a_tick_is_at_the_hour_of_the_timezone(self) -> None:
        chosen = options(offline_schedule="0 6 * * *", timezone="Asia/Kolkata")
        assert text(tick_of(chosen, run(after="2026-05-01T12:00"))) == ("2026-05-01T00:30", False)

    @pytest.mark.parametrize(
        ("after", "expected"),
        [
            # Berlin: UTC+1 until 29 March 2026 1:00 UTC, then UTC+2 until 25 October 1:00 UTC.
            ("2026-03-28T12:00", "2026-03-27T23:00"),
            ("2026-03-29T12:00", "2026-03-28T23:00"),
            ("2026-03-30T12:00", "2026-03-29T22:00"),
            ("2026-10-25T12:00", "2026-10-24T22:00"),
            ("2026-10-26T12:00", "2026-10-25T23:00"),
        ],
    )
    def test_midnight_stays_midnight_in_summer_and_winter(self, after: str, expected: str) -> None:
        chosen = options(offline_schedule="@daily", timezone="Europe/Berlin")
        assert text(tick_of(chosen, run(after=after))) == (expected, False)

    @pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
    @pytest.mark.parametrize("cron", ["@daily", "0 12 * * *", "0 0 * * 0", "0 4 1 * *"])
    def test_of_a_year_of_intervals_each_tick_lies_in_exactly_one(self, zone: str, cron: str) -> None:
        from airflow.timetables.interval import CronDataIntervalTimetable

        daily = CronDataIntervalTimetable("@daily", timezone=zone)
        at = daily._get_next(moment("2026-01-01"))
        ends = [at]
        while at < moment("2027-01-01"):
            at = daily._get_next(at)
            ends.append(at)
        offline = CronDataIntervalTimetable(cron, timezone=zone)
        ticks = []
        tick = offline._get_next(ends[0])
        while tick <= ends[-1]:
            ticks.append(tick)
            tick = offline._get_next(tick)
        chosen = options(offline_schedule=cron, timezone=zone)
        found = [tick_of(chosen, run(str(start), str(end))) for start, end in pairwise(ends)]
        assert [tick.as_of for tick in found if tick.is_due] == ticks
        for (_, end), tick in zip(pairwise(ends), found, strict=True):
            assert tick.as_of == max((one for one in ticks if one <= end), default=tick.as_of) <= end


class TestBeforeTheFirstTick:
    CHOSEN = options(start_date="2026-01-01")

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            ("2026-01-01", "2026-01-02", ("2026-01-02T00:00", True)),
            ("2026-01-02", "2026-01-03", ("2026-01-02T00:00", False)),
            ("2026-01-03", "2026-01-04", ("2026-01-04T00:00", True)),
        ],
    )
    def test_the_end_of_the_first_interval_counts(
        self, start: str, end: str, expected: tuple[str, bool]
    ) -> None:
        assert text(tick_of(self.CHOSEN, run(start, end))) == expected

    def test_a_start_between_two_ticks_begins_with_the_next_interval(self) -> None:
        chosen = options(start_date="2026-01-01T06:00:00+00:00")
        assert text(tick_of(chosen, run("2026-01-02", "2026-01-03"))) == ("2026-01-03T00:00", True)

    def test_a_start_without_an_offset_is_in_the_timezone(self) -> None:
        chosen = options(start_date="2026-01-01", timezone="Europe/Berlin")
        dag_run = run("2026-01-01T00:00+01:00", "2026-01-02T00:00+01:00")
        assert text(tick_of(chosen, dag_run)) == ("2026-01-01T23:00", True)

    def test_a_run_before_the_first_interval_has_ended_uses_no_later_data(self) -> None:
        assert text(tick_of(self.CHOSEN, run(after="2026-01-01T12:00"))) == ("2026-01-01T12:00", False)


class TestRunsWithoutDates:
    def test_go_by_run_after_and_are_never_due(self) -> None:
        assert text(tick_of(options(), run(after="2026-01-06T07:08"))) == ("2026-01-04T00:00", False)

    def test_of_assets_have_no_first_interval(self) -> None:
        chosen = options(schedule=None, assets=["s3://bucket/new"], start_date="2026-01-05")
        assert text(tick_of(chosen, run(after="2026-01-06T07:08"))) == ("2026-01-04T00:00", False)

    def test_with_a_logical_date_alone_go_by_that(self) -> None:
        dag_run = run(after="2030-01-01")
        dag_run.logical_date = moment("2026-01-06T07:08")
        assert text(tick_of(options(), dag_run)) == ("2026-01-04T00:00", False)


def test_the_answer_depends_on_the_run_alone_not_on_the_order() -> None:
    first = moment("2026-01-01")
    runs = [
        run(str(first + dt.timedelta(days=day)), str(first + dt.timedelta(days=day + 1))) for day in range(60)
    ]
    chosen = options(start_date="2026-01-01")
    forwards = [tick_of(chosen, one) for one in runs]
    order = list(range(60))
    random.Random(3).shuffle(order)
    assert {number: tick_of(chosen, runs[number]) for number in order} == dict(enumerate(forwards))
