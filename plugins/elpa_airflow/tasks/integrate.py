"""The last task of a run: from the models' error artifacts to manifest and policy."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException

from elpa_airflow.run.agreement import require_agreement
from elpa_airflow.run.moment import policy_uri
from elpa_airflow.run.policy_event import event_extra
from elpa_airflow.run.state import RunState
from elpa_airflow.run.status import read_status, task_id_of
from elpa_airflow.tasks import metrics
from elpa_airflow.tasks.failures import in_words
from elpa_airflow.tasks.notifications import tell_of_policy
from elpa_airflow.tasks.taking_part import training_result
from elpa_airflow.tasks.training_result import TrainingResult
from elpa_core import files
from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.config.training import LoadedConfig, Model
from elpa_core.errors import ArtifactError, ElpaError, InputError
from elpa_core.files.reading import UnsuitableFileError
from elpa_core.files.strict_json import parse_object
from elpa_core.policy.build import build_policy
from elpa_core.policy.evaluation import EvaluatedPolicy, evaluate_policy
from elpa_core.policy.quorum import NoPolicyError, require_quorum
from elpa_core.policy.scoring import ReadModel, read_artifact, score_models
from elpa_core.policy.table import policy_lines, verdict_line
from elpa_core.runs.folder import RunFolder
from elpa_core.runs.manifest import manifest_of, model_entry, refused_entry, write_manifest
from elpa_core.runs.plan import Plan, plan_model
from elpa_core.schema.policy import MissingModel, Policy, RunReference
from elpa_core.store import DagFolder, Entry, PolicyStore, Start
from elpa_core.store.errors import as_store_error
from elpa_core.store.pruning import prune
from elpa_core.times import now_text, utc_text

log = logging.getLogger(__name__)


@dataclass
class _Pool:
    """The models of a run: those that take part, as read and as handed on, and those missing."""

    models: list[ReadModel] = field(default_factory=list)
    results: dict[str, TrainingResult] = field(default_factory=dict)
    missing: list[MissingModel] = field(default_factory=list)

    def experiment(self, run: RunState) -> str:
        """Return why the run is an experiment, so that its policy is not published by itself, or nothing."""
        enabled = {model.name: model for model in run.loaded.config.enabled_models()}
        left_out = [
            f"without {one.name}, {one.reason}"
            for one in self.missing
            if one.name in enabled and not run.choices.takes(enabled[one.name])
        ]
        reasons = [*run.choices.differences, *left_out]
        return f"an experiment: {'; '.join(reasons)}" if reasons else ""


@in_words()
def integrate_dag_run(context: Any, current: LoadedConfig, store: str | None) -> dict[str, Any] | None:
    """Write the manifest and the policy of a run, publish the policy, and return it.

    Parameters
    ----------
    context : Context
        Of the task.
    current : LoadedConfig
        The config as it is at parse.
    store : str, optional
        The policy store that the Dag file named.

    Raises
    ------
    AirflowFailException
        If there can be no policy. Trying again does not help, training the missing models does.
    """
    # Airflow emits an event for each outlet of a task that ends well, and nothing is published yet. An
    # AssetAlias is no way out: where two runs emit its first event at the same time, Airflow fails them.
    context["task"].outlets = []
    run = RunState.of(context, current, store)
    if run.edited:
        log.warning("%s", run.edit_note)
    dag_id = context["ti"].dag_id
    try:
        made = _integrate(context, run)
    finally:
        metrics.send_policy_age(run.store, dag_id)
    if made is None:
        return None
    policy = made.policy.to_json()
    metrics.send_policy(dag_id, made.policy, made.trained)
    tell_of_policy(context, current, policy, made.entry)
    return policy


class _Made(NamedTuple):
    """The policy of a run, what was decided on it, and the artifacts of the models that the run trained."""

    policy: Policy
    entry: Entry
    trained: tuple[ErrorArtifact, ...]


def _integrate(context: Any, run: RunState) -> _Made | None:
    pool: _Pool | None = None
    try:
        require_agreement(context["ti"], run, of_all=True)
        if run.choices.dry_run:
            _write_manifest(run, _Pool())
            log.info("A dry run: the manifest has the commands, there is no policy")
            return None
        pool = _pool(context["ti"], run)
        _write_manifest(run, pool)
        policy = _policy(context["ti"], run, pool)
        start = Start(pool.experiment(run), run.choices.publish)
    except (InputError, NoPolicyError) as error:
        _remove_untrue_policy(run, pool)
        context["task"].missing = tuple(pool.missing) if pool else ()
        raise AirflowFailException(run.failure(str(error))) from None
    trained = tuple(one.artifact for one in pool.results.values() if one.carried_from is None)
    return _Made(*_publish(context, run, policy, start), trained)


def _remove_untrue_policy(run: RunState, pool: _Pool | None) -> None:
    """Remove the policy file of a run, if a model behind it is no longer what it was.

    A failure that says nothing of the models leaves the file as it is.
    """
    path = RunFolder(run.run_dir).policy
    if pool is None or not files.exists(path):
        return
    now = {name: result.artifact.sha256 for name, result in pool.results.items()}
    try:
        policy = parse_object(files.read(path), str(path))
        then = {name: source["sha256"] for name, source in policy["errors"].items()}
        true = policy["run"]["config_sha256"] == run.loaded.sha256 and then.items() <= now.items()
    except (InputError, UnsuitableFileError, KeyError, TypeError, AttributeError):
        true = False
    if not true:
        files.remove(path)


def _publish(context: Any, run: RunState, evaluated: EvaluatedPolicy, start: Start) -> tuple[Policy, Entry]:
    ti, options = context["ti"], run.loaded.config.airflow
    policy = _keep_state(run, evaluated)
    store = PolicyStore(run.store, ti.dag_id)
    recorded = store.record(ti.run_id, run.moment.as_of, policy.to_json())
    log.info(
        "Policy %s, of config SHA-256 %s:\n%s",
        recorded.path,
        run.loaded.sha256,
        "\n".join(policy_lines(policy)),
    )
    gate = options.promotion.max_score_increase if options.promotion else None
    outcome = store.publish(ti.run_id, recorded.number, max_score_increase=gate, start=start)
    for warning in policy.warnings:
        log.warning("%s", warning)
    log.info("The policy is %s: %s", outcome.entry.action, outcome.entry.reason)
    if outcome.published and outcome.changed:
        asset = Asset(policy_uri(ti.dag_id))
        context["task"].outlets = [asset]
        extra = event_extra(recorded.path, ti.run_id, run.moment.as_of, policy.to_json())
        context["outlet_events"][asset].extra = extra
    if options.keep_runs is not None:
        _prune(run, ti.dag_id, ti.run_id, options.keep_runs)
    log.info("%s: %s", outcome.entry.action.capitalize(), verdict_line(policy))
    return policy, outcome.entry


def _keep_state(run: RunState, evaluated: EvaluatedPolicy) -> Policy:
    """Write what the router has learned into the run's folder, and return the policy that names it."""
    if evaluated.router_state is None:
        return evaluated.policy
    place = RunFolder(run.run_dir).router_state(evaluated.state_sha256)
    with as_store_error(place):
        files.write(place, evaluated.router_state)
    return evaluated.naming_state(str(place))


def _prune(run: RunState, dag_id: str, run_id: str, keep: int) -> None:
    try:
        pruned = prune(DagFolder(run.store, dag_id), keep, running=[run_id])
    except ElpaError as error:
        # The policy is published: old runs on a full disk are no reason to fail this one.
        log.warning("Old runs are not removed: %s", error)
        return
    for removed in pruned.removed:
        log.info("Removed the folder of an old run: %s", removed.run_id)


def _pool(ti: Any, run: RunState) -> _Pool:
    """Return the models of a run."""
    pool = _Pool()
    for model in run.loaded.config.models:
        try:
            result, reason = training_result(ti, run, model)
            if result is not None:
                pool.models.append(_read(result.artifact, model, run))
                pool.results[model.name] = result
                continue
        except ArtifactError as error:
            reason = str(error)
        intended = not (model.enabled and run.choices.takes(model))
        pool.missing.append(
            MissingModel(name=model.name, group=model.group, reason=reason, intended=intended)
        )
    return pool


def _read(artifact: ErrorArtifact, model: Model, run: RunState) -> ReadModel:
    config = run.choices.config
    named = model.error_columns.over(config.error_columns)
    return read_artifact(artifact, config.beta, named, files.at(run.store, artifact.path))


def _write_manifest(run: RunState, pool: _Pool) -> None:
    reasons = {model.name: model.reason for model in pool.missing}
    carried = {name: result for name, result in pool.results.items() if result.carried_from}
    entries = []
    for model in run.loaded.config.models:
        entry = _entry(run, model) | (read_status(run.run_dir, task_id_of(model)) or {})
        if model.name in reasons:
            entry |= {"status": "failed" if model.enabled else "disabled", "reason": reasons[model.name]}
        if model.name in carried:
            entry |= carried[model.name].training()
        if run.choices.dry_run and model.enabled:
            entry |= {"status": "planned", "return_code": None, "artifact": None}
        entry["task_state"] = run.states.get(task_id_of(model))
        entries.append(entry)
    plan = Plan(replace(run.loaded, config=run.choices.config), run.work_dir, run.moment, ())
    manifest = manifest_of(
        plan,
        entries,
        created_at=now_text(),
        run_dir=str(run.run_dir),
        run_id=run.moment.run_id,
        chosen=dict(run.choices.given),
    )
    with as_store_error(run.run_dir):
        write_manifest(RunFolder(run.run_dir).manifest, manifest)


def _entry(run: RunState, model: Model) -> dict[str, Any]:
    try:
        moment = run.moment_for(model)
        return model_entry(plan_model(run.loaded, model, run.work_dir, moment, run.choices.changed))
    except InputError:
        return refused_entry(model, run.work_dir)


def _policy(ti: Any, run: RunState, pool: _Pool) -> EvaluatedPolicy:
    config = run.choices.config
    require_quorum([model.group for model in pool.models], pool.missing, run.loaded.config.airflow)
    scored, warnings = score_models(pool.models, run.loaded.source)
    policy = build_policy(
        config,
        [pool.results[one.name].describe(one, run.moment.as_of) for one in scored],
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
        chosen=run.choices.given,
    )
    return evaluate_policy(
        policy, pool.models, config, config.horizon, source=run.loaded.source, warnings=warnings
    )
