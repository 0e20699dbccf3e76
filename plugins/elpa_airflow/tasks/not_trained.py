"""Which models a run does not train, and the earlier artifact that takes part in the place of each."""

from __future__ import annotations

import datetime as dt
import logging
from typing import NamedTuple

from elpa_airflow.run.state import RunState
from elpa_airflow.tasks.carrying import carry_first
from elpa_airflow.tasks.status_record import StatusRecord
from elpa_airflow.tasks.training_result import CARRIED_KEY, TrainingResult
from elpa_core.config.training import Model
from elpa_core.runs.earlier_artifacts import newest_artifacts

log = logging.getLogger(__name__)


class NotTrained(NamedTuple):
    """Why a run does not train a model.

    Parameters
    ----------
    why : str
        In words.
    since : datetime or None
        The earliest moment as of which an artifact takes part in its place. If there is none, the model is
        trained all the same. None if a person left the model out: then any artifact takes part, or none.
    """

    why: str
    since: dt.datetime | None


def not_trained(run: RunState, model: Model) -> NotTrained | None:
    """Return why a run does not train a model, or None if it does."""
    if not run.choices.takes(model):
        return NotTrained("left out of this run", None)
    tick = run.tick if model.group == "offline" else None
    if tick is None or tick.is_due or run.names(model):
        return None
    why = f"not due: offline_schedule had its last tick at {tick.as_of.isoformat()}"
    return NotTrained(why, tick.as_of)


def take_earlier(status: StatusRecord, found: NotTrained) -> str | None:
    """Hand on an earlier artifact in the place of a training.

    Parameters
    ----------
    status : StatusRecord
        Of the model's task.
    found : NotTrained
        Why the run does not train the model.

    Returns
    -------
    str or None
        Why the task is skipped; None if the model has to be trained, since no artifact fits.
    """
    ti, run, model = status.ti, status.run, status.model
    until = dt.datetime.fromisoformat(run.moment.as_of)
    earlier = newest_artifacts(run.run_dir, model.name, model.group, until, found.since)
    secrets = status.planned.secrets if status.planned else ()

    def in_words_of(result: TrainingResult) -> str:
        return f"{found.why}; takes part as trained by run {result.carried_from} on data up to {result.as_of}"

    def write(result: TrainingResult) -> None:
        status.write(status="planned", reason=in_words_of(result), carried_from=result.carried_from)

    carried = carry_first(ti, run, model, earlier, status.attempt.kept_dir, write, secrets=secrets)
    if carried.result is not None:
        ti.xcom_push(key=CARRIED_KEY, value=carried.result.to_json())
        return in_words_of(carried.result)
    if found.since is not None:
        log.info("%s; %s: the model is trained now", found.why, carried.why_none)
        return None
    reason = f"{found.why}, and {carried.why_none}"
    status.write(status="planned", reason=reason)
    return reason
