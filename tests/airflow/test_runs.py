"""Whole Dags by ``dag.test()``: what a run leaves, and what it says when models fail. About 40 seconds.

All runs take place in one process, once; each test looks at what one of them came to.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow_site import DagRunResult, Site, alive, model, pair, pids_in, train_cmd

from elpa_core.config.integration import load_integration_config
from elpa_core.policy.integration import integrate_config

# Between the rendering of a task and the start of its command comes a SIGTERM.
DAG_FILE_THAT_STOPS_EARLY = """\
import os
import signal

from elpa_airflow import elpa_dags

dags = elpa_dags(__file__)
globals().update(dags)


def stop(context):
    os.kill(os.getpid(), signal.SIGTERM)


if "elpa_stops_early" in dags:
    dags["elpa_stops_early"].get_task("online.early").on_execute_callback = [stop]
"""

TOKEN, KEY = "hunter2-of-the-environment", "opensesame-of-the-context"

# What is left when SIGTERM does not end a command: a child, and one in a session of its own.
STUBBORN = """\
trap '' TERM
echo $$ > pids
sleep 600 & echo $! >> pids
setsid bash -c 'trap "" TERM; echo $$ >> pids; sleep 600; sleep 600' &
wait
"""
LEAVES_A_CHILD = "setsid bash -c 'echo $$ > child; sleep 600' & while [ ! -s child ]; do sleep 0.02; done"

FAILS_ONCE = """\
if [ ! -e {config_dir}/tried ]; then
  touch {config_dir}/tried
  echo junk > junk
  printf '%s\\n' abs_error 1000 > errors.csv
  exit 1
fi
ls -A > found
""" + train_cmd(1, 2)

CHANGES_ANOTHERS = """\
[ -e {run_dir}/models/victim/errors.csv ] || exit 1
echo 5 >> {run_dir}/models/victim/errors.csv
""" + train_cmd(1, 2)

BAD_ARTIFACTS = {
    "header_only": (r"printf 'abs_error\n' > errors.csv", "found a header and no row"),
    "empty": (": > errors.csv", "found an empty file"),
    "no_column": (r"printf 'mae\n1\n' > errors.csv", "mae"),
    "a_word": (r"printf 'abs_error\n1\noops\n' > errors.csv", '"oops"'),
    "nan": (r"printf 'abs_error\n1\nnan\n' > errors.csv", '"nan"'),
    "infinity": (r"printf 'abs_error\ninf\n' > errors.csv", '"inf"'),
    "a_cell_more": (r"printf 'abs_error\n1,2\n' > errors.csv", "2"),
    "bytes": (r"printf 'abs_error\n\377\n' > errors.csv", "UTF-8"),
    "a_folder": ("mkdir errors.csv", "folder"),
}


SAY_SECRETS = 'echo "token $API_TOKEN, key {api_key}, level $LEVEL"; true {pin_key}'


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


def failing_models() -> list[dict[str, Any]]:
    return [
        model("good", airflow={"retries": 0}),
        model("crash", cmd="echo about to fail; exit 3", airflow={"retries": 0}),
        model("ninety_nine", "offline", cmd="exit 99", airflow={"retries": 0}),
        model("off", "offline"),
    ]


def write_configs(site: Site) -> None:
    # A failure that no test foresaw would wait five minutes for its second try.
    once = {"retries": 0}
    (site.configs / "old_errors.csv").write_text("abs_error\n1\n", encoding="utf-8")
    site.config(
        "good",
        good_models(),
        beta=0.6,
        dataset="data.csv",
        horizon=6,
        context={"api_key": KEY, "pin_key": "7*"},
        airflow=once,
    )
    site.config("fails", failing_models())
    site.config("goes_on", failing_models(), airflow={"on_model_failure": "continue"})
    site.config(
        "too_few", failing_models(), airflow={"on_model_failure": "continue", "min_models_per_group": 2}
    )
    site.config(
        "emptied",
        [model("crash", cmd="exit 4"), model("on", enabled=False), model("off", "offline")],
        airflow={"on_model_failure": "continue", **once},
    )
    bad = [model(name, cmd=cmd) for name, (cmd, _) in BAD_ARTIFACTS.items()]
    bad += [
        model("nothing", cmd="true"),
        model("outside", cmd="true", error_csv="{config_dir}/old_errors.csv"),
        model(
            "gone", cmd=f"cd {{run_dir}}; {train_cmd(1)}; rm -r models/gone", error_csv="{run_dir}/errors.csv"
        ),
        model("good"),
        model("off", "offline"),
    ]
    site.config("artifacts", bad, airflow={"on_model_failure": "continue", **once})
    site.config(
        "stops",
        [
            model("stubborn", cmd=STUBBORN, airflow={"execution_timeout": 4, "stop_grace": 0.5}),
            model("leaves_a_child", cmd=train_cmd(1, first=LEAVES_A_CHILD)),
            model("off", "offline"),
        ],
        airflow={"on_model_failure": "continue", **once},
    )
    vandal = [model("victim"), model("on"), model("vandal", "offline", cmd=CHANGES_ANOTHERS)]
    site.config("changed", vandal, airflow={"on_model_failure": "continue", "retries": 3, "retry_delay": 0})
    early = model("early", cmd="touch {config_dir}/early_was_started")
    site.dag_file.write_text(DAG_FILE_THAT_STOPS_EARLY, encoding="utf-8")
    site.config("stops_early", [early, *pair()], airflow={"on_model_failure": "continue", **once})
    flaky = [model("flaky", cmd=FAILS_ONCE), model("off", "offline")]
    site.config("retried", flaky, airflow={"retry_delay": 0})
    site.config("steady", [model("flaky", cmd=train_cmd(1, 2)), model("off", "offline")], airflow=once)
    in_the_way = "mkdir -p {run_dir}/train_manifest.json"
    site.config("unwritten", [model("on", cmd=train_cmd(1, first=in_the_way)), pair()[1]], airflow=once)
    refused = [model("refused", cmd="echo $(({run_id}))", airflow={"retries": 1}), *pair()]
    site.config("refuses", refused, airflow={"on_model_failure": "continue"})
    dates = (
        "printf '%s\\n' {as_of} '{data_interval_start}' \"{data_interval_end}\" {run_id} {run_type} > dates"
    )
    dated = [model("on", cmd=train_cmd(1, first=dates)), model("off", "offline")]
    site.config("no_date", dated, airflow=once)
    site.config("daily", dated, airflow={"schedule": "0 6 * * *", "timezone": "Europe/Berlin", **once})


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    return new_site("runs")


@pytest.fixture(scope="module")
def runs(home: Site) -> dict[str, DagRunResult]:
    write_configs(home)
    dates = {"elpa_no_date": None, "elpa_daily": "2026-01-31T12:00:00+00:00"}
    return {dag_id.removeprefix("elpa_"): run for dag_id, run in home.dag_test(dates=dates).items()}


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
        expected = integrate_config(load_integration_config(config)).to_json()
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

    def test_airflow_tasks_render_shows_it_and_freezes_nothing(
        self, home: Site, runs: dict[str, DagRunResult]
    ) -> None:
        own = runs["daily"].run_dir
        shown = home.airflow("tasks", "render", "elpa_daily", "online.on", "2026-02-01").stdout
        assert "printf '%s\\n' 2026-0" in shown
        assert list(own.parent.iterdir()) == [own]

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
            "failed: the command ended with exit code 4); online model on (disabled)"
        ) in run.task_log("integrate")

    def test_a_manifest_that_cannot_be_written_is_told_as_the_store_tells_it(
        self, runs: dict[str, DagRunResult]
    ) -> None:
        run = runs["unwritten"]
        assert run.states["integrate"] == "failed"
        path = run.run_dir / "train_manifest.json"
        assert (
            f"StoreWriteError: {path}: Is a directory; the policy store could not be changed, and what was"
            " current is current: make room or get the right to write there, and try again"
        ) in run.task_log("integrate")
        assert not (run.run_dir / "elpa_policy.json").exists()


class TestArtifacts:
    @pytest.mark.parametrize("name", BAD_ARTIFACTS)
    def test_an_unreadable_one_fails_the_task(self, name: str, runs: dict[str, DagRunResult]) -> None:
        run = runs["artifacts"]
        assert run.states[f"online.{name}"] == "failed"
        reason = run.entry(name)["reason"]
        path = run.run_dir / "models" / name / "errors.csv"
        assert reason.startswith(f"the task failed: {path}: ")
        assert BAD_ARTIFACTS[name][1] in reason
        assert reason.removeprefix("the task failed: ") in run.task_log(f"online.{name}")

    def test_none_fails_the_task(self, runs: dict[str, DagRunResult]) -> None:
        reason = runs["artifacts"].entry("nothing")["reason"]
        assert "errors.csv: found no such file; expected the validation errors" in reason

    def test_a_folder_that_the_command_removed_is_the_reason(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["artifacts"]
        path = run.run_dir / "models" / "gone" / "handed_on_errors.csv"
        assert (
            run.entry("gone")["reason"] == f"the task failed: [Errno 2] No such file or directory: '{path}'"
        )

    def test_one_that_was_there_before_fails_the_task(
        self, home: Site, runs: dict[str, DagRunResult]
    ) -> None:
        reason = runs["artifacts"].entry("outside")["reason"]
        assert f"{home.configs}/old_errors.csv: found a file left by an earlier attempt" in reason
        assert (home.configs / "old_errors.csv").read_text(encoding="utf-8") == "abs_error\n1\n"

    def test_one_that_was_changed_after_training_is_not_used(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["changed"]
        assert run.states["online.victim"] == "success"
        (missing,) = run.policy["missing"]
        path = run.run_dir / "models" / "victim" / "errors.csv"
        assert missing["name"] == "victim"
        assert missing["reason"].startswith(f"{path}: found content with SHA-256")
        assert run.entry("victim")["status"] == "failed"

    def test_the_policy_does_without_them(self, runs: dict[str, DagRunResult]) -> None:
        policy = runs["artifacts"].policy
        missing = {m["name"]: m["reason"] for m in policy["missing"]}
        assert set(missing) == {*BAD_ARTIFACTS, "nothing", "outside", "gone"}
        assert policy["online_models"] == ["good"]


class TestStopping:
    def test_nothing_lives_past_the_timeout(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["stops"]
        assert run.states["online.stubborn"] == "failed"
        pids = pids_in(run.run_dir / "models" / "stubborn" / "pids")
        assert len(pids) == 3
        assert not [pid for pid in pids if alive(pid)]

    def test_the_reason_is_the_timeout(self, runs: dict[str, DagRunResult]) -> None:
        (missing,) = runs["stops"].policy["missing"]
        assert missing["name"] == "stubborn"
        assert missing["reason"] == (
            "the task failed: the command was stopped after its execution_timeout of 4 seconds"
        )

    def test_what_a_good_command_leaves_running_is_ended(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["stops"]
        assert run.states["online.leaves_a_child"] == "success"
        (child,) = pids_in(run.run_dir / "models" / "leaves_a_child" / "child")
        assert not alive(child)

    def test_a_task_that_is_stopped_before_its_command_starts_does_not_start_it(
        self, home: Site, runs: dict[str, DagRunResult]
    ) -> None:
        run = runs["stops_early"]
        assert not (home.configs / "early_was_started").exists()
        (missing,) = run.policy["missing"]
        assert missing["reason"] == "the task failed: the command was stopped"


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


class TestDates:
    def test_a_run_without_dates_goes_up_to_run_after(
        self, home: Site, runs: dict[str, DagRunResult]
    ) -> None:
        run = runs["no_date"]
        assert run.state == "success"
        ((run_after, logical_date),) = home.query(
            "SELECT run_after, logical_date FROM dag_run WHERE run_id = ?", run.run_id
        )
        assert logical_date is None
        as_of = run.policy["run"]["as_of"]
        assert dt.datetime.fromisoformat(as_of) == dt.datetime.fromisoformat(run_after).replace(tzinfo=dt.UTC)
        dates = (run.run_dir / "models" / "on" / "dates").read_text(encoding="utf-8").splitlines()
        assert dates == [as_of.replace("Z", "+00:00"), "", "", run.run_id, "manual"]

    def test_a_cron_schedule_has_an_interval_of_a_day(self, runs: dict[str, DagRunResult]) -> None:
        run = runs["daily"]
        dates = (run.run_dir / "models" / "on" / "dates").read_text(encoding="utf-8").splitlines()
        # 06:00 in Berlin is 05:00 UTC in winter.
        start, end = "2026-01-30T05:00:00+00:00", "2026-01-31T05:00:00+00:00"
        assert dates == [end, start, end, run.run_id, "manual"]
        assert run.policy["run"]["as_of"] == run.manifest["as_of"] == "2026-01-31T05:00:00Z"
