"""The summaries of a Dag's policies: a line per recorded policy with what charts and tables need over time.

They are derived from the policies and the history, which stay the source of truth. Whoever records a
policy adds its line, and the lines that are lacking: of policies that an earlier version recorded, or whose
writer died before it added them. A reader makes up for lacking lines in memory. The last of
several lines of one policy counts. Pruning leaves them alone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.files import StorePath
from elpa_core.files.os_errors import as_input_error
from elpa_core.files.strict_json import parse_object
from elpa_core.runs.folder import RunFolder
from elpa_core.schema.groups import GROUPS, Group
from elpa_core.schema.policy import (
    ErrorSource,
    Gain,
    MissingModel,
    SingleModel,
    WeightedPolicy,
    told_evaluation,
    told_gain,
    told_verdict,
)
from elpa_core.schema.reading import known_part
from elpa_core.store.errors import READABLE_STORE
from elpa_core.store.history import AsOf, Entry, PolicyKey, PolicyName, read_history
from elpa_core.store.layout import DagFolder
from elpa_core.store.ledger import Ledger
from elpa_core.store.lines import Lines, read_whole, whole_lines
from elpa_core.store.stored_policy import StoredPolicy, read_recorded
from elpa_core.times import parse_moment

_NO_SOURCE = ErrorSource(rows=None, sha256=None)


class _Line(BaseModel):
    # Fields of later versions are passed over; thousands of lines are read at once.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class ModelSummary(NamedTuple):
    """A model of a policy.

    Parameters
    ----------
    group : str
    score : float
    weight : float
        Weight in its group.
    rows : int or None
        Number of validation errors.
    seconds : float or None
        Training time, if this run trained the model.
    as_of : str or None
        Of its data, if it differs from the run's.
    trained_at : str or None
        When a carried model was trained.
    carried_from : str or None
        Run that trained it, if not this one.
    fallback_reason : str or None
        Why an older artifact takes part.
    """

    group: Group
    score: float
    weight: float
    rows: int | None
    seconds: float | None
    as_of: str | None
    trained_at: str | None
    carried_from: str | None
    fallback_reason: str | None


# A plain tuple: 40,000 of them are read at once, in a sixth of the time that models of pydantic take.
_Values = tuple[Group, float, float, int | None, float | None, str | None, str | None, str | None, str | None]


class Summary(PolicyName, _Line):
    """A policy in one line of the summaries."""

    run_id: str
    number: int = Field(ge=1, description="Which of the run's policies.")
    as_of: AsOf
    when: str = Field(description="When the policy was recorded, UTC, ISO 8601.")
    best: dict[str, str] = Field(description="Best model of each group.")
    models: dict[str, _Values] = Field(
        description="The fields of a `ModelSummary` by model; empty if only the history tells of the policy."
    )
    missing: list[MissingModel] = Field(default_factory=list, description="Models without a score, and why.")
    degraded: bool = False
    router: Gain | None = Field(default=None, description="Gain of the router over the best single model.")
    best_single: SingleModel | None = None
    verdict: list[str] = Field(default_factory=list, description="Whether the ensemble beats its best model.")

    def model(self, name: str) -> ModelSummary | None:
        """Return what the policy says of a model; None if it does without it."""
        values = self.models.get(name)
        return None if values is None else ModelSummary(*values)

    def line(self) -> bytes:
        """Return the summary as a line of the file."""
        raw = self.model_dump(mode="json", exclude_defaults=True)
        return (json.dumps(raw, ensure_ascii=False) + "\n").encode()


def summary_of(stored: StoredPolicy, seconds: Mapping[str, float]) -> Summary:
    """Return the summary of a policy.

    Parameters
    ----------
    stored : StoredPolicy
        The policy.
    seconds : mapping of str to float
        Training time by model.
    """
    contents = stored.contents
    return Summary(
        run_id=stored.record.run_id,
        number=stored.record.number,
        as_of=stored.record.as_of,
        when=stored.record.when,
        best={group: contents.best(group) for group in GROUPS},
        models={
            name: _model(name, group, contents, seconds)
            for group in GROUPS
            for name in contents.models(group)
        },
        missing=contents.missing,
        degraded=contents.degraded,
        router=told_gain(stored.raw),
        best_single=known_part(SingleModel, told_evaluation(stored.raw).get("best_single"), "evaluation"),
        verdict=told_verdict(stored.raw),
    )


def read_summaries(
    folder: DagFolder[StorePath], entries: Iterable[Entry], content: bytes | None = None
) -> list[Summary]:
    """Return the summaries of all policies, by `as_of`, then in the order in which they were recorded.

    What the file lacks is made from the policies.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    entries : iterable of Entry
        Its history.
    content : bytes, optional
        What the file holds, if it was read.

    Raises
    ------
    InputError
        If the store cannot be read.
    """
    found = summaries_in(summaries_bytes(folder.summaries) if content is None else content)
    found |= {one.key: one for one in _made(folder, _lacking(found, entries))}
    return in_order(found.values())


def in_order(summaries: Iterable[Summary]) -> list[Summary]:
    """Return summaries by `as_of`, then in the order in which the policies were recorded."""
    return sorted(summaries, key=lambda one: (one.moment, one.when, one.number))


def lacking_lines(
    folder: DagFolder[StorePath], end: Lines, ledger: Ledger, recorded: Collection[PolicyKey] = ()
) -> bytes:
    """Return the lines that the summaries lack.

    Whoever wrote a head has looked for all that were lacking before.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    end : Lines
        The lines of the file behind its head.
    ledger : Ledger
        What was decided.
    recorded : collection of PolicyKey
        Policies that are there, decided on or not.
    """
    found = summaries_in(b"".join(end.lines))
    lacking: dict[PolicyKey, Entry | None] = dict.fromkeys(key for key in recorded if key not in found)
    if end.are_all:
        entries = read_history(folder.history) if ledger.first else ledger.decisions.values()
        lacking |= _lacking(found, entries)
    made = _made(folder, lacking)
    # A policy that is there and cannot be read now may be read later.
    return b"".join(one.line() for one in made if one.models or not files.exists(folder.policy(*one.key)))


def summaries_in(content: bytes) -> dict[PolicyKey, Summary]:
    """Return the summaries that a file holds, by policy. A line that is none is left out: it is made anew."""
    found: dict[PolicyKey, Summary] = {}
    for line in whole_lines(content).split(b"\n")[:-1]:
        with suppress(ValidationError):
            one = Summary.model_validate_json(line)
            found[one.key] = one
    return found


def _lacking(found: Mapping[PolicyKey, Summary], entries: Iterable[Entry]) -> dict[PolicyKey, Entry | None]:
    """Return the policies of a history whose summary is not there, or does not go with it."""
    return {entry.key: entry for entry in entries if not _agrees(found.get(entry.key), entry)}


def _agrees(summary: Summary | None, entry: Entry) -> bool:
    return summary is not None and summary.as_of == entry.as_of and entry.best in ({}, summary.best)


def _made(folder: DagFolder[StorePath], lacking: Mapping[PolicyKey, Entry | None]) -> list[Summary]:
    made = []
    for key, entry in lacking.items():
        path = folder.policy(*key)
        try:
            made.append(summary_of(read_recorded(path), training_seconds(folder, key[0])))
        except InputError:  # pruned, or damaged: the history still tells of it
            if entry is not None:
                made.append(
                    Summary(
                        run_id=entry.run_id,
                        number=entry.policy_number,
                        as_of=entry.as_of,
                        when=entry.when,
                        best=entry.best,
                        models={},
                    )
                )
    return made


def training_seconds(folder: DagFolder[StorePath], run_id: str) -> dict[str, float]:
    """Return how long the training of each model took that a run trained, as its manifest says."""
    path = RunFolder(folder.run(run_id)).manifest
    try:
        models = parse_object(files.read(path), str(path)).get("models")
    except (OSError, InputError):
        return {}
    seconds = {}
    for entry in models if isinstance(models, list) else []:
        with suppress(KeyError, TypeError, ValueError):
            begin, end = parse_moment(entry["started_at"]), parse_moment(entry["finished_at"])
            if entry["status"] == "ok":
                seconds[str(entry["name"])] = (end - begin).total_seconds()
    return seconds


def _model(name: str, group: Group, policy: WeightedPolicy, seconds: Mapping[str, float]) -> ModelSummary:
    source = policy.errors.get(name, _NO_SOURCE)
    return ModelSummary(
        group=group,
        score=policy.scores[name],
        weight=policy.weights(group)[name],
        rows=source.rows,
        seconds=None if source.carried_from else seconds.get(name),
        as_of=source.as_of,
        trained_at=source.trained_at,
        carried_from=source.carried_from,
        fallback_reason=source.fallback_reason,
    )


def summaries_bytes(path: StorePath) -> bytes:
    """Return what the file of the summaries holds; empty bytes if there is none.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    with as_input_error(path, READABLE_STORE), suppress(FileNotFoundError, NotADirectoryError):
        return read_whole(path, derived=True)
    return b""
