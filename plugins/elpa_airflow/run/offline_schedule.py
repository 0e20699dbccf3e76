"""Online often, offline rarely: as of which moment the offline models of a run are trained."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass
from typing import Any

from croniter import croniter

from elpa_core.config.airflow import CRON_PRESETS, DagRunOptions
from elpa_core.times import parse_date


@dataclass(frozen=True)
class OfflineTick:
    """The moment as of which a run's offline models are trained.

    Parameters
    ----------
    as_of : datetime
        The last tick of ``offline_schedule`` at or before the run's ``as_of``.
    is_due : bool
        Whether it falls into the run's data interval, so that this run trains them.
    """

    as_of: dt.datetime
    is_due: bool


def offline_tick(options: DagRunOptions, dag_run: Any) -> OfflineTick | None:
    """Return the tick that counts for a run, or None without an ``offline_schedule``.

    A data interval holds its end and not its start, so that of the intervals one after the other
    exactly one holds each tick, and a run trains on no data after its own ``as_of``. Before the first
    tick after the start of the first data interval the end of that interval counts: until then there
    is no data. All training for a tick is as of the tick, whichever run does it: policies are the same
    in any order of runs.
    """
    if options.offline_schedule is None:
        return None
    zone = zoneinfo.ZoneInfo(options.timezone)
    as_of = dag_run.data_interval_end or dag_run.logical_date or dag_run.run_after
    tick = _last_tick(CRON_PRESETS.get(options.offline_schedule, options.offline_schedule), as_of, zone)
    if options.start_date is not None and options.schedule is not None:
        start = parse_date(options.start_date, options.timezone)
        first_start, first_end = _first_interval(
            CRON_PRESETS.get(options.schedule, options.schedule), start, zone
        )
        if tick <= first_start:
            tick = min(first_end, as_of)
    interval_start = dag_run.data_interval_start
    is_due = interval_start is not None and interval_start < tick <= as_of
    return OfflineTick(tick.astimezone(dt.UTC), is_due)


def _last_tick(cron: str, moment: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    # croniter looks for a tick before the moment it is given; cron knows no parts of a second.
    after = moment.astimezone(zone).replace(microsecond=0) + dt.timedelta(seconds=1)
    tick: dt.datetime = croniter(cron, after).get_prev(dt.datetime)
    return tick


def _first_interval(cron: str, start: dt.datetime, zone: dt.tzinfo) -> tuple[dt.datetime, dt.datetime]:
    ticks = croniter(cron, start.astimezone(zone) - dt.timedelta(microseconds=1))
    return ticks.get_next(dt.datetime), ticks.get_next(dt.datetime)
