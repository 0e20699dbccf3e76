"""Build the Dag of a training config: two TaskGroups of training tasks, then one integrate task."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, TaskGroup, get_parsing_context
from airflow.sdk.definitions.param import ParamsDict

from elpa_airflow.dag import docs
from elpa_airflow.dag.integrate_operator import IntegrateOperator
from elpa_airflow.dag.placement import Placement
from elpa_airflow.dag.trigger_form import trigger_params
from elpa_airflow.run.moment import policy_uri
from elpa_airflow.run.names import INTEGRATE, TAG
from elpa_airflow.run.store_location import store_location
from elpa_airflow.tasks.train import train_task
from elpa_core.config.airflow import DEFAULT_START_DATE, DagRunOptions, ModelRunOptions
from elpa_core.config.training import LoadedConfig
from elpa_core.errors import ConfigError, Problem, quoted
from elpa_core.schema.groups import GROUPS
from elpa_core.times import parse_date

DEFAULT_RETRIES = 1


def build_dag(loaded: LoadedConfig, store: str | None) -> DAG:
    """Return the Dag of a config.

    Parameters
    ----------
    loaded : LoadedConfig
        The config.
    store : str, optional
        The policy store that the Dag file names.

    Raises
    ------
    ConfigError
        If Airflow refuses the URI of an asset or has no such executor, or if something is no Pod or no
        notifier.
    """
    options, place = loaded.config.airflow, store_location(loaded, store)
    placed = _placed(loaded)
    dag = DAG(
        dag_id=loaded.dag_id,
        description=options.description or f"Train {len(loaded.config.models)} models and build their policy",
        schedule=_schedule(loaded),
        start_date=_start_date(options),
        end_date=parse_date(options.end_date, options.timezone) if options.end_date else None,
        catchup=options.catchup,
        tags={TAG, *options.tags},
        doc_md=docs.dag_doc(loaded, place),
        default_args={"owner": options.owner} if options.owner else {},
        on_failure_callback=_told_of_failed_run(loaded),
        **_given(max_active_runs=options.max_active_runs, max_active_tasks=options.max_active_tasks),
    )
    integrate = IntegrateOperator(
        task_id=INTEGRATE,
        dag=dag,
        python_callable=_integrate_callable(loaded, store),
        elpa_store=place,
        show_return_value_in_logs=False,
        outlets=_outlets(dag.dag_id),
        trigger_rule="all_done",
        retries=DEFAULT_RETRIES if options.retries is None else options.retries,
        doc_md=docs.INTEGRATE_DOC,
        on_failure_callback=_told_of_failure(loaded),
        **_given(retry_delay=_seconds(options.retry_delay)),
    )
    shared = _run_arguments(options)
    groups = {
        group: TaskGroup(group_id=group, dag=dag, tooltip=docs.GROUP_TOOLTIPS[group]) for group in GROUPS
    }
    tasks = []
    for model in loaded.config.models:
        own = model.airflow
        task = train_task(
            model,
            loaded,
            store,
            task_id=model.name,
            task_display_name=model.name if model.enabled else f"{model.name} (disabled)",
            dag=dag,
            task_group=groups[model.group],
            doc_md=docs.model_doc(model),
            **(_run_arguments(own.over(options)) if own.model_fields_set else shared),
            **(placed.arguments(model.name) if placed else {}),
        )
        tasks.append(task)
    integrate.set_upstream(tasks)
    # Set last: each operator copies the Params that the Dag has at that time, and needs none. An ordinary
    # assignment checks the defaults of a scheduled Dag by JSON Schema; the checks of the config are stricter.
    object.__setattr__(dag, "params", ParamsDict(trigger_params(loaded.config)))
    return dag


def _run_arguments(options: ModelRunOptions) -> dict[str, Any]:
    """Return a model's options as arguments of an operator."""
    return {
        "retries": DEFAULT_RETRIES if options.retries is None else options.retries,
        **_given(
            retry_delay=_seconds(options.retry_delay),
            execution_timeout=_seconds(options.execution_timeout),
            pool=options.pool,
            pool_slots=options.pool_slots,
            max_active_tis_per_dag=options.max_active_tis_per_dag,
            queue=options.queue,
            priority_weight=options.priority_weight,
        ),
    }


def _placed(loaded: LoadedConfig) -> Placement | None:
    """Return where tasks run, if the config says it, and refuse what this Airflow cannot do.

    None in a task process: it runs where it runs. There, Airflow may have no other executor, and no
    Kubernetes client.
    """
    if _is_task():
        return None
    placement = Placement(loaded)
    problems = placement.problems
    if loaded.config.airflow.notify:
        from elpa_airflow.run.notifiers import notifier_problems

        problems += notifier_problems(loaded)
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    return placement


def _told_of_failure(loaded: LoadedConfig) -> list[Callable[[Any], None]] | None:
    """Return what Airflow calls when `integrate` has failed for good."""
    if not _tells_of_failures(loaded):
        return None

    def tell(context: Any) -> None:
        from elpa_airflow.tasks.notifications import tell_of_failure

        tell_of_failure(context, loaded, context["task"].missing)

    return [tell]


def _told_of_failed_run(loaded: LoadedConfig) -> list[Callable[[Any], None]] | None:
    """Return what the Dag processor calls when a run has failed: `integrate` may have been killed."""
    if not _tells_of_failures(loaded):
        return None

    def tell(context: Any) -> None:
        from elpa_airflow.tasks.notifications import tell_of_failed_run

        tell_of_failed_run(context, loaded)

    return [tell]


def _tells_of_failures(loaded: LoadedConfig) -> bool:
    return any("failed" in block.on for block in loaded.config.airflow.notify)


def _is_task() -> bool:
    """Tell whether a task's process parses. A command for one Dag, which writes it, names no task."""
    return get_parsing_context().task_id is not None


def _integrate_callable(loaded: LoadedConfig, store: str | None) -> Callable[..., dict[str, Any] | None]:
    def integrate(**context: Any) -> dict[str, Any] | None:
        from elpa_airflow.tasks.integrate import integrate_dag_run

        return integrate_dag_run(context, loaded, store)

    return integrate


def _outlets(dag_id: str) -> list[Asset]:
    # The first Asset of a process imports every provider with URI handlers: half a second with
    # Amazon's. A task process does not need it: integrate names its outlet after it has published.
    return [] if _is_task() else [Asset(policy_uri(dag_id))]


def _schedule(loaded: LoadedConfig) -> CronDataIntervalTimetable | list[Asset] | str | None:
    options = loaded.config.airflow
    if options.assets:
        return [_asset(loaded, index, uri) for index, uri in enumerate(options.assets)]
    if options.schedule is None or options.schedule == "@once":
        return options.schedule
    return CronDataIntervalTimetable(options.schedule, timezone=options.timezone)


def _asset(loaded: LoadedConfig, index: int, uri: str) -> Asset:
    try:
        return Asset(uri)
    except ValueError as error:
        found = f"{quoted(uri)} ({error})"
        problem = Problem(loaded.source, f"$.airflow.assets[{index}]", found, "the URI of an asset")
        raise ConfigError(problem) from error


def _start_date(options: DagRunOptions) -> dt.datetime | None:
    if options.start_date is not None:
        return parse_date(options.start_date, options.timezone)
    return dt.datetime.fromisoformat(DEFAULT_START_DATE) if options.schedule is not None else None


def _seconds(value: float | None) -> dt.timedelta | None:
    return None if value is None else dt.timedelta(seconds=value)


def _given(**arguments: Any) -> dict[str, Any]:
    """Return the arguments that the config sets; Airflow's defaults apply to the others."""
    return {name: value for name, value in arguments.items() if value is not None}
