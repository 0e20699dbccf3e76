"""``python -m elpa_airflow.check``: what configs name and an Airflow lacks. About 15 seconds."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.airflow_site import DagsFolder, Site, model, pair


@pytest.fixture(scope="module")
def site(new_site: Callable[[str], Site]) -> Site:
    """An Airflow that has a pool, a connection and a variable."""
    made = new_site("check")
    made.airflow("pools", "set", "gpu", "1", "for training")
    made.extra_env = {
        "AIRFLOW_CONN_WAREHOUSE": "postgres://elpa:password@host/base",
        "AIRFLOW_VAR_API_TOKEN": "long enough to be masked",
        "AIRFLOW_VAR_EMPTY": "",
    }
    return made


def check(site: Site, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return site.program("-m", "elpa_airflow.check", *arguments, check=False)


def test_all_is_there(site: Site, tmp_path: Path) -> None:
    folder = DagsFolder(tmp_path)
    env = {
        "PASSWORD": "{{ conn.warehouse.password }}",
        "HOST": "{{ conn.get('warehouse').host }}",
        "TOKEN": "{{ var.value.api_token }}",
        "NOTHING": "{{ var.value.get('empty') }}",
        "DEFAULT": "{{ var.value.get('not_there', 'else') }}",
        "PLAIN": "conn.nowhere and var.value.nothing are no templates",
    }
    models = [model("on", airflow={"pool": "gpu"}, env=env), model("off", "offline")]
    paths = [folder.config("one", models), folder.config("two", pair(), airflow={"pool": "default_pool"})]
    done = check(site, folder.configs)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "".join(f"{path}: no problem\n" for path in paths)


def test_each_thing_that_is_missing_is_named_with_its_place(site: Site, tmp_path: Path) -> None:
    folder = DagsFolder(tmp_path)
    env = {
        "PASSWORD": "{{ conn.warehose.password }}",
        "HOST": "{{ conn.get('ware-house').host }}",
        "TOKEN": "{{ var.value.api_tokn }}",
        "JSON": '{{ var.json.get("settings")["x"] }}',
    }
    models = [model("on", env=env), model("off", "offline", airflow={"pool": "gpus"})]
    path = folder.config("bad", models, airflow={"pool": "cpu"})
    good = folder.config("good", pair())
    done = check(site, folder.configs)
    assert done.returncode == 2
    assert done.stdout == f"{good}: no problem\n"
    lines = done.stderr.splitlines()
    expected = [
        ("models[0].airflow.pool", 'the pool "cpu"'),
        ("models[0].env.PASSWORD", 'the connection "warehose"'),
        ("models[0].env.HOST", 'the connection "ware-house"'),
        ("models[0].env.TOKEN", 'the variable "api_tokn"'),
        ("models[0].env.JSON", 'the variable "settings"'),
        ("models[1].airflow.pool", 'the pool "gpus"'),
    ]
    assert len(lines) == len(expected)
    for line, (place, found) in zip(lines, expected, strict=True):
        assert f"{path}: $.{place}: found {found}, which this Airflow does not have" in line


def test_the_connection_of_the_dag_files_store_is_looked_for(site: Site, tmp_path: Path) -> None:
    folder = DagsFolder(tmp_path)
    one = folder.config("one")
    own = folder.config("own", airflow={"store": "s3://warehouse@bucket/own"})
    done = check(site, folder.configs, "--store", "s3://minio@bucket/elpa")
    assert (done.returncode, done.stdout) == (2, f"{own}: no problem\n")
    found = 'the connection "minio", which this Airflow does not have (its tasks would fail)'
    assert (
        done.stderr == f"error: {one}: the policy store: found {found}; expected a connection that exists\n"
    )
    assert check(site, folder.configs, "--store", "s3://warehouse@bucket/elpa").returncode == 0


def test_what_is_refused_at_parse_is_refused_here_too(site: Site, tmp_path: Path) -> None:
    folder = DagsFolder(tmp_path)
    zone = folder.config("a", pair(), airflow={"timezone": "Mars/Olympus"})
    cron = folder.config("b", pair(), airflow={"schedule": "61 * * * *"})
    alone = folder.config("c", pair(), airflow={"offline_schedule": "@weekly"})
    seconds = folder.config("d", pair(), airflow={"execution_timeout": -1})
    field = folder.config("e", pair(), airflow={"retrys": 1})
    torn = folder.write("f.json", "{")
    done = check(site, folder.configs)
    assert (done.returncode, done.stdout) == (2, "")
    for path, *said in (
        (zone, "$.airflow.timezone", "Mars/Olympus", "IANA"),
        (cron, "$.airflow.schedule", "61 * * * *", "a cron expression"),
        (alone, "$.airflow.schedule", "offline_schedule"),
        (seconds, "$.airflow.execution_timeout", "-1"),
        (field, "$.airflow.retrys", "retries"),
        (torn, "JSON"),
    ):
        (line,) = [line for line in done.stderr.splitlines() if str(path) in line]
        for part in said:
            assert part in line


def test_a_folder_that_is_not_there_is_said_in_one_line(site: Site, tmp_path: Path) -> None:
    done = check(site, tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f"{tmp_path / 'nowhere'}: found no folder" in line


def test_a_database_without_tables_is_said_in_one_line(site: Site, tmp_path: Path) -> None:
    folder = DagsFolder(tmp_path)
    folder.config("one", [model("on", airflow={"pool": "gpu"}), model("off", "offline")])
    database = f"sqlite:///{tmp_path / 'new.db'}"
    arguments = ("-m", "elpa_airflow.check", folder.configs)
    done = site.python(*arguments, check=False, AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=database)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: the database of Airflow ({database}): found no such table: ")
    assert "AIRFLOW_HOME" in line
    assert "airflow db migrate" in line
