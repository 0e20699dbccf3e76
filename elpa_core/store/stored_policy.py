"""A policy as it lies in the store, and what the store needs to know of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from elpa_core.errors import InputError, Problem
from elpa_core.files import StorePath
from elpa_core.files.strict_json import parse_object, read_file
from elpa_core.schema.policy import WeightedPolicy
from elpa_core.schema.reading import Part, read
from elpa_core.store.history import Action, AsOf, Entry, PolicyName


class Record(PolicyName, Part):
    """What the store adds to each policy that it is given."""

    run_id: str
    number: int = Field(ge=1, description="Which of the run's policies: one per attempt.")
    as_of: AsOf
    when: str = Field(description="UTC, ISO 8601.")
    decisions: int = Field(
        default=0, ge=0, description="How many lines the history had then: only later ones are about it."
    )


class Publication(Part):
    """What the store adds to the policy that serving reads."""

    number: int = Field(ge=1)
    when: str
    action: Action
    actor: str
    run_id: str
    policy_number: int = Field(ge=1)
    as_of: AsOf
    reason: str


class _Recorded(WeightedPolicy):
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
    contents : WeightedPolicy
        The fields that the store compares.
    record : Record
        The run that it belongs to, and its number there.
    publication : Publication or None
        How it became the policy that serving reads; None for a numbered policy.
    """

    path: StorePath
    raw: dict[str, Any]
    contents: WeightedPolicy
    record: Record
    publication: Publication | None = None

    def published_by(self, entry: Entry) -> dict[str, Any]:
        """Return what serving reads after the decision ``entry``."""
        publication = read(Publication, entry.to_json(), f"publication {entry.number}")
        return {**self.raw, "publication": publication.to_json()}


def read_recorded(path: StorePath) -> StoredPolicy:
    """Read a numbered policy.

    Raises
    ------
    InputError
        If there is no such file, or it is no policy that the store recorded.
    """
    return recorded_in(read_file(path), path)


def recorded_in(data: bytes, path: StorePath) -> StoredPolicy:
    """Return a numbered policy, from its file's content.

    Raises
    ------
    InputError
        If it is no policy that the store recorded.
    """
    raw = parse_object(data, str(path))
    checked = read(_Recorded, raw, str(path))
    return StoredPolicy(path, raw, checked, checked.record)


def read_published(path: StorePath) -> StoredPolicy:
    """Read the policy that serving reads.

    Raises
    ------
    InputError
        If there is no such file, or it is no policy that the store published.
    """
    return published_policy(read_file(path), path)


def published_policy(data: bytes, path: StorePath) -> StoredPolicy:
    """Return the policy that serving reads, from its file's content.

    Raises
    ------
    InputError
        If it is no policy that the store published.
    """
    raw = parse_object(data, str(path))
    checked = read(_Published, raw, str(path))
    return StoredPolicy(path, raw, checked, checked.record, checked.publication)


def recordable(policy: Mapping[str, Any], record: Record, source: str) -> dict[str, Any]:
    """Return what a numbered policy holds.

    Raises
    ------
    InputError
        If ``policy`` is no policy.
    """
    raw = {**policy, "record": record.to_json()}
    read(_Recorded, raw, source)
    try:
        json.dumps(raw, allow_nan=False).encode()
    except ValueError as error:
        found = f"something that JSON does not have ({error})"
        raise InputError(Problem(source, "", found, "a policy")) from error
    return raw


def record_of(run_id: str, number: int, as_of: str, when: str, decisions: int) -> Record:
    """Return what the store adds to a policy.

    Raises
    ------
    InputError
        If ``as_of`` is no moment with an offset.
    """
    value = {"run_id": run_id, "number": number, "as_of": as_of, "when": when, "decisions": decisions}
    return read(Record, value, f"run {run_id}")
