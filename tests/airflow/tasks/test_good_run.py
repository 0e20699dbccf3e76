"""A whole Dag by ``dag.test()``, all models good: what it leaves and shows. About 10 seconds."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.airflow_site import DagRunResult, Site, model, train_cmd

from elpa_core.config.integration import load_integration_config
from elpa_core.policy.integration import integrate_config

TOKEN, KEY = "hunter2-of-the-environment", "opensesame-of-the-context"


def good_models() -> list[dict[str, Any]]:
    return [
        model("ridge", cmd=train_cmd(3.5, -2.25, 1, first="echo trained ridge; echo trouble >&2")),
        model("naive", cmd="cd {model_dir} && printf '%s\\n' y_true,pred 10,11.5 12,9 > errors.csv"),
        model(
            "secretive",
            cmd=train_cmd(
                0.1, 0.7, 0.3, first='echo "token $API_TOKEN, key {api_key}, level $LEVEL"; true {pin_key}'
            )
            + f" # {TOKEN}",
            env={"API_TOKEN": TOKEN, "URL": f"https://example.org/?t={TOKEN}", "LEVEL": 3},
        ),
        model("tide", "offline", cmd=train_cmd(7, 9, first="echo {api_key} > /dev/null")),
        model("tft", "offline", cmd=train_cmd(5e-324, 0)),
        model("idle", "offline", cmd="touch {config_dir}/idle_was_started", enabled=False),
    ]


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    site = new_site("good")
    site.config(
        "good",
        good_models(),
        beta=0.6,
        dataset="data.csv",
        horizon=6,
        context={"api_key": KEY, "pin_key": "7*"},
        airflow={"retries": 0},
    )
    return site


@pytest.fixture(scope="module")
def runs(home: Site) -> dict[str, DagRunResult]:
    return {dag_id.removeprefix("elpa_"): run for dag_id, run in home.dag_test().items()}


def ewma(errors: list[float], beta: float) -> float:
    score = abs(errors[0])
    for error in errors[1:]:
        score = beta * score + (1 - beta) * abs(error)
    return max(score, 1e-9)


def weights(scores: dict[str, float]) -> dict[str, float]:
    total = 0.0
    for score in scores.values():
        total += 1 / score
    return {name: 1 / score / total for name, score in scores.items()}


def errors_in(path: Path) -> list[float]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if "abs_error" in rows[0]:
        return [float(row["abs_error"]) for row in rows]
    return [float(row["y_true"]) - float(row["pred"]) for row in rows]


def utc(text: str) -> dt.datetime:
    assert text.endswith("Z")
    return dt.datetime.fromisoformat(text)


class TestAGoodRun:
    def test_states(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["good"]
        states = {f"{m['group']}.{m['name']}": "success" for m in good_models()}
        assert run.states == {**states, "offline.idle": "skipped", "integrate": "success"}
        assert run.state == "success"

    def test_the_policy_is_the_one_that_the_errors_give(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["good"]
        trained = [m for m in good_models() if m.get("enabled", True)]
        errors = {m["name"]: errors_in(run.run_dir / "models" / m["name"] / "errors.csv") for m in trained}
        scores = {name: ewma(values, 0.6) for name, values in errors.items()}
        online = {m["name"]: scores[m["name"]] for m in trained if m["group"] == "online"}
        offline = {m["name"]: scores[m["name"]] for m in trained if m["group"] == "offline"}
        policy = run.policy
        assert policy["scores"] == scores
        assert (policy["online_weights"], policy["offline_weights"]) == (weights(online), weights(offline))
        assert (policy["online_models"], policy["offline_models"]) == (list(online), list(offline))
        assert (policy["best_online_model"], policy["best_offline_model"]) == ("secretive", "tft")
        assert policy["beta"] == 0.6

    def test_the_policy_is_the_one_of_elpa_integrate(
        self, runs: dict[str, DagRunResult], tmp_path: Path
    ) -> None:
        run = runs["good"]
        sources = [
            {
                "name": m["name"],
                "group": m["group"],
                "error_csv": str(run.run_dir / "models" / m["name"] / "errors.csv"),
            }
            for m in good_models()
            if m.get("enabled", True)
        ]
        config = tmp_path / "integrate.json"
        config.write_text(json.dumps({"beta": 0.6, "models": sources}), encoding="utf-8")
        expected = integrate_config(load_integration_config(config)).policy.to_json()
        different = {"created_at", "missing", "run", "record"}
        assert {k: v for k, v in run.policy.items() if k not in different} == {
            k: v for k, v in expected.items() if k not in different
        }

    def test_the_policy_names_what_it_was_made_from(self, home: Site, runs: dict[str, DagRunResult]) -> None:
        run = runs["good"]
        policy = run.policy
        config = (home.configs / "good.json").read_bytes()
        assert policy["run"] == {
            "dag_id": "elpa_good",
            "run_id": run.run_id,
            "run_dir": str(run.run_dir),
            "as_of": run.manifest["as_of"],
            "config_sha256": hashlib.sha256(config).hexdigest(),
        }
        assert (run.run_dir / "config.json").read_bytes() == config
        assert policy["degraded"] is False
        assert policy["missing"] == [
            {"name": "idle", "group": "offline", "reason": "disabled", "intended": True}
        ]
        for name, source in policy["errors"].items():
            data = (run.run_dir / "models" / name / "errors.csv").read_bytes()
            assert source["sha256"] == hashlib.sha256(data).hexdigest()

    def test_integrate_hands_on_the_policy(self, runs: dict[str, DagRunResult]) -> None:
        assert runs["good"].xcoms["integrate"] == runs["good"].policy

    def test_a_training_task_hands_on_its_artifact(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["good"]
        artifact = dict(run.xcoms["online.ridge"])
        path = run.run_dir / "models" / "ridge" / "errors.csv"
        started, finished = utc(artifact.pop("started_at")), utc(artifact.pop("finished_at"))
        assert started <= utc(artifact.pop("written_at")) <= finished
        assert artifact == {
            "model": "ridge",
            "group": "online",
            "path": str(path),
            "rows": 3,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "as_of": run.entry("ridge")["as_of"],
            "carried_from": None,
            "artifacts": [],
            "warm_started_from": None,
        }
        assert "offline.idle" not in run.xcoms

    def test_the_manifest(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["good"]
        manifest = run.manifest
        assert (manifest["skill"], manifest["dataset"], manifest["horizon"]) == ("ELPA", "data.csv", 6)
        assert (manifest["period"], manifest["beta"], manifest["run_dir"]) == (24, 0.6, str(run.run_dir))
        assert manifest["run_id"] == run.run_id
        assert [entry["name"] for entry in manifest["models"]] == [m["name"] for m in good_models()]
        entry = run.entry("ridge")
        assert (entry["status"], entry["return_code"], entry["reason"]) == ("ok", 0, None)
        assert utc(entry["started_at"]) <= utc(entry["finished_at"]) <= utc(manifest["created_at"])
        assert entry["model_dir"] == str(run.run_dir / "models" / "ridge")
        assert entry["train_cmd_template"] == good_models()[0]["train_cmd"]
        assert entry["artifact"].items() <= run.xcoms["online.ridge"].items()
        assert entry["task_state"] == "success"
        idle = run.entry("idle")
        assert (idle["status"], idle["enabled"], idle["started_at"]) == ("disabled", False, None)

    def test_a_disabled_model_is_not_started(self, home: Site, runs: dict[str, DagRunResult]) -> None:
        assert runs["good"].states["offline.idle"] == "skipped"
        assert not (home.configs / "idle_was_started").exists()
        assert "the model is disabled in the config" in runs["good"].task_log("offline.idle")

    def test_the_log_shows_the_commands_output(self, runs: dict[str, DagRunResult]) -> None:
        log = runs["good"].task_log("online.ridge")
        assert "] trained ridge" in log
        assert "] trouble" in log

    def test_rendered_templates_show_the_exact_command(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["good"]
        for name, group in (("ridge", "online"), ("tft", "offline")):
            command = next(m["train_cmd"] for m in good_models() if m["name"] == name)
            fields = run.rendered[f"{group}.{name}"]
            assert fields == {
                "bash_command": command,
                "cwd": str(run.run_dir / "models" / name),
                "env": {},
            }
        shown = run.rendered["online.naive"]["bash_command"]
        assert shown == good_models()[1]["train_cmd"].format(model_dir=run.run_dir / "models" / "naive")

    def test_rendered_templates_mask_secrets(self, runs: dict[str, DagRunResult]) -> None:
        fields = runs["good"].rendered["online.secretive"]
        assert fields["bash_command"].startswith(
            'echo "token $API_TOKEN, key ***, level $LEVEL"; true ***; printf'
        )
        assert fields["env"] == {"API_TOKEN": "***", "URL": "https://example.org/?t=***", "LEVEL": "3"}
        assert "] token ***, key ***, level 3" in runs["good"].task_log("online.secretive")

    def test_no_secret_is_anywhere_but_in_the_config(self, home: Site, runs: dict[str, DagRunResult]) -> None:
        frozen = runs["good"].run_dir / "config.json"
        found = [path for path in home.home.rglob("*") if path.is_file() and holds_a_secret(path)]
        assert {path for path in found if path.parent.name != "generations"} == {frozen}
        assert not [
            line for run in runs.values() for line in run.log.splitlines() if TOKEN in line or KEY in line
        ]


def holds_a_secret(path: Path) -> bool:
    data = path.read_bytes()
    return any(secret.encode() in data for secret in (TOKEN, KEY))
