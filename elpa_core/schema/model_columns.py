"""The columns of forecasts in a table: one per model, ``GROUP:NAME``."""

from __future__ import annotations

from collections.abc import Sequence

from elpa_core.errors import InputError, Problem, quoted, some
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
    names = [name for _, name in models]
    twice = {name for name in names if names.count(name) > 1}
    problems += [Problem(source, "header", f"{quoted(n)} twice", "each model once") for n in sorted(twice)]
    if problems:
        raise InputError(problems)
    return tuple(models)


def check_models(source: str, columns: list[str], online: Sequence[str], offline: Sequence[str]) -> None:
    """Refuse columns that are not models of the policy.

    Raises
    ------
    InputError
        If there is such a column; the error names each one, and the group if only the group is wrong.
    """
    groups = {**dict.fromkeys(online, "online"), **dict.fromkeys(offline, "offline")}
    known = some([f"{group}:{name}" for name, group in groups.items()])
    problems = [
        Problem(
            source, "header", quoted(f"{group}:{name}"),
            f"{groups[name]}:{name}" if name in groups else f"a model of the policy: {known}",
        )
        for group, name in model_columns(source, columns)
        if groups.get(name) != group
    ]  # fmt: skip
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        rest = [Problem(source, "header", f"{more} more such columns", "models of the policy")] * (more > 0)
        raise InputError(problems[:_MOST_PROBLEMS] + rest)
