"""Checks of a pool of models that training and integration configs share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elpa_core.errors import Problem, nearest, quoted
from elpa_core.files.strict_json import member_path
from elpa_core.schema.groups import GROUPS


def duplicate_names(models: object, source: str) -> Iterator[Problem]:
    """Yield a problem for each model that has the name of an earlier one."""
    if not isinstance(models, list):
        return
    first: dict[str, int] = {}
    for index, block in enumerate(models):
        name = block.get("name") if isinstance(block, dict) else None
        if isinstance(name, str) and (earlier := first.setdefault(name, index)) != index:
            yield Problem(
                source,
                f"$.models[{index}].name",
                quoted(name),
                f"a name of its own: $.models[{earlier}] has this one",
            )


def missing_groups(models: object, source: str, kind: str) -> Iterator[Problem]:
    """Yield a problem for each group in which no model takes part.

    Parameters
    ----------
    models : object
        The result of `settle_groups`.
    source : str
        The file.
    kind : str
        The kind of model that a group needs, such as ``"enabled "``; may be empty.
    """
    if not isinstance(models, list) or not all(isinstance(block, dict) for block in models):
        return
    present = [block.get("group", "online") for block in models if block.get("enabled") is not False]
    if not models or any(group not in GROUPS for group in present):
        return  # another check reports this; the intended group is not known
    for group in GROUPS:
        if group not in present:
            yield Problem(source, "$.models", f"no {kind}{group} model", "at least one in each group")


def container_problems(extras: Mapping[str, Any], fields: Sequence[str], source: str) -> Iterator[Problem]:
    """Yield a problem for each unknown top-level field that is an object or an array."""
    for name, value in extras.items():
        if isinstance(value, dict | list):
            yield Problem(
                source,
                member_path("$", name),
                quoted(value),
                "a scalar or a known field",
                nearest(name, fields),
            )


def settle_groups(models: object) -> tuple[object, list[str]]:
    """Return the model blocks with groups in lower case, and warnings for their author."""
    warnings: list[str] = []
    if not isinstance(models, list):
        return models, warnings
    settled: list[object] = []
    for index, block in enumerate(models):
        group = block.get("group") if isinstance(block, dict) else None
        if isinstance(block, dict) and "group" not in block:
            warnings.append(f"$.models[{index}].group: found nothing; taken as online: say which group it is")
        elif isinstance(group, str) and group not in GROUPS and group.lower() in GROUPS:
            block = {**block, "group": group.lower()}  # noqa: PLW2901
            warnings.append(f"$.models[{index}].group: found {quoted(group)}; taken as {group.lower()}")
        settled.append(block)
    return settled, warnings
