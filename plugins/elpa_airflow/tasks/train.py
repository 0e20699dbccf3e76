"""The task of one model: train it, and hand on the result."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
)
from airflow.sdk.execution_time.context import context_to_airflow_vars
from airflow.sdk.log import mask_secret

from elpa_airflow.run.agreement import push_config, require_agreement
from elpa_airflow.run.frozen_config import is_still_frozen
from elpa_airflow.run.state import RunState
from elpa_airflow.run.status import task_id_of
from elpa_airflow.tasks.attempt import Attempt
from elpa_airflow.tasks.failures import in_words
from elpa_airflow.tasks.not_trained import not_trained, take_earlier
from elpa_airflow.tasks.status_record import StatusRecord
from elpa_airflow.tasks.training_result import TrainingResult
from elpa_airflow.tasks.upload_interval import upload_interval
from elpa_airflow.tasks.warm_start import warm_start
from elpa_core.commands.masking import mask_text, mask_values, secret_values
from elpa_core.config.airflow import NO_RETRY_EXIT_CODES
from elpa_core.config.training import LoadedConfig, Model
from elpa_core.errors import ConfigError, InputError
from elpa_core.runs.plan import PlannedModel, plan_model
from elpa_core.runs.resume import RegularCalls
from elpa_core.runs.training import Training, TrainingOutcome
from elpa_core.times import now_text

log = logging.getLogger(__name__)

_CHANGED = (
    "the config that this run has frozen was changed while the command ran: clear all tasks of the run to "
    "begin anew"
)


class TrainingSource(NamedTuple):
    """What a training task knows at parse: the config as it is now, and the store that the Dag file named."""

    loaded: LoadedConfig
    store: str | None


class TrainModelOperator(BashOperator):
    """Run a model's ``train_cmd`` with ``bash -c`` in the model's folder of the run.

    ==============================  =====================================================
    the command                     the task
    ==============================  =====================================================
    ends with exit code 0 and has   succeeds; its XCom value describes the error artifact
    left a readable error artifact
    ends with exit code 0 without   fails, and is tried again
    one, or with an old one
    ends with another exit code     fails, and is tried again (99 too), unless
                                    ``no_retry_exit_codes`` has the code
    is stopped (timeout, mark       fails; SIGTERM to all its processes, after
    failed, shutdown)               ``stop_grace`` seconds SIGKILL
    ==============================  =====================================================

    The command is never read as a Jinja template. What the UI shows as rendered is what runs, with
    secrets masked.

    `train_task` makes it: a constructor of its own would make each parse of a Dag a tenth slower.
    """

    template_ext: Sequence[str] = ()
    ui_color = "#e8f0e4"

    source: TrainingSource
    _status: StatusRecord | None = None
    _run: RunState | None = None
    _saves: RegularCalls | None = None
    _refusal: str = ""
    _training: Training | None = None
    _killed: bool = False

    @in_words()
    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Put the exact command of this run into the fields that the UI shows."""
        self._run = run = RunState.of(context, self.source.loaded, self.source.store)
        model = next((m for m in run.loaded.config.models if task_id_of(m) == self.task_id), None)
        if model is None:
            return
        seconds = model.airflow.over(run.loaded.config.airflow).execution_timeout
        self.execution_timeout = None if seconds is None else dt.timedelta(seconds=seconds)
        attempt = Attempt.of(context["ti"], run, model)
        self._status = status = StatusRecord(context["ti"], run, model, attempt)
        env, secrets = self._environment(model, context, jinja_env)
        for secret in secrets:
            mask_secret(secret)
        try:
            planned = _plan(status, model.model_copy(update={"env": env}))
            trains = model.enabled and not run.choices.dry_run and not_trained(run, model) is None
        except InputError as error:
            self._refusal = str(error)
            return
        status.planned = planned = replace(planned, secrets=(*secrets, *planned.secrets))
        for secret in planned.secrets:
            mask_secret(secret)
        if trains and not run.only_shown:
            planned = _look_up_start(status, planned)
        self.bash_command = planned.shown_command
        self.env = planned.masked_environment()
        self.cwd = str(planned.model_dir)

    @in_words()
    def execute(self, context: Any) -> dict[str, Any]:
        """Train the model and return its error artifact."""
        run, status = self._run, self._status
        if run is None:
            raise AirflowFailException("the task was not prepared: render_template_fields did not run")
        push_config(context["ti"], run)
        try:
            require_agreement(context["ti"], run, of_all=False)
        except ConfigError as error:
            raise AirflowFailException(str(error)) from None
        if run.edited:
            self.log.warning("%s", run.edit_note)
        if status is None:
            raise AirflowSkipException("the model was added to the config after this run had frozen it")
        model, attempt, planned = status.model, status.attempt, status.planned
        if not model.enabled:
            status.write(status="disabled")
            raise AirflowSkipException("the model is disabled in the config")
        if planned is None:
            status.write(status="failed", reason=self._refusal)
            raise AirflowFailException(run.failure(self._refusal))
        as_of = run.moment_for(model).as_of
        self.log.info("Config %s, SHA-256 %s", run.loaded.source, run.loaded.sha256)
        self.log.info("Data up to %s, folder %s", as_of, planned.model_dir)
        self.log.info("Command:\n%s", "\n".join(f"  {line}" for line in planned.shown_command.split("\n")))
        if run.choices.dry_run:
            status.write(status="planned", reason="dry run")
            raise AirflowSkipException("a dry run: the command above was not started")
        _require_upload_interval(status)
        self._make_folder(status)
        if found := not_trained(run, model):
            skipped = take_earlier(status, found)
            if skipped is not None:
                attempt.clear_away()
                raise AirflowSkipException(skipped)
            planned = _look_up_start(status, planned)
        if attempt.orphaned:
            self.log.warning(
                "An earlier attempt was killed, and its command may still run: this one works in %s",
                attempt.work_dir,
            )
        started_at = now_text()
        planned = self._begin(status, planned, started_at)
        if planned.shown_command != self.bash_command:  # it starts from elsewhere than the UI shows
            self.bash_command = planned.shown_command
            self.overwrite_rtif_after_execution = True
        outcome = self._train(context, status, planned, started_at)
        if outcome.artifact is None or outcome.reason is not None:
            raise _failure(run, outcome, planned)
        self.log.info(
            "Error artifact: %s, validation errors: %s", outcome.artifact.path, outcome.artifact.rows
        )
        return TrainingResult(
            outcome.artifact,
            as_of=as_of,
            artifacts=outcome.kept,
            warm_started_from=status.warm_started_from,
        ).to_json()

    def _environment(
        self, model: Model, context: Any, jinja_env: Any
    ) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return the model's ``env`` with its templates rendered, and the secrets among the values.

        Only the config's author writes these. What comes out of a connection or a variable is a
        secret, whatever its name is.
        """
        env, rendered = {}, {}
        for name, value in model.env.items():
            env[name] = value
            if "{{" in value or "{%" in value:
                env[name] = rendered[name] = str(self.render_template(value, context, jinja_env))
        lines = {line for value in rendered.values() for line in (value, *value.splitlines()) if line}
        secrets = {*lines, *secret_values(env)}
        return env, tuple(sorted(secrets, key=lambda text: (-len(text), text)))

    def _make_folder(self, status: StatusRecord) -> None:
        attempt = status.attempt
        try:
            for warning in attempt.empty(status.model.resume_from):
                self.log.warning("%s", warning)
        except OSError as error:
            reason = f"no folder for the command to work in: {error}"
            left_in = attempt.work_dir if attempt.retried is None else attempt.retried.work_dir
            status.write(status="failed", reason=reason, model_dir=str(left_in))
            raise AirflowException(status.run.failure(reason)) from None
        if attempt.retried is not None:
            self.log.info("Airflow tries again: what resume_from names is in the folder, if it was left")

    def on_kill(self) -> None:
        """Stop the command and everything that it started."""
        self._killed = True
        if self._saves is not None:
            self._saves.now()
        if self._training is not None:
            self._training.stop()

    def _train(
        self, context: Any, status: StatusRecord, planned: PlannedModel, started_at: str
    ) -> TrainingOutcome:
        """Train the model, and record how that ended."""
        run, model, attempt = status.run, status.model, status.attempt
        output = attempt.output_log(lambda line: self.log.info("%s", line), planned.options.max_log_lines)
        self._training = Training(
            planned,
            parent_environment={
                "PYTHONUNBUFFERED": "1",
                **os.environ,
                **context_to_airflow_vars(context, in_env_var_format=True),
            },
            on_line=output.add,
            keeper=attempt,
        )
        if self._killed:  # before there was a training to stop
            self._training.stop()
        ended: dict[str, Any] = {"status": "failed", "reason": "the task was stopped"}
        try:
            with closing(output), self._saving(attempt, planned):
                outcome = self._training.run(started_at)
            for warning in outcome.warnings:
                self.log.warning("%s", warning)
            if not is_still_frozen(run.loaded, run.run_dir, run.generation):
                ended["reason"] = _CHANGED
                raise AirflowFailException(_CHANGED)
            ended = outcome.entry("ok" if outcome.reason is None else "failed", outcome.reason)
        except AirflowTaskTimeout:
            seconds = self.execution_timeout.total_seconds() if self.execution_timeout else 0
            ended["reason"] = f"the command was stopped after its execution_timeout of {seconds:g} seconds"
            raise
        except OSError as error:  # of the task's log
            ended["reason"] = str(error)
            raise
        finally:
            if ended["status"] != "ok":
                attempt.save(planned)
            times = {"started_at": started_at, "finished_at": now_text()}
            status.write(ends=True, **times | ended, stopped=self._killed)
            attempt.keep_output(output)
            attempt.clear_away()
        if model.resume_from and ended["status"] == "ok":
            attempt.forget_saved()
        return outcome

    def _begin(self, status: StatusRecord, planned: PlannedModel, started_at: str) -> PlannedModel:
        """Record that the model is trained from now on, and where it starts; return what runs."""
        begun = False
        run, start = status.run, status.start
        fields: dict[str, Any] = {"status": "running", "started_at": started_at}
        write = partial(status.write, **fields)
        try:
            if start is None:
                write()
            else:
                start.begin(run, status.ti.dag_id, write)
            planned = _with_start(status, planned)
            begun = True
        except OSError as error:
            reason = f"the command was not started: {error}"
            status.write(**fields | {"status": "failed", "reason": reason, "finished_at": now_text()})
            raise AirflowException(run.failure(reason)) from None
        finally:
            if not begun:
                status.attempt.clear_away()
        return planned

    def _saving(self, attempt: Attempt, planned: PlannedModel) -> AbstractContextManager[object]:
        """Save what a further attempt can go on from while the command runs, if the store is elsewhere."""
        if not planned.model.resume_from or not attempt.is_remote:
            return nullcontext()
        self._saves = RegularCalls(partial(attempt.save, planned), upload_interval())
        return self._saves


def _plan(status: StatusRecord, model: Model) -> PlannedModel:
    run, attempt = status.run, status.attempt
    return plan_model(
        run.loaded,
        model,
        run.work_dir,
        run.moment_for(model),
        run.choices.changed,
        attempt.work_dir,
        status.start.folder if status.start else attempt.previous_dir,
    )


def _look_up_start(status: StatusRecord, planned: PlannedModel) -> PlannedModel:
    """Look up where the training starts, if its command asks for that; return what runs."""
    if planned.previous_dir is not None:
        ti, run, own_dir = status.ti, status.run, status.attempt.previous_dir
        status.start = warm_start(ti, run, planned.model, own_dir, planned.secrets)
    return _with_start(status, planned)


def _with_start(status: StatusRecord, planned: PlannedModel) -> PlannedModel:
    """Return the plan with the folder from which the training starts now."""
    if status.start is None or status.start.folder == planned.previous_dir:
        return planned
    status.planned = planned = replace(_plan(status, planned.model), secrets=planned.secrets)
    log.info("{previous_dir} is %s", status.start.folder)
    return planned


def _require_upload_interval(status: StatusRecord) -> None:
    if not (status.model.resume_from and status.attempt.is_remote):
        return
    try:
        upload_interval()
    except ConfigError as error:
        status.write(status="failed", reason=str(error))
        raise AirflowFailException(status.run.failure(str(error))) from None


def _failure(run: RunState, outcome: TrainingOutcome, planned: PlannedModel) -> AirflowException:
    codes = planned.options.no_retry_exit_codes
    if not outcome.stopped and outcome.return_code in (NO_RETRY_EXIT_CODES if codes is None else codes):
        return AirflowFailException(
            run.failure(f"{outcome.reason}; not tried again, since no_retry_exit_codes has the exit code")
        )
    return AirflowException(run.failure(outcome.reason))


def train_task(model: Model, loaded: LoadedConfig, store: str | None, **arguments: Any) -> TrainModelOperator:
    """Return the training task of a model.

    Parameters
    ----------
    model : Model
        The model's block of the config.
    loaded : LoadedConfig
        The config as it is at parse. The task works with the copy that its run froze.
    store : str, optional
        The policy store that the Dag file named.
    **arguments
        Arguments of every Airflow operator.
    """
    secrets = secret_values(model.env) if model.env else ()
    task = TrainModelOperator(
        bash_command=mask_text(model.train_cmd, secrets),
        env={name: mask_text(value, secrets) for name, value in mask_values(model.env).items()},
        append_env=True,
        skip_on_exit_code=None,
        **arguments,
    )
    task.source = TrainingSource(loaded, store)
    return task
