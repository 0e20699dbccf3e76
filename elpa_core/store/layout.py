"""Where things lie in a policy store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Generic
from urllib.parse import quote, unquote

from elpa_core import files
from elpa_core.errors import InputError, Problem, did_you_mean, quoted
from elpa_core.files import StorePath, is_uri
from elpa_core.files.location import Place_co
from elpa_core.files.neighbours import what_is_there
from elpa_core.files.os_errors import as_input_error
from elpa_core.runs.folder import RunFolder
from elpa_core.store.errors import READABLE_STORE

_LONGEST_FOLDER = 200


def folder_of_run(run_id: str) -> str:
    """Return a run id as the name of a folder, a different one for each run id.

    >>> folder_of_run("manual__2026-01-31T06:00:00+00:00")
    'manual__2026-01-31T06:00:00+00:00'
    >>> folder_of_run("../a b")
    '%2E.%2Fa%20b'
    """
    name = quote(run_id, safe=":+@=,").replace("~", "%7E")
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) > _LONGEST_FOLDER:
        name = name[:_LONGEST_FOLDER] + "~" + hashlib.sha256(run_id.encode()).hexdigest()[:16]
    return name


@dataclass(frozen=True)
class DagFolder(Generic[Place_co]):
    """The part of a store that belongs to one Dag.

    Parameters
    ----------
    root : path
        The store, in a local folder or on object storage.
    dag_id : str
        The Dag; its folder in the store has this name.

    Raises
    ------
    InputError
        If no folder can have this name.
    """

    root: Place_co
    dag_id: str

    def __post_init__(self) -> None:
        if self.dag_id in {"", ".", ".."} or "/" in self.dag_id or not _is_text(self.dag_id):
            raise InputError(
                Problem(str(self.root), "", f"the Dag id {quoted(self.dag_id)}", "the id of a Dag")
            )

    @property
    def path(self) -> Place_co:
        """The folder itself."""
        return self.root / self.dag_id

    @property
    def current(self) -> Place_co:
        """The policy that serving reads."""
        return self.path / "current.json"

    @property
    def history(self) -> Place_co:
        """One line per decision."""
        return self.path / "history.jsonl"

    @property
    def summaries(self) -> Place_co:
        """One line per recorded policy, derived from it."""
        return self.path / "summaries.jsonl"

    @property
    def runs(self) -> Place_co:
        """The folders of the runs."""
        return self.path / "runs"

    def run(self, run_id: str) -> Place_co:
        """Return the folder of a run.

        Raises
        ------
        InputError
            If no run can have this id.
        """
        if not run_id or not _is_text(run_id):
            raise InputError(Problem(str(self.runs), "", f"the run id {quoted(run_id)}", "the id of a run"))
        return self.runs / folder_of_run(run_id)

    def policies(self, run_id: str) -> Place_co:
        """Return the folder of a run's numbered policies."""
        return RunFolder(self.run(run_id)).policies

    def policy(self, run_id: str, number: int) -> Place_co:
        """Return the path of a numbered policy."""
        return RunFolder(self.run(run_id)).numbered_policy(number)

    def run_folders(self) -> list[str]:
        """Return the names of the folders of all runs, sorted."""
        found = files.children(self.runs)
        return [child.name for child in found if child.is_folder and not child.name.startswith(".")]

    def run_ids(self) -> list[str]:
        """Return the ids of the runs, apart from very long ones, whose folders do not tell."""
        return [unquote(name) for name in self.run_folders() if "~" not in name]

    def require(self) -> None:
        """Refuse a Dag of which this store has nothing.

        Raises
        ------
        InputError
            With the Dag ids that it has.
        """
        with as_input_error(self.path, READABLE_STORE):
            if files.is_folder(self.path):
                return
        require_store(self.root)
        hint = did_you_mean(self.dag_id, dag_ids(self.root))
        raise InputError(
            Problem(str(self.path), "", "no such folder", f"what runs of Dag {self.dag_id} have left", hint)
        )


def require_store(root: StorePath) -> None:
    """Refuse a place where no policy store can be read.

    Raises
    ------
    InputError
        If there is no folder.
    """
    with as_input_error(root, READABLE_STORE):
        if files.is_folder(root):
            return
        found = "a file" if files.exists(root) else "no such folder"
    hint = what_is_there(str(root)) if found != "a file" and not is_uri(str(root)) else ""
    raise InputError(Problem(str(root), "", found, "a policy store", hint))


def dag_ids(root: StorePath) -> list[str]:
    """Return the ids of the Dags of which a store has runs, sorted."""
    with as_input_error(root, READABLE_STORE):
        names = [child.name for child in files.children(root)]
        return [name for name in names if files.is_folder(root / name / "runs")]


def _is_text(value: str) -> bool:
    try:
        return "\0" not in value and bool(value.encode())
    except UnicodeEncodeError:
        return False
