"""A real scheduler, REST API and task processes, as people use them. About 60 seconds.

When the one standalone Airflow is stopped after the last test, nothing of it may be left.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from airflow_runs import eventually, read_json
from airflow_site import alive, model, pids_in, train_cmd
from standalone_airflow import Standalone

from elpa_core.config.integration import load_integration_config
from elpa_core.policy.integration import integrate_config

TOKEN = "hunter2-of-the-standalone"

# It minds no SIGTERM, and has a child in its group and one in a session of its own that mind none.
STUBBORN = """\
trap '' TERM
echo it is running
awk '{{print $4}}' /proc/$PPID/stat > task_process
sleep 600 & echo $! > started
setsid bash -c 'trap "" TERM; echo $$ >> started; sleep 600; sleep 600' &
while [ "$(wc -l < started)" -lt 2 ]; do sleep 0.02; done
echo $$ >> started
mv started pids
wait
"""


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
        model("idle", "offline", enabled=False),
    ]


QUICK = "elpa_quick"


@pytest.fixture(scope="module")
def standalone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standalone]:
    made = Standalone(tmp_path_factory.mktemp("standalone"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def run_id(standalone: Standalone) -> str:
    airflow = {"retries": 0}
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
        expected = integrate_config(load_integration_config(config)).to_json()
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

    def test_a_disabled_model_is_skipped(self, standalone: Standalone, run_id: str) -> None:
        assert standalone.states(QUICK, run_id)["offline.idle"] == "skipped"


def holds(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes()


class TestStopping:
    """A stubborn command, and what becomes of it when its task is not to go on."""

    def begin(self, standalone: Standalone, name: str) -> tuple[str, Path]:
        models = [model("good"), model("stubborn", cmd=STUBBORN), model("off", "offline")]
        airflow = {"retries": 0, "stop_grace": 1, "on_model_failure": "continue"}
        standalone.config(name, models, airflow=airflow)
        run_id = standalone.trigger(f"elpa_{name}")
        folder = standalone.run_dir(f"elpa_{name}", run_id)
        pids = folder / "models" / "stubborn" / "pids"
        eventually(pids.exists, "the command has started its children")
        assert all(map(alive, pids_in(pids)))
        eventually(
            lambda: "it is running" in standalone.log(f"elpa_{name}", run_id, "online.stubborn"),
            "the log shows what the command has printed so far",
        )
        return run_id, folder

    def end(self, standalone: Standalone, name: str, run_id: str, folder: Path) -> Any:
        """Return the policy, once nothing of the command lives and the run has ended."""
        pids = pids_in(folder / "models" / "stubborn" / "pids")
        assert len(pids) == 3
        eventually(lambda: not any(map(alive, pids)), "nothing of the command lives", 30)
        assert standalone.wait(f"elpa_{name}", run_id) == "success"
        return read_json(folder / "elpa_policy.json")

    def test_nothing_outlives_a_task_that_is_marked_failed(self, standalone: Standalone) -> None:
        run_id, folder = self.begin(standalone, "marked")
        standalone.mark_failed("elpa_marked", run_id, "online.stubborn")
        policy = self.end(standalone, "marked", run_id, folder)
        assert (policy["degraded"], policy["online_models"]) == (True, ["good"])
        (missing,) = policy["missing"]
        assert missing["name"] == "stubborn"
        assert missing["reason"].startswith("the task failed")

    def test_nothing_outlives_a_task_process_that_is_killed(self, standalone: Standalone) -> None:
        run_id, folder = self.begin(standalone, "killed")
        (task_process,) = pids_in(folder / "models" / "stubborn" / "task_process")
        os.kill(task_process, signal.SIGKILL)
        policy = self.end(standalone, "killed", run_id, folder)
        (missing,) = policy["missing"]
        assert missing["reason"] == "the task failed: its process was killed"
        assert read_json(folder / "models" / "stubborn" / "status.json")["status"] == "failed"
        entries = {entry["name"]: entry for entry in read_json(folder / "train_manifest.json")["models"]}
        assert (entries["stubborn"]["status"], entries["good"]["status"]) == ("failed", "ok")


EDIT = """\
cp {config_dir}/edited.txt {config_dir}/edited.json
while [ ! -e {config_dir}/go ]; do sleep 0.1; done
"""
SAYS = "echo horizon {horizon} > said; "


def pool_that_edits_itself(horizon: int, *, edited: bool) -> str:
    """Return a config; its first model puts the edited one in its place while the run goes on."""
    models = [
        model("editor", cmd=EDIT + train_cmd(1), airflow={"priority_weight": 100}),
        model("stays", cmd=SAYS + train_cmd(2)),
        model("off", "offline", cmd=SAYS + train_cmd(3)),
        model("moves", "offline" if edited else "online"),
        model("added" if edited else "removed"),
    ]
    # One at a time at first, so that the others start after the edit.
    airflow = {"max_active_tasks": 4 if edited else 1, "retries": 0, "on_model_failure": "continue"}
    return json.dumps({"horizon": horizon, "models": models, "airflow": airflow})


EDITED = "elpa_edited"


@pytest.fixture(scope="module")
def edited(standalone: Standalone) -> tuple[str, Path]:
    """Return the id and the folder of a run whose config was edited while it went on."""
    before = pool_that_edits_itself(6, edited=False)
    standalone.write("edited.json", before)
    standalone.write("edited.txt", pool_that_edits_itself(7, edited=True))
    run_id = standalone.trigger(EDITED)
    eventually(lambda: "online.added" in standalone.states(EDITED, run_id), "the run has the new task")
    standalone.write("go", "")
    assert standalone.wait(EDITED, run_id) == "success"
    folder = standalone.run_dir(EDITED, run_id)
    assert (folder / "config.json").read_text(encoding="utf-8") == before
    return run_id, folder


class TestAnEditDuringARun:
    @pytest.mark.parametrize("name", ["stays", "off"])
    def test_it_does_not_reach_the_tasks_that_start_later(self, name: str, edited: tuple[str, Path]) -> None:
        said = (edited[1] / "models" / name / "said").read_text(encoding="utf-8")
        assert said == "horizon 6\n"

    def test_a_model_added_meanwhile_is_skipped_and_says_why(
        self, standalone: Standalone, edited: tuple[str, Path]
    ) -> None:
        states = standalone.states(EDITED, edited[0])
        for task_id in ("online.added", "offline.moves"):
            assert states[task_id] == "skipped"
            log = standalone.log(EDITED, edited[0], task_id)
            assert "Skipping task." in log
        assert not (edited[1] / "models" / "added").exists()

    def test_a_model_removed_meanwhile_is_missing(self, edited: tuple[str, Path]) -> None:
        policy = read_json(edited[1] / "elpa_policy.json")
        assert policy["online_models"] == ["editor", "stays"]
        assert policy["offline_models"] == ["off"]
        assert {missing["name"] for missing in policy["missing"]} == {"removed", "moves"}
        assert policy["degraded"] is True

    def test_manifest_and_policy_say_which_config_it_was(self, edited: tuple[str, Path]) -> None:
        sha256 = hashlib.sha256(pool_that_edits_itself(6, edited=False).encode()).hexdigest()
        manifest = read_json(edited[1] / "train_manifest.json")
        assert (manifest["config_sha256"], manifest["horizon"]) == (sha256, 6)
        assert read_json(edited[1] / "elpa_policy.json")["run"]["config_sha256"] == sha256


class TestClearing:
    DAG = "elpa_cleared"

    def config(self, standalone: Standalone, beta: float, last: str = "true") -> None:
        models = [
            model("on", cmd=f"echo {beta} >> said; " + train_cmd(1, 2) + f"; {last}"),
            model("on_2", cmd=f"echo {beta} >> said; " + train_cmd(3, 4)),
            model("off", "offline"),
        ]
        standalone.config("cleared", models, beta=beta, airflow={"retries": 0})

    def test_some_keep_the_config_and_all_take_the_new_one(self, standalone: Standalone) -> None:
        self.config(standalone, 0.5)
        run_id = standalone.trigger(self.DAG)
        assert standalone.wait(self.DAG, run_id) == "success"
        folder = standalone.run_dir(self.DAG, run_id)
        first = self.result(folder)
        self.config(standalone, 0.25)

        standalone.clear(self.DAG, run_id, ["online.on"])
        assert standalone.wait(self.DAG, run_id) == "success"
        some = self.result(folder)
        assert (some["beta"], some["said"]) == (0.5, ["0.5", "0.5"])
        assert some == first

        standalone.clear(self.DAG, run_id)
        assert standalone.wait(self.DAG, run_id) == "success"
        everything = self.result(folder)
        assert (everything["beta"], everything["said"]) == (0.25, ["0.25", "0.25"])
        assert everything["scores"]["on"] == 0.25 * 1 + 0.75 * 2
        assert everything["config_sha256"] != first["config_sha256"]

        # And a policy does not outlive the models that it was made of.
        self.config(standalone, 0.25, last="exit 4")
        standalone.clear(self.DAG, run_id)
        assert standalone.wait(self.DAG, run_id) == "failed"
        assert not (folder / "elpa_policy.json").exists()
        statuses = {m["name"]: m["status"] for m in read_json(folder / "train_manifest.json")["models"]}
        assert statuses == {"on": "failed", "on_2": "ok", "off": "ok"}

    def result(self, folder: Path) -> dict[str, Any]:
        policy = read_json(folder / "elpa_policy.json")
        said = [(folder / "models" / name / "said").read_text(encoding="utf-8") for name in ("on", "on_2")]
        return {
            **{key: value for key, value in policy.items() if key != "created_at"},
            "config_sha256": policy["run"]["config_sha256"],
            "said": [text.strip() for text in said],
        }
