"""A store that ELPA 0.1.0 made goes on: look at it, promote, roll back, prune. Under 1 s."""

import json
import shutil
from pathlib import Path

import pytest

from elpa_core.config.training import RunFields
from elpa_core.runs.earlier_artifacts import carry, newest_artifacts
from elpa_core.store import PolicyStore
from elpa_core.times import parse_moment

MADE = Path(__file__).parents[2] / "support" / "made_by_0_1_0"
DAYS = ["2026-01-05", "2026-01-06", "2026-01-04", "2026-01-07"]


@pytest.fixture
def old(tmp_path):
    shutil.copytree(MADE / "store", tmp_path / "store")
    return PolicyStore(tmp_path / "store", "load")


@pytest.fixture
def elpa_policy(command):
    """Run a command on the store; it must succeed."""

    def run(*arguments):
        status, stdout, stderr = command(*arguments, dag="load")
        assert (status, stderr) == (0, "")
        return stdout

    return run


@pytest.fixture
def run_ids(old):
    return sorted(old.folder.run_folders())


def ewma(score, *errors):
    for error in errors:
        score = 0.7 * score + (1 - 0.7) * error
    return score


def current(old):
    return old.current().record.as_of[:10]


def test_the_history_is_listed(old, elpa_policy):
    listed = json.loads(elpa_policy("policy", "list", "--json"))
    assert [(entry["number"], entry["action"], entry["as_of"][:10]) for entry in listed] == [
        (1, "published", "2026-01-05"),
        (2, "published", "2026-01-06"),
        (None, "recorded", "2026-01-04"),
        (3, "published", "2026-01-07"),
        (4, "rolled_back", "2026-01-06"),
        (5, "promoted", "2026-01-04"),
        (6, "rolled_back", "2026-01-06"),
    ]
    assert "the day that was checked" in elpa_policy("policy", "list")


def test_each_policy_is_shown_and_compared(old, elpa_policy, run_ids):
    scores = []
    for run_id, day in zip(run_ids, DAYS, strict=True):
        policy = json.loads(elpa_policy("policy", "show", run_id, "--json"))
        assert policy["run"]["as_of"] == f"{day}T00:00:00Z"
        scores.append(policy["scores"])
    assert scores[0] == {"naive": ewma(1, 3, 2), "tide": ewma(2, 1, 1)}
    assert json.loads(elpa_policy("policy", "current", "--json"))["scores"] == scores[1]
    assert elpa_policy("policy", "diff", run_ids[0], run_ids[3]).splitlines()[:2] == [
        f"from  run {run_ids[0]}, policy 1, as of 2026-01-05T00:00:00Z",
        f"to    run {run_ids[3]}, policy 1, as of 2026-01-07T00:00:00Z",
    ]


def test_a_person_promotes_rolls_back_and_lifts(old, elpa_policy, run_ids):
    elpa_policy("policy", "promote", run_ids[0], "--reason", "tried")
    assert current(old) == "2026-01-05"
    elpa_policy("policy", "rollback", "--reason", "tried enough")
    assert current(old) == "2026-01-06"
    lifted = elpa_policy("policy", "lift", "--reason", "the data was mended")
    assert "2026-01-07" in lifted


def test_what_0_1_0_ruled_still_holds(old, run_ids):
    policy = {name: value for name, value in old.policy(run_ids[3]).raw.items() if name != "record"}
    recorded = old.record("again", "2026-01-07T00:00:00+00:00", policy)
    assert old.publish("again", recorded.number).entry.action == "recorded"
    recorded = old.record("later", "2026-01-08T00:00:00+00:00", policy)
    assert old.publish("later", recorded.number).entry.action == "published"


def test_pruning_keeps_what_is_needed(old, elpa_policy, run_ids):
    elpa_policy("runs", "prune", "--keep", "1")
    # The newest, the current one, the promoted one and the one that a rollback goes back to.
    assert sorted(old.folder.run_folders()) == run_ids
    elpa_policy("policy", "promote", run_ids[1], "--reason", "stays")


def test_what_a_run_was_trained_on_is_taken_from_its_frozen_config_and_what_was_chosen(
    old, run_ids, tmp_path
):
    new = old.folder.run("new")
    found = list(newest_artifacts(new, "tide", "offline", parse_moment("2026-02-01T00:00:00Z")))
    here = RunFields(dataset="load.csv", horizon=2, context={"epochs": 3})
    assert [(one.run_id, one.misfit(here)) for one in found] == [
        (run_ids[3], "trained on other.csv, this run has load.csv; trained with horizon 12, this run has 2"),
        (run_ids[1], None),
        (run_ids[0], None),
        (run_ids[2], None),
    ]
    assert found[0].misfit(RunFields(dataset="other.csv", horizon=12, context={"epochs": 3})) is None
    assert found[1].misfit(RunFields(dataset="load.csv", horizon=2)) == (
        "trained with context.epochs, which this run does not have"
    )
    assert found[1].is_in_manifest()
    artifact = carry(found[1], new / "models" / "tide")
    assert Path(artifact.path).read_bytes() == b"y_true,pred\n1,3\n2,3\n3,2\n"
