"""The ``airflow.cfg`` of the local Airflow: the settings that differ from Airflow's defaults."""

from __future__ import annotations

import base64
import configparser
import io
import os
from pathlib import Path

from elpa_core.errors import InputError, Problem
from private_files import write_private

# Without these settings, each process of Airflow would generate its own secrets. Their random bytes:
# a Fernet key has 32, and the tokens, signed with SHA-512, need a key of 64 characters.
_SECRETS = {("core", "fernet_key"): 32, ("api", "secret_key"): 48, ("api_auth", "jwt_secret"): 48}

_LOCAL_SETTINGS = """import sys

if "scheduler" in sys.argv:  # the processes of tasks are forked off it
    import elpa_airflow.worker_preload  # noqa: F401
"""


def write_config(home: Path, dags: Path, port: int, passwords: Path) -> None:
    """Write ``airflow.cfg``, so that every command with this ``AIRFLOW_HOME`` uses the same Airflow.

    Other options of an existing file stay, secrets included: without the key of its first start,
    Airflow cannot read its connections. ``config/airflow_local_settings.py`` is written once.

    Parameters
    ----------
    home : Path
        ``AIRFLOW_HOME``.
    dags : Path
        Dags folder.
    port : int
        Port of the UI and the API, on 127.0.0.1.
    passwords : Path
        File with the passwords of the users.

    Raises
    ------
    InputError
        If the existing file is not a config of Airflow.
    """
    path = home / "airflow.cfg"
    url = f"http://127.0.0.1:{port}"
    config = configparser.ConfigParser(interpolation=None)
    try:
        config.read(path, encoding="utf-8")
    except configparser.Error as error:
        found = str(error).replace("\n", " ")
        raise InputError(Problem(str(path), "", found, "options in sections", "mend or remove it")) from error
    options: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": dags,
            "load_examples": False,
            # With more tasks at a time, SQLite reports that the database is locked.
            "parallelism": 4,
            "simple_auth_manager_passwords_file": passwords,
            "execution_api_server_url": f"{url}/execution/",
        },
        "api": {"host": "127.0.0.1", "port": port, "base_url": url, "workers": 1},
        # Airflow's default of 5 seconds is too short for the first start on two busy cores.
        "workers": {"execution_api_timeout": 60},
        "usage_data_collection": {"enabled": False},
    }
    for section, values in options.items():
        for name, value in values.items():
            _set(config, section, name, str(value))
    for (section, name), size in _SECRETS.items():
        if not config.has_option(section, name):
            _set(config, section, name, base64.urlsafe_b64encode(os.urandom(size)).decode())
    text = io.StringIO()
    config.write(text)
    write_private(path, text.getvalue())
    local_settings = home / "config" / "airflow_local_settings.py"
    if not local_settings.exists():
        local_settings.parent.mkdir(0o700, exist_ok=True)
        write_private(local_settings, _LOCAL_SETTINGS)


def _set(config: configparser.ConfigParser, section: str, name: str, value: str) -> None:
    if not config.has_section(section):
        config.add_section(section)
    config.set(section, name, value)
