"""Bad configs beside good ones through a real Dag processor and its database. About 12 seconds.

`DagBag` alone would not show it: an import error that is recorded under the Dag file's path makes
every Dag of that file stale.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support.airflow_home import AirflowHome
from support.airflow_site import Site, model, pair

GOOD = ("good_1", "good_2")
TWIN = json.dumps({"airflow": {"dag_id": "twin"}, "models": pair()})
BAD = {
    "no_json.json": '{"models": [',
    "two_problems.json": json.dumps({"horizon": "6", "models": [*pair(), model("on", retires=9)]}),
    "bad_cron.json": json.dumps({"airflow": {"schedule": "99 99 * * *"}, "models": pair()}),
    "no legal id.json": json.dumps({"models": pair()}),
    "bad_asset.json": json.dumps({"airflow": {"assets": ["http://["]}, "models": pair()}),
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
    log: str


def process(home: Site) -> Seen:
    home.airflow("dag-processor", "-n", "1")
    dags = home.query("SELECT dag_id, is_stale, has_import_errors FROM dag")
    return Seen(
        active={dag_id for dag_id, stale, _ in dags if not stale},
        stale={dag_id for dag_id, stale, _ in dags if stale},
        errors=dict(home.query("SELECT filename, stacktrace FROM import_error")),
        with_errors={dag_id for dag_id, _, errors in dags if errors},
        log="".join(path.read_text(encoding="utf-8") for path in home.home.glob("logs/**/*.log")),
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, airflow_home: AirflowHome) -> Iterator[Site]:
    """Return a Dags folder with a database of its own, since all that it holds is looked at."""
    folder = tmp_path_factory.mktemp("refused")
    own = AirflowHome(folder / "home", airflow_home.migrated)
    made = Site(folder, own)
    for name in GOOD:
        made.config(name)
    for name, text in BAD.items():
        made.write(name, text)
    made.write(".hidden.json", "{")
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
def mended(home: Site, again: Seen) -> Seen:
    for number, name in enumerate(BAD):
        (home.configs / name).unlink()
        home.config(f"mended_{number}" if " " in name else name.removesuffix(".json"))
    return process(home)


def test_the_good_dags_are_there(first: Seen) -> None:
    assert first.active == {f"elpa_{name}" for name in GOOD}
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


def test_a_second_look_changes_nothing(first: Seen, again: Seen) -> None:
    assert (again.active, again.stale, again.errors) == (first.active, set(), first.errors)


def test_mending_clears_the_errors(mended: Seen) -> None:
    """At its next refresh of the bundle (every five minutes, at its start) the Dag processor deletes them."""
    assert mended.errors == {}
    expected = {*GOOD, *(name.removesuffix(".json") for name in BAD if " " not in name)}
    number = list(BAD).index("no legal id.json")
    assert mended.active == {f"elpa_{name}" for name in (*expected, f"mended_{number}")}
    assert mended.stale == set()


def test_a_dag_that_goes_bad_does_not_take_the_others_along(home: Site, mended: Seen) -> None:
    home.write("good_2.json", "{}")
    seen = process(home)
    assert set(seen.errors) == {"configs/good_2.json"}
    assert mended.active - seen.active <= {"elpa_good_2"}
    assert seen.stale <= {"elpa_good_2"}
