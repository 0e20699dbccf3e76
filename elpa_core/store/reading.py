"""Read policies of a store; nobody needs a lock or the right to write for that."""

from __future__ import annotations

from elpa_core import files
from elpa_core.errors import InputError, Problem, did_you_mean
from elpa_core.files import StorePath
from elpa_core.files.os_errors import as_input_error
from elpa_core.files.strict_json import read_file
from elpa_core.store.errors import READABLE_STORE
from elpa_core.store.history import read_history
from elpa_core.store.layout import DagFolder
from elpa_core.store.stored_policy import StoredPolicy, published_policy, read_published, read_recorded


def current_policy(folder: DagFolder[StorePath]) -> StoredPolicy:
    """Return the policy that serving reads.

    Raises
    ------
    InputError
        If there is none.
    """
    folder.require()
    with as_input_error(folder.current, READABLE_STORE):
        there = files.exists(folder.current)
    if not there:
        hint = "a run publishes one, or elpa policy promote does"
        raise InputError(Problem(str(folder.current), "", "no such file", "a published policy", hint))
    return read_published(folder.current)


def publication_there(folder: DagFolder[StorePath]) -> int:
    """Return the number of the publication that ``current.json`` holds; 0 if it holds none."""
    try:
        return publication_in(read_file(folder.current), folder)
    except InputError:
        return 0


def publication_in(data: bytes, folder: DagFolder[StorePath]) -> int:
    """Return the number of the publication that the content of ``current.json`` is; 0 if it is none."""
    try:
        publication = published_policy(data, folder.current).publication
    except InputError:
        return 0  # somebody else has damaged it: it is made anew from what was recorded
    return publication.number if publication else 0


def recorded_policy(folder: DagFolder[StorePath], run_id: str, number: int | None = None) -> StoredPolicy:
    """Return a policy of a run: the latest, unless a number is given.

    Raises
    ------
    InputError
        If there is none: the run is unknown, was pruned, or has recorded none.
    """
    folder.require()
    with as_input_error(folder.run(run_id), READABLE_STORE):
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


def policy_numbers(policies: StorePath) -> list[int]:
    """Return the numbers of the policies in a folder of numbered ones, ascending."""
    names = [child.name for child in files.children(policies) if is_policy_file(child.name)]
    return sorted(int(name.removesuffix(".json")) for name in names)


def is_policy_file(name: str) -> bool:
    """Tell whether a name is that of a numbered policy."""
    number = name.removesuffix(".json")
    return number.isascii() and number.isdigit()


def _without_policy(folder: DagFolder[StorePath], run_id: str) -> Problem:
    run_dir = folder.run(run_id)
    if files.is_folder(run_dir):
        found = "a run without a policy"
        return Problem(str(run_dir), "", found, "a run whose integrate task has succeeded")
    decided = dict.fromkeys(entry.run_id for entry in read_history(folder.history))
    if run_id in decided:
        found, expected = "a run whose folder was removed, as elpa runs prune does", "one that is still there"
        return Problem(str(run_dir), "", found, expected, "the history still tells what it was")
    known = [*(name for name in folder.run_ids() if name not in decided), *decided]
    return Problem(str(run_dir), "", "no such run", "the id of a run", did_you_mean(run_id, known))
