"""A run keeps the config that it started with. About 30 seconds with the standalone of test_standalone.py."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from airflow_site import model, pair, train_cmd
from standalone_airflow import Standalone, eventually, read_json

from elpa_airflow.frozen_config import frozen_config
from elpa_airflow.run_record import write_status
from elpa_core.config import LoadedConfig
from elpa_core.config_loading import load_training_config


def write_config(path: Path, horizon: int) -> LoadedConfig:
    path.write_text(json.dumps({"horizon": horizon, "models": pair()}), encoding="utf-8")
    return load_training_config(path)


NOBODY = {"online.on": None, "integrate": None}


class TestTheCopy:
    """`frozen_config` on its own, in a run's folder."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "pool.json"

    @pytest.fixture
    def run_dir(self, tmp_path: Path) -> Path:
        return tmp_path / "run"

    def test_the_first_task_stores_the_config(self, path: Path, run_dir: Path) -> None:
        config = write_config(path, 1)
        assert frozen_config(config, run_dir, "0-a", NOBODY) is config
        assert (run_dir / "config.json").read_bytes() == config.data

    def test_later_tasks_take_the_copy(self, path: Path, run_dir: Path) -> None:
        first = write_config(path, 1)
        frozen_config(first, run_dir, "0-a", NOBODY)
        for states in (NOBODY, {"online.on": "success"}, {"online.on": "running"}):
            loaded = frozen_config(write_config(path, 2), run_dir, "0-a", states)
            assert (loaded.config.horizon, loaded.data, loaded.sha256) == (1, first.data, first.sha256)
        assert (run_dir / "config.json").read_bytes() == first.data

    def test_it_is_the_same_file_to_the_byte(self, path: Path, run_dir: Path) -> None:
        data = (
            '\ufeff{\r\n "dataset": "naïve 🚀",\t"models": '.encode() + json.dumps(pair()).encode() + b"}\r\n"
        )
        path.write_bytes(data)
        frozen_config(load_training_config(path), run_dir, "0-a", NOBODY)
        assert (run_dir / "config.json").read_bytes() == data
        loaded = frozen_config(write_config(path, 2), run_dir, "0-a", NOBODY)
        assert (loaded.data, loaded.config.dataset) == (data, "naïve 🚀")

    def test_of_tasks_that_start_together_one_decides_for_all(self, path: Path, run_dir: Path) -> None:
        configs = [write_config(path, horizon) for horizon in range(1, 9)]
        with ThreadPoolExecutor(len(configs)) as threads:
            found = list(threads.map(lambda c: frozen_config(c, run_dir, "0-a", NOBODY), configs))
        assert len({loaded.data for loaded in found}) == 1
        assert (run_dir / "config.json").read_bytes() == found[0].data

    def test_clearing_all_takes_the_config_as_it_is_now(self, path: Path, run_dir: Path) -> None:
        frozen_config(write_config(path, 1), run_dir, "0-a", NOBODY)
        now = write_config(path, 2)
        assert frozen_config(now, run_dir, "1-b", NOBODY).config.horizon == 2
        assert (run_dir / "config.json").read_bytes() == now.data
        later = frozen_config(write_config(path, 3), run_dir, "1-b", {"online.on": "success"})
        assert later.config.horizon == 2

    @pytest.mark.parametrize("state", ["success", "failed", "skipped", "upstream_failed"])
    def test_clearing_some_keeps_the_copy(self, state: str, path: Path, run_dir: Path) -> None:
        frozen_config(write_config(path, 1), run_dir, "0-a", NOBODY)
        states = {"online.on": state, "integrate": None}
        assert frozen_config(write_config(path, 2), run_dir, "1-b", states).config.horizon == 1
        # Now that this generation has decided, it does not matter what the others do.
        assert frozen_config(write_config(path, 3), run_dir, "1-b", NOBODY).config.horizon == 1

    @pytest.mark.parametrize("state", ["scheduled", "queued", "restarting", "up_for_retry", "removed"])
    def test_who_waits_does_not_use_the_copy(self, state: str, path: Path, run_dir: Path) -> None:
        frozen_config(write_config(path, 1), run_dir, "0-a", NOBODY)
        loaded = frozen_config(write_config(path, 2), run_dir, "1-b", {"online.on": state})
        assert loaded.config.horizon == 2

    @pytest.mark.parametrize(("generation", "horizon"), [("0-a", 1), ("1-b", 2)])
    def test_a_task_that_went_on_running_keeps_the_copy(
        self, generation: str, horizon: int, path: Path, run_dir: Path
    ) -> None:
        frozen_config(write_config(path, 1), run_dir, "0-a", NOBODY)
        write_status(run_dir / "models" / "on", {"status": "running", "generation": generation})
        loaded = frozen_config(write_config(path, 2), run_dir, "1-b", {"online.on": "running"})
        assert loaded.config.horizon == horizon

    def test_a_copy_that_somebody_changed_is_put_right(self, path: Path, run_dir: Path) -> None:
        first = write_config(path, 1)
        frozen_config(first, run_dir, "0-a", NOBODY)
        (run_dir / "config.json").write_text("{}", encoding="utf-8")
        frozen_config(first, run_dir, "0-a", NOBODY)
        assert (run_dir / "config.json").read_bytes() == first.data


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
