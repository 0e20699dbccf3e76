"""Which artifact of a model takes part in a run that does not train it.

The newest policy says which run trained the model last: then one policy is read, however many runs there
are. Where that does not decide it, all runs are looked at.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.files import StorePath
from elpa_core.files.strict_json import parse_object
from elpa_core.runs.earlier_artifacts import EarlierArtifact, artifact_of_status, newest_artifacts
from elpa_core.runs.folder import RunFolder
from elpa_core.runs.trials import is_trial
from elpa_core.store.history import Action, Entry, last_entries, read_history
from elpa_core.store.layout import DagFolder
from elpa_core.times import parse_moment

_BY_RUNS: frozenset[Action] = frozenset({"published", "recorded", "held"})
_MOST_POLICIES = 8


@dataclass(frozen=True)
class Wanted:
    """Which artifacts may take part in a run.

    Parameters
    ----------
    model, group : str
        The model.
    as_of : datetime
        The run's moment: only policies as of this one or an earlier one are asked.
    until : datetime
        The latest moment as of which the artifact may have been trained, at most ``as_of``.
    since : datetime, optional
        The earliest one.
    """

    model: str
    group: str
    as_of: dt.datetime
    until: dt.datetime
    since: dt.datetime | None = None

    def takes(self, artifact: EarlierArtifact) -> bool:
        """Tell whether an artifact is of the right moment."""
        return artifact.moment <= self.until and (self.since is None or self.since <= artifact.moment)


def artifacts_to_carry(
    folder: DagFolder[StorePath], run_id: str, wanted: Wanted
) -> Iterator[EarlierArtifact]:
    """Yield the artifacts that may take part in a run, the one to take first.

    That is the newest of those that policies use. All runs are looked at if it is refused or not recent
    enough, or if the policies do not tell it: then those of runs without a policy count, too.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    run_id : str
        The run.
    wanted : Wanted
        Which ones.
    """
    first = None
    with suppress(_UndecidedError):
        first = _of_newest_policy(folder, run_id, wanted)
    if first is not None and not wanted.takes(first):
        first = None
    if first is not None:
        yield first
    run_dir = folder.run(run_id)
    for one in newest_artifacts(run_dir, wanted.model, wanted.group, wanted.until, wanted.since):
        if first is None or one.model_dir != first.model_dir:
            yield one


class _UndecidedError(Exception):
    """What the last policies say does not decide it."""


class _Decided(NamedTuple):
    """The last decision on a policy of a run."""

    line: int
    entry: Entry


class _Use(NamedTuple):
    """An artifact that a policy uses.

    ``is_newest`` says whether its run took it as the newest of all that were there.
    """

    artifact: EarlierArtifact
    is_newest: bool


def _of_newest_policy(folder: DagFolder[StorePath], own: str, wanted: Wanted) -> EarlierArtifact | None:
    """Return the newest artifact that a policy uses, or None if none uses the model."""
    uses = _Uses(folder, wanted.model, wanted.group)
    try:
        entries, is_whole = last_entries(folder.history)
        if not is_whole:
            current = parse_moment(_read(folder.current)["publication"]["as_of"])
            found = _newest(_last_decisions(entries, own, wanted.as_of), uses, not_before=current)
            if found is not None:
                return found
            entries = read_history(folder.history)
        return _newest(_last_decisions(entries, own, wanted.as_of), uses)
    except (InputError, OSError, KeyError, TypeError, ValueError) as error:
        raise _UndecidedError from error


def _last_decisions(entries: Sequence[Entry], own: str, as_of: dt.datetime) -> list[_Decided]:
    """Return the last decision on each run, those of the newest policies first."""
    by_run = {
        entry.run_id: _Decided(line, entry)
        for line, entry in enumerate(entries)
        if entry.action in _BY_RUNS and entry.run_id != own and not is_trial(entry.run_id)
    }
    decided = [one for one in by_run.values() if one.entry.moment <= as_of]
    return sorted(decided, key=lambda one: (one.entry.moment, one.line), reverse=True)


def _newest(
    decided: Sequence[_Decided], uses: _Uses, not_before: dt.datetime | None = None
) -> EarlierArtifact | None:
    """Return the newest artifact that policies use.

    A run that took it as the newest knew of all artifacts of the runs that were decided on before. If
    ``not_before`` is given, not all decisions are known: then only such a run counts, and only if its policy
    is not older than that.
    """
    for one in decided[:_MOST_POLICIES]:
        if (found := uses.of(one.entry)) is None:
            continue
        others = [
            other.entry
            for other in decided
            if other is not one
            and other.entry.moment >= found.artifact.moment
            and (other.line > one.line or not found.is_newest)
        ]
        if len(others) > _MOST_POLICIES:
            raise _UndecidedError
        if not_before is not None and not (found.is_newest and one.entry.moment >= not_before):
            return None
        used = [found, *filter(None, map(uses.of, others))]
        return max((use.artifact for use in used), key=lambda artifact: artifact.age)
    return None


class _Uses:
    """What policies say of one model."""

    def __init__(self, folder: DagFolder[StorePath], model: str, group: str) -> None:
        self.folder, self.model, self.group = folder, model, group

    def of(self, entry: Entry) -> _Use | None:
        """Return the artifact of the model that a policy uses, or None if it does without the model.

        Raises
        ------
        _UndecidedError
            If it is no longer what the policy used.
        InputError, OSError, KeyError, TypeError
            If policy or status is not there, or another version wrote it.
        """
        source = _read(self.folder.policy(*entry.key))["errors"].get(self.model)
        if source is None:
            return None
        origin = source["carried_from"] or entry.run_id
        path = RunFolder(self.folder.run(origin)).model(self.model).status
        artifact = artifact_of_status(path, files.read(path), self.model, self.group)
        if artifact is None or artifact.artifact.sha256 != source["sha256"]:
            raise _UndecidedError
        return _Use(artifact, bool(source["carried_from"]) and not source.get("fallback_reason"))


def _read(path: StorePath) -> dict[str, Any]:
    return parse_object(files.read(path), str(path))
