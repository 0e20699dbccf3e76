"""A policy as it lies in the store, and what the store needs to know of it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from elpa_core.errors import InputError, Problem
from elpa_core.files import StorePath
from elpa_core.files.strict_json import parse_object, read_file
from elpa_core.schema.groups import GROUPS, Group
from elpa_core.schema.problems import problems_of
from elpa_core.store.history import Action, AsOf, Entry, PolicyKey
from elpa_core.times import moment_of

_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    # Fields of later versions are let through: a store outlives the version that wrote it.
    model_config = ConfigDict(frozen=True)


class Source(_Part):
    """Where the score of a model comes from."""

    carried_from: str | None = Field(default=None, description="Run id, if the artifact is another run's.")


class Missing(_Part):
    """A model that the policy does without."""

    name: str
    group: Group
    reason: str


class Record(_Part):
    """What the store adds to each policy that it is given."""

    run_id: str
    number: int = Field(ge=1, description="Which of the run's policies: one an attempt.")
    as_of: AsOf
    when: str = Field(description="UTC, ISO 8601.")

    @property
    def key(self) -> PolicyKey:
        """The policy's name in the store."""
        return self.run_id, self.number

    @property
    def moment(self) -> dt.datetime:
        """``as_of`` as a moment."""
        return moment_of(self.as_of)


class Publication(_Part):
    """What the store adds to the policy that serving reads."""

    number: int = Field(ge=1)
    when: str
    action: Action
    actor: str
    run_id: str
    policy_number: int = Field(ge=1)
    as_of: AsOf
    reason: str


class Contents(_Part):
    """The contract's fields that the store compares."""

    skill: Literal["ELPA"]
    beta: _Number
    dirty_interval: int
    amplitude_window: int
    mutant_epsilon: _Number | None
    online_models: list[str]
    offline_models: list[str]
    scores: dict[str, _Number]
    online_weights: dict[str, _Number]
    offline_weights: dict[str, _Number]
    best_online_model: str
    best_offline_model: str
    degraded: bool = False
    missing: list[Missing] = []
    errors: dict[str, Source] = {}

    def models(self, group: str) -> list[str]:
        """Return the models of a group, in config order."""
        return self.online_models if group == "online" else self.offline_models

    def weights(self, group: str) -> dict[str, float]:
        """Return the weights of a group."""
        return self.online_weights if group == "online" else self.offline_weights

    def best(self, group: str) -> str:
        """Return the name of a group's best model."""
        return self.best_online_model if group == "online" else self.best_offline_model

    def best_score(self, group: str) -> float:
        """Return the score of a group's best model, in units of the series."""
        return self.scores[self.best(group)]


class _Recorded(Contents):
    record: Record


class _Published(_Recorded):
    publication: Publication


@dataclass(frozen=True)
class StoredPolicy:
    """A policy of the store.

    Parameters
    ----------
    path : path
        Its file.
    raw : dict
        All of it, as JSON has it.
    contents : Contents
        The fields that the store compares.
    record : Record
        Whose it is.
    publication : Publication or None
        Of the policy that serving reads: which publication it is.
    """

    path: StorePath
    raw: dict[str, Any]
    contents: Contents
    record: Record
    publication: Publication | None = None

    def published_by(self, entry: Entry) -> dict[str, Any]:
        """Return what serving reads after the decision ``entry``."""
        publication = Publication.model_validate(entry.to_json())
        return {**self.raw, "publication": publication.model_dump(mode="json")}


def read_recorded(path: StorePath) -> StoredPolicy:
    """Read a numbered policy.

    Raises
    ------
    InputError
        If there is none, or it is none.
    """
    raw = parse_object(read_file(path), str(path))
    checked = _checked_policy(_Recorded, raw, str(path))
    return StoredPolicy(path, raw, checked, checked.record)


def read_published(path: StorePath) -> StoredPolicy:
    """Read the policy that serving reads.

    Raises
    ------
    InputError
        If there is none, or it is none that the store published.
    """
    return published_policy(read_file(path), path)


def published_policy(data: bytes, path: StorePath) -> StoredPolicy:
    """Return the policy that serving reads, from its file's content.

    Raises
    ------
    InputError
        If it is none that the store published.
    """
    raw = parse_object(data, str(path))
    checked = _checked_policy(_Published, raw, str(path))
    return StoredPolicy(path, raw, checked, checked.record, checked.publication)


def recordable(policy: Mapping[str, Any], record: Record, source: str) -> dict[str, Any]:
    """Return what a numbered policy holds.

    Raises
    ------
    InputError
        If ``policy`` is none.
    """
    raw = {**policy, "record": record.model_dump(mode="json")}
    _checked_policy(_Recorded, raw, source)
    try:
        json.dumps(raw, allow_nan=False).encode()
    except ValueError as error:
        found = f"something that JSON does not have ({error})"
        raise InputError(Problem(source, "", found, "a policy")) from error
    return raw


def record_of(run_id: str, number: int, as_of: str, when: str) -> Record:
    """Return what the store adds to a policy.

    Raises
    ------
    InputError
        If ``as_of`` is no moment with an offset.
    """
    value = {"run_id": run_id, "number": number, "as_of": as_of, "when": when}
    return _checked(Record, value, f"run {run_id}")


_Model = TypeVar("_Model", bound=BaseModel)
_Contents = TypeVar("_Contents", bound=Contents)


def _checked(model: type[_Model], raw: Mapping[str, Any], source: str) -> _Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise InputError(problems_of(error, source, model)) from error


def _checked_policy(model: type[_Contents], raw: Mapping[str, Any], source: str) -> _Contents:
    contents = _checked(model, raw, source)
    for group in GROUPS:
        weights = contents.weights(group).keys()
        if not {*contents.models(group), contents.best(group)} == {*weights} <= contents.scores.keys():
            place, found = f"$.{group}_weights", f"weights of {', '.join(weights) or 'no model'}"
            raise InputError(Problem(source, place, found, f"those of the {group} models, with their scores"))
    return contents
