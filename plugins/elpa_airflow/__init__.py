"""The Airflow half of ELPA: one Dag per training config.

A Dag file is three lines::

    from elpa_airflow import elpa_dags  # airflow: this file has Dags

    globals().update(elpa_dags(__file__))
"""

from elpa_airflow.factory import elpa_dags

__all__ = ["elpa_dags"]
