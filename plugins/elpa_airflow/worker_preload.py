"""What each task process would load, loaded once a Celery worker: name it in Celery's ``imports``.

The first `Asset` of a process imports every provider that knows URIs, Amazon's among them, if it is
installed: some 0.4 s CPU, which each `integrate` that publishes would pay.
"""

from __future__ import annotations

from airflow.sdk import Asset

from elpa_airflow.run.moment import policy_uri
from elpa_airflow.tasks import integrate as integrate_task
from elpa_airflow.tasks import train as train_operator

__all__ = ["integrate_task", "train_operator"]

Asset(policy_uri("preload"))
