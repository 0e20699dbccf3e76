"""A config that did not change gives the same serialized Dag, byte for byte; a task gets its own Dag only.

About 25 seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.airflow_site import DagsFolder, Site, model, pair

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    made = new_site("serialization")
    options = {
        "tags": ["z", "y", "x", "w", "v"],
        "schedule": "0 6 * * *",
        "timezone": "Europe/Berlin",
        "start_date": "2026-01-01",
        "retry_delay": 12.5,
        "pool": "gpu",
        "owner": "ana",
    }
    models = [
        model(f"m{number}", group, env={"B": 1, "A_KEY": "hunter2hunter2"}, enabled=number != 3)
        for number, group in enumerate(["online", "offline"] * 5)
    ]
    made.config("rich", models, airflow=options, context={"b": 1, "a": 2}, extra_2=1, extra_1=2)
    made.config("plain")
    made.config("renamed", airflow={"dag_id": "pool.of-mine"})
    text = json.dumps({"airflow": {"dag_id": "pool_of_others"}, "models": pair()})
    made.write("escaped.json", text.replace("pool_of_others", "\\u0070ool_of_\\u006fthers"))
    return made


TASKS_OF = ("elpa_plain", "pool.of-mine", "pool_of_others", "elpa_gone")


@pytest.fixture(scope="module")
def in_tasks(home: Site) -> list[dict[str, Any]]:
    return home.parse_elsewhere(*TASKS_OF, PYTHONHASHSEED="1")


@pytest.fixture(scope="module")
def again(home: Site, new_site: Callable[[str], Site]) -> list[dict[str, Any]]:
    """Return what another process found: the same Dags, and one between bad configs as its task finds it."""
    bad = new_site("beside")
    bad.config("good", airflow={"dag_id": "mine"})
    bad.write("aaa.json", "{")
    bad.write("mine.json", '{"models": []}')
    return home.parse_files([(home.dag_file, None), (bad.dag_file, "mine")], PYTHONHASHSEED="2")


@pytest.fixture(scope="module")
def parsed(in_tasks: list[dict[str, Any]], again: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [in_tasks[0], again[0]]


@pytest.fixture(scope="module")
def beside(again: list[dict[str, Any]]) -> dict[str, Any]:
    return again[1]


def test_two_processes_serialize_alike(parsed: list[dict[str, Any]]) -> None:
    first, second = (found["serialized"] for found in parsed)
    assert set(first) == {"elpa_rich", "elpa_plain", "pool.of-mine", "pool_of_others"}
    for dag_id, text in first.items():
        assert text == second[dag_id], dag_id


def test_the_same_process_serializes_alike_again(folder: DagsFolder) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    folder.config("a", airflow={"tags": ["b", "a"]})
    texts = [json.dumps(DagSerialization.to_dict(folder.parse()["elpa_a"])) for _ in range(2)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("times", [10, pytest.param(100, marks=pytest.mark.sweep)])
def test_many_parses_leave_one_version(new_site: Callable[[str], Site], times: int) -> None:
    """Each parse is written as `airflow dags reserialize` does; after a run, a change makes a version."""
    dag_id = f"elpa_versions_{times}"
    site = new_site("versions")
    site.extra_env = {"AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0"}
    options = {"schedule": "@hourly", "offline_schedule": "@weekly", "tags": ["b", "a"], "pool": "gpu"}
    site.config(f"versions_{times}", airflow=options, context={"b": 1, "a": 2})
    site.airflow("dags", "reserialize")
    site.airflow("dags", "trigger", dag_id)
    site.program("-c", PARSE_AND_WRITE, str(times))
    versions = f"SELECT version_number FROM dag_version WHERE dag_id = '{dag_id}'"
    assert site.query(versions) == [(1,)]
    site.config(f"versions_{times}", airflow=options, context={"b": 1, "a": 3})
    site.airflow("dags", "reserialize")
    assert site.query(versions) == [(1,), (2,)]


PARSE_AND_WRITE = """
import sys
from airflow.cli.cli_parser import get_parser

arguments = get_parser().parse_args(["dags", "reserialize"])
for _ in range(int(sys.argv[1])):
    arguments.func(arguments)
"""


def test_an_edit_is_seen(folder: DagsFolder) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    texts = []
    for horizon in (1, 2):
        folder.config("a", [model("on", cmd=f"echo {horizon}"), *pair()[1:]])
        texts.append(json.dumps(DagSerialization.to_dict(folder.parse()["elpa_a"])))
    assert texts[0] != texts[1]


def test_no_secret_is_serialized(parsed: list[dict[str, Any]]) -> None:
    assert "A_KEY" in parsed[0]["serialized"]["elpa_rich"]
    assert "hunter2hunter2" not in json.dumps(parsed[0]["serialized"])


@pytest.mark.parametrize("dag_id", TASKS_OF[:-1])
def test_a_task_process_builds_its_own_dag_only(
    dag_id: str, parsed: list[dict[str, Any]], in_tasks: list[dict[str, Any]]
) -> None:
    found = in_tasks[1 + TASKS_OF.index(dag_id)]
    assert found["dags"] == [dag_id]
    whole, in_task = (json.loads(each["serialized"][dag_id])["dag"] for each in (parsed[0], found))
    # The one difference: an Asset would import every provider that knows URIs, in each task process.
    assert outlets_of(whole) == [f"elpa://{dag_id}/policy"]
    assert outlets_of(in_task) == []
    assert without_outlets(in_task) == without_outlets(whole)


def integrate_of(dag: dict[str, Any]) -> dict[str, Any]:
    (found,) = [task["__var"] for task in dag["tasks"] if task["__var"]["task_id"] == "integrate"]
    return dict(found)


def outlets_of(dag: dict[str, Any]) -> list[str]:
    return [outlet["__var"]["uri"] for outlet in integrate_of(dag).get("outlets", [])]


def without_outlets(dag: dict[str, Any]) -> dict[str, Any]:
    tasks = [
        {name: value for name, value in task["__var"].items() if name != "outlets"} for task in dag["tasks"]
    ]
    return {**dag, "tasks": tasks, "dag_dependencies": []}


def test_a_dag_that_is_gone_leaves_the_others(in_tasks: list[dict[str, Any]]) -> None:
    """Airflow then says that the Dag is not there; which others there are, does not matter."""
    found = in_tasks[1 + TASKS_OF.index("elpa_gone")]
    assert "elpa_gone" not in found["dags"]
    assert found["import_errors"] == {}


def test_a_bad_config_beside_it_does_not_trouble_a_task_process(beside: dict[str, Any]) -> None:
    assert (beside["dags"], beside["import_errors"]) == (["mine"], {})
