"""Clearing one task of an old run, and a frozen config that somebody changes. About 20 seconds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.airflow_site import DagRunResult, Site, model, train_cmd

pytestmark = pytest.mark.slow

LEAVES = train_cmd(1)
ONCE = {"retries": 0}
SLOW = "[ ! -e {config_dir}/broken ] || exit 3; " + LEAVES


def pool(*names: str, **fields: Any) -> str:
    online = [model(name, cmd=LEAVES) for name in names]
    return json.dumps({**fields, "models": [*online, model("slow", "offline", cmd=SLOW)], "airflow": ONCE})


def without_time(policy: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in policy.items() if name != "created_at"}


def without_record(policy: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in policy.items() if name != "record"}


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    return new_site("clearing")


class TestAModelThatLeftTheConfig:
    """cases/runs/removed_then_cleared.json."""

    def test_counts_if_it_had_ended_well_in_the_run(self, home: Site) -> None:
        path = home.configs / "removed.json"
        cleared = {"clear": "elpa_removed", "task_ids": ["offline.slow", "integrate"]}
        first, again = home.steps(
            {"write": {str(path): pool("fast", "second")}},
            {"run": "elpa_removed"},
            {"write": {str(path): pool("fast")}},
            cleared,
        )
        assert first.state == again.state == "success"
        assert (again.states["online.second"], again.run_id) == ("removed", first.run_id)
        numbered = [again.read("policies", name) for name in ("0001.json", "0002.json")]
        assert [policy.pop("record")["number"] for policy in numbered] == [1, 2]
        assert without_time(numbered[0]) == without_time(numbered[1]) == without_time(again.policy)
        assert set(again.policy["errors"]) == {"fast", "second", "slow"}
        assert again.policy["degraded"] is False
        note = "was edited since this run froze its config"
        assert note in again.log
        assert note not in first.log

    def test_an_edit_is_part_of_a_failure_and_an_untrue_policy_goes(self, home: Site) -> None:
        path = home.configs / "fails.json"
        (home.configs / "broken").unlink(missing_ok=True)
        first, again = home.steps(
            {"write": {str(path): pool("fast", beta=0.5)}},
            {"run": "elpa_fails"},
            {"write": {str(path): pool("fast", beta=0.6), str(home.configs / "broken"): ""}},
            {"clear": "elpa_fails", "task_ids": ["offline.slow", "integrate"]},
        )
        (home.configs / "broken").unlink()
        assert (first.state, again.state) == ("success", "failed")
        failure = "the command ended with exit code 3; "
        assert failure in again.log
        said = again.log.split(failure, 1)[1]
        assert "was edited since this run froze its config" in said.split("\n", 1)[0]
        assert "clear all tasks of the run to take the new one" in said.split("\n", 1)[0]
        assert not (again.run_dir / "elpa_policy.json").exists()


@pytest.fixture(scope="module")
def changed(home: Site) -> list[DagRunResult]:
    text = pool("fast", seed=4242)
    frozen = str(home.home / "elpa" / "elpa_changed" / "runs" / "RUN" / "config.json")
    return home.steps(
        {"write": {str(home.configs / "changed.json"): text}},
        {"run": "elpa_changed"},
        {"write": {frozen: text.replace("4242", "4343")}},
        {"clear": "elpa_changed", "task_ids": ["offline.slow", "integrate"]},
    )


class TestAFrozenConfigThatSomebodyChanges:
    def test_no_command_starts(self, changed: list[DagRunResult]) -> None:
        assert changed[1].states == {
            "online.fast": "success",
            "offline.slow": "failed",
            "integrate": "failed",
        }
        assert changed[1].tries["offline.slow"] == 2
        log = changed[1].log
        assert "somebody changed the frozen config: clear all tasks of the run to begin anew" in log
        assert "that of the task online.fast" in log
        assert "Command:" not in log

    def test_integrate_fails_and_leaves_a_true_policy_and_clearing_all_begins_anew(
        self, home: Site, changed: list[DagRunResult]
    ) -> None:
        assert changed[1].log.count("somebody changed the frozen config") >= 2
        assert changed[1].policy == without_record(changed[1].read("policies", "0001.json"))
        everything = ["online.fast", "offline.slow", "integrate"]
        clear = {"clear": "elpa_changed", "run_id": changed[1].run_id, "task_ids": everything}
        (again,) = home.steps(clear)
        assert again.state == "success"
        assert "4242" in (again.run_dir / "config.json").read_text(encoding="utf-8")
        assert len(list((again.run_dir / "policies").iterdir())) == 2

    def test_a_command_that_changes_it_has_failed(self, home: Site) -> None:
        changes = "sed -i s/4242/4343/ {run_dir}/generations/*.json {run_dir}/config.json; " + LEAVES
        models = [model("fast", cmd=changes), model("slow", "offline", cmd=LEAVES)]
        text = json.dumps({"seed": 4242, "models": models, "airflow": {"retries": 3, "retry_delay": 0}})
        (run,) = home.steps({"write": {str(home.configs / "tampers.json"): text}}, {"run": "elpa_tampers"})[
            -1:
        ]
        assert (run.states["online.fast"], run.tries["online.fast"]) == ("failed", 1)
        assert "was changed while the command ran: clear all tasks" in run.task_log("online.fast")
        assert run.states["integrate"] == "failed"
        assert "somebody changed the frozen config" in run.log
        assert not (run.run_dir / "elpa_policy.json").exists()


def test_a_run_without_a_recorded_sha256_is_taken_as_it_is(home: Site) -> None:
    (home.configs / "older.json").write_text(pool("fast"), encoding="utf-8")
    (run,) = home.steps({"run": "elpa_older"})
    home.query("DELETE FROM xcom WHERE key = 'elpa_config' AND run_id = ?", run.run_id)
    clear = {"clear": "elpa_older", "run_id": run.run_id, "task_ids": ["integrate"]}
    (again,) = home.steps(clear)
    assert again.state == "success"
    assert "no SHA-256 of their config is recorded" in again.log
    assert "offline.slow" in again.log.split("no SHA-256 of their config", 1)[1].split("\n", 1)[0]
