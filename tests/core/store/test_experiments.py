"""Runs that are recorded although no later policy is there: experiments, trials, dates in the future."""

import datetime as dt

import pytest
from support.stores import actions, check_repaired, current_run, day, policy, record, run

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.store import Start
from elpa_core.store.local import append_history
from elpa_core.store.pruning import prune
from elpa_core.times import now, utc_text

EXPERIMENT = "an experiment: horizon 12 instead of 1"
TRIAL = "__airflow_temporary_run_2026-01-05T00:00:00+00:00__"


def ahead(**time):
    """Return the moment that lies so far ahead of the clock."""
    return utc_text(now() + dt.timedelta(**time))


class TestExperiment:
    def test_is_recorded_with_its_reason_and_leaves_what_is_current(self, any_store):
        run(any_store, 1)
        outcome = run(any_store, 2, start=Start(EXPERIMENT))
        assert (outcome.published, outcome.entry.action) == (False, "recorded")
        assert outcome.entry.reason == EXPERIMENT
        assert any_store.history()[-1] == outcome.entry
        assert current_run(any_store) == "day1"

    def test_is_not_the_first_policy_either(self, store):
        assert run(store, 1, start=Start(EXPERIMENT)).entry.action == "recorded"
        assert not store.folder.current.exists()

    def test_is_published_if_a_person_chose_so_and_the_history_says_it(self, any_store):
        run(any_store, 1)
        outcome = run(any_store, 2, start=Start(EXPERIMENT, publish=True))
        assert outcome.entry.reason == (
            "later than publication 1, which is as of 2026-01-01T00:00:00Z; publish: true was given,"
            f" {EXPERIMENT}"
        )
        assert current_run(any_store) == "day2"
        check_repaired(any_store)

    def test_can_be_promoted(self, store):
        run(store, 1)
        run(store, 2, start=Start(EXPERIMENT))
        store.promote("day2", reason="a horizon of 12 it is", actor="me")
        assert current_run(store) == "day2"


class TestPublishChosen:
    def test_false_keeps_any_run_from_being_published(self, store):
        run(store, 1)
        outcome = run(store, 2, start=Start(publish=False))
        assert (outcome.entry.action, outcome.entry.reason) == (
            "recorded",
            "publish: false was given when the run was started",
        )

    def test_true_does_not_change_the_order(self, store):
        run(store, 2)
        outcome = run(store, 1, start=Start(EXPERIMENT, publish=True))
        assert (outcome.entry.action, outcome.entry.reason) == (
            "recorded",
            "older than the current policy, which is as of 2026-01-02T00:00:00Z (publication 1);"
            " publish: true does not change that, elpa policy promote does",
        )

    def test_true_does_not_open_the_gate(self, store):
        run(store, 1, policy({"a": 1.0}))
        worse = policy({"a": 9.0})
        outcome = run(store, 2, worse, max_score_increase=0.1, start=Start(EXPERIMENT, publish=True))
        assert outcome.entry.action == "held"

    def test_true_alone_is_a_run_like_any_other(self, store):
        run(store, 1)
        assert run(store, 2, start=Start(publish=True)).entry.reason == (
            "later than publication 1, which is as of 2026-01-01T00:00:00Z"
        )


class TestFuture:
    def test_more_than_an_hour_ahead_of_the_clock_is_recorded(self, any_store):
        run(any_store, 1)
        any_store.record("late", "2199-01-01T00:00:00Z", policy())
        outcome = any_store.publish("late")
        assert outcome.entry.action == "recorded"
        assert outcome.entry.reason.startswith(
            "as of 2199-01-01T00:00:00Z, more than an hour ahead of the clock, which says 20"
        )
        assert run(any_store, 2).entry.action == "published"

    @pytest.mark.parametrize(
        ("lead", "action"), [({"minutes": 30}, "published"), ({"minutes": 90}, "recorded")]
    )
    def test_less_is_published(self, store, lead, action):
        store.record("soon", ahead(**lead), policy())
        assert store.publish("soon").entry.action == action

    def test_a_person_s_choice_does_not_change_that_but_a_promotion_does(self, store):
        store.record("late", ahead(days=1), policy())
        outcome = store.publish("late", start=Start(publish=True))
        assert outcome.entry.action == "recorded"
        assert outcome.entry.reason.endswith("publish: true does not change that, elpa policy promote does")
        assert store.promote("late", reason="a test", actor="me").published


class TestTrial:
    @pytest.mark.parametrize("start", [None, Start(publish=True)])
    def test_is_never_published(self, any_store, start):
        any_store.record(TRIAL, day(5), policy())
        outcome = any_store.publish(TRIAL, start=start)
        assert (outcome.entry.action, outcome.entry.reason) == (
            "recorded",
            "the run was made by airflow tasks test for a try",
        )

    def test_is_not_promoted_either(self, store, snapshot):
        store.record(TRIAL, day(5), policy())
        before = snapshot()
        with pytest.raises(InputError, match="found a run that airflow tasks test made for a try"):
            store.promote(TRIAL, reason="why not", actor="me")
        assert snapshot() == before

    def test_is_never_counted_by_pruning_and_goes(self, any_store):
        for number in (1, 2, 3):
            run(any_store, number)
        any_store.record(TRIAL, day(5), policy())
        finish(any_store, "day1", "day2", "day3", TRIAL)
        pruned = prune(any_store.folder, 2)
        assert [removed.run_id for removed in pruned.removed] == ["day1", TRIAL]
        assert any_store.folder.run_folders() == ["day2", "day3"]

    def test_its_config_does_not_say_how_many_runs_to_keep(self, store):
        for number in (1, 2, 3):
            run(store, number)
        store.record(TRIAL, day(5), policy())
        finish(store, "day1", "day2", "day3", TRIAL)
        (store.folder.run("day3") / "config.json").write_text('{"airflow": {"keep_runs": 2}}')
        (store.folder.run(TRIAL) / "config.json").write_text('{"airflow": {"keep_runs": 1}}')
        assert [removed.run_id for removed in prune(store.folder).removed] == ["day1", TRIAL]

    def test_that_an_earlier_version_published_is_no_way_back(self, store):
        first = run(store, 1).entry
        store.record(TRIAL, day(2), policy())
        published = first.model_copy(update={"number": 2, "run_id": TRIAL, "as_of": "2026-01-02T00:00:00Z"})
        append_history(store.folder.history, published, store.folder.history.stat().st_size)
        run(store, 3)
        store.rollback(reason="bad", actor="me")
        assert current_run(store) == "day1"
        assert len(actions(store)) == 4


def finish(store, *run_ids):
    """Write the manifests of runs that have ended."""
    for run_id in run_ids:
        files.write(store.folder.run(run_id) / "train_manifest.json", b"{}")


def test_what_was_decided_on_an_experiment_stands(store):
    record(store, 1)
    store.publish("day1", start=Start(EXPERIMENT))
    again = store.publish("day1", start=Start(EXPERIMENT, publish=True))
    assert (again.changed, again.entry.action) == (False, "recorded")
