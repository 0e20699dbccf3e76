"""The last task of a run: from the models' error artifacts to the policy and the manifest."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from elpa_airflow.run_record import read_status, refused_entry, task_id_of, write_status
from elpa_airflow.run_state import RunState
from elpa_core.artifacts import ErrorArtifact, now_text, utc_text
from elpa_core.config import GROUPS, LoadedConfig, Model
from elpa_core.errors import ArtifactError, InputError
from elpa_core.integration import score_artifacts
from elpa_core.manifest import MANIFEST_NAME, manifest_of, model_entry, write_manifest
from elpa_core.plan import Plan, plan_model
from elpa_core.policy import (
    MissingModel,
    Policy,
    RunReference,
    ScoredModel,
    build_policy,
    policy_lines,
    write_policy,
)

log = logging.getLogger(__name__)

POLICY_NAME = "elpa_policy.json"
TASK_ID = "integrate"


@dataclass
class _Pool:
    """The models of a run: those with a score, and those that the policy does without."""

    scored: list[ScoredModel]
    missing: list[MissingModel]


def integrate(context: Any, current: LoadedConfig, store: Path | None) -> dict[str, Any]:
    """Write manifest and policy of a run and return the policy.

    Parameters
    ----------
    context : Context
        Of the task.
    current : LoadedConfig
        The config as it is at parse.
    store : Path, optional
        The policy store that the Dag file named.

    Raises
    ------
    AirflowFailException
        If there can be no policy: trying again would not help, training the missing models would.
    """
    run = RunState.of(context, current, store)
    policy_path = run.run_dir / POLICY_NAME
    pool = _pool(context["ti"], run)
    _write_manifest(run, pool)
    try:
        policy = _policy(context["ti"], run, pool)
    except InputError as error:
        policy_path.unlink(missing_ok=True)
        raise AirflowFailException(str(error)) from error
    except AirflowFailException:
        policy_path.unlink(missing_ok=True)
        raise
    write_policy(policy_path, policy)
    log.info(
        "Policy %s, of config SHA-256 %s:\n%s",
        policy_path,
        run.loaded.sha256,
        "\n".join(policy_lines(policy)),
    )
    return policy.to_json()


def _pool(ti: Any, run: RunState) -> _Pool:
    pool = _Pool([], [])
    for model in run.loaded.config.models:
        try:
            artifact, reason = _artifact(ti, run, model)
            if artifact is not None:
                pool.scored += score_artifacts([artifact], run.loaded.config.beta)
                continue
        except ArtifactError as error:
            reason = str(error)
        pool.missing.append(
            MissingModel(name=model.name, group=model.group, reason=reason, intended=not model.enabled)
        )
    return pool


def _artifact(ti: Any, run: RunState, model: Model) -> tuple[ErrorArtifact | None, str]:
    """Return what a model's task handed on, or why it handed on nothing."""
    if not model.enabled:
        return None, "disabled"
    task_id = task_id_of(model)
    state = run.states.get(task_id)
    if state is None:
        return (
            None,
            "its task is no longer in the Dag" if task_id not in run.states else "its task did not run",
        )
    status = read_status(run.run_dir, task_id) or {}
    if state == "success":
        value = ti.xcom_pull(task_ids=task_id)
        if value is not None:
            return ErrorArtifact.from_json(value), ""
        return None, "its task is marked as success, but handed on no error artifact"
    if status.get("status") == "running":
        # Left standing, it would tell the tasks of a cleared run that this one still goes on.
        status |= {"status": "failed", "reason": "its process was killed"}
        write_status(run.run_dir / "models" / model.name, status)
    why = status.get("reason") if status.get("status") == "failed" else None
    return None, f"its task is {state}" + (f": {why}" if why else "")


def _write_manifest(run: RunState, pool: _Pool) -> None:
    reasons = {model.name: model.reason for model in pool.missing}
    entries = []
    for model in run.loaded.config.models:
        entry = _entry(run, model) | (read_status(run.run_dir, task_id_of(model)) or {})
        if model.name in reasons:
            entry |= {"status": "failed" if model.enabled else "disabled", "reason": reasons[model.name]}
        entry["task_state"] = run.states.get(task_id_of(model))
        entries.append(entry)
    plan = Plan(run.loaded, run.run_dir, run.moment, ())
    manifest = manifest_of(plan, entries, created_at=now_text(), run_id=run.moment.run_id)
    write_manifest(run.run_dir / MANIFEST_NAME, manifest)


def _entry(run: RunState, model: Model) -> dict[str, Any]:
    try:
        return model_entry(plan_model(run.loaded, model, run.run_dir, run.moment))
    except InputError:
        return refused_entry(model, run.run_dir)


def _policy(ti: Any, run: RunState, pool: _Pool) -> Policy:
    options = run.loaded.config.airflow
    failed = [model for model in pool.missing if not model.intended]
    if failed and options.on_model_failure == "fail":
        raise AirflowFailException(
            f"no policy: {_names(failed)}; on_model_failure is fail: it takes all enabled models"
        )
    for group in GROUPS:
        count = sum(model.group == group for model in pool.scored)
        if count < options.min_models_per_group:
            missing = [model for model in pool.missing if model.group == group]
            raise AirflowFailException(
                f"no policy: {count} {group} models, min_models_per_group is {options.min_models_per_group};"
                f" missing: {_names(missing) or 'none: the config has no more'}"
            )
    return build_policy(
        run.loaded.config,
        pool.scored,
        created_at=now_text(),
        source=run.loaded.source,
        missing=pool.missing,
        run=RunReference(
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            run_dir=str(run.run_dir),
            as_of=utc_text(dt.datetime.fromisoformat(run.moment.as_of)),
            config_sha256=run.loaded.sha256,
        ),
    )


def _names(models: list[MissingModel]) -> str:
    return "; ".join(f"{model.group} model {model.name} ({model.reason})" for model in models)
