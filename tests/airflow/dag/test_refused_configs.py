"""Bad configs beside good ones, in each process of Airflow that parses. About 20 seconds.

A Dag processor with its database shows what `DagBag` alone would not: an import error that is
recorded under the Dag file's path makes every Dag of that file stale. Commands that parse and then
write to the database show the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from airflow.dag_processing.dagbag import BundleDagBag, DagBag
from support.airflow_home import AirflowHome, Done
from support.airflow_site import DAG_FILE, DagsFolder, Site, model, pair

pytestmark = pytest.mark.slow

STRANGER = """
from airflow.sdk import dag, task


@dag(dag_id="{dag_id}", schedule=None)
def stranger():
    @task
    def hello():
        print("hello from {dag_id}")

    hello()


stranger()
"""
STRANGERS = ("in_the_same_file", "in_the_same_folder")

SCHEDULED = {"schedule": "@hourly", "offline_schedule": "@weekly", "pool": "heavy", "tags": ["b", "a", "c"]}
GOOD = {"good_1": {}, "good_2": SCHEDULED}
ACTIVE = {*STRANGERS, *(f"elpa_{name}" for name in GOOD)}
TWIN = json.dumps({"airflow": {"dag_id": "twin"}, "models": pair()})
BAD = {
    "no_json.json": '{"models": [',
    "two_problems.json": json.dumps({"horizon": "6", "models": [*pair(), model("on", retires=9)]}),
    "bad_cron.json": json.dumps({"airflow": {"schedule": "99 99 * * *"}, "models": pair()}),
    "no legal id.json": json.dumps({"models": pair()}),
    "bad_asset.json": json.dumps({"airflow": {"assets": ["http://["]}, "models": pair()}),
    "bad_executor.json": json.dumps({"models": [model("on", airflow={"executor": "Locl"}), *pair()[1:]]}),
    "no_notifier.json": json.dumps(
        {"airflow": {"notify": [{"on": ["failed"], "notifier": "json.JSONDecoder"}]}, "models": pair()}
    ),
    "random_cron.json": json.dumps({"airflow": {"schedule": "R R * * *"}, "models": pair()}),
    "one_group.json": json.dumps({"models": pair()[:1]}),
    "twin_1.json": TWIN,
    "twin_2.json": TWIN,
}
EXPECTED = {
    "no_json.json": ["{configs}/no_json.json: line 1, column 13: found the end of the file; expected JSON"],
    "two_problems.json": [
        '{configs}/two_problems.json: $.horizon: found "6"; expected an integer',
        "{configs}/two_problems.json: $.models[2].retires: found an unknown field; expected one of name, ",
        '{configs}/two_problems.json: $.models[2].name: found "on"; expected a name of its own: $.models[0]',
    ],
    "bad_cron.json": ['{configs}/bad_cron.json: $.airflow.schedule: found "99 99 * * *"; expected a cron'],
    "no legal id.json": [
        '{configs}/no legal id.json: found the Dag id "elpa_no legal id"; expected 1 to 250'
    ],
    "bad_asset.json": ['{configs}/bad_asset.json: $.airflow.assets[0]: found "http://["'],
    "bad_executor.json": [
        '{configs}/bad_executor.json: $.models[0].airflow.executor: found "Locl"; expected an executor of'
    ],
    "no_notifier.json": [
        '{configs}/no_notifier.json: $.airflow.notify[0].notifier: found "json.JSONDecoder"'
    ],
    "random_cron.json": [
        '{configs}/random_cron.json: $.airflow.schedule: found "R R * * *"; expected a cron'
    ],
    "one_group.json": ["{configs}/one_group.json: $.models: found no enabled offline model"],
    "twin_1.json": ['$.airflow.dag_id: found the Dag id "twin", which {configs}/twin_2.json has too'],
    "twin_2.json": ['$.airflow.dag_id: found the Dag id "twin", which {configs}/twin_1.json has too'],
}


@dataclass
class Seen:
    """What the database holds after the Dag processor has seen all files once."""

    active: set[str]
    stale: set[str]
    errors: dict[str, str]
    with_errors: set[str]
    serialized: list[tuple[str, str]]
    log: str


def process(home: Site) -> Seen:
    home.airflow("dag-processor", "-n", "1")
    return look(home)


def look(home: Site) -> Seen:
    dags = home.query("SELECT dag_id, is_stale, has_import_errors FROM dag")
    return Seen(
        active={dag_id for dag_id, stale, _ in dags if not stale},
        stale={dag_id for dag_id, stale, _ in dags if stale},
        errors=dict(home.query("SELECT filename, stacktrace FROM import_error")),
        with_errors={dag_id for dag_id, _, errors in dags if errors},
        serialized=home.query("SELECT dag_id, dag_hash FROM serialized_dag ORDER BY dag_id"),
        log="".join(path.read_text(encoding="utf-8") for path in home.home.glob("logs/**/*.log")),
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, airflow_home: AirflowHome) -> Iterator[Site]:
    """Return a Dags folder with a database of its own, since all that it holds is looked at."""
    folder = tmp_path_factory.mktemp("refused")
    own = AirflowHome(folder / "home", airflow_home.migrated)
    made = Site(folder, own)
    for name, options in GOOD.items():
        made.config(name, airflow=options)
    for name, text in BAD.items():
        made.write(name, text)
    made.write(".hidden.json", "{")
    made.dag_file.write_text(DAG_FILE + STRANGER.format(dag_id="in_the_same_file"), encoding="utf-8")
    strangers = made.dags / "strangers.py"
    strangers.write_text(STRANGER.format(dag_id="in_the_same_folder"), encoding="utf-8")
    scored = [{"name": "a", "group": "online", "ewma_score": 1}, {"name": "b", "error_csv": "b.csv"}]
    made.config("integration", scored)
    yield made
    own.stop()


@pytest.fixture(scope="module")
def first(home: Site) -> Seen:
    return process(home)


@pytest.fixture(scope="module")
def again(home: Site, first: Seen) -> Seen:
    return process(home)


@pytest.fixture(scope="module")
def listed(home: Site, again: Seen) -> dict[str, Done]:
    """Return what commands say that parse and write nothing; a list of errors ends with exit code 1."""
    errors = ("-m", "airflow", "dags", "list-import-errors", "--local", "--output", "json")
    return {
        "errors": home.program(*errors, check=False),
        "errors of the bundle": home.program(*errors, "--bundle-name", "dags-folder", check=False),
        "dags": home.airflow("dags", "list", "--local", "--columns", "dag_id", "--output", "json"),
    }


@pytest.fixture(scope="module")
def written(home: Site, listed: dict[str, Done]) -> tuple[dict[str, Done], Seen]:
    """Return what commands say that write what they parsed, and what the database holds then."""
    done = {"reserialize": home.airflow("dags", "reserialize")}
    for dag_id in STRANGERS:
        done[f"list {dag_id}"] = home.airflow("tasks", "list", dag_id)
        done[f"test {dag_id}"] = home.airflow("tasks", "test", dag_id, "hello", "2026-01-02")
        done[f"run {dag_id}"] = home.airflow("dags", "test", dag_id, "2026-01-03")
    done["list good_1"] = home.airflow("tasks", "list", "elpa_good_1")
    code = (
        "from airflow.dag_processing.dagbag import DagBag; import sys;"
        "run = DagBag(sys.argv[1]).dags['in_the_same_file'].test(); print(run.state)"
    )
    done["Dag.test"] = home.program("-c", code, home.dags, check=True)
    return done, look(home)


@pytest.fixture(scope="module")
def mended(home: Site, written: object) -> Seen:
    for number, name in enumerate(BAD):
        (home.configs / name).unlink()
        home.config(f"mended_{number}" if " " in name else name.removesuffix(".json"))
    return process(home)


def test_the_good_dags_are_there(first: Seen) -> None:
    assert first.active == ACTIVE
    assert first.stale == set()
    assert first.with_errors == set()


def test_one_import_error_a_bad_config_under_its_own_path(first: Seen) -> None:
    assert set(first.errors) == {f"configs/{name}" for name in BAD}


@pytest.mark.parametrize("name", BAD)
def test_the_error_says_what_is_wrong_and_where(name: str, first: Seen, home: Site) -> None:
    text = first.errors[f"configs/{name}"]
    for expected in EXPECTED[name]:
        assert expected.format(configs=home.configs) in text


def test_an_integration_config_is_passed_over_with_a_warning(first: Seen, home: Site) -> None:
    assert f"{home.configs}/integration.json is an integration config" in first.log
    assert "configs/integration.json" not in first.errors


def test_a_second_look_changes_nothing(
    first: Seen, again: Seen, written: tuple[dict[str, Done], Seen]
) -> None:
    assert (again.active, again.stale, again.errors) == (first.active, set(), first.errors)
    assert [dag_id for dag_id, _ in first.serialized] == sorted(ACTIVE)
    # Of a Dag that has run, another hash would be another version.
    assert first.serialized == again.serialized == written[1].serialized


@pytest.mark.parametrize("how", ["errors", "errors of the bundle"])
def test_airflows_list_of_local_errors_has_every_refused_config(
    how: str, listed: dict[str, Done], home: Site
) -> None:
    (entry,) = json.loads(listed[how].stdout.splitlines()[-1])
    assert entry["filepath"] == ("pools.py" if "bundle" in how else str(home.dag_file))
    for expected in EXPECTED.values():
        for text in expected:
            assert text.format(configs=home.configs) in entry["error"]


def test_airflows_list_of_local_dags_has_the_others(listed: dict[str, Done]) -> None:
    assert {entry["dag_id"] for entry in json.loads(listed["dags"].stdout.splitlines()[-1])} == ACTIVE


def test_reserialize_names_refused_configs_and_writes_the_others(
    written: tuple[dict[str, Done], Seen], home: Site
) -> None:
    for expected in EXPECTED.values():
        for text in expected:
            assert text.format(configs=home.configs) in written[0]["reserialize"].stderr
    assert home.query("SELECT DISTINCT dag_id FROM serialized_dag ORDER BY dag_id") == [
        (dag_id,) for dag_id in sorted(ACTIVE)
    ]


@pytest.mark.parametrize("dag_id", STRANGERS)
def test_commands_for_other_dags_run(dag_id: str, written: tuple[dict[str, Done], Seen]) -> None:
    done = written[0]
    assert "hello" in done[f"list {dag_id}"].stdout
    for how in ("test", "run"):
        output = done[f"{how} {dag_id}"]
        assert f"hello from {dag_id}" in output.stdout + output.stderr
        assert "Error bagging" not in output.stdout + output.stderr


def test_commands_for_good_dags_run(written: tuple[dict[str, Done], Seen]) -> None:
    assert "integrate" in written[0]["list good_1"].stdout
    assert written[0]["Dag.test"].stdout.endswith("success\n")


def test_no_command_makes_a_dag_stale(written: tuple[dict[str, Done], Seen], again: Seen) -> None:
    _, seen = written
    assert (seen.active, seen.stale, seen.with_errors) == (ACTIVE, set(), set())
    assert seen.errors == again.errors


def test_mending_clears_the_errors(mended: Seen) -> None:
    """At its next refresh of the bundle (every five minutes, at its start) the Dag processor deletes them."""
    assert mended.errors == {}
    names = {name.removesuffix(".json") for name in BAD if " " not in name}
    number = list(BAD).index("no legal id.json")
    assert mended.active == ACTIVE | {f"elpa_{name}" for name in (*names, f"mended_{number}")}
    assert mended.stale == set()


def test_a_dag_that_goes_bad_does_not_take_the_others_along(home: Site, mended: Seen) -> None:
    home.write("good_2.json", "{}")
    seen = process(home)
    assert set(seen.errors) == {"configs/good_2.json"}
    assert mended.active - seen.active <= {"elpa_good_2"}
    assert seen.stale <= {"elpa_good_2"}


@pytest.mark.parametrize("bag_of", [DagBag, lambda dags: BundleDagBag(dags, bundle_path=dags)])
def test_a_bare_bag_has_an_import_error_of_the_dag_file_and_the_other_dags(
    folder: DagsFolder, bag_of: type[DagBag], caplog: pytest.LogCaptureFixture
) -> None:
    folder.dag_file.write_text(DAG_FILE + STRANGER.format(dag_id="in_the_same_file"), encoding="utf-8")
    folder.config("good")
    bad = [folder.write("bad.json", "{"), folder.config("no_group", pair()[:1])]
    bag = bag_of(folder.dags)
    ((path, error),) = bag.import_errors.items()
    assert path in {str(folder.dag_file), folder.dag_file.name}
    assert all(f"{config}: " in error for config in bad)
    assert set(bag.dags) == {"elpa_good", "in_the_same_file"}
    assert sum(record.exc_info is not None for record in caplog.records) <= 1
    for config in bad:
        folder.config(config.stem)
    bag = bag_of(folder.dags)
    assert bag.import_errors == {}
    assert set(bag.dags) == {"elpa_good", "elpa_bad", "elpa_no_group", "in_the_same_file"}


def test_a_process_that_needs_one_dag_hears_only_of_configs_that_may_be_it(
    folder: DagsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("bad.json", "{")
    folder.write("named.json", '{"airflow": {"dag_id": "own"}}')
    found = {}
    for dag_id in ("elpa_bad", "own", "stranger"):
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
        found[dag_id] = "".join(DagBag(folder.dags).import_errors.values())
    assert f"{folder.configs}/bad.json: line 1" in found["elpa_bad"]
    assert "named.json" not in found["elpa_bad"]
    assert f"{folder.configs}/named.json: $.models" in found["own"]
    assert found["stranger"] == ""
