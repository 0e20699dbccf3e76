"""What a person's word does: promotions and rollbacks."""

import pytest
from support.stores import check_repaired, current_run, policy, record, run

from elpa_core.errors import InputError
from elpa_core.store import PolicyStore
from elpa_core.views import Books
from elpa_core.views.changes import change


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
            " (publication 2); a person can lift that: elpa policy lift"
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


class TestADecisionOnWhatWasShown:
    """A person looks, and decides with a token of what was shown."""

    def seen(self, store, action):
        return change(Books().read(store.folder), action).token

    @pytest.mark.parametrize("action", ["rollback", "lift"])
    def test_is_refused_if_others_have_decided_since(self, any_store, action):
        for number in (1, 2, 3):
            run(any_store, number)
        any_store.rollback(reason="bad", actor="me")
        token = self.seen(any_store, action)
        any_store.promote("day1", reason="by another", actor="you")
        before = any_store.history()
        with pytest.raises(InputError, match="decisions that were made meanwhile"):
            getattr(any_store, action)(reason="x", actor="me", token=token)
        assert any_store.history() == before

    def test_is_made_if_nobody_has(self, any_store):
        for number in (1, 2, 3):
            run(any_store, number)
        any_store.rollback(reason="x", actor="me", token=self.seen(any_store, "rollback"))
        any_store.lift(reason="x", actor="me", token=self.seen(any_store, "lift"))
        any_store.promote("day1", reason="x", actor="me", token=self.seen(any_store, "rollback")[0])
        assert [entry.action for entry in any_store.history()[-3:]] == ["rolled_back", "lifted", "promoted"]

    def test_is_refused_if_what_it_goes_back_to_was_removed_since(self, store):
        for number in (1, 2, 3):
            run(store, number)
        token = self.seen(store, "rollback")
        store.folder.policy("day2", 1).unlink()
        with pytest.raises(InputError, match="decisions that were made meanwhile"):
            store.rollback(reason="x", actor="me", token=token)
        assert current_run(store) == "day3"

    @pytest.mark.slow
    def test_is_refused_if_others_decide_while_it_is_made(self, s3_store, monkeypatch):
        for number in (1, 2, 3):
            run(s3_store, number)
        token, other = self.seen(s3_store, "rollback"), PolicyStore(s3_store.folder.root, "pool")

        def and_another_promotes(entry):
            monkeypatch.undo()
            other.promote("day1", reason="faster", actor="you")
            return other.is_there(entry)

        monkeypatch.setattr(s3_store, "is_there", and_another_promotes)
        with pytest.raises(InputError, match="decisions that were made meanwhile"):
            s3_store.rollback(reason="x", actor="me", token=token)
        assert current_run(s3_store) == "day1"
