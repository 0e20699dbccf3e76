"""Where the policy store of a config is, and the way to it: a folder, or object storage by a connection."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from airflow.configuration import AIRFLOW_HOME, conf
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from elpa_core.config.training import LoadedConfig
from elpa_core.errors import ConfigError, Problem, quoted
from elpa_core.files import StorePath, is_uri
from elpa_core.files.location import PACKAGES, configure_client, local_folder, uri_problem, with_home


def store_location(loaded: LoadedConfig, store: str | None) -> str:
    """Return where the policy store of a config is: an absolute path or a URI.

    Parameters
    ----------
    loaded : LoadedConfig
        Its ``airflow.store``, relative to its folder, comes first.
    store : str, optional
        What the Dag file named; else Airflow's setting ``[elpa] store``, else ``AIRFLOW_HOME/elpa``.
    """
    if (own := loaded.config.airflow.store) is not None:
        return own if is_uri(own) else os.path.normpath(loaded.path.parent / with_home(own))
    location = store or conf.get("elpa", "store", fallback="") or "elpa"
    return location if is_uri(location) else _below_home(location)


def open_store(location: str) -> StorePath:
    """Return a policy store; on object storage with the credentials of the connection in its URI.

    Raises
    ------
    ConfigError
        If no store can be there, or no provider package knows the way.
    """
    if is_uri(location) and (problem := uri_problem(location)):
        raise ConfigError(Problem("the policy store", "", *problem))
    folder = local_folder(location)
    if folder is not None:
        return folder
    _require_connection(location)
    try:
        from airflow.sdk import ObjectStoragePath  # noqa: PLC0415  (fsspec: slow to import)

        return configure_client(ObjectStoragePath(location.rstrip("/")))
    except (ImportError, ValueError) as error:
        scheme = location.partition(":")[0]
        provider = ", and pip install apache-airflow-providers-google," if scheme == "gs" else ""
        hint = f"{PACKAGES[scheme][1]}{provider} wherever tasks run"
        expected = f"an Airflow that reads and writes {scheme}://"
        raise ConfigError(Problem(location, "", str(error), expected, hint)) from error


def connection_of(location: str) -> str | None:
    """Return the id of the connection in the URI of a store.

    >>> connection_of("s3://minio@bucket/elpa"), connection_of("s3://bucket/elpa"), connection_of("/data")
    ('minio', None, None)
    """
    return urlsplit(location).username if is_uri(location) else None


def _require_connection(location: str) -> None:
    # Without this, the Amazon provider would take whatever credentials the machine has.
    connection = connection_of(location)
    if connection is None:
        return
    try:
        Connection.get(connection)
    except AirflowNotFoundException as error:
        found = f"the connection {quoted(connection)}, which this Airflow does not have"
        raise ConfigError(Problem(location, "", found, "a connection that exists")) from error


def work_root() -> Path:
    """Return where commands work if the store is not on this machine: ``[elpa] work_dir``."""
    return Path(_below_home(conf.get("elpa", "work_dir", fallback="") or "elpa_work"))


def _below_home(path: str) -> str:
    return str(Path(AIRFLOW_HOME, with_home(path)).absolute())
