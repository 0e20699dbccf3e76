"""Modules that every task process needs, loaded once per worker instead of in each task.

A Celery worker imports it by Celery's ``imports``, a scheduler with LocalExecutor by
``airflow_local_settings.py``: the processes of its tasks are forked off it. The first `Asset` of a process
imports every provider with URI handlers, such as Amazon's.
"""

from __future__ import annotations

from airflow.sdk import Asset
from airflow.sdk.execution_time import task_runner

from elpa_airflow.run.moment import policy_uri
from elpa_airflow.tasks import integrate, train

__all__ = ["integrate", "task_runner", "train"]

Asset(policy_uri("preload"))
