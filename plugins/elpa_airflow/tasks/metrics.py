"""Gauges of a policy through Airflow's own metrics, to statsd or OpenTelemetry, as its settings say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow.configuration import conf
from airflow.sdk.observability import stats

from elpa_airflow.run.policy_event import router_gain
from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.errors import InputError
from elpa_core.schema.groups import GROUPS
from elpa_core.schema.policy import Policy
from elpa_core.store import PolicyStore
from elpa_core.times import now, parse_moment

_BACKENDS = ("statsd_on", "statsd_datadog_enabled", "otel_on")


def send_policy(dag_id: str, policy: Policy, trained: Iterable[ErrorArtifact]) -> None:
    """Send what a policy says, and how long the models took that its run trained.

    Parameters
    ----------
    dag_id : str
        The Dag.
    policy : Policy
        The policy.
    trained : iterable of ErrorArtifact
        Of the models that the run trained itself.
    """
    for group in GROUPS:
        for name, weight in policy.weights(group).items():
            _gauge("score", policy.scores[name], dag_id=dag_id, model=name)
            _gauge("weight", weight, dag_id=dag_id, model=name)
    for artifact in trained:
        seconds = parse_moment(artifact.finished_at) - parse_moment(artifact.started_at)
        _gauge("train_seconds", seconds.total_seconds(), dag_id=dag_id, model=artifact.model)
    _gauge("degraded", int(policy.degraded), dag_id=dag_id)
    if (gain := router_gain(policy.to_json())) is not None:
        _gauge("gain_over_best_single", gain, dag_id=dag_id)


def send_policy_age(store: Any, dag_id: str) -> None:
    """Send how long ago the moment is up to which the current policy used data; nothing if there is none.

    Parameters
    ----------
    store : path
        The policy store.
    dag_id : str
        The Dag.
    """
    if not any(conf.getboolean("metrics", name, fallback=False) for name in _BACKENDS):
        return
    try:
        current = PolicyStore(store, dag_id).current()
    except InputError:
        return
    _gauge("policy_age_seconds", (now() - current.record.moment).total_seconds(), dag_id=dag_id)


def _gauge(name: str, value: float, **tags: str) -> None:
    """Send a gauge with tags and, as Airflow does for its own, one that has their values in its name.

    Plain statsd has no tags.
    """
    tags = {key: stats.normalize_name_for_stats(tag, log_warning=False) for key, tag in tags.items()}
    stats.gauge(f"elpa.{name}", value, tags=tags)
    if conf.getboolean("metrics", "legacy_names_on"):
        words = (tag.replace(".", "__") for tag in tags.values())
        stats.gauge(".".join(("elpa", name, *words)), value)
