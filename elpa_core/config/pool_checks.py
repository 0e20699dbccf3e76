"""Checks of a pool of models that training and integration configs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from elpa_core.errors import Caution, Problem, quoted
from elpa_core.files.strict_json import member_path
from elpa_core.schema.groups import GROUPS

COMMENTS = ("$schema", "$comment")


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


def container_problems(
    extras: Mapping[str, Any], hint: Callable[[str], str], source: str
) -> Iterator[Problem]:
    """Yield a problem for each unknown top-level field that is an object or an array."""
    for name, value in extras.items():
        if isinstance(value, dict | list):
            expected = "a scalar or a known field"
            yield Problem(source, member_path("$", name), quoted(value), expected, hint(name))


def without_comments(value: Any) -> Any:
    """Return a JSON value without the members ``$schema`` and ``$comment``, which are for editors.

    >>> without_comments({"$comment": ["x"], "models": [{"$comment": "y", "name": "a"}]})
    {'models': [{'name': 'a'}]}
    """
    if isinstance(value, dict):
        return {name: without_comments(member) for name, member in value.items() if name not in COMMENTS}
    return [without_comments(member) for member in value] if isinstance(value, list) else value


def settle_groups(models: object, source: str) -> tuple[object, list[Caution]]:
    """Return the model blocks with groups in lower case, and warnings for their author."""
    warnings: list[Caution] = []
    if not isinstance(models, list):
        return models, warnings
    settled: list[object] = []
    for index, block in enumerate(models):
        group = block.get("group") if isinstance(block, dict) else None
        if isinstance(block, dict) and "group" not in block:
            place = f"$.models[{index}].group"
            warnings.append(Caution(source, place, "found nothing, taken as online", "say which group it is"))
        elif isinstance(group, str) and group not in GROUPS and group.lower() in GROUPS:
            block = {**block, "group": group.lower()}  # noqa: PLW2901
            found, expected = f"found {quoted(group)}, taken as {group.lower()}", f"write {group.lower()}"
            warnings.append(Caution(source, f"$.models[{index}].group", found, expected))
        settled.append(block)
    return settled, warnings
