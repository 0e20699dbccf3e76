"""The Airflow half of ELPA: one Dag per training config.

A Dag file is three lines::

    from elpa_airflow import elpa_dags  # airflow: this file has Dags

    globals().update(elpa_dags(__file__))
"""

from typing import TYPE_CHECKING

from elpa_core import __version__

__all__ = ["__version__", "elpa_dags"]

if TYPE_CHECKING:
    from elpa_airflow.factory import elpa_dags
else:

    def __getattr__(name: str) -> object:
        # Airflow imports `elpa_airflow.provider` during its own import. So this package must not
        # import Airflow before `elpa_dags` is requested.
        if name == "elpa_dags":
            from elpa_airflow.factory import elpa_dags  # noqa: PLC0415

            return elpa_dags
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
