"""Check the user's own configs for ``make up``, and write a Dag file for them."""

from __future__ import annotations

from pathlib import Path

from elpa_core.config.folder import configs_in
from elpa_core.config.loading import load_if_training
from elpa_core.errors import InputError, Problem

_DAG_FILE = """\
# Written by make up.
from elpa_airflow import elpa_dags

globals().update(elpa_dags(__file__, config_dir={folder!r}))
"""


def dag_ids(folder: Path) -> list[str]:
    """Return the ids of the Dags of the configs in a folder.

    Raises
    ------
    InputError
        With every problem of every config, or if there is no training config.
    """
    if not folder.is_dir():
        raise InputError(Problem(str(folder), "", "no folder", "the folder of your configs"))
    found: list[str] = []
    problems: list[Problem] = []
    for path in configs_in(folder):
        try:
            loaded = load_if_training(path)
            if loaded is not None:
                found.append(loaded.dag_id)
        except InputError as error:
            problems += error.problems
    if not found and not problems:
        hint = f"elpa init {folder} writes one to start from"
        problems.append(Problem(str(folder), "", "no training config", "*.json, one of them at least", hint))
    if problems:
        raise InputError(problems)
    return found


def write_dag_file(dags: Path, folder: Path) -> None:
    """Write a Dag file for a folder of configs into a Dags folder."""
    dags.mkdir(parents=True, exist_ok=True)
    (dags / "elpa_pools.py").write_text(_DAG_FILE.format(folder=str(folder)), encoding="utf-8")
