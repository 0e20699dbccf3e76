"""The configs of a folder as a Dag file takes them: which files, and which Dag ids clash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from elpa_core.config.training import LoadedConfig
from elpa_core.errors import Problem, quoted


def configs_in(folder: Path) -> list[Path]:
    """Return the configs of a folder: ``*.json``, sorted, without hidden files and subfolders."""
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def clashing_ids(configs: Iterable[LoadedConfig]) -> dict[Path, Problem]:
    """Return a problem for each config, by path, whose Dag id another one has too."""
    claims: defaultdict[str, list[LoadedConfig]] = defaultdict(list)
    for loaded in configs:
        claims[loaded.dag_id].append(loaded)
    problems = {}
    for dag_id, claimants in claims.items():
        for loaded in claimants:
            if others := [other.source for other in claimants if other is not loaded]:
                found = f"the Dag id {quoted(dag_id)}, which {' and '.join(others)} has too"
                hint = "set airflow.dag_id in one of them"
                place, expected = "$.airflow.dag_id", "a Dag id of its own"
                problems[loaded.path] = Problem(loaded.source, place, found, expected, hint)
    return problems
