"""What a Dag run means to ELPA: its asset and its dates."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import quote

from elpa_core.times import RunMoment


def policy_uri(dag_id: str) -> str:
    """Return the URI of the asset that gets an event when a policy of a Dag was published."""
    return f"elpa://{quote(dag_id)}/policy"


def run_moment(dag_run: Any) -> RunMoment:
    """Return the dates of a Dag run. Those that it does not have are empty.

    Parameters
    ----------
    dag_run : DagRun
        Of the task's context. A run that an asset started, or that was triggered with a null
        logical date, has no logical date and no data interval. Each run has ``run_after``.
    """
    as_of = dag_run.data_interval_end or dag_run.logical_date or dag_run.run_after
    return RunMoment(
        as_of=_text(as_of),
        data_interval_start=_text(dag_run.data_interval_start),
        data_interval_end=_text(dag_run.data_interval_end),
        run_id=dag_run.run_id,
        run_type=getattr(dag_run.run_type, "value", dag_run.run_type),
    )


def _text(moment: dt.datetime | None) -> str:
    return moment.astimezone(dt.UTC).isoformat() if moment is not None else ""
