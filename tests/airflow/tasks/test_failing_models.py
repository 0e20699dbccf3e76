"""Whole Dags by ``dag.test()`` in which models fail: what is written, and what is said. About 15 seconds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from support.airflow_site import DagRunResult, Site, model, pair, train_cmd
from support.notifiers import NOTIFIERS, noted, notes
from support.pages import fences

# A failure that no test foresaw would wait five minutes for its second try.
ONCE = {"retries": 0}
FAILS_ONCE = """\
if [ ! -e {config_dir}/tried ]; then
  touch {config_dir}/tried
  echo junk > junk
  printf '%s\\n' abs_error 1000 > errors.csv
  exit 1
fi
ls -A > found
""" + train_cmd(1, 2)


def failing_models() -> list[dict[str, Any]]:
    return [
        model("good", airflow={"retries": 0}),
        model("crash", cmd="echo about to fail; exit 3", airflow={"retries": 0}),
        model("ninety_nine", "offline", cmd="exit 99", airflow={"retries": 0}),
        model("off", "offline"),
    ]


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    site = new_site("failing")
    (alerting,) = [one.text for one in fences("plugins/README.md") if "on_failure_callback" in one.text]
    site.dag_file.write_text(alerting, encoding="utf-8")
    (site.dags / "notifiers_of_tests.py").write_text(NOTIFIERS, encoding="utf-8")
    site.config("fails", failing_models(), airflow={"notify": notes(site.home / "told", "failed")[1:]})
    site.config("goes_on", failing_models(), airflow={"on_model_failure": "continue"})
    site.config(
        "too_few", failing_models(), airflow={"on_model_failure": "continue", "min_models_per_group": 2}
    )
    site.config(
        "emptied",
        [model("crash", cmd="kill -9 $$"), model("on", enabled=False), model("off", "offline")],
        airflow={"on_model_failure": "continue", **ONCE},
    )
    flaky = [model("flaky", cmd=FAILS_ONCE), model("off", "offline")]
    site.config("retried", flaky, airflow={"retry_delay": 0})
    site.config("steady", [model("flaky", cmd=train_cmd(1, 2)), model("off", "offline")], airflow=ONCE)
    in_the_way = "mkdir -p {run_dir}/train_manifest.json"
    site.config("unwritten", [model("on", cmd=train_cmd(1, first=in_the_way)), pair()[1]], airflow=ONCE)
    refused = [model("refused", cmd="echo $(({run_id}))", airflow={"retries": 1}), *pair()]
    site.config("refuses", refused, airflow={"on_model_failure": "continue"})
    return site


@pytest.fixture(scope="module")
def runs(home: Site) -> dict[str, DagRunResult]:
    return {dag_id.removeprefix("elpa_"): run for dag_id, run in home.dag_test().items()}


class TestFailingModels:
    def test_fail_waits_for_all_models_and_writes_no_policy(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["fails"]
        assert run.states == {
            "online.good": "success",
            "online.crash": "failed",
            "offline.ninety_nine": "failed",
            "offline.off": "success",
            "integrate": "failed",
        }
        assert run.state == "failed"
        assert not (run.run_dir / "elpa_policy.json").exists()
        assert "integrate" not in run.xcoms

    def test_a_notifier_is_called_once_by_airflow_dags_test_too(
        self, home: Site, runs: dict[str, DagRunResult]
    ) -> None:
        assert noted(home.home / "told") == [[runs["fails"].run_id, "failed", "crash ninety_nine"]]
        assert "Callback failed" not in runs["fails"].log

    def test_the_alert_of_the_page_is_called_once_per_task_that_has_failed_for_good(
        self, runs: dict[str, DagRunResult]
    ) -> None:
        run = runs["fails"]
        for task_id, reason in (
            ("online.crash", "exit code 3"),
            ("integrate", "no policy: online model crash"),
        ):
            (alert,) = re.findall(r"failed for good: .*", run.task_log(task_id))
            assert alert.startswith(f"failed for good: elpa_fails {task_id} in {run.run_id}: ")
            assert reason in alert
        assert "failed for good" not in run.task_log("online.good")
        assert runs["retried"].tries["online.flaky"] == 2
        assert "failed for good" not in runs["retried"].log

    def test_integrate_does_not_try_again_and_names_the_models(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["fails"]
        assert run.tries["integrate"] == 1
        assert (
            "no policy: online model crash (the task failed: the command ended with exit code 3); "
            "offline model ninety_nine (the task failed: the command ended with exit code 99); "
            "on_model_failure is fail"
        ) in run.task_log("integrate")

    def test_the_manifest_tells_the_truth(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["fails"]
        statuses = {entry["name"]: entry["status"] for entry in run.manifest["models"]}
        assert statuses == {"good": "ok", "crash": "failed", "ninety_nine": "failed", "off": "ok"}
        entry = run.entry("crash")
        assert entry["return_code"] == 3
        assert entry["reason"] == "the task failed: the command ended with exit code 3"
        assert "] about to fail" in run.task_log("online.crash")

    def test_continue_goes_on_without_them(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["goes_on"]
        assert (run.states["integrate"], run.state) == ("success", "success")
        policy = run.policy
        assert policy["degraded"] is True
        assert policy["missing"] == [
            {
                "name": name,
                "group": group,
                "reason": f"the task failed: the command ended with exit code {code}",
                "intended": False,
            }
            for name, group, code in (("crash", "online", 3), ("ninety_nine", "offline", 99))
        ]
        assert (policy["online_models"], policy["offline_models"]) == (["good"], ["off"])

    def test_too_few_models_of_a_group(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["too_few"]
        assert (run.states["integrate"], run.tries["integrate"]) == ("failed", 1)
        assert (
            "no policy: 1 online model, min_models_per_group is 2; missing: online model crash (the task "
            "failed: the command ended with exit code 3)"
        ) in run.task_log("integrate")
        assert not (run.run_dir / "elpa_policy.json").exists()

    def test_an_empty_group(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["emptied"]
        assert run.states["integrate"] == "failed"
        assert (
            "no policy: 0 online models, min_models_per_group is 1; missing: online model crash (the task "
            "failed: the command ended with exit code -9 (SIGKILL, killed from outside: out of memory?));"
            " online model on (disabled)"
        ) in run.task_log("integrate")

    def test_a_manifest_that_cannot_be_written_is_told_as_the_store_tells_it(
        self, runs: dict[str, DagRunResult]
    ) -> None:
        run = runs["unwritten"]
        assert run.states["integrate"] == "failed"
        path = run.run_dir / "train_manifest.json"
        assert (
            f"{path}: Is a directory; the policy store could not be changed, and the"
            " current policy is as it was: make room or get the right to write there, and try again"
        ) in run.task_log("integrate")
        assert not (run.run_dir / "elpa_policy.json").exists()

    @pytest.mark.parametrize(
        ("run", "task_id"),
        [
            ("fails", "online.crash"),
            ("fails", "integrate"),
            ("unwritten", "integrate"),
            ("refuses", "online.refused"),
        ],
    )
    def test_a_failure_has_one_traceback_at_most_and_none_through_the_core(
        self, runs: dict[str, DagRunResult], run: str, task_id: str
    ) -> None:
        log = runs[run].task_log(task_id)
        assert "exception" in log
        assert log.count("Traceback (most recent call last)") <= 1
        assert "The above exception" not in log
        assert "/elpa_core/" not in log


class TestTryingAgain:
    def test_a_second_try_works_as_a_first(self, runs: dict[str, DagRunResult]) -> None:
        retried, steady = runs["retried"], runs["steady"]
        assert (retried.tries["online.flaky"], steady.tries["online.flaky"]) == (2, 1)
        assert retried.state == "success"
        own = {"created_at", "run", "record"}
        assert {k: v for k, v in retried.policy.items() if k not in own} == {
            k: v for k, v in steady.policy.items() if k not in own
        }

    def test_it_finds_nothing_of_the_first(self, runs: dict[str, DagRunResult]) -> None:
        folder = runs["retried"].run_dir / "models" / "flaky"
        assert (folder / "found").read_text(encoding="utf-8").split() == ["found", "status.json"]
        assert sorted(path.name for path in folder.iterdir()) == ["errors.csv", "found", "status.json"]


class TestAValueThatCannotReachItsCommand:
    """Here a run id, in an arithmetic expression."""

    def test_it_fails_the_task_without_retry_and_before_the_command(
        self, runs: dict[str, DagRunResult]
    ) -> None:
        run = runs["refuses"]
        assert (run.states["online.refused"], run.tries["online.refused"]) == ("failed", 1)
        log = run.task_log("online.refused")
        assert f'found the value "{run.run_id}" for {{run_id}}' in log
        assert "ELPA_RUN_ID" in log
        assert "Command:" not in log

    def test_policy_and_manifest_say_why(self, home: Site, runs: dict[str, DagRunResult]) -> None:
        run = runs["refuses"]
        (missing,) = run.policy["missing"]
        assert missing["reason"].startswith(
            f"the task failed: {home.configs}/refuses.json: $.models[0].train_cmd"
        )
        assert f'found the value "{run.run_id}" for {{run_id}}' in missing["reason"]
        entry = run.entry("refused")
        assert (entry["status"], entry["train_cmd"], entry["started_at"]) == ("failed", None, None)
        assert entry["reason"] == missing["reason"]
