"""Who changes a store: by a lock in a local folder, by conditional writes on object storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from elpa_core.files import StorePath
from elpa_core.store.change import Decide, Outcome
from elpa_core.store.layout import DagFolder
from elpa_core.store.ledger import Ledger
from elpa_core.store.local import LocalDagFolder
from elpa_core.store.object_storage import ObjectDagFolder


class Keeper(Protocol):
    """What can be changed in a Dag's part of a store."""

    def change(self, decide: Decide) -> Outcome:
        """Write a decision down; if it publishes the policy, make it the current one."""

    def record(self, run_id: str, policy: bytes, numbered: Callable[[int], dict[str, Any]]) -> int:
        """Keep a policy as the run's next numbered one, and as its latest; return its number."""

    def remove_runs(self, choose: Callable[[Ledger], Iterable[str]]) -> None:
        """Remove the folders of runs, by name."""


def keeper_of(folder: DagFolder[StorePath]) -> Keeper:
    """Return who changes a Dag's part of a store."""
    root, dag_id = folder.root, folder.dag_id
    return LocalDagFolder(root, dag_id) if isinstance(root, Path) else ObjectDagFolder(root, dag_id)
