"""The Airflow plugin; every component and every task process imports this module."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

from airflow.plugins_manager import AirflowPlugin

import elpa_airflow.factory  # noqa: F401  (so that task processes, forked from the scheduler, have it)
from elpa_airflow.ui.entry import APPLICATIONS, VIEWS

TESTED_AIRFLOW = "3.3"


class ElpaPlugin(AirflowPlugin):
    """Adds ELPA and its pages to Airflow, and warns about an untested version of Airflow."""

    name = "elpa"
    fastapi_apps = APPLICATIONS
    external_views = VIEWS

    @classmethod
    def on_load(cls, *_args: Any, **_kwargs: Any) -> None:
        """Warn if Airflow's version differs from the tested one."""
        found = version("apache-airflow-core")
        if not found.startswith(f"{TESTED_AIRFLOW}."):
            logging.getLogger(__name__).warning(
                "ELPA was tested with Airflow %s; this is Airflow %s", TESTED_AIRFLOW, found
            )
