"""The policy store: what every run's policies were, which one serving reads, and who decided so and why."""

from elpa_core.runs.folder import POLICY_NAME
from elpa_core.store.change import Outcome
from elpa_core.store.errors import StoreWriteError
from elpa_core.store.history import Entry
from elpa_core.store.layout import DagFolder, folder_of_run
from elpa_core.store.policy_store import PolicyStore, Recorded
from elpa_core.store.rules import Start

__all__ = [
    "POLICY_NAME",
    "DagFolder",
    "Entry",
    "Outcome",
    "PolicyStore",
    "Recorded",
    "Start",
    "StoreWriteError",
    "folder_of_run",
]
