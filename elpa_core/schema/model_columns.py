"""The columns of forecasts in a table: one per model, ``GROUP:NAME``."""

from __future__ import annotations

from collections.abc import Sequence

from elpa_core.errors import InputError, Problem, quoted, short, some
from elpa_core.schema.groups import GROUPS

_MOST_PROBLEMS = 12


def model_columns(source: str, columns: list[str]) -> tuple[tuple[str, str], ...]:
    """Return group and name of each column.

    Raises
    ------
    InputError
        If a column has another form, or a model is not unique.

    Examples
    --------
    >>> model_columns("panel.csv", ["online:ets", "offline:lstm"])
    (('online', 'ets'), ('offline', 'lstm'))
    """
    models = [column.partition(":")[::2] for column in columns]
    problems = [
        Problem(source, f"header, column {quoted(column)}", quoted(column), "GROUP:NAME, online or offline")
        for column, (group, name) in zip(columns, models, strict=True)
        if group not in GROUPS or not name
    ]
    names = [name for group, name in models if group in GROUPS and name]
    twice = {name for name in names if names.count(name) > 1}
    problems += [Problem(source, "header", f"{quoted(n)} twice", "each model once") for n in sorted(twice)]
    if problems:
        raise InputError(problems)
    return tuple(models)


def models_without_column(
    source: str, columns: list[str], online: Sequence[str], offline: Sequence[str]
) -> str:
    """Return a warning that names the models of the policy without a column; empty if all have one."""
    pool = [f"online:{name}" for name in online] + [f"offline:{name}" for name in offline]
    absent = [model for model in pool if model not in columns]
    if not absent:
        return ""
    return f"{source}: header: no column {some(absent)}, as the policy has it: every row does without"


def check_models(source: str, columns: list[str], online: Sequence[str], offline: Sequence[str]) -> None:
    """Refuse columns that are not models of the policy.

    Raises
    ------
    InputError
        If there is such a column; the error names each one, and the name to use if only the group is
        wrong or missing.
    """
    groups = {**dict.fromkeys(online, "online"), **dict.fromkeys(offline, "offline")}
    right = [f"{group}:{name}" for name, group in groups.items()]
    problems = []
    for column in columns:
        if column not in right:
            name = next((name for name in (column, column.partition(":")[2]) if name in groups), None)
            known = f"a model of the policy: {some(right)}"
            expected = known if name is None else short(f"{groups[name]}:{name}")
            problems.append(Problem(source, "header", quoted(column), expected))
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        rest = [Problem(source, "header", f"{more} more such columns", "models of the policy")] * (more > 0)
        raise InputError(problems[:_MOST_PROBLEMS] + rest)
    model_columns(source, columns)
