"""Read policies of a store; nobody needs a lock or the right to write for that."""

from __future__ import annotations

from pathlib import Path

from elpa_core.errors import InputError, Problem
from elpa_core.store.history import read_history
from elpa_core.store.paths import DagFolder, did_you_mean
from elpa_core.store.stored_policy import StoredPolicy, read_published, read_recorded


def current_policy(folder: DagFolder) -> StoredPolicy:
    """Return the policy that serving reads.

    Raises
    ------
    InputError
        If there is none.
    """
    folder.require()
    if not folder.current.exists():
        hint = "a run publishes one, or elpa policy promote does"
        raise InputError(Problem(str(folder.current), "", "no such file", "a published policy", hint))
    return read_published(folder.current)


def publication_there(folder: DagFolder) -> int:
    """Return the number of the publication that ``current.json`` holds; 0 if it holds none."""
    if not folder.current.exists():
        return 0
    try:
        publication = read_published(folder.current).publication
    except InputError:
        return 0  # somebody else has damaged it: it is made anew from what was recorded
    return publication.number if publication else 0


def recorded_policy(folder: DagFolder, run_id: str, number: int | None = None) -> StoredPolicy:
    """Return a policy of a run: the latest, unless a number is given.

    Raises
    ------
    InputError
        If there is none: the run is unknown, was pruned, or has recorded none.
    """
    folder.require()
    numbers = policy_numbers(folder.policies(run_id))
    if not numbers:
        raise InputError(_without_policy(folder, run_id))
    number = numbers[-1] if number is None else number
    path = folder.policy(run_id, number)
    if number not in numbers:
        found, expected = f"no policy {number}", f"one of the run's policies: {', '.join(map(str, numbers))}"
        raise InputError(Problem(str(path), "", found, expected))
    stored = read_recorded(path)
    if stored.record.key != (run_id, number):
        found = f"policy {stored.record.number} of run {stored.record.run_id}"
        raise InputError(Problem(str(path), "$.record", found, f"policy {number} of run {run_id}"))
    return stored


def policy_numbers(policies: Path) -> list[int]:
    """Return the numbers of the policies in a folder of numbered ones, ascending."""
    names = [path.stem for path in policies.glob("*.json")]
    return sorted(int(name) for name in names if name.isascii() and name.isdigit())


def _without_policy(folder: DagFolder, run_id: str) -> Problem:
    run_dir = folder.run(run_id)
    if run_dir.is_dir():
        found = "a run without a policy"
        return Problem(str(run_dir), "", found, "a run whose integrate task has succeeded")
    decided = dict.fromkeys(entry.run_id for entry in read_history(folder.history)[0])
    if run_id in decided:
        found, expected = "a run whose folder was removed, as elpa runs prune does", "one that is still there"
        return Problem(str(run_dir), "", found, expected, "the history still tells what it was")
    known = [*(name for name in folder.run_ids() if name not in decided), *decided]
    return Problem(str(run_dir), "", "no such run", "the id of a run", did_you_mean(run_id, known))
