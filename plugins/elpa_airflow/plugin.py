"""The plugin as Airflow lists it; every component and every task process imports this module."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

from airflow.plugins_manager import AirflowPlugin

import elpa_airflow.factory  # noqa: F401  (task processes are forked from a scheduler that has loaded it)

TESTED_AIRFLOW = "3.3"


class ElpaPlugin(AirflowPlugin):
    """Names ELPA among the plugins and says so where it runs on an Airflow it was not tested with."""

    name = "elpa"

    @classmethod
    def on_load(cls, *_args: Any, **_kwargs: Any) -> None:
        """Compare Airflow's version with the tested one."""
        found = version("apache-airflow-core")
        if not found.startswith(f"{TESTED_AIRFLOW}."):
            logging.getLogger(__name__).warning(
                "ELPA was tested with Airflow %s; this is Airflow %s", TESTED_AIRFLOW, found
            )
