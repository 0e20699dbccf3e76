"""What is published, what only recorded, and what a person's word does. Runs in about 2 seconds."""

import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores import actions, check_repaired, current_run, day, policy, record, run

from elpa_core.errors import InputError
from elpa_core.store import PolicyStore, StoreWriteError, folder_of_run
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


class TestRollback:
    def test_goes_back_to_what_was_published_before_and_again_further_back(self, store):
        for number in (1, 2, 3):
            run(store, number)
        back = store.rollback(reason="bad peaks", actor="user ada")
        assert (current_run(store), back.replaced.run_id, back.entry.number) == ("day2", "day3", 4)
        assert store.current().publication.reason == "bad peaks"
        store.rollback(reason="still", actor="user ada")
        assert current_run(store) == "day1"
        with pytest.raises(InputError, match="no publication before the current one"):
            store.rollback(reason="still", actor="user ada")
        check_repaired(store)

    def test_never_returns_to_what_was_rolled_back_from(self, store):
        for number in (1, 2):
            run(store, number)
        store.rollback(reason="bad", actor="me")
        run(store, 3)
        store.rollback(reason="bad too", actor="me")
        assert current_run(store) == "day1"

    @pytest.mark.parametrize(
        ("then", "action"), [(1, "recorded"), (2, "recorded"), (3, "recorded"), (4, "published")]
    )
    def test_only_a_later_run_than_the_one_rolled_back_from_is_published(self, store, then, action):
        for number in (1, 3):
            run(store, number)
        store.rollback(reason="bad", actor="me")
        assert run(store, then).entry.action == action

    def test_says_why_a_run_is_not_published_after_it(self, store):
        for number in (1, 3):
            run(store, number)
        store.rollback(reason="bad", actor="me")
        assert run(store, 2).entry.reason == (
            "not later than 2026-01-03T00:00:00Z, the moment of a policy that was taken back by hand"
            " (publication 2)"
        )

    def test_twice_still_waits_for_a_later_run_than_all_of_those(self, store):
        for number in (1, 2, 4):
            run(store, number)
        store.rollback(reason="bad", actor="me")
        store.rollback(reason="bad", actor="me")
        assert [run(store, number).entry.action for number in (3, 4, 5)] == [
            "recorded",
            "recorded",
            "published",
        ]

    def test_of_a_retry_keeps_further_retries_of_its_moment_back(self, store):
        run(store, 1)
        run(store, 1)
        store.rollback(reason="the first was better", actor="me")
        assert store.current().record.number == 1
        assert run(store, 1).entry.action == "recorded"

    def test_after_the_next_publication_all_is_as_ever(self, store):
        for number in (1, 2):
            run(store, number)
        store.rollback(reason="bad", actor="me")
        assert [run(store, number).entry.action for number in (4, 4, 3)] == [
            "published",
            "published",
            "recorded",
        ]

    def test_passes_over_policies_whose_runs_are_gone(self, store):
        for number in (1, 2, 3):
            run(store, number)
        store.folder.run("day2").rename(store.folder.runs / ".trash-0-day2")
        store.rollback(reason="bad", actor="me")
        assert current_run(store) == "day1"
        check_repaired(store)


class TestPromotion:
    def test_takes_any_recorded_policy_the_latest_unless_told_otherwise(self, store):
        record(store, 1, policy({"a": 1}))
        record(store, 1, policy({"b": 1}))
        run(store, 3)
        store.promote("day1", reason="as agreed", actor="user ada")
        assert store.current().contents.online_models == ["b"]
        store.promote("day1", 1, reason="the other", actor="user ada")
        assert store.current().contents.online_models == ["a"]
        check_repaired(store)

    @pytest.mark.parametrize(("then", "action"), [(2, "recorded"), (3, "recorded"), (4, "published")])
    def test_of_an_older_policy_works_like_a_rollback(self, store, then, action):
        for number in (1, 3):
            run(store, number)
        store.promote("day1", reason="as agreed", actor="me")
        assert run(store, then).entry.action == action

    def test_of_a_newer_one_lets_its_own_interval_go_on(self, store):
        run(store, 1)
        record(store, 3)
        store.promote("day3", reason="as agreed", actor="me")
        assert [run(store, number).entry.action for number in (2, 3)] == ["recorded", "published"]

    def test_of_what_was_rolled_back_from_takes_that_back(self, store):
        for number in (1, 2):
            run(store, number)
        store.rollback(reason="bad", actor="me")
        store.promote("day2", reason="it was not", actor="me")
        assert run(store, 2).entry.action == "published"

    def test_is_undone_by_a_rollback(self, store):
        for number in (1, 3):
            run(store, number)
        store.promote("day1", reason="as agreed", actor="me")
        store.rollback(reason="no", actor="me")
        assert current_run(store) == "day3"
        assert [run(store, number).entry.action for number in (2, 3)] == ["recorded", "published"]

    def test_of_the_current_policy_changes_nothing(self, store, snapshot):
        run(store, 1)
        before = snapshot()
        assert not store.promote("day1", reason="sure", actor="me").changed
        assert snapshot() == before

    @pytest.mark.parametrize("reason", ["", " \n", "\udcff"])
    def test_needs_a_reason(self, store, reason):
        run(store, 1)
        with pytest.raises(InputError, match="reason: found "):
            store.promote("day1", reason=reason, actor="me")


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


class TestRefusals:
    @pytest.mark.parametrize(
        ("as_of", "found"), [("2026-01-31T06:00:00", '"2026-01-31T06:00:00"'), ("", '""'), ("soon", '"soon"')]
    )
    def test_an_as_of_without_an_offset(self, store, as_of, found):
        with pytest.raises(InputError) as refused:
            store.record("r", as_of, policy())
        assert str(refused.value) == (
            f"run r: $.as_of: found {found}; expected a moment in ISO 8601 with its offset, such as"
            " 2026-01-31T06:00:00+00:00"
        )
        assert not store.folder.root.exists()

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"scores": None}, "$.scores: found null; expected an object"),
            ({"skill": "other"}, '$.skill: found "other"; expected "ELPA"'),
            ({"beta": float("nan")}, "$.beta: found nan; expected a finite number"),
            ({"extra": float("inf")}, "found something that JSON does not have"),
            (
                {"online_weights": {}},
                "$.online_weights: found weights of no model; expected those of the online",
            ),
            (
                {"best_offline_model": "x"},
                "$.offline_weights: found weights of tide; expected those of the off",
            ),
        ],
    )
    def test_what_is_no_policy(self, store, change, words):
        with pytest.raises(InputError) as refused:
            store.record("r", day(1), policy() | change)
        assert f"policy of run r: {words}" in str(refused.value)
        assert not store.folder.root.exists()

    @pytest.mark.parametrize("dag_id", ["", ".", "..", "a/b", "\udcff", "\0"])
    def test_a_dag_id_that_no_folder_can_have(self, tmp_path, dag_id):
        with pytest.raises(InputError, match="found the Dag id"):
            PolicyStore(tmp_path, dag_id)

    @pytest.mark.parametrize("run_id", ["", "\udcff", "\0"])
    def test_a_run_id_that_no_run_can_have(self, store, run_id):
        with pytest.raises(InputError, match="found the run id"):
            store.record(run_id, day(1), policy())

    def test_an_unknown_run_names_the_nearest_ones(self, store):
        for number in (10, 11):
            run(store, number)
        with pytest.raises(InputError) as refused:
            store.policy("dya11")
        assert str(refused.value) == (
            f"{store.folder.runs}/dya11: found no such run; expected the id of a run;"
            ' did you mean "day11" or "day10"?'
        )

    def test_a_run_without_a_policy(self, store):
        run(store, 1)
        store.folder.run("day2").mkdir()
        with pytest.raises(InputError, match="found a run without a policy; expected a run whose integrate"):
            store.promote("day2", reason="now", actor="me")

    def test_a_number_that_the_run_does_not_have(self, store):
        run(store, 1)
        with pytest.raises(InputError, match=r"found no policy 2; expected one of the run's policies: 1$"):
            store.policy("day1", 2)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "found the end of the file; expected JSON"),
            (b'{"skill": "EL', "line 1, column 11"),
            (b"{}", "$.skill: found nothing; expected a value: the field is required"),
            (json.dumps(policy()).encode(), "$.record: found nothing"),
        ],
    )
    def test_a_policy_that_something_else_has_written(self, store, content, words):
        recorded = record(store, 1)
        recorded.path.write_bytes(content)
        with pytest.raises(InputError) as refused:
            store.publish("day1")
        assert f"{recorded.path}: " in str(refused.value)
        assert words in str(refused.value)

    def test_a_policy_of_another_run(self, store):
        path = record(store, 1).path
        path.write_bytes(record(store, 2).path.read_bytes())
        with pytest.raises(InputError, match=r"found policy 1 of run day2; expected policy 1 of run day1"):
            store.publish("day1")

    def test_a_history_that_ends_before_current(self, store):
        for number in (1, 2):
            run(store, number)
        lines = store.folder.history.read_bytes().splitlines(keepends=True)
        store.folder.history.write_bytes(lines[0])
        with pytest.raises(InputError) as refused:
            record(store, 3)
        assert str(refused.value) == (
            f"{store.folder.history}: found publications up to 1; expected publication 2, which is in"
            f" {store.folder.current}; restore history.jsonl from a backup, or move current.json away"
        )


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


READ_ONLY = """
import os, sys
from pathlib import Path
from elpa_core.store import PolicyStore, StoreWriteError
store = PolicyStore(Path(sys.argv[1]), "pool")
store.current()  # imports what it needs while this user may
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
assert store.current().record.run_id == "day1"
assert len(store.history()) == 1
try:
    store.promote("day2", reason="now", actor="me")
except StoreWriteError as error:
    print(error)
"""


def test_a_read_only_store_can_be_read_and_says_that_it_cannot_be_changed():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = PolicyStore(folder, "pool")
        run(store, 1)
        record(store, 2)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            done = subprocess.run(
                [sys.executable, "-c", READ_ONLY, name], capture_output=True, text=True, check=False
            )
        finally:
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o755)
        assert done.stderr == ""
        assert done.stdout == (
            f"{store.folder.path}/.lock: Permission denied; the policy store could not be changed, and what"
            " was current is current: make room or get the right to write there, and try again\n"
        )


def test_a_file_where_the_store_should_be_is_an_error_that_names_it(store):
    store.folder.root.write_text("")
    with pytest.raises(StoreWriteError, match=r"store.*: Not a directory|store.*: File exists"):
        record(store, 1)


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
@settings(deadline=None, max_examples=200)
def test_each_run_id_has_a_folder_of_its_own(one, other):
    names = folder_of_run(one), folder_of_run(other)
    assert (names[0] == names[1]) == (one == other)
    for name in names:
        assert len(name.encode()) <= 217
        assert "/" not in name
        assert not name.startswith(".")


@given(st.lists(st.tuples(st.sampled_from(["run", "promote", "rollback"]), st.integers(1, 4)), max_size=12))
@settings(deadline=None, max_examples=40)
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
