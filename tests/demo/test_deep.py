"""The deep models: the interface of their program, and (a sweep, some minutes) the whole demo with them."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from deep.windows import last_steps, training_hours, validation_windows
from water_flow.series import Series, cut

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "dags" / "configs" / "deep.json"
POOL = json.loads(CONFIG.read_text(encoding="utf-8"))
BLOCKS = {block["name"]: block for block in POOL["models"]}
DEEP = [name for name, block in BLOCKS.items() if "deep_python" in block["train_cmd"]]
START = datetime.fromisoformat("2022-01-01T00:00:00+01:00")


def run(name: str, out: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the command that the config gives for a model, but with this Python."""
    values = {**POOL, **POOL["context"], "config_dir": CONFIG.parent, "model_dir": out, "as_of": ""}
    template = BLOCKS[name]["train_cmd"].replace("{config_dir}/{deep_python}", "{python}")
    words = shlex.split(template.replace("$ELPA_CPUS", "2"))
    words = [word.format(**values, python=sys.executable) for word in words]
    return subprocess.run([*words, *more], capture_output=True, text=True, check=False)


def test_three_deep_models_stand_beside_three_light_ones() -> None:
    assert (len(DEEP), len(BLOCKS)) == (3, 6)
    for name in DEEP:
        block = BLOCKS[name]
        assert (block["group"], block["airflow"], block["artifacts"]) == (
            "offline",
            {"queue": "gpu"},
            ["model/**"],
        )
        assert f"--model {name} " in block["train_cmd"]
        assert "--threads $ELPA_CPUS " in block["train_cmd"]


@pytest.mark.parametrize("name", DEEP)
def test_without_its_libraries_a_model_says_where_they_are(name: str, tmp_path: Path) -> None:
    outcome = run(name, tmp_path / "out")
    assert outcome.returncode == 1
    assert outcome.stdout.startswith(f"{name}: 1268 rows, ")
    assert outcome.stderr.startswith(f"{name}: No module named ")
    assert outcome.stderr.endswith(": make demo-deep installs dags/training/deep/requirements.txt\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "lstm"], "invalid choice: 'lstm'"),
        (["--steps", "0"], "expected an integer from 1"),
        (["--threads", "two"], "expected an integer from 0"),
        (["--as-of", "2022-05-01"], "expected a time with a UTC offset, found '2022-05-01'"),
    ],
)
def test_wrong_arguments_end_with_status_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    outcome = run("nhits", tmp_path, *arguments)
    assert outcome.returncode == 2
    assert message in outcome.stderr


def test_too_little_data_is_one_clear_line(tmp_path: Path) -> None:
    outcome = run("tide", tmp_path / "out", "--as-of", "2022-04-01T00:00:00+00:00")
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("tide: too little data: ")


@pytest.mark.sweep
def test_the_whole_demo_trains_them_and_leaves_readable_logs() -> None:
    """`make demo-deep`, whose environment make test-sweeps makes."""
    demo = [sys.executable, ROOT / "dags" / "demo" / "demo.py", "demo", "--dag", "elpa_deep"]
    done = subprocess.run(demo, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (run_dir,) = [Path(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("run:")]
    policy = json.loads((run_dir / "elpa_policy.json").read_text(encoding="utf-8"))
    assert (set(policy["scores"]), policy["degraded"]) == ({*BLOCKS}, False)
    assert policy["comparison"]["reasons"] == []
    assert policy["evaluation"]["rows"] == 168
    entries = read(run_dir / "train_manifest.json")["models"]
    kept = {one["name"]: [file["path"] for file in one["artifacts"]] for one in entries}
    logs = run_dir.parents[3] / "logs"
    for name in DEEP:
        assert any(path.endswith(".safetensors") for path in kept[name])
        (path,) = logs.glob(f"**/task_id=offline.{name}/attempt=1.log")
        events = [str(json.loads(line)["event"]) for line in path.read_text(encoding="utf-8").splitlines()]
        assert any("mean absolute error" in event for event in events)
        assert any("Epoch" in event for event in events)
        assert len(events) < 300
        assert not any("\r" in event for event in events)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


class TestWindows:
    HOURS, HORIZON, VALIDATION, SIZE = 700, 24, 100, 168

    def split(self, values: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
        series = Series([START + timedelta(hours=hour) for hour in range(len(values))], values)
        return cut(series, horizon=self.HORIZON, period=24, seed=1, validation_rows=self.VALIDATION)

    @pytest.fixture
    def values(self) -> Any:
        return np.random.default_rng(1).uniform(90, 110, self.HOURS)

    def test_a_row_is_forecast_from_what_was_known_a_horizon_before_it(self, values: Any) -> None:
        windows = validation_windows(self.split(values), self.SIZE)
        times = pd.date_range("2021-12-31T23:00:00", periods=self.HOURS, freq="h")
        names = windows["unique_id"].unique().tolist()
        rows = range(self.HOURS - self.VALIDATION, self.HOURS)
        assert names == sorted(names)
        assert [int(name) for name in names] == [*rows]
        for row, (_, window) in zip(rows, windows.groupby("unique_id"), strict=True):
            end = row - self.HORIZON + 1
            assert window["y"].tolist() == values[end - self.SIZE : end].tolist()
            assert window["ds"].tolist() == times[end - self.SIZE : end].tolist()

    def test_nothing_is_fitted_to_validation_rows(self, values: Any) -> None:
        hours = training_hours(self.split(values))
        assert hours["y"].tolist() == values[: self.HOURS - self.VALIDATION].tolist()

    def test_the_forecast_of_a_row_is_the_last_step_from_its_window(self) -> None:
        steps = [("000000012", 3, 2.5), ("000000011", 1, 9.0), ("000000011", 2, 1.5), ("000000012", 2, 9.0)]
        forecasts = pd.DataFrame(steps, columns=["unique_id", "ds", "tide"])
        assert last_steps(forecasts, "tide").tolist() == [1.5, 2.5]
