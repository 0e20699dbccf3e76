"""One run, as people see it: over REST, in its folder and in its logs. About 15 seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from support.airflow_runs import eventually, read_json
from support.airflow_site import model, train_cmd
from support.notifiers import noted, notes
from support.standalone_airflow import Standalone
from support.statsd import Statsd

from elpa_core.config.integration import load_integration_config
from elpa_core.policy.integration import integrate_config

pytestmark = pytest.mark.slow

TOKEN = "hunter2-of-the-standalone"
FAILS_TWICE = "echo >> {config_dir}/tries; [ $(wc -l < {config_dir}/tries) -gt 2 ] || exit 5"


def quick_models() -> list[dict[str, Any]]:
    return [
        model("ridge", cmd=train_cmd(3.5, 2.25, 1, first="echo trained {model_name} for {as_of}")),
        # Not a plain name, to see that it is no trouble for real processes.
        model("naïve", cmd=train_cmd(2, 4)),
        model(
            "tide",
            "offline",
            cmd=train_cmd(7, 9, first='echo "token $API_TOKEN"; echo {api_key} | wc -c'),
            env={"API_TOKEN": TOKEN},
        ),
        model("tft", "offline", cmd=train_cmd(6, 5)),
        model("flaky", cmd=train_cmd(5, 8, first=FAILS_TWICE), airflow={"retries": 2}),
        model("idle", "offline", enabled=False),
    ]


QUICK = "elpa_quick"


@pytest.fixture(scope="module")
def run_id(standalone: Standalone) -> str:
    told = notes(standalone.home / "told_of_quick", "degraded", "recorded", "published")
    airflow = {"retries": 0, "retry_delay": 0, "notify": told}
    standalone.config("quick", quick_models(), beta=0.6, context={"api_key": TOKEN}, airflow=airflow)
    run_id = standalone.trigger(QUICK)
    assert standalone.wait(QUICK, run_id) == "success", standalone.states(QUICK, run_id)
    return run_id


@pytest.fixture(scope="module")
def folder_of_run(standalone: Standalone, run_id: str) -> Path:
    return standalone.run_dir(QUICK, run_id)


class TestARun:
    def test_the_policy_is_the_cores_own_answer(
        self, standalone: Standalone, run_id: str, folder_of_run: Path, tmp_path: Path
    ) -> None:
        trained = [m for m in quick_models() if m.get("enabled", True)]
        errors = {m["name"]: folder_of_run / "models" / m["name"] / "errors.csv" for m in trained}
        models = [
            {"name": m["name"], "group": m["group"], "error_csv": str(errors[m["name"]])} for m in trained
        ]
        config = tmp_path / "integrate.json"
        config.write_text(json.dumps({"beta": 0.6, "models": models}), encoding="utf-8")
        expected = integrate_config(load_integration_config(config)).policy.to_json()
        policy = read_json(folder_of_run / "elpa_policy.json")
        for name in ("scores", "online_weights", "offline_weights", "errors", "online_models", "degraded"):
            assert policy[name] == expected[name]
        answer = standalone.task(QUICK, run_id, "integrate", "/xcomEntries/return_value")
        value = answer["value"]
        assert (json.loads(value) if isinstance(value, str) else value) == policy

    def test_a_run_without_dates_goes_up_to_run_after(
        self, standalone: Standalone, run_id: str, folder_of_run: Path
    ) -> None:
        run = standalone.airflow.call("GET", f"/dags/{QUICK}/dagRuns/{quote(run_id)}")
        assert (run["logical_date"], run["data_interval_end"]) == (None, None)
        manifest = read_json(folder_of_run / "train_manifest.json")
        assert manifest["as_of"] == run["run_after"]

    def test_the_log_shows_what_the_command_printed(self, standalone: Standalone, run_id: str) -> None:
        lines = standalone.log(QUICK, run_id, "online.ridge").splitlines()
        assert [line for line in lines if line.startswith("trained ridge for 20")]

    def test_rendered_templates_show_the_exact_command(
        self, standalone: Standalone, run_id: str, folder_of_run: Path
    ) -> None:
        manifest = read_json(folder_of_run / "train_manifest.json")
        fields = standalone.task(QUICK, run_id, "online.ridge")["rendered_fields"]
        assert fields["bash_command"] == quick_models()[0]["train_cmd"].format(
            model_name="ridge", as_of=manifest["as_of"].replace("Z", "+00:00")
        )
        assert fields["cwd"] == str(folder_of_run / "models" / "ridge")

    def test_secrets_are_masked_wherever_one_looks(
        self, standalone: Standalone, run_id: str, folder_of_run: Path
    ) -> None:
        fields = standalone.task(QUICK, run_id, "offline.tide")["rendered_fields"]
        assert fields["env"] == {"API_TOKEN": "***"}
        assert "echo *** | wc -c" in fields["bash_command"]
        assert "token ***" in standalone.log(QUICK, run_id, "offline.tide")
        holding = {path for path in standalone.home.rglob("*") if path.is_file() and holds(path, TOKEN)}
        frozen = [path for path in holding if path.parent.name == "generations"]
        assert holding - set(frozen) == {folder_of_run / "config.json"}

    def test_who_asked_for_it_is_told_and_a_notifier_that_fails_changes_nothing(
        self, standalone: Standalone, run_id: str
    ) -> None:
        assert noted(standalone.home / "told_of_quick") == [[run_id, "published", "idle"]]
        log = standalone.log(QUICK, run_id, "integrate")
        assert "notifiers_of_tests.Break was not told of: published" in log
        assert "notifiers_of_tests.Note is told of: published" in log

    def test_its_policy_is_seen_at_a_statsd_by_tags_and_by_names(
        self, folder_of_run: Path, statsd: Statsd
    ) -> None:
        policy = read_json(folder_of_run / "elpa_policy.json")
        weights = {**policy["online_weights"], **policy["offline_weights"]}
        eventually(lambda: statsd.gauges("elpa.degraded", QUICK), "the last gauge is there")
        for name, values in (("score", policy["scores"]), ("weight", weights)):
            plain = {model.replace("ï", "_"): value for model, value in values.items()}
            by_tags = {f"elpa.{name},dag_id={QUICK},model={model}": value for model, value in plain.items()}
            assert statsd.gauges(f"elpa.{name},", QUICK) == by_tags
            by_names = {f"elpa.{name}.{QUICK}.{model}": value for model, value in plain.items()}
            assert statsd.gauges(f"elpa.{name}.{QUICK}") == by_names
        trained = statsd.gauges(f"elpa.train_seconds.{QUICK}")
        assert len(trained) == len(policy["scores"])
        assert 0 < min(trained.values()) <= max(trained.values()) < 60
        assert statsd.gauges("elpa.degraded", QUICK) == {
            f"elpa.degraded,dag_id={QUICK}": 0,
            f"elpa.degraded.{QUICK}": 0,
        }
        assert 0 < statsd.gauges("elpa.policy_age_seconds", QUICK)[f"elpa.policy_age_seconds.{QUICK}"] < 600

    def test_a_disabled_model_is_skipped(self, standalone: Standalone, run_id: str) -> None:
        assert standalone.states(QUICK, run_id)["offline.idle"] == "skipped"

    def test_a_model_is_tried_again_as_often_as_the_config_says(
        self, standalone: Standalone, run_id: str, folder_of_run: Path
    ) -> None:
        assert standalone.tries(QUICK, run_id)["online.flaky"] == 3
        assert read_json(folder_of_run / "elpa_policy.json")["degraded"] is False


def holds(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes()
