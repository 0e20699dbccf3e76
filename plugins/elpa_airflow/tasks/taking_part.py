"""Which models take part in the policy of a run, each with the result that its task handed on."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from elpa_airflow.run.state import RunState
from elpa_airflow.run.status import how_it_ended, read_status, task_id_of, write_status
from elpa_airflow.tasks.carrying import carry_first
from elpa_airflow.tasks.training_result import CARRIED_KEY, TrainingResult
from elpa_core.commands.masking import secret_values
from elpa_core.config.training import Model
from elpa_core.runs.earlier_artifacts import newest_artifacts
from elpa_core.runs.folder import RunFolder

log = logging.getLogger(__name__)


def training_result(ti: Any, run: RunState, model: Model) -> tuple[TrainingResult | None, str]:
    """Return the result with which a model takes part in a policy, or why it has none.

    An offline model whose training failed takes part with its newest earlier artifact, if there is one.

    Parameters
    ----------
    ti : TaskInstance
        Of the task that asks.
    run : RunState
        The run.
    model : Model
        The model.
    """
    result, reason = _handed_on(ti, run, model)
    return (result, reason) if result is not None else _fallback(ti, run, model, reason)


def _handed_on(ti: Any, run: RunState, model: Model) -> tuple[TrainingResult | None, str]:
    """Return what the model's task handed on, or why it handed on nothing."""
    if not model.enabled:
        return None, "disabled"
    task_id = task_id_of(model)
    state = run.states.get(task_id, "removed")
    if state is None:
        return None, "the task did not run"
    # What a task handed on before the config lost its model counts: it ended well in this run.
    for key in _KEYS.get(state, ()):
        value = ti.xcom_pull(task_ids=task_id, key=key)
        if value is not None:
            return TrainingResult.from_json(value), ""
    if state == "removed":
        return None, "the task is no longer in the Dag, and had not ended well"
    if state == "success":
        return None, "the task is marked as success, but it handed on no error artifact"
    status = read_status(run.run_dir, task_id) or {}
    if status.get("status") == "running":
        # Left standing, it would tell the tasks of a cleared run that this one still goes on.
        status |= {"status": "failed", "reason": "its process was killed"}
        write_status(RunFolder(run.run_dir).model(model.name).path, status)
    reason = status.get("reason") if status.get("status") in {"failed", "planned"} else None
    return None, how_it_ended(state) + (f": {reason}" if reason else "")


_KEYS = {
    "success": ("return_value",),
    "skipped": (CARRIED_KEY,),
    "removed": ("return_value", CARRIED_KEY),
}


def _fallback(ti: Any, run: RunState, model: Model, reason: str) -> tuple[TrainingResult | None, str]:
    """Return the newest earlier artifact of an offline model whose training failed, or why there is none."""
    if not model.enabled or run.tick is None or model.group != "offline" or not run.choices.takes(model):
        return None, reason
    until = dt.datetime.fromisoformat(run.moment_for(model).as_of)
    earlier = newest_artifacts(run.run_dir, model.name, model.group, until)
    model_dir = RunFolder(run.run_dir).model(model.name).path
    secrets = secret_values(model.env, run.loaded.config.extras, run.choices.config.context)

    def write(result: TrainingResult) -> None:
        status = read_status(run.run_dir, task_id_of(model)) or {"status": "failed"}
        write_status(model_dir, status | {"carried_from": result.carried_from})

    carried = carry_first(ti, run, model, earlier, model_dir, write, secrets=secrets, fallback_reason=reason)
    if carried.result is None:
        return None, f"{reason}; {carried.why_none}" if carried.refused else reason
    origin = carried.result.carried_from
    log.warning("%s: %s; its artifact of run %s takes part", model.name, reason, origin)
    return carried.result, reason
