"""Where the tasks of the models run: on which of Airflow's executors, in which Pod."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow.configuration import conf

from elpa_airflow.dag.pods import pod_of
from elpa_core.config.airflow import ModelRunOptions
from elpa_core.config.training import LoadedConfig
from elpa_core.errors import ConfigError, Problem, did_you_mean, quoted


class Placement:
    """The executors and Pods of a config.

    Parameters
    ----------
    loaded : LoadedConfig
        The config.

    Attributes
    ----------
    problems : list of Problem
        What this Airflow does not have, and what is no Pod.
    """

    def __init__(self, loaded: LoadedConfig) -> None:
        self.problems: list[Problem] = []
        self._source = loaded.source
        self._top = self._checked(loaded.config.airflow, "$.airflow")
        self._own = {
            model.name: self._checked(model.airflow, f"$.models[{index}].airflow")
            for index, model in enumerate(loaded.config.models)
            if model.airflow.model_fields_set & {"executor", "pod_override"}
        }

    def arguments(self, name: str) -> dict[str, Any]:
        """Return the arguments for the operator of a model."""
        return {**self._top, **self._own.get(name, {})}

    def _checked(self, options: ModelRunOptions, place: str) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        if options.executor is not None:
            arguments["executor"] = options.executor
            self.problems += _unknown_executor(options.executor, self._source, f"{place}.executor")
        if options.pod_override is not None:
            try:
                pod = pod_of(options.pod_override, self._source, f"{place}.pod_override")
                arguments["executor_config"] = {"pod_override": pod}
            except ConfigError as error:
                self.problems += error.problems
        return arguments


def _unknown_executor(name: str, source: str, place: str) -> Iterator[Problem]:
    """Yield a problem if Airflow has no such executor: Airflow would make it one of the whole Dag file."""
    if conf.getboolean("core", "multi_team", fallback=False):
        return  # Airflow asks for the executors of the bundle's team
    from airflow.exceptions import UnknownExecutorException  # noqa: PLC0415  (only for configs that need it)
    from airflow.executors.executor_loader import ExecutorLoader  # noqa: PLC0415

    try:
        ExecutorLoader.lookup_executor_name_by_str(name, validate_teams=False)
    except UnknownExecutorException:
        executors = ExecutorLoader.get_executor_names(validate_teams=False)
        known = [one.alias or one.module_path.rpartition(".")[2] for one in executors]
        expected = "an executor of this Airflow ([core] executor)"
        yield Problem(source, place, quoted(name), expected, did_you_mean(name, known))
