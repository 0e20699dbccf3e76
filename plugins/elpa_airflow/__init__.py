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
        # Airflow asks for `elpa_airflow.provider` while it is being imported itself, so this package
        # may not import Airflow before it is asked for what needs it.
        if name == "elpa_dags":
            from elpa_airflow.factory import elpa_dags  # noqa: PLC0415

            return elpa_dags
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
