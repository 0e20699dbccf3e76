"""What is published, what is only recorded, and what is held back."""

import itertools
import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import FEW
from support.stores import actions, check_repaired, current_run, day, policy, record, run

from elpa_core.errors import InputError
from elpa_core.store import PolicyStore, folder_of_run
from elpa_core.times import parse_moment


def test_a_run_keeps_every_policy_and_the_latest_under_its_own_name(store):
    first = record(store, 1, policy({"a": 1}))
    kept = first.path.read_bytes()
    second = record(store, 1, policy({"a": 2}))
    run_dir = store.folder.run("day1")
    assert (first.number, second.number) == (1, 2)
    assert [first.path, second.path] == [run_dir / "policies/0001.json", run_dir / "policies/0002.json"]
    assert first.path.read_bytes() == kept
    latest, numbered = (json.loads(path.read_bytes()) for path in (run_dir / "elpa_policy.json", second.path))
    assert numbered.pop("record")["number"] == 2
    assert latest == numbered
    assert json.loads(kept)["record"]["as_of"] == "2026-01-01T00:00:00Z"


def test_current_is_the_policy_with_its_publication(store):
    outcome = run(store, 1, policy({"a": 1}))
    current = json.loads(store.folder.current.read_bytes())
    publication = current.pop("publication")
    assert current.pop("record")["run_id"] == "day1"
    assert current == json.loads((store.folder.run("day1") / "elpa_policy.json").read_bytes())
    assert current["scores"] == {"a": 1.0, "tide": 1.0}
    assert publication == {
        "number": 1,
        "when": outcome.entry.when,
        "action": "published",
        "actor": "dag run",
        "run_id": "day1",
        "policy_number": 1,
        "as_of": "2026-01-01T00:00:00Z",
        "reason": "the first policy",
    }


def test_a_later_and_an_equal_as_of_are_published_an_older_one_is_recorded(store):
    assert [run(store, number).entry.action for number in (2, 3, 3, 1)] == [
        "published",
        "published",
        "published",
        "recorded",
    ]
    older = store.history()[-1]
    assert (
        older.reason == "older than the current policy, which is as of 2026-01-03T00:00:00Z (publication 3)"
    )
    assert older.number is None
    assert current_run(store) == "day3"
    assert store.current().record.number == 2
    check_repaired(store)


def test_as_of_is_compared_as_a_moment_not_as_text(store):
    store.record("utc", "2026-01-31T06:00:00Z", policy())
    store.publish("utc")
    store.record("berlin", "2026-01-31T06:30:00+01:00", policy())
    assert store.publish("berlin").entry.action == "recorded"
    store.record("same", "2026-01-31T01:00:00-05:00", policy())
    assert store.publish("same").entry.reason == "as of the same moment as publication 1"


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_the_newest_is_current_in_whatever_order_runs_end(store, order):
    for number in order:
        run(store, number)
    assert current_run(store) == "day3"
    assert len(store.history()) == 3


def test_publishing_the_same_policy_twice_changes_nothing(store, snapshot):
    run(store, 1)
    before = snapshot()
    again = store.publish("day1", 1)
    assert (again.changed, again.published, again.entry.number) == (False, True, 1)
    assert snapshot() == before


def test_what_was_decided_stays_decided(store):
    run(store, 2)
    run(store, 1)
    store.promote("day1", reason="as before", actor="me")
    again = store.publish("day1", 1)
    assert (again.changed, again.entry.action) == (False, "recorded")
    assert actions(store) == ["published day2 1", "recorded day1 1", "promoted day1 1"]


class TestGate:
    def test_holds_back_what_is_much_worse_and_leaves_it_promotable(self, store):
        run(store, 1, policy({"a": 2.0, "b": 9.0}, {"c": 1.0}), max_score_increase=0.1)
        held = run(store, 2, policy({"b": 3.0}, {"c": 1.0}), max_score_increase=0.1)
        assert (held.entry.action, held.published, held.entry.number) == ("held", False, None)
        assert held.entry.reason == (
            "the best online score, 3 (b), is 50.0% worse than the current policy's, 2 (a);"
            " max_score_increase allows 0.1"
        )
        assert current_run(store) == "day1"
        store.promote("day2", reason="a is gone for good", actor="me")
        assert current_run(store) == "day2"
        check_repaired(store)

    @pytest.mark.parametrize(
        ("online", "offline", "action"),
        [(2.2, 1.1, "published"), (2.3, 1.0, "held"), (2.0, 1.2, "held"), (0.1, 0.1, "published")],
    )
    def test_looks_at_each_group(self, store, online, offline, action):
        run(store, 1, policy({"a": 2.0}, {"c": 1.0}))
        new = policy({"a": online}, {"c": offline})
        assert run(store, 2, new, max_score_increase=0.1).entry.action == action

    def test_of_zero_takes_what_is_not_worse(self, store):
        run(store, 1, policy({"a": 2.0}))
        assert run(store, 2, policy({"a": 2.0}), max_score_increase=0.0).published

    def test_an_older_policy_is_recorded_whatever_its_scores(self, store):
        run(store, 2)
        assert run(store, 1, policy({"a": 99.0}), max_score_increase=0.1).entry.action == "recorded"


def test_a_current_file_that_somebody_damaged_is_made_anew(store):
    run(store, 1)
    good = store.folder.current.read_bytes()
    store.folder.current.write_bytes(good[:50])
    record(store, 2)
    assert store.folder.current.read_bytes() == good


def test_numbers_of_a_run_go_on_after_its_folder_was_removed(store):
    run(store, 1)
    run(store, 1)
    run(store, 2)
    store.folder.run("day1").rename(store.folder.runs / ".trash-0-day1")
    assert record(store, 1).number == 3


def test_files_follow_the_umask(store):
    before = os.umask(0o027)
    try:
        run(store, 1)
    finally:
        os.umask(before)
    files = [path for path in store.folder.path.rglob("*") if path.is_file()]
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in files} == {
        path.name: "0o640" for path in files
    }


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
def test_each_run_id_has_a_folder_of_its_own(one, other):
    names = folder_of_run(one), folder_of_run(other)
    assert (names[0] == names[1]) == (one == other)
    for name in names:
        assert len(name.encode()) <= 217
        assert "/" not in name
        assert not name.startswith(".")


@given(st.lists(st.tuples(st.sampled_from(["run", "promote", "rollback"]), st.integers(1, 4)), max_size=12))
@FEW
def test_after_any_decisions_the_store_is_in_order(sequence):
    with tempfile.TemporaryDirectory() as name:
        store = PolicyStore(Path(name), "pool")
        run(store, 2)
        left = None
        for action, number in sequence:
            before = store.current().record
            try:
                if action == "run":
                    outcome = run(store, number)
                    late_enough = parse_moment(day(number)) >= before.moment
                    after_rollback = left is None or parse_moment(day(number)) > left
                    assert outcome.published == (late_enough and after_rollback)
                    left = None if outcome.published else left
                elif action == "promote":
                    if store.promote(f"day{number}", reason="why", actor="me").changed:
                        # Only what stands right after a rollback is easy to say in other words.
                        return
                else:
                    store.rollback(reason="why", actor="me")
                    left = max(before.moment, left or before.moment)
            except InputError:
                assert action != "run"
            check_repaired(store)
