"""Edits of a config during a run, and before one is cleared. About 40 seconds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from support.airflow_runs import eventually, read_json
from support.airflow_site import model, train_cmd
from support.standalone_airflow import Standalone

pytestmark = pytest.mark.slow

EDIT = """\
cp {config_dir}/edited.txt {config_dir}/edited.json
touch {config_dir}/../pools.py
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
