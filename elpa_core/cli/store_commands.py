"""``--store`` and ``--dag``, which the commands on a policy store share, and their defaults."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from elpa_core.errors import InputError, Problem, some
from elpa_core.files import StorePath, is_uri, open_location
from elpa_core.files.location import with_home
from elpa_core.store.layout import DagFolder, dag_ids, require_store

STORE_VARIABLE = "AIRFLOW__ELPA__STORE"


def add_store_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    words: str,
) -> argparse.ArgumentParser:
    """Add a command on one Dag's part of a policy store."""
    parser = commands.add_parser(name, help=words, description=f"{words[0].upper()}{words[1:]}.")
    parser.add_argument(
        "--store", metavar="STORE", help=f"the policy store, a folder or a URI (default: ${STORE_VARIABLE})"
    )
    parser.add_argument("--dag", metavar="DAG_ID", help="the Dag (default: the only one in the store)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)
    return parser


def dag_folder(options: argparse.Namespace) -> DagFolder[StorePath]:
    """Return the Dag's part of the policy store that the options name.

    Raises
    ------
    InputError
        If the options name no store, or if they name no Dag and the store has none or several.
    """
    given = options.store if options.store is not None else _store_of_the_environment()
    root = open_location(given if is_uri(given) else str(with_home(given)))
    return DagFolder(root, options.dag if options.dag is not None else _only_dag(root))


def _store_of_the_environment() -> str:
    location = os.environ.get(STORE_VARIABLE, "")
    if not location:
        hint = f"give --store, or set {STORE_VARIABLE}"
        raise InputError(Problem("--store", "", "nothing", "a policy store, a folder or a URI", hint))
    if is_uri(location):
        return location
    home = os.environ.get("AIRFLOW_HOME") or "~/airflow"  # as in Airflow
    return str(with_home(home) / with_home(location))


def _only_dag(root: StorePath) -> str:
    require_store(root)
    found = dag_ids(root)
    if len(found) == 1:
        return found[0]
    if not found:
        hint = "name the store that the runs of your Dag write to: --store"
        raise InputError(Problem(str(root), "", "no Dag", "what the runs of a Dag have left", hint))
    hint = "name one of them: --dag DAG_ID"
    raise InputError(Problem(str(root), "", f"{len(found)} Dags, {some(found)}", "one Dag", hint))
