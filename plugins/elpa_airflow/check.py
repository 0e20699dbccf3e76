"""Check configs against the Airflow that is to run them: ``python -m elpa_airflow.check [FOLDER]``.

It checks what `elpa validate` cannot check: whether the pools, connections and variables that the
configs name exist. Run it where ``airflow`` commands run; exit status 2 if anything is missing.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator

from airflow.configuration import conf
from airflow.models import Connection, Pool, Variable
from airflow.sdk.exceptions import AirflowNotFoundException
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from elpa_airflow.dag.builder import build_dag
from elpa_airflow.factory import CONFIG_DIR_VARIABLE, config_paths, load_config
from elpa_airflow.run.store_location import connection_of, store_location
from elpa_core.cli.console import print_line, print_problem
from elpa_core.config.training import LoadedConfig
from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files.strict_json import member_path

# A reference with a default is not checked.
_GET = r"get\(\s*['\"]([^'\"]+)['\"]\s*\)"
_CONNECTION = re.compile(rf"\bconn\.(?:{_GET}|(?!get\()(\w+))")
_VARIABLE = re.compile(rf"\bvar\.(?:value|json)\.(?:{_GET}|(?!get\()(\w+))")


def missing_in_airflow(loaded: LoadedConfig, store: str | None) -> Iterator[Problem]:
    """Yield a problem for each pool, connection and variable of a config that Airflow does not have."""
    connection = connection_of(store_location(loaded, store))
    if connection is not None and not _has_connection(connection):
        place = "the policy store" if loaded.config.airflow.store is None else "$.airflow.store"
        yield _problem(loaded, place, "connection", connection, "its tasks would fail")
    for index, model in enumerate(loaded.config.models):
        place = f"$.models[{index}]"
        pool = model.airflow.over(loaded.config.airflow).pool
        if pool is not None and Pool.get_pool(pool) is None:
            yield _problem(loaded, f"{place}.airflow.pool", "pool", pool, "its task would wait for ever")
        for name, value in model.env.items():
            for kind, pattern, is_there in (
                ("connection", _CONNECTION, _has_connection),
                ("variable", _VARIABLE, _has_variable),
            ):
                for match in pattern.finditer(value if "{" in value else ""):
                    wanted = match.group(1) or match.group(2)
                    if not is_there(wanted):
                        yield _problem(
                            loaded, member_path(f"{place}.env", name), kind, wanted, "its task would fail"
                        )


def _problem(loaded: LoadedConfig, place: str, kind: str, name: str, effect: str) -> Problem:
    found = f"the {kind} {quoted(name)}, which this Airflow does not have ({effect})"
    return Problem(loaded.source, place, found, f"a {kind} that exists")


def _has_connection(name: str) -> bool:
    try:
        Connection.get_connection_from_secrets(name)
    except AirflowNotFoundException:
        return False
    return True


def _has_variable(name: str) -> bool:
    return Variable.get_variable_from_secrets(name) is not None


def require_database() -> None:
    """Refuse a database that cannot be reached or has no tables of Airflow.

    Raises
    ------
    InputError
        With the database and its message.
    """
    try:
        Pool.get_pool(Pool.DEFAULT_POOL_NAME)
    except DBAPIError as error:
        url = make_url(conf.get_mandatory_value("database", "sql_alchemy_conn"))
        source = f"the database of Airflow ({url.render_as_string(hide_password=True)})"
        hint = "set AIRFLOW_HOME to that of your Airflow; if it is new, airflow db migrate makes the tables"
        expected = "one that this Airflow can use"
        raise InputError(Problem(source, "", str(error.orig).strip(), expected, hint)) from error


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="elpa_airflow.check", description=__doc__)
    default = os.environ.get(CONFIG_DIR_VARIABLE, "configs")
    parser.add_argument("folder", nargs="?", default=default, help=f"config folder (default: {default})")
    parser.add_argument(
        "--store", help="policy store that the Dag file gives to elpa_dags (default: it gives none)"
    )
    return parser


def main() -> int:
    """Check every config of a folder and return the exit status."""
    options = build_parser().parse_args()
    try:
        paths = config_paths(options.folder)
        require_database()
    except InputError as error:
        print_problem("error", str(error))
        return 2
    status = 0
    for path in paths:
        try:
            loaded = load_config(path)
            problems: list[Problem] = []
            if loaded is not None:
                build_dag(loaded, options.store)
                problems += missing_in_airflow(loaded, options.store)
        except InputError as error:
            problems = list(error.problems)
        for problem in problems:
            print_problem("error", str(problem))
        if problems:
            status = 2
        else:
            print_line(f"{path}: no problem")
    return status


if __name__ == "__main__":
    sys.exit(main())
