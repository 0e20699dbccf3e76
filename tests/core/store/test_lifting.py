"""A person lifts what a rollback ruled, or a current policy of the future."""

import json

import pytest
from support.stores import actions, check, check_repaired, current_run, policy, record, run

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.store.history import entries_of

FUTURE = "2199-01-01T00:00:00Z"


def lift(store):
    return store.lift(reason="mended", actor="user ada")


def from_the_future(store):
    """Make a policy of the future the current one, as earlier versions did by themselves."""
    store.record("future", FUTURE, policy())
    store.promote("future", reason="a wrong date", actor="me")


class TestAfterARollback:
    def test_runs_are_published_again_that_are_not_older_than_the_current_policy(self, any_store):
        for number in (1, 2, 4):
            run(any_store, number)
        any_store.rollback(reason="bad", actor="me")
        assert run(any_store, 3).entry.action == "recorded"
        before = files.read(any_store.folder.current)
        outcome = lift(any_store)
        assert (outcome.changed, outcome.published, outcome.replaced) == (True, False, None)
        assert files.read(any_store.folder.current) == before
        assert [run(any_store, number).entry.action for number in (1, 3)] == ["recorded", "published"]
        check_repaired(any_store)

    def test_the_history_says_who_why_and_what_was_lifted(self, store):
        for number in (1, 2):
            run(store, number)
        store.rollback(reason="bad", actor="me")
        entry = lift(store).entry
        assert store.history()[-1] == entry
        assert (entry.action, entry.number, entry.run_id) == ("lifted", None, "day1")
        assert (entry.reason, entry.actor) == ("mended", "user ada")
        assert entry.lifts == "2026-01-02T00:00:00Z"

    def test_of_several_all_are_lifted(self, store):
        for number in (1, 2, 4):
            run(store, number)
        for _ in range(2):
            store.rollback(reason="bad", actor="me")
        assert lift(store).entry.lifts == "2026-01-04T00:00:00Z"
        assert run(store, 1).entry.action == "published"

    def test_the_next_rollback_rules_anew(self, store):
        for number in (1, 2, 5):
            run(store, number)
        store.rollback(reason="bad", actor="me")
        lift(store)
        run(store, 4)
        store.rollback(reason="bad too", actor="me")
        assert run(store, 3).entry.action == "recorded"
        assert lift(store).entry.lifts == "2026-01-04T00:00:00Z"
        assert run(store, 3).entry.action == "published"

    def test_a_rollback_from_the_future_is_lifted_too(self, any_store):
        run(any_store, 1)
        from_the_future(any_store)
        any_store.rollback(reason="a wrong date", actor="me")
        assert run(any_store, 2).entry.action == "recorded"
        assert lift(any_store).entry.lifts == FUTURE
        assert run(any_store, 2).entry.action == "published"


class TestACurrentPolicyOfTheFuture:
    def test_the_next_run_is_published_although_older_and_from_then_on_all_is_as_ever(self, any_store):
        run(any_store, 1)
        from_the_future(any_store)
        held = run(any_store, 2).entry
        assert held.reason == (
            f"older than the current policy, which is as of {FUTURE} (publication 2); a person can lift that:"
            " elpa policy lift"
        )
        assert lift(any_store).entry.lifts == FUTURE
        assert current_run(any_store) == "future"
        published = run(any_store, 3).entry
        assert published.reason == (
            f"older than publication 2, which is as of {FUTURE} and does not count since a person has lifted"
            " that"
        )
        assert [run(any_store, number).entry.action for number in (2, 4)] == ["recorded", "published"]
        check_repaired(any_store)

    def test_a_run_older_than_what_was_published_before_is_recorded_still(self, store):
        run(store, 3)
        from_the_future(store)
        lift(store)
        assert run(store, 2).entry.reason == (
            "older than the last policy before the lift, which is as of 2026-01-03T00:00:00Z (publication 1)"
        )
        assert run(store, 3).published

    def test_nothing_but_the_future_was_published_before(self, store):
        from_the_future(store)
        lift(store)
        assert run(store, 1).published

    def test_the_future_itself_is_not_published_after_it(self, store):
        from_the_future(store)
        lift(store)
        store.record("nearer", "2198-01-01T00:00:00Z", policy())
        assert "ahead of the clock" in store.publish("nearer").entry.reason


class TestDoneAgain:
    def test_before_the_next_publication_it_changes_nothing(self, any_store):
        for number in (1, 2):
            run(any_store, number)
        any_store.rollback(reason="bad", actor="me")
        first = lift(any_store)
        again = any_store.lift(reason="once more", actor="me")
        assert (again.changed, again.entry) == (False, first.entry)
        assert actions(any_store)[-1] == "lifted day1 1"
        assert len(actions(any_store)) == 4

    @pytest.mark.parametrize(
        "make", ["nothing published", "one", "later one after a rollback", "lifted, later"]
    )
    def test_where_nothing_is_ruled_out_it_is_refused(self, store, make, snapshot):
        record(store, 1)
        if make != "nothing published":
            run(store, 1)
        if make in {"later one after a rollback", "lifted, later"}:
            run(store, 2)
            store.rollback(reason="bad", actor="me")
            if make == "lifted, later":
                lift(store)
            run(store, 3)
        before = snapshot()
        with pytest.raises(InputError) as refused:
            lift(store)
        assert str(refused.value) == (
            f"{store.folder.history}: found no policy taken back that rules runs out, and no current one of"
            " the future; expected something to lift"
        )
        assert snapshot() == before

    def test_a_reason_is_needed(self, store):
        run(store, 1)
        with pytest.raises(InputError, match="expected why, in a few words"):
            store.lift(reason=" ", actor="me")


def test_a_history_of_an_earlier_version_is_read_as_before(store):
    for number in (1, 2):
        run(store, number)
    store.rollback(reason="bad", actor="me")
    entries = store.history()
    lines = [json.loads(line) for line in store.folder.history.read_bytes().splitlines()]
    old = [{name: value for name, value in line.items() if name not in {"lifts", "clock"}} for line in lines]
    data = "".join(json.dumps(line) + "\n" for line in old).encode()
    assert entries_of(data, "history") == entries
    store.folder.history.write_bytes(data)
    lift(store)
    assert store.folder.history.read_bytes().startswith(data)
    assert run(store, 2).entry.action == "published"
    check(store)


def test_a_lift_with_a_publication_number_is_refused(store):
    for number in (1, 2):
        run(store, number)
    store.rollback(reason="bad", actor="me")
    line = lift(store).entry.to_json() | {"number": 9}
    with store.folder.history.open("a") as history:
        history.write(json.dumps(line) + "\n")
    with pytest.raises(InputError, match="line 5: found a publication number; expected none"):
        run(store, 3)
