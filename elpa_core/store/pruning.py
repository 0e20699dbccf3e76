"""Remove the folders of old runs, but never one that something still needs."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

from elpa_core import files
from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files import StorePath
from elpa_core.files.strict_json import read_object
from elpa_core.runs.folder import STATUS_NAME, RunFolder
from elpa_core.runs.trials import is_trial
from elpa_core.store.history import read_history
from elpa_core.store.layout import DagFolder, folder_of_run
from elpa_core.store.ledger import Ledger
from elpa_core.store.local_view import local_view
from elpa_core.store.policy_store import keeper_of
from elpa_core.store.reading import policy_numbers
from elpa_core.store.stored_policy import read_recorded
from elpa_core.times import parse_moment

_A_DAY = 86_400.0


@dataclass(frozen=True)
class StoredRun:
    """A run in the store, as pruning sees it.

    Parameters
    ----------
    path : Path
        The folder; of a store on object storage a local copy of what tells something.
    run_id : str
        The run, as far as the folder tells.
    as_of : datetime
        Moment up to which the run used data; if nothing tells, when the folder last changed.
    changed : float
        When the folder last changed, seconds since 1970.
    """

    path: Path
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
    with local_view(folder) as view:

        def look(ledger: Ledger) -> Pruned:
            view.update()
            published = dict.fromkeys(keeper.being_published(), "it is being published")
            return _choose(view.folder, ledger, keep, published | known)

        if dry_run:
            return look(Ledger.of(read_history(folder.history), str(folder.history)))
        chosen: list[Pruned] = []

        def choose(ledger: Ledger) -> list[str]:
            chosen.append(look(ledger))
            return [run.path.name for run in chosen[-1].removed]

        gone = keeper.remove_runs(choose)
    last = chosen[-1]
    return replace(last, removed=[run for run in last.removed if run.path.name in gone])


def _choose(folder: DagFolder[Path], ledger: Ledger, keep: int | None, known: Mapping[str, str]) -> Pruned:
    paths = [folder.runs / name for name in folder.run_folders()]
    runs = sorted(map(_stored_run, paths), key=lambda run: (run.as_of, run.changed))
    counted = [run for run in runs if not is_trial(run.run_id)]
    number = _keep_runs(counted, folder) if keep is None else keep
    if number < 1:
        raise InputError(Problem("--keep", "", str(number), "at least 1"))
    needed = {**known, **_needed(folder, ledger)}
    for run in runs:
        if why := _still_runs(run.path):
            needed.setdefault(run.path.name, why)
    by_name = {run.path.name: run for run in runs}
    newest = {run.path.name for run in counted[-number:]}
    kept = newest | (needed.keys() & by_name.keys())
    unread = sorted(kept)
    while unread:
        run = by_name[unread.pop()]
        origins = dict.fromkeys(_tasks_take_from(run.path), "a task") | dict.fromkeys(
            _policies_carry_from(run.path), "the policy"
        )
        for origin, what in origins.items():
            if origin in by_name and origin not in kept:
                needed[origin] = f"{what} of {run.run_id} takes a model from it"
                kept.add(origin)
                unread.append(origin)
    return Pruned(
        removed=[run for run in runs if run.path.name not in kept],
        kept={run.run_id: needed[run.path.name] for run in runs if run.path.name in kept - newest},
        newest=len(newest),
    )


def _needed(folder: DagFolder[Path], ledger: Ledger) -> dict[str, str]:
    """Return why a run is needed, by the name of its folder."""
    needed = {folder_of_run(run_id): "promoted by hand" for run_id in ledger.promoted}
    if back := ledger.before_current(lambda entry: files.exists(folder.policy(*entry.key))):
        needed[folder_of_run(back.run_id)] = "a rollback goes back to it"
    if ledger.current is not None:
        needed[folder_of_run(ledger.current.run_id)] = "current"
    return needed


def _stored_run(path: Path) -> StoredRun:
    changed = path.stat().st_mtime
    run_id, as_of = unquote(path.name), ""
    policies = _policies(path)
    try:
        if policies:
            record = read_recorded(policies[-1]).record
            run_id, as_of = record.run_id, record.as_of
        else:
            manifest = read_object(RunFolder(path).manifest)
            run_id, as_of = str(manifest.get("run_id") or run_id), str(manifest.get("as_of"))
        moment = parse_moment(as_of)
    except (InputError, ValueError, OverflowError):
        moment = dt.datetime.fromtimestamp(changed, dt.UTC)
    return StoredRun(path, run_id, moment, changed)


def _policies_carry_from(run_dir: Path) -> set[str]:
    """Return the folders of the runs whose artifacts a run's policies use."""
    sources = [
        source for path in _policies(run_dir) for source in read_recorded(path).contents.errors.values()
    ]
    return {folder_of_run(source.carried_from) for source in sources if source.carried_from}


def _tasks_take_from(run_dir: Path) -> set[str]:
    """Return the folders of the runs whose trained models a run's tasks use; its policy may come later."""
    origins = []
    for path in _statuses(run_dir):
        try:
            status = read_object(path)
        except InputError:
            continue
        origins.append(status.get("carried_from"))
        if status.get("status") == "running":
            origins.append(status.get("warm_started_from"))
    return {folder_of_run(origin) for origin in origins if isinstance(origin, str) and origin}


def _statuses(run_dir: Path) -> list[Path]:
    return sorted(RunFolder(run_dir).models.glob(f"*/{STATUS_NAME}"))


def _still_runs(run_dir: Path) -> str:
    """Return why a run counts as running, or nothing."""
    folder, statuses = RunFolder(run_dir), _statuses(run_dir)
    for path in statuses:
        try:
            running = read_object(path).get("status") == "running"
        except InputError:
            running = True
        if running:
            return f"running, says {path.relative_to(run_dir)}"
    ended = _changed(folder.manifest)
    parts = [folder.models, *statuses, *folder.generations.glob("*.json"), *([] if ended else [run_dir])]
    if max(map(_changed, parts)) > max(ended, time.time() - _A_DAY):
        return "running: it was worked on during the last day, and its manifest is older than that"
    return ""


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    except OSError:  # a link that leads to itself
        return path.lstat().st_mtime


def _policies(run_dir: Path) -> list[Path]:
    folder = RunFolder(run_dir)
    return [folder.numbered_policy(number) for number in policy_numbers(folder.policies)]


def _keep_runs(runs: list[StoredRun], folder: DagFolder[Path]) -> int:
    for run in reversed(runs):
        path = RunFolder(run.path).config
        if not (path.exists() or path.is_symlink()):
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
