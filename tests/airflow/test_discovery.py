"""Airflow finds the Dag file and exactly one plugin, and parsing stays light. About 15 seconds."""

from __future__ import annotations

import json
import os
import shutil
import site
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.airflow_site import DAG_FILE, ROOT, DagsFolder, Site

LOAD_PLUGINS = """
import json, sys
from airflow import plugins_manager as core
from airflow.sdk import plugins_manager as sdk
found = {}
for name, manager in (("core", core), ("sdk", sdk)):
    plugins, errors = manager._get_plugins()
    found[name] = [[[p.name, type(p).__module__] for p in plugins], errors]
found["modules"] = sorted(sys.modules)
print("\\n" + json.dumps(found))
"""

PLAIN_DAG_FILE = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

with DAG("plain"):
    BashOperator(task_id="a", bash_command="true")
    PythonOperator(task_id="b", python_callable=print)
"""


def last_line(text: str) -> Any:
    return json.loads(text.splitlines()[-1])


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern")
class TestTheDagFile:
    def test_airflow_finds_those_of_the_repo_and_nothing_else(self) -> None:
        from airflow.utils.file import list_py_file_paths

        found = sorted(list_py_file_paths(ROOT / "dags", safe_mode=True))
        assert found == [str(ROOT / "dags" / name) for name in ("elpa_pools.py", "serve_water_flow.py")]

    def test_it_gives_a_dag_a_config(self) -> None:
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(ROOT / "dags")
        configs = list((ROOT / "dags" / "configs").glob("*.json"))
        assert not bag.import_errors
        assert set(bag.dags) == {"serve_water_flow", *(f"elpa_{path.stem}" for path in configs)}

    def test_three_lines_are_found_by_the_safe_mode(self, folder: DagsFolder) -> None:
        from airflow.utils.file import might_contain_dag

        assert len([line for line in DAG_FILE.splitlines() if line]) <= 3
        assert might_contain_dag(str(folder.dag_file), safe_mode=True)

    def test_the_folder_can_be_named(
        self, folder: DagsFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = DagsFolder(tmp_path / "other")
        other.config("from_the_variable")
        folder.config("beside_the_dag_file")
        named = DagsFolder(tmp_path / "named")
        named.config("from_the_argument")
        assert set(folder.parse()) == {"elpa_beside_the_dag_file"}
        monkeypatch.setenv("ELPA_CONFIG_DIR", str(other.configs))
        assert set(folder.parse()) == {"elpa_from_the_variable"}
        text = DAG_FILE.replace("__file__)", f"__file__, config_dir={str(named.configs)!r})")
        folder.dag_file.write_text(text, encoding="utf-8")
        assert set(folder.parse()) == {"elpa_from_the_argument"}
        monkeypatch.setenv("HOME", str(named.configs.parent))
        for home in ("~", f"{named.configs.parent}"):
            text = DAG_FILE.replace("__file__)", f"__file__, config_dir={f'{home}/{named.configs.name}'!r})")
            folder.dag_file.write_text(text, encoding="utf-8")
            assert set(folder.parse()) == {"elpa_from_the_argument"}

    def test_a_folder_that_is_not_there_is_an_import_error(self, folder: DagsFolder) -> None:
        from airflow.dag_processing.dagbag import DagBag

        folder.configs.rmdir()
        (error,) = DagBag(folder.dags).import_errors.values()
        assert f"{folder.configs}: found no folder; expected the folder of the configs" in error


@pytest.fixture
def without_elpa(tmp_path: Path) -> Path:
    """Return a folder with every installed package but ELPA."""
    farm = tmp_path / "packages"
    farm.mkdir()
    for packages in map(Path, site.getsitepackages()):
        for entry in packages.iterdir() if packages.is_dir() else ():
            if "elpa" not in entry.name and entry.suffix != ".pth" and not (farm / entry.name).exists():
                (farm / entry.name).symlink_to(entry)
    return farm


def load(home: Site, *options: str, plugins: Path, path: str) -> Any:
    environment = {"AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins), "PYTHONPATH": path}
    return last_line(home.python(*options, "-c", LOAD_PLUGINS, **environment).stdout)


@pytest.mark.slow
class TestThePlugin:
    def test_installed_it_is_there_once(self, site: Site) -> None:
        found = load(site, plugins=site.home / "plugins", path=os.environ.get("PYTHONPATH", ""))
        assert found["core"] == found["sdk"] == [[["elpa", "elpa_airflow.plugin"]], {}]

    def test_installed_and_in_the_plugins_folder_it_is_there_once(self, site: Site) -> None:
        found = load(site, plugins=ROOT / "plugins", path=os.environ.get("PYTHONPATH", ""))
        assert found["core"] == found["sdk"] == [[["elpa", "elpa_airflow.plugin"]], {}]
        # The loader runs each file under its bare name.
        bare_names = {file.stem for file in (ROOT / "plugins" / "elpa_airflow").glob("*.py")} - {"__init__"}
        assert "elpa_airflow_plugin" in found["modules"]
        assert not bare_names & set(found["modules"])

    def test_from_a_plugins_folder_it_is_there_once(self, site: Site, without_elpa: Path) -> None:
        path = os.pathsep.join([str(without_elpa), str(core_alone(without_elpa.parent))])
        found = load(site, "-S", plugins=ROOT / "plugins", path=path)
        assert found["core"] == found["sdk"] == [[["elpa", "elpa_airflow.plugin"]], {}]

    def test_with_neither_it_is_not_there(self, site: Site, without_elpa: Path) -> None:
        path = os.pathsep.join([str(without_elpa), str(core_alone(without_elpa.parent))])
        found = load(site, "-S", plugins=site.home / "plugins", path=path)
        assert found["core"] == found["sdk"] == [[], {}]


def core_alone(folder: Path) -> Path:
    """Return a folder that makes the core importable, and nothing of the distribution's metadata."""
    made = folder / "core"
    made.mkdir()
    (made / "elpa_core").symlink_to(ROOT / "elpa_core")
    return made


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    made = new_site("parsing")
    for name in ("a", "b", "c"):
        made.config(name)
    (made.configs / "not_a_config.txt").write_text("x", encoding="utf-8")
    (made.configs / "deeper").mkdir()
    (made.configs / "deeper" / "d.json").write_text("{}", encoding="utf-8")
    (made.dags / "plain.py").write_text(PLAIN_DAG_FILE, encoding="utf-8")
    shutil.copy(ROOT / "dags" / "serve_water_flow.py", made.dags)
    return made


@pytest.fixture(scope="module")
def plain_and_ours(home: Site) -> Any:
    """Return what one process took to parse a Dag file without ELPA, and then ours."""
    ours = [(home.dag_file, None), (home.dag_file, "elpa_b"), (home.dags / "serve_water_flow.py", None)]
    return home.parse_files([(home.dags / "plain.py", None), *ours])


@pytest.fixture(scope="module")
def plain(plain_and_ours: Any) -> Any:
    return plain_and_ours[0]


@pytest.fixture(scope="module")
def found(plain_and_ours: Any) -> Any:
    return plain_and_ours[1:]


class TestParsing:
    def test_it_reads_the_dag_file_and_each_config_once(self, home: Site, found: Any) -> None:
        assert found[0]["dags"] == ["elpa_a", "elpa_b", "elpa_c"]
        libraries = (sys.prefix, sys.base_prefix, str(ROOT), str(home.home / "airflow.cfg"))
        read = [path for path in found[0]["opened"] if not path.startswith(libraries)]
        of_the_dag_file = [path for path in read if Path(path).name.startswith("pools.")]
        configs = [str(path) for path in home.configs.glob("*.json")]
        assert sorted(read) == sorted([*configs, *of_the_dag_file])

    def test_it_talks_to_nobody_and_starts_nothing(self, plain_and_ours: Any) -> None:
        assert [parse["others"] for parse in plain_and_ours] == [[]] * 4

    def test_a_task_process_reads_its_own_config_only(self, home: Site, found: Any) -> None:
        assert found[1]["dags"] == ["elpa_b"]
        read = [path for path in found[1]["opened"] if path.endswith(".json")]
        assert read == [str(home.configs / "b.json")]

    @pytest.mark.parametrize("number", range(3), ids=["all Dags", "a task's Dag", "the serving Dag"])
    def test_it_leaves_numpy_alone(self, found: Any, plain: Any, number: int) -> None:
        assert plain["dags"] == ["plain"]
        heavy = {
            "numpy",
            "pandas",
            "fastapi",
            "elpa_core.artifacts.error_csv",
            "elpa_core.scores.ewma",
        }
        assert heavy & set(found[number]["modules"]) <= heavy & set(plain["modules"])

    def test_the_serving_dag_waits_for_the_policy(self, found: Any) -> None:
        assert found[2]["import_errors"] == {}
        assert found[2]["dags"] == ["serve_water_flow"]
        assert "elpa://elpa_water_flow/policy" in found[2]["serialized"]["serve_water_flow"]
