"""Modules that every task process needs, loaded once per Celery worker: add it to Celery's ``imports``.

The first `Asset` of a process imports every provider with URI handlers, such as Amazon's. This takes
about 0.4 s of CPU in each `integrate` that publishes, unless the worker has done it.
"""

from __future__ import annotations

from airflow.sdk import Asset

from elpa_airflow.run.moment import policy_uri
from elpa_airflow.tasks import integrate, train

__all__ = ["integrate", "train"]

Asset(policy_uri("preload"))
