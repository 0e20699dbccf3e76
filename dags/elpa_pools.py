"""One Airflow Dag per ELPA config in the folder ``configs`` next to this file."""

from elpa_airflow import elpa_dags

globals().update(elpa_dags(__file__))
