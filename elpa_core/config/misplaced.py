"""Say where a field belongs that stands in the wrong object of a training config."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches

from elpa_core.config.airflow import DagRunOptions, ModelRunOptions
from elpa_core.config.training import Model, TrainingConfig
from elpa_core.errors import Problem, nearest, quoted

TOP_FIELDS = tuple(name for name in TrainingConfig.model_fields if name != "extras")
_CLOSE = 0.85
_OTHER_NAMES = dict.fromkeys(("schedule_interval", "timetable", "cron"), "schedule")
_IN_OBJECT = re.compile(r"\$(?P<model>\.models\[\d+\])?(?P<airflow>\.airflow)?\.(?P<name>\w+)")


def hint_at_top(name: str) -> str:
    """Return what to do about a name at the top that is no field there and that no command uses.

    >>> hint_at_top("retries"), hint_at_top("datset"), hint_at_top("unknown")
    ('it belongs into airflow', 'did you mean "dataset"?', '')
    """
    if name in DagRunOptions.model_fields:
        return "it belongs into airflow"
    if name in Model.model_fields:
        return "it belongs into a block of models"
    options = get_close_matches(_OTHER_NAMES.get(name, name), DagRunOptions.model_fields, 1, _CLOSE)
    if options:
        return f"did you mean {quoted(options[0])} in airflow?"
    return nearest(name, TOP_FIELDS)


def with_place(problem: Problem) -> Problem:
    """Return the problem of an unknown field with the object in which the field is known.

    >>> with_place(Problem("p", "$.models[0].retries", "an unknown field", "one of name")).hint
    'it belongs into airflow of this model, or of the whole config'
    """
    at = _IN_OBJECT.fullmatch(problem.place)
    if at is None or problem.found != "an unknown field":
        return problem
    name, hint = at["name"], ""
    if name in ModelRunOptions.model_fields:
        hint = "it belongs into airflow of this model, or of the whole config"
    elif name in DagRunOptions.model_fields:
        hint = "it belongs into airflow at the top of the config"
    elif name in TOP_FIELDS:
        hint = "it belongs to the top of the config"
    elif name in Model.model_fields:
        hint = "it belongs into a block of models"
    return replace(problem, hint=hint) if hint else problem


def hint_in_context(name: str) -> str:
    """Return what to do about a value of the context that has the name of an option of Airflow."""
    return f"{quoted(name)} as an option belongs into airflow" if name in DagRunOptions.model_fields else ""
