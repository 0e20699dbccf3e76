"""A real Airflow for the tests: homes with a migrated SQLite database, Dags folders made of configs.

This process parses Dags, and must not touch the Airflow of whoever runs the tests: the environment
is set here, before anything imports Airflow. Whatever runs tasks is a process of its own, in a home
that belongs to the tests (`airflow_home`).
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shlex
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.airflow_home import AirflowHome, Done
from support.programs import PROGRAMS

ROOT = Path(__file__).parents[2]

DAG_FILE = """\
from elpa_airflow import elpa_dags

globals().update(elpa_dags(__file__))
"""


def settings(home: Path, dags: Path) -> dict[str, str]:
    """Return the environment of an Airflow with this home and this Dags folder."""
    bundle = {
        "name": "dags-folder",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(dags)},
    }
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "NO_COLOR": "1",
    }


_MADE = Path(tempfile.mkdtemp(prefix="elpa-airflow-"))
HOME = _MADE / "home"
atexit.register(shutil.rmtree, _MADE, ignore_errors=True)
for _name in [name for name in os.environ if name.startswith(("AIRFLOW", "ELPA"))]:
    del os.environ[_name]
os.environ.update(settings(HOME, _MADE / "dags"))


def train_cmd(*errors: float | str, first: str = "") -> str:
    """Return a command that leaves validation errors, and does something else before."""
    lines = " ".join(map(str, errors))
    return f"{first + '; ' if first else ''}printf '%s\\n' abs_error {lines} > errors.csv"


def model(name: str, group: str = "online", *, cmd: str | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "group": group, "train_cmd": train_cmd(1.5, 2.5) if cmd is None else cmd, **more}


def pair() -> list[dict[str, Any]]:
    """Return the smallest pool: a model of each group, both good."""
    return [model("on"), model("off", "offline", cmd=train_cmd(4, 3))]


def training(name: str, group: str = "online", **more: Any) -> dict[str, Any]:
    """Return a model whose errors follow from as_of, seed and name, and that notes what it saw."""
    program = shlex.quote(str(PROGRAMS / "write_errors.py")).replace("{", "{{").replace("}", "}}")
    first = more.pop("first", "")
    arguments = "{as_of} {seed} {model_name} {run_id} {run_dir}/../../seen"
    cmd = f"{first}{{python}} -I -S {program} {arguments}"
    return {"name": name, "group": group, "train_cmd": cmd, **more}


@dataclass
class DagRunResult:
    """What a run came to: states, tries, XCom values and rendered fields by task id."""

    state: str
    run_id: str
    states: dict[str, str | None]
    tries: dict[str, int]
    xcoms: dict[str, Any]
    rendered: dict[str, dict[str, Any]]
    run_dir: Path
    log: str = field(repr=False)

    def task_log(self, task_id: str) -> str:
        """Return the log of a task, all its tries."""
        parts = re.split(r"^.*\[DAG TEST\] (?:starting|end) task_id=(\S+).*$", self.log, flags=re.MULTILINE)
        return "".join(part for name, part in zip(parts[1::2], parts[2::2], strict=True) if name == task_id)

    def read(self, *parts: str) -> Any:
        """Return a JSON file of the run's folder."""
        return json.loads(self.run_dir.joinpath(*parts).read_text(encoding="utf-8"))

    @property
    def policy(self) -> dict[str, Any]:
        return self.read("elpa_policy.json")

    @property
    def manifest(self) -> dict[str, Any]:
        return self.read("train_manifest.json")

    def entry(self, name: str) -> dict[str, Any]:
        """Return a model's entry in the manifest."""
        (found,) = [entry for entry in self.manifest["models"] if entry["name"] == name]
        return found


class DagsFolder:
    """A Dags folder whose Dags come from configs."""

    def __init__(self, folder: Path) -> None:
        self.dags = folder / "dags"
        self.configs = self.dags / "configs"
        self.dag_file = self.dags / "pools.py"
        self.configs.mkdir(parents=True)
        self.dag_file.write_text(DAG_FILE, encoding="utf-8")

    def config(self, name: str, models: list[dict[str, Any]] | None = None, **fields: Any) -> Path:
        """Write a config, and return its path."""
        content = {**fields, "models": pair() if models is None else models}
        return self.write(f"{name}.json", json.dumps(content, indent=1))

    def write(self, name: str, text: str) -> Path:
        path = self.configs / name
        path.write_text(text, encoding="utf-8")
        return path

    def parse(self) -> dict[str, Any]:
        """Return the Dags as Airflow's own loader finds them, in this process."""
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(self.dags)
        assert not bag.import_errors, bag.import_errors
        return bag.dags


class Site(DagsFolder):
    """A Dags folder of its own, whose Dags can run in a home."""

    def __init__(self, folder: Path, airflow_home: AirflowHome) -> None:
        super().__init__(folder)
        self._airflow_home = airflow_home
        self.home = airflow_home.path
        self.extra_env: dict[str, str] = {}

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, **settings(self.home, self.dags), **self.extra_env}

    def python(self, *arguments: str | Path, check: bool = True, **env: str) -> Done:
        """Run this Python, started anew."""
        return self._airflow_home.run(arguments, {**self.env, **env}, check=check, anew=True)

    def program(self, *arguments: str | Path, check: bool = True) -> Done:
        """Run a program, a module (``-m``) or code (``-c``) in a Python that has loaded Airflow."""
        return self._airflow_home.run(arguments, self.env, check=check)

    def airflow(self, *arguments: str) -> Done:
        return self.program("-m", "airflow", *arguments)

    def parse_elsewhere(self, *wanted: str, **env: str) -> list[dict[str, Any]]:
        """Parse the Dag file in a process of its own: all Dags, then for each wanted one as its tasks do."""
        return self.parse_files([(self.dag_file, dag_id) for dag_id in (None, *wanted)], **env)

    def parse_files(self, files: list[tuple[Path, str | None]], **env: str) -> list[dict[str, Any]]:
        """Parse files in a process of its own, each for all its Dags or in the place of a task of one."""
        orders = json.dumps([(str(path), dag_id) for path, dag_id in files])
        done = self.python(PROGRAMS / "parse_dags.py", orders, **env)
        found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return found

    def dag_test(
        self,
        *dag_ids: str,
        dates: dict[str, str | None] | None = None,
        confs: dict[str, dict[str, Any]] | None = None,
    ) -> dict[str, DagRunResult]:
        """Run whole Dags (all, if none is named) by ``dag.test()``, one after the other, in one process.

        A logical date is that of ``dates``, which may be None, else now; values are given by ``confs``.
        """
        answer = self.home / "answer.json"
        order = json.dumps(
            {"dag_ids": dag_ids, "logical_dates": dates or {}, "confs": confs or {}, "answer": str(answer)}
        )
        done = self.program(PROGRAMS / "run_dags.py", order)
        logs = re.split(r"^=== DAG (\S+)$", done.stdout, flags=re.MULTILINE)
        texts = dict(zip(logs[1::2], logs[2::2], strict=True))
        results = {}
        for dag_id, found in json.loads(answer.read_text(encoding="utf-8")).items():
            run_dir = self.run_dir(dag_id, found["run_id"])
            results[dag_id] = DagRunResult(**found, run_dir=run_dir, log=texts[dag_id])
        return results

    def steps(self, *steps: dict[str, Any]) -> list[DagRunResult]:
        """Write files, run Dags and clear tasks, in this order in one process; see ``run_steps.py``."""
        answer = self.home / "answer.json"
        done = self.program(
            PROGRAMS / "run_steps.py", json.dumps({"steps": steps, "answer": str(answer)}), check=True
        )
        logs = re.split(r"^=== STEP \d+$", done.stdout, flags=re.MULTILINE)[1:]
        dags = [(step.get("run") or step["clear"]) for step in steps if "run" in step or "clear" in step]
        texts = [log for log, step in zip(logs, steps, strict=True) if "run" in step or "clear" in step]
        found = json.loads(answer.read_text(encoding="utf-8"))
        return [
            DagRunResult(**one, run_dir=self.run_dir(dag_id, one["run_id"]), log=log)
            for dag_id, one, log in zip(dags, found, texts, strict=True)
        ]

    def run_dir(self, dag_id: str, run_id: str) -> Path:
        return self.home / "elpa" / dag_id / "runs" / run_id

    def query(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.home / "airflow.db") as database:
            found = database.execute(sql, arguments).fetchall()
        database.close()
        return found


def alive(pid: int) -> bool:
    """Tell whether a process lives; one that nobody has reaped yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def pids_in(path: Path) -> list[int]:
    return [int(line) for line in path.read_text(encoding="ascii").split()]
