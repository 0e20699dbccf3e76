"""``elpa policy lift``: what people and programs read."""

import getpass
import json

import pytest
from support.stores import run


@pytest.fixture
def rolled_back(store):
    for number in (1, 3):
        run(store, number)
    store.rollback(reason="bad", actor="me")
    return store


def test_says_what_it_lifted_and_what_stays(rolled_back, command):
    assert command("policy", "lift", "--reason", "mended") == (
        0,
        "lifted: that only runs as of later than 2026-01-03T00:00:00Z are published by themselves\n"
        "current: policy 1 of run day1, as of 2026-01-01T00:00:00Z, stays for now\n",
        "",
    )
    entry = rolled_back.history()[-1]
    assert (entry.action, entry.actor, entry.reason) == ("lifted", getpass.getuser(), "mended")
    assert run(rolled_back, 2).published


def test_again_it_says_that_there_is_nothing_to_do(rolled_back, command):
    command("policy", "lift", "--reason", "mended")
    status, out, err = command("policy", "lift", "--reason", "mended")
    assert (status, err, out.splitlines()[0]) == (
        0,
        "",
        "nothing to do: lifted already: that only runs as of later than 2026-01-03T00:00:00Z are published by"
        " themselves",
    )


def test_for_programs(rolled_back, command):
    answer = json.loads(command("policy", "lift", "--reason", "mended", "--json")[1])
    assert (answer["action"], answer["changed"], answer["number"]) == ("lifted", True, None)
    assert (answer["lifts"], answer["reason"]) == ("2026-01-03T00:00:00Z", "mended")


def test_stands_in_the_list_which_says_what_is_current_still(rolled_back, command):
    command("policy", "lift", "--reason", "mended")
    *_, rollback, lift = command("policy", "list")[1].splitlines()
    assert lift.startswith("-   ")
    assert lift.split("  lifted")[1].endswith("  mended")
    assert rollback.endswith("current  bad")


def test_where_there_is_nothing_to_lift(store, command):
    run(store, 1)
    assert command("policy", "lift", "--reason", "mended") == (
        2,
        "",
        f"error: {store.folder.history}: found no policy taken back that rules runs out, and no current one"
        " of the future; expected something to lift\n",
    )
