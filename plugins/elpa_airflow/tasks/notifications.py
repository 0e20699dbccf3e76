"""Tell the notifiers of a config what became of a run. None of them can make the run fail, or hold it up."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.timeout import timeout

from elpa_airflow.run.names import INTEGRATE
from elpa_airflow.run.notifiers import notifier_of
from elpa_airflow.run.policy_event import verdict
from elpa_core.config.notifications import Event
from elpa_core.config.training import LoadedConfig
from elpa_core.runs.trials import is_trial
from elpa_core.schema.policy import MissingModel
from elpa_core.store import Entry
from elpa_core.store.history import Action

log = logging.getLogger(__name__)

_LONGEST = 60
"""Seconds that a notifier may take."""
_TOLD_KEY = "elpa_told_of_failure"
_NO_POLICY = {"policy": None, "verdict": "no policy"}
_EVENTS: Mapping[Action, Event] = {"published": "published", "recorded": "recorded", "held": "held_back"}


def tell_of_policy(context: Any, config: LoadedConfig, policy: Mapping[str, Any], entry: Entry) -> None:
    """Call the notifiers for what became of the policy of a run.

    Parameters
    ----------
    context : Context
        Of the task `integrate`.
    config : LoadedConfig
        The config whose notifiers are called.
    policy : mapping
        The policy as a JSON object.
    entry : Entry
        What was decided on it.
    """
    run_type = context["dag_run"].run_type
    event = _EVENTS.get(entry.action)
    events: list[Event] = ["degraded"] if policy["degraded"] else []
    if event is not None and (event, getattr(run_type, "value", run_type)) != ("recorded", "backfill"):
        events.append(event)
    told = {
        "policy": policy,
        "verdict": verdict(policy),
        "missing": policy["missing"],
        "reason": entry.reason,
    }
    _tell(context, config, events, told)


def tell_of_failure(context: Any, config: LoadedConfig, missing: Sequence[MissingModel]) -> None:
    """Call the notifiers for a run in which `integrate` has failed; see `tell_of_policy`."""
    error = context.get("exception")
    if error is None:  # in the Dag processor, for a worker that was lost: it tells of the failed run, too
        return
    models = [one.model_dump(mode="json") for one in missing]
    _tell(context, config, ["failed"], {**_NO_POLICY, "missing": models, "reason": str(error)})
    context["ti"].xcom_push(key=_TOLD_KEY, value=True)


def tell_of_failed_run(context: Any, config: LoadedConfig) -> None:
    """Call the notifiers for a failed run of which `integrate` has told nobody.

    Parameters
    ----------
    context : Context
        Of the Dag, in the Dag processor. ``airflow dags test`` has none; there, tasks tell of all that fails.
    config : LoadedConfig
        The config whose notifiers are called.
    """
    ti = context.get("ti")
    if ti is not None and (_nobody_answers() or _is_told_or_cleared(ti)):
        return
    reason = "the process of integrate was killed, or somebody has marked it failed"
    _tell(context, config, ["failed"], {**_NO_POLICY, "missing": [], "reason": reason})


def _nobody_answers() -> bool:
    return getattr(task_runner, "SUPERVISOR_COMMS", None) is None


def _is_told_or_cleared(ti: Any) -> bool:
    """Tell whether `integrate` told of its failure, or was cleared before the Dag processor came to it."""
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[INTEGRATE], run_ids=[ti.run_id])
    if states.get(ti.run_id, {}).get(INTEGRATE) != "failed":
        return True
    return bool(ti.xcom_pull(task_ids=INTEGRATE, key=_TOLD_KEY))


def _tell(context: Any, config: LoadedConfig, events: Sequence[Event], told: Mapping[str, Any]) -> None:
    if is_trial(context["run_id"]):
        return
    for index, block in enumerate(config.config.airflow.notify):
        wanted = [event for event in events if event in block.on]
        if not wanted:
            continue
        try:
            with timeout(_LONGEST, f"no answer within {_LONGEST} seconds"):  # type: ignore[no-untyped-call]
                notifier = notifier_of(block, config.source, f"$.airflow.notify[{index}]")
                notifier({**context, **told, "events": wanted})
        except (Exception, AirflowTaskTimeout):  # the notifier may be anybody's
            log.exception("%s was not told of: %s", block.notifier, ", ".join(wanted))
        else:
            log.info("%s is told of: %s", block.notifier, ", ".join(wanted))
