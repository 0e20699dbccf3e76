"""The Pod of a config as the Kubernetes executor takes it, read field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from elpa_core.errors import ConfigError, Problem, nearest, quoted, some
from elpa_core.files.strict_json import member_path

BASE = "base"
"""The container in which Airflow runs the task; the first one of the Pod."""
_REQUIRED = re.compile(r"Invalid value for `(\w+)`, must not be `None`")
# As the client's versions write types.
_LIST, _DICT = re.compile(r"list\[(.+)\]"), re.compile(r"dict[\[(]str, (.+)[\])]")
# Kubernetes takes numbers for these as well, and everybody writes them.
_QUANTITIES = {
    ("V1ResourceRequirements", "limits"),
    ("V1ResourceRequirements", "requests"),
    ("V1EmptyDirVolumeSource", "sizeLimit"),
    ("V1ResourceFieldSelector", "divisor"),
}
_QUANTITY = "quantity"
_SCALARS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "a string"),
    "datetime": ((str,), "a string"),
    "int": ((int,), "an integer"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
}


def pod_of(written: Mapping[str, Any], source: str, place: str) -> Any:
    """Return the Pod that a JSON object describes, a ``V1Pod`` of the Kubernetes client.

    Parameters
    ----------
    written : mapping
        The Pod as Kubernetes writes it. Its first container is `BASE`.
    source, place : str
        The config and the place of the object in it.

    Raises
    ------
    ConfigError
        If the Kubernetes client is not installed, or with everything that is no field of a Pod, has
        another type or is missing.
    """
    try:
        import kubernetes.client  # noqa: F401
    except ImportError as error:
        hint = "pip install '.[kubernetes]' wherever Dags are parsed or scheduled"
        raise ConfigError(
            Problem(
                source,
                place,
                f"a Pod, which takes the Kubernetes client ({error})",
                "an Airflow that has it",
                hint,
            )
        ) from error
    reader = _Reader(source)
    pod = reader.read(_with_base(written), "V1Pod", place)
    if reader.problems:
        raise ConfigError(reader.problems)
    return pod


def _with_base(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Pod with the name of its first container."""
    spec = written.get("spec", {})
    if not isinstance(spec, dict):
        return dict(written)
    containers = spec.get("containers") or [{}]
    if isinstance(containers, list) and isinstance(containers[0], dict):
        containers = [{"name": BASE, **containers[0]}, *containers[1:]]
    return {**written, "spec": {**spec, "containers": containers}}


class _Reader:
    """Reads JSON as objects of the Kubernetes client, and gathers what does not fit."""

    def __init__(self, source: str) -> None:
        self.problems: list[Problem] = []
        self._source = source

    def read(self, value: Any, kind: str, place: str) -> Any:
        """Return a value as the client has it; ``kind`` is a type in the client's own words."""
        if value is None or kind == "object":
            return value
        if inner := _LIST.fullmatch(kind):
            if isinstance(value, list):
                return [self.read(one, inner[1], member_path(place, n)) for n, one in enumerate(value)]
            expected = "an array"
        elif inner := _DICT.fullmatch(kind):
            if isinstance(value, dict):
                return {key: self.read(one, inner[1], member_path(place, key)) for key, one in value.items()}
            expected = "an object"
        elif kind in _SCALARS:
            types, expected = _SCALARS[kind]
            if isinstance(value, types) and isinstance(value, bool) == (kind == "bool"):
                return value
        else:
            return self._quantity(value, place) if kind == _QUANTITY else self._object(value, kind, place)
        self._refuse(place, value, expected)
        return None

    def _refuse(self, place: str, value: Any, expected: str, hint: str = "") -> None:
        if expected == "a string" and isinstance(value, int | float):
            hint = f"write {quoted(str(value).lower())}"
        self.problems.append(Problem(self._source, place, quoted(value), expected, hint))

    def _quantity(self, value: Any, place: str) -> str | None:
        from kubernetes.utils.quantity import parse_quantity

        expected = "a quantity of Kubernetes, such as 4, 500m or 16Gi"
        try:
            if not isinstance(value, bool):
                parse_quantity(value)
                return str(value)
        except ValueError:
            pass
        self._refuse(place, value, expected)
        return None

    def _object(self, value: Any, kind: str, place: str) -> Any:
        from kubernetes.client import models

        if not isinstance(value, dict):
            self._refuse(place, value, "an object")
            return None
        model = getattr(models, kind)
        attributes = {name: attribute for attribute, name in model.attribute_map.items()}
        arguments = {}
        for name, member in value.items():
            where = member_path(place, name)
            if name not in attributes:
                known = some(list(attributes))
                hint = nearest(name, attributes)
                self.problems.append(
                    Problem(self._source, where, "an unknown field", f"one of {known}", hint)
                )
                continue
            arguments[attributes[name]] = self.read(member, self._kind(model, kind, name), where)
        if kind == "V1Pod":
            self._require_base(value, place)
        return self._made(model, arguments, value, place)

    @staticmethod
    def _kind(model: Any, kind: str, name: str) -> str:
        attribute = next(key for key, known in model.attribute_map.items() if known == name)
        written: str = model.openapi_types[attribute]
        if (kind, name) in _QUANTITIES:
            return f"dict[str, {_QUANTITY}]" if _DICT.fullmatch(written) else _QUANTITY
        return written

    def _made(self, model: Any, arguments: dict[str, Any], value: Mapping[str, Any], place: str) -> Any:
        """Return the object, and report each required field that nobody has written."""
        for attribute in self._lacking(model, arguments):
            name = model.attribute_map[attribute]
            if value.get(name) is None:
                where = member_path(place, name)
                self.problems.append(
                    Problem(self._source, where, "nothing", "a value: the field is required")
                )
        return model(**arguments)

    def _lacking(self, model: Any, arguments: dict[str, Any]) -> Iterator[str]:
        """Yield each required attribute without a value, and give it one: the client names one at a time."""
        while True:
            try:
                model(**arguments)
            except ValueError as error:
                if (found := _REQUIRED.search(str(error))) is None:
                    raise
                arguments[found[1]] = ""
                yield found[1]
            else:
                return

    def _require_base(self, pod: Mapping[str, Any], place: str) -> None:
        match pod:
            case {"spec": {"containers": [{"name": str(name)}, *_]}} if name != BASE:
                hint = "it goes over the first container of the template; put others behind it"
                self.problems.append(
                    Problem(self._source, f"{place}.spec.containers[0].name", quoted(name), f'"{BASE}"', hint)
                )
