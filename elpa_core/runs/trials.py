"""Runs that Airflow makes for a try: they count for nothing."""

from __future__ import annotations

_PREFIX = "__airflow_temporary_run_"


def is_trial(run_id: str) -> bool:
    """Tell whether Airflow made a run for ``airflow tasks test``, by its id or the name of its folder.

    >>> is_trial("__airflow_temporary_run_2026-01-31T06:00:00+00:00__"), is_trial("manual__2026-01-31")
    (True, False)
    """
    return run_id.startswith(_PREFIX)
