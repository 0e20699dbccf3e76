"""Remove the folders of old runs, but never one that something still needs."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from elpa_core import files
from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files import StorePath
from elpa_core.files.strict_json import read_object
from elpa_core.runs.artifact_index import ArtifactIndex, Entry
from elpa_core.runs.folder import MANIFEST_NAME, RunFolder
from elpa_core.runs.trials import is_trial
from elpa_core.store.errors import as_store_error
from elpa_core.store.history import read_history
from elpa_core.store.layout import DagFolder, folder_of_run
from elpa_core.store.ledger import Ledger
from elpa_core.store.policy_store import keeper_of
from elpa_core.store.run_facts import KnownRuns, RunFacts, RunRecords
from elpa_core.times import parse_moment

_A_DAY = 86_400.0


@dataclass(frozen=True)
class StoredRun:
    """A run in the store, as pruning sees it.

    Parameters
    ----------
    path : path
        The folder.
    run_id : str
        The run, as far as the folder tells.
    as_of : datetime
        Moment up to which the run used data; if nothing tells, when the folder last changed.
    changed : float
        When the folder last changed, seconds since 1970.
    """

    path: StorePath
    run_id: str
    as_of: dt.datetime
    changed: float


@dataclass(frozen=True)
class Pruned:
    """What a pruning did, or would do.

    Parameters
    ----------
    removed : list of StoredRun
        Oldest first.
    kept : dict of str to str
        Why a run is kept that is not among the newest, by run id.
    newest : int
        How many runs are kept as the newest.
    """

    removed: list[StoredRun]
    kept: dict[str, str] = field(default_factory=dict)
    newest: int = 0


def prune(
    folder: DagFolder[StorePath],
    keep: int | None = None,
    *,
    running: Iterable[str] = (),
    dry_run: bool = False,
) -> Pruned:
    """Remove the folders of all runs but the newest and those that something still needs.

    Needed are the current policy's run, the run that a rollback goes back to, all runs that were
    promoted by hand, those whose trained models a kept run carries, or a running one starts from, and those
    that still run. So no file goes that a policy in use names.
    Runs that Airflow made for a try are never among the newest. The history keeps all its lines.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    keep : int, optional
        How many of the newest runs stay, by ``as_of``, then by time; ``airflow.keep_runs`` of the
        newest run's config if left out.
    running : iterable of str
        Run ids that are known to run, besides those whose folders say so.
    dry_run : bool
        Whether to change nothing.

    Raises
    ------
    InputError
        If it is not said how many to keep, or a policy of a kept run cannot be read.
    StoreWriteError
        If something cannot be removed.
    """
    folder.require()
    keeper, known = keeper_of(folder), dict.fromkeys(map(folder_of_run, running), "running")
    facts = KnownRuns(folder)

    def look(ledger: Ledger) -> Pruned:
        facts.update()
        published = dict.fromkeys(keeper.being_published(), "it is being published")
        return _choose(folder, facts, ledger, keep, published | known)

    if dry_run:
        return look(Ledger.of(read_history(folder.history), str(folder.history)))
    chosen: list[Pruned] = []

    def choose(ledger: Ledger) -> list[str]:
        chosen.append(look(ledger))
        return [run.path.name for run in chosen[-1].removed]

    gone = keeper.remove_runs(choose)
    pruned = replace(chosen[-1], removed=[run for run in chosen[-1].removed if run.path.name in gone])
    with as_store_error(folder.path):
        _forget(folder, pruned, facts)
    facts.keep(name for name in facts.records if name not in gone)
    return pruned


def _choose(
    folder: DagFolder[StorePath], facts: KnownRuns, ledger: Ledger, keep: int | None, known: Mapping[str, str]
) -> Pruned:
    records = facts.records
    runs = sorted(
        (_stored_run(one, facts[name]) for name, one in records.items()),
        key=lambda run: (run.as_of, run.changed),
    )
    counted = [run for run in runs if not is_trial(run.run_id)]
    number = _keep_runs(counted, folder) if keep is None else keep
    if number < 1:
        raise InputError(Problem("--keep", "", str(number), "at least 1"))
    needed = {**known, **_needed(folder, ledger)}
    for name, one in records.items():
        if why := _still_runs(one, facts[name]):
            needed.setdefault(name, why)
    by_name = {run.path.name: run for run in runs}
    newest = {run.path.name for run in counted[-number:]}
    kept = newest | (needed.keys() & by_name.keys())
    unread = sorted(kept)
    while unread:
        taker = unread.pop()
        for origin, what in facts.origins(taker).items():
            if origin in by_name and origin not in kept:
                needed[origin] = f"{what} of {by_name[taker].run_id} takes a model from it"
                kept.add(origin)
                unread.append(origin)
    return Pruned(
        removed=[run for run in runs if run.path.name not in kept],
        kept={run.run_id: needed[run.path.name] for run in runs if run.path.name in kept - newest},
        newest=len(newest),
    )


def _needed(folder: DagFolder[StorePath], ledger: Ledger) -> dict[str, str]:
    """Return why a run is needed, by the name of its folder."""
    needed = {folder_of_run(run_id): "promoted by hand" for run_id in ledger.promoted}
    if back := ledger.before_current(lambda entry: files.exists(folder.policy(*entry.key))):
        needed[folder_of_run(back.run_id)] = "a rollback goes back to it"
    if ledger.current is not None:
        needed[folder_of_run(ledger.current.run_id)] = "current"
    return needed


def _stored_run(records: RunRecords, facts: RunFacts) -> StoredRun:
    changed = dt.datetime.fromtimestamp(records.changed, dt.UTC)
    moment = changed if facts.as_of is None else parse_moment(facts.as_of)
    return StoredRun(records.path, facts.run_id, moment, records.changed)


def _still_runs(records: RunRecords, facts: RunFacts) -> str:
    """Return why a run counts as running, or nothing."""
    if facts.running:
        return f"running, says {facts.running}"
    ended = records.when((MANIFEST_NAME,))
    parts = [*records.below("models"), *records.below("generations")]
    times = [records.models_changed, *map(records.when, parts), *([] if ended else [records.changed])]
    if max(times) > max(ended, time.time() - _A_DAY):
        return "running: it was worked on during the last day, and its manifest is older than that"
    return ""


def _forget(folder: DagFolder[StorePath], pruned: Pruned, facts: KnownRuns) -> None:
    """Take removed runs out of the indexes of what they trained."""
    entries: dict[str, list[Entry]] = {}
    for run in pruned.removed:
        for model, as_of in facts[run.path.name].trained.items():
            with suppress(ValueError, OverflowError):
                entries.setdefault(model, []).append(Entry(parse_moment(as_of), run.path.name))
    for model, some in entries.items():
        ArtifactIndex.of(folder.runs, model).remove(some)
    # A run that was begun again meanwhile has entered itself before it was taken out, or enters itself later.
    again = {*folder.run_folders()} if entries else set()
    for model, some in entries.items():
        if back := [entry for entry in some if entry.run in again]:
            ArtifactIndex.of(folder.runs, model).enter(back)


def _keep_runs(runs: list[StoredRun], folder: DagFolder[StorePath]) -> int:
    for run in reversed(runs):
        path = RunFolder(run.path).config
        if not (isinstance(path, Path) and path.is_symlink()) and not files.exists(path):
            continue
        options = read_object(path).get("airflow")
        number = options.get("keep_runs") if isinstance(options, Mapping) else None
        if isinstance(number, int) and not isinstance(number, bool):
            return number
        hint = "set airflow.keep_runs in the config, or give --keep N"
        raise InputError(Problem(str(path), "$.airflow.keep_runs", quoted(number), "how many to keep", hint))
    raise InputError(
        Problem(str(folder.runs), "", "no run with a config", "how many to keep", "give --keep N")
    )
