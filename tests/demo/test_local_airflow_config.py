"""The ``airflow.cfg`` of an Airflow of one's own tells every command all there is to know. About 40 s.

The commands are Airflow's own, in an environment that has nothing of it but ``AIRFLOW_HOME``.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from configparser import ConfigParser
from contextlib import closing
from pathlib import Path

import pytest

import own_configs
from elpa_core.errors import InputError
from local_airflow import LocalAirflow
from local_airflow_config import write_config

pytestmark = pytest.mark.slow

Airflow = Callable[..., subprocess.CompletedProcess[str]]


def pool(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    command = r"printf 'abs_error\n1\n2\n' > errors.csv"
    models = [{"name": group, "group": group, "train_cmd": command} for group in ("online", "offline")]
    path = folder / name
    path.write_text(json.dumps({"models": models}), encoding="utf-8")
    return path


def readers(path: Path) -> int:
    """Return the rights that others than its owner have on a file."""
    return stat.S_IMODE(path.stat().st_mode) & 0o077


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> LocalAirflow:
    """Return an Airflow that was told what it needs, but does not run; its paths are hard to write down."""
    folder = tmp_path_factory.mktemp("a checkout")
    pool(folder / "100 % of it's", "mine.json")
    dags = folder / "dags"
    own_configs.write_dag_file(dags, folder / "100 % of it's")
    made = LocalAirflow(folder / "home", dags, port=18080)
    made.configure()
    return made


@pytest.fixture(scope="module")
def airflow(local: LocalAirflow, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """Run an ``airflow`` command as in a shell that knows where this Airflow is, and no more."""
    clean = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
    clean |= {"HOME": str(tmp_path_factory.mktemp("user")), "AIRFLOW_HOME": str(local.state)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=clean,
            cwd=clean["HOME"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    run("db", "migrate")
    return run


class TestCommands:
    def test_the_dags_are_those_of_the_configs_and_no_others(
        self, airflow: Airflow, local: LocalAirflow
    ) -> None:
        airflow("dags", "reserialize")
        with closing(sqlite3.connect(local.state / "airflow.db")) as database:
            assert database.execute("select dag_id from dag").fetchall() == [("elpa_mine",)]

    def test_a_dag_is_tested_in_the_store_of_this_airflow(
        self, airflow: Airflow, local: LocalAirflow
    ) -> None:
        airflow("dags", "test", "elpa_mine")
        (policy,) = (local.state / "elpa" / "elpa_mine" / "runs").glob("*/elpa_policy.json")
        assert json.loads(policy.read_bytes())["scores"].keys() == {"online", "offline"}

    @pytest.mark.parametrize(("command", "loads"), [("scheduler", True), ("api-server", False)])
    def test_a_scheduler_alone_loads_elpa_for_its_tasks(
        self, local: LocalAirflow, command: str, loads: bool
    ) -> None:
        program = "import sys; from airflow import settings; settings.import_local_settings()"
        asked = f"{program}; print('elpa_airflow.tasks.train' in sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", asked, command],
            env=local.environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == str(loads)


class TestTheFile:
    def write(self, home: Path, port: int = 18080) -> ConfigParser:
        write_config(home, home / "dags", port, home / "passwords.json")
        config = ConfigParser(interpolation=None)
        config.read(home / "airflow.cfg", encoding="utf-8")
        return config

    def test_a_second_start_keeps_secrets_and_what_its_owner_set(self, tmp_path: Path) -> None:
        first = self.write(tmp_path)
        with (tmp_path / "airflow.cfg").open("a", encoding="utf-8") as file:
            file.write("[scheduler]\nscheduler_heartbeat_sec = 7\n")
        local_settings = tmp_path / "config" / "airflow_local_settings.py"
        local_settings.write_text("parts = 2\n", encoding="utf-8")
        second = self.write(tmp_path, port=18081)
        secrets = {("core", "fernet_key"): 44, ("api", "secret_key"): 64, ("api_auth", "jwt_secret"): 64}
        for (section, name), length in secrets.items():
            assert second.get(section, name) == first.get(section, name)
            assert len(first.get(section, name)) == length
        assert second.get("scheduler", "scheduler_heartbeat_sec") == "7"
        assert second.get("api", "base_url") == "http://127.0.0.1:18081"
        assert local_settings.read_text(encoding="utf-8") == "parts = 2\n"

    def test_what_is_no_config_of_airflow_is_refused_and_stays(self, tmp_path: Path) -> None:
        path = tmp_path / "airflow.cfg"
        path.write_text("port = 8080\n", encoding="utf-8")
        with pytest.raises(InputError, match="expected options in sections; mend or remove it"):
            self.write(tmp_path)
        assert path.read_text(encoding="utf-8") == "port = 8080\n"

    def test_nobody_else_reads_a_secret(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            (tmp_path / "passwords.json").write_text('{"admin": "kept"}\n', encoding="utf-8")
            local = LocalAirflow(tmp_path, tmp_path / "dags", port=18080)
            local.configure()
        finally:
            os.umask(before)
        assert local.password == "kept"
        names = ("airflow.cfg", "passwords.json", "config/airflow_local_settings.py")
        assert [readers(tmp_path / name) for name in names] == [0, 0, 0]


class TestOwnConfigs:
    def test_they_give_the_dags_to_wait_for(self, tmp_path: Path) -> None:
        pool(tmp_path, "b.json")
        pool(tmp_path, "a.json")
        (tmp_path / ".hidden.json").write_text("{", encoding="utf-8")
        (tmp_path / "integrate.json").write_text(
            '{"models": [{"name": "a", "group": "online", "error_csv": "a.csv"}]}', encoding="utf-8"
        )
        assert own_configs.dag_ids(tmp_path) == ["elpa_a", "elpa_b"]

    def test_every_problem_of_every_config_is_told(self, tmp_path: Path) -> None:
        pool(tmp_path, "good.json")
        (tmp_path / "a.json").write_text("{", encoding="utf-8")
        (tmp_path / "b.json").write_text('{"models": [], "beta": 2}', encoding="utf-8")
        with pytest.raises(InputError) as refused:
            own_configs.dag_ids(tmp_path)
        sources = [Path(problem.source).name for problem in refused.value.problems]
        assert sorted(set(sources)) == ["a.json", "b.json"]
        assert len(sources) >= 3

    def test_a_folder_without_a_training_config_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=f"elpa init {tmp_path} writes one to start from"):
            own_configs.dag_ids(tmp_path)
        with pytest.raises(InputError, match="found no folder"):
            own_configs.dag_ids(tmp_path / "none")
