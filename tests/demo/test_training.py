"""The demo's training commands on the packaged water flow (one of each module but in the sweeps)."""

import csv
import json
import math
import os
import pickle
import shlex
import subprocess
import sys
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from water_flow.features import NAMES, features
from water_flow.series import DataError, Series, cut, dataset_path, read_series

ROOT = Path(__file__).parents[2]
TRAINING = ROOT / "dags" / "training"
CONFIG = ROOT / "dags" / "configs" / "water_flow.json"
POOL = json.loads(CONFIG.read_text(encoding="utf-8"))
BLOCKS = {block["name"]: block for block in POOL["models"]}
MODULES = ("online", "batch", "statistical")
DATA = dataset_path(POOL["dataset"])
AS_OF = datetime.fromisoformat("2022-05-09T22:00:00+00:00")  # the start of a day in the data's own zone
UP_TO = AS_OF.isoformat()
VALIDATION_ROWS = 168
SHORT = 520  # rows, a few more than training takes

# One of each module; the others in the sweeps.
_MARKS = {"bayesian_linear": (), "huber": pytest.mark.slow, "structural": pytest.mark.slow}
each_model = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=_MARKS.get(name, pytest.mark.sweep), id=name) for name in BLOCKS],
)


def run(name, out, *, dataset=DATA, as_of=UP_TO, more=(), **environment):
    """Run the command that the config gives for a model, word for word, without a shell."""
    values = {**POOL, "python": sys.executable, "config_dir": CONFIG.parent, "model_dir": out}
    values |= {"dataset": dataset, "as_of": as_of}
    command = [word.format(**values) for word in shlex.split(BLOCKS[name]["train_cmd"])]
    return subprocess.run(
        [*command, *more], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def write_rows(path, table):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(table)
    return path


def recorded(as_of=None):
    """Recorded values by time, read by the test itself."""
    values = {datetime.fromisoformat(time): float(value) for time, value in rows(DATA)[1:]}
    return {time: value for time, value in values.items() if as_of is None or time < as_of}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Folder and outcome of each model's command, run once, up to `AS_OF`."""
    done = {}

    def get(name):
        if name not in done:
            out = tmp_path_factory.mktemp(name)
            done[name] = out, run(name, out)
        return done[name]

    return get


def test_pool_has_online_and_offline_models_and_one_switched_off():
    enabled = [block for block in BLOCKS.values() if block.get("enabled", True)]
    groups = [block["group"] for block in enabled]
    assert len(BLOCKS) == len(POOL["models"])
    assert groups.count("online") >= 4
    assert groups.count("offline") >= 4
    assert len(enabled) < len(BLOCKS)
    for name, block in BLOCKS.items():
        assert f"--model {name} " in block["train_cmd"]


@each_model
def test_command_leaves_errors_of_the_newest_rows_before_as_of(name, trained):
    out, outcome = trained(name)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "mean absolute error" in outcome.stdout
    header, *table = rows(out / "errors.csv")
    assert header == ["timestamp", "y_true", "pred"]
    newest = list(recorded(AS_OF).items())[-VALIDATION_ROWS:]
    assert [(datetime.fromisoformat(row[0]), float(row[1])) for row in table] == newest
    assert all(math.isfinite(float(row[2])) for row in table)
    assert sorted(path.name for path in out.iterdir()) == ["errors.csv", "model.pkl"]


@each_model
def test_forecasts_are_better_than_the_same_hour_of_the_day_before(name, trained):
    out, _ = trained(name)
    values = recorded(AS_OF)
    errors, naive_errors = [], []
    for time, y_true, pred in rows(out / "errors.csv")[1:]:
        day_before = values.get(datetime.fromisoformat(time) - timedelta(hours=24))
        if day_before is not None:
            errors.append(abs(float(y_true) - float(pred)))
            naive_errors.append(abs(float(y_true) - day_before))
    assert len(errors) > 100
    assert np.mean(errors) < np.mean(naive_errors)


@each_model
def test_rows_at_or_after_as_of_change_nothing(name, trained, tmp_path):
    lines = DATA.read_bytes().splitlines(keepends=True)
    first = next(i for i, row in enumerate(rows(DATA)[1:], 1) if datetime.fromisoformat(row[0]) >= AS_OF)
    time = lines[first].partition(b",")[0]
    spoilt = [time + b",9e99\n", b'\xff\x00,"\n', b"2022-03-21T00:00:00+01:00,1\n", *reversed(lines[first:])]
    dataset = tmp_path / "spoilt.csv"
    dataset.write_bytes(b"".join(lines[:first] + spoilt))
    out, _ = trained(name)
    outcome = run(name, tmp_path / "again", dataset=dataset, PYTHONHASHSEED="1")
    assert outcome.returncode == 0, outcome.stderr
    assert (tmp_path / "again/errors.csv").read_bytes() == (out / "errors.csv").read_bytes()


@pytest.fixture(scope="module")
def short():
    series = read_series(DATA)
    return Series(series.times[:SHORT], series.values[:SHORT])


def forecast(name, series):
    split = cut(series, horizon=6, period=24, seed=42, validation_rows=VALIDATION_ROWS)
    modules = [import_module(f"water_flow.{module}") for module in MODULES]
    (fit,) = [getattr(module, name) for module in modules if hasattr(module, name)]
    model = fit(split)
    return split, model.forecast(split, split.validation), model


@each_model
def test_nothing_is_fitted_to_validation_rows_nor_seen_before_its_time(name, short):
    changed = short.values.copy()
    first = SHORT - VALIDATION_ROWS
    changed[first:] = np.random.default_rng(0).uniform(100, 106, VALIDATION_ROWS)
    changed[first + 1 :: 40] = 24  # outliers
    split, before, model = forecast(name, short)
    _, after, changed_model = forecast(name, Series(short.times, changed))
    early = np.array([short.times[first] > time - timedelta(hours=6) for time in short.times[first:]])
    assert 0 < early.sum() < split.horizon + 1
    assert np.array_equal(before[early], after[early])
    assert not np.isclose(before[~early], after[~early]).all()
    assert pickle.dumps(model) == pickle.dumps(changed_model)


def test_empty_as_of_takes_all_rows_of_the_packaged_data(tmp_path):
    outcome = run("huber", tmp_path, dataset="river:water-flow", as_of="")
    assert outcome.returncode == 0, outcome.stderr
    assert rows(tmp_path / "errors.csv")[-1][0] == rows(DATA)[-1][0]


def test_too_little_data_is_one_clear_line(tmp_path):
    short = write_rows(tmp_path / "short.csv", rows(DATA)[:301])
    outcome = run("huber", tmp_path / "out", dataset=short)
    assert (outcome.returncode, outcome.stderr) == (
        1,
        "huber: too little data: 300 rows found, 510 needed "
        "(174 of history, 168 to fit to, 168 for validation)\n",
    )
    assert not (tmp_path / "out").exists()


def test_as_of_before_all_rows_finds_none():
    series = read_series(DATA, datetime.fromisoformat("2022-03-20T10:00:00Z"))
    assert series.times == []
    with pytest.raises(DataError, match="0 rows found"):
        cut(series, horizon=1, period=24, seed=1, validation_rows=100)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--as-of", "2022-05-01"], "expected a time with a UTC offset, found '2022-05-01'"),
        (["--as-of", "yesterday"], "expected an ISO 8601 time, found 'yesterday'"),
        (["--horizon", "0"], "expected an integer from 1"),
        (["--seed", "-1"], "expected an integer from 0"),
        (["--validation-rows", "99"], "expected an integer from 100"),
        (["--model", "prophet"], "invalid choice: 'prophet'"),
    ],
)
def test_wrong_arguments_end_with_status_2(arguments, message, tmp_path):
    outcome = run("huber", tmp_path, more=arguments)
    assert outcome.returncode == 2
    assert message in outcome.stderr


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["2022-05-01T00:00:00,1"], "line 2: expected a time with a UTC offset, found '2022-05-01T00:00:00'"),
        (["1 May,1"], "line 2: expected an ISO 8601 time, found '1 May'"),
        (["2022-05-01T00:00:00Z,x"], r"line 2: expected a finite number in the second column, found \['x'\]"),
        (["2022-05-01T00:00:00Z,inf"], r"line 2: expected a finite number in the second column"),
        (["2022-05-01T00:00:00Z"], r"line 2: expected a finite number in the second column, found \[\]"),
        (["2022-05-01T01:00:00Z,1", "2022-05-01T02:00:00+01:00,2"], "line 3: .* is not later than the row"),
        (["2022-05-01T01:00:00Z,1", "2022-05-01T02:30:00Z,2"], "line 3: .* not a whole number of hours"),
    ],
)
def test_bad_rows_are_refused_with_their_line(lines, message, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(["time,value", *lines]), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_series(path)


def test_unknown_dataset_names_those_that_exist():
    with pytest.raises(DataError, match="dataset river:bikes: no such file; known names: river:water-flow"):
        dataset_path("river:bikes")


def test_features_are_values_known_at_the_origin():
    start = datetime.fromisoformat("2022-01-01T00:00:00+00:00")
    hours = 600
    values = np.random.default_rng(1).uniform(90, 110, hours)
    values[-1] = 1  # an outlier among the validation rows
    series = Series([start + timedelta(hours=i) for i in range(hours)], values)
    split = cut(series, horizon=30, period=24, seed=1, validation_rows=100)
    t, level = 400, np.mean(values[347:371])
    matrix, levels = features(split, np.array([t]))
    row = dict(zip(NAMES, matrix[0], strict=True))
    expected = {
        "newest": values[t - 30],
        "newest_1": values[t - 31],
        "newest_2": values[t - 32],
        "season_1": values[t - 48],
        "season_2": values[t - 72],
        "season_3": values[t - 96],
        "week": values[t - 168],
        "season_mean": np.mean([values[t - 24 * k] for k in range(2, 8)]),
        "level_change": 2 * level - np.mean(values[323:347]),
    }
    assert levels == pytest.approx([level])
    assert {key: row[key] + level for key in expected} == pytest.approx(expected)
    assert row["hour_sin"] == pytest.approx(math.sin(2 * math.pi * (t % 24) / 24))
    assert (row["saturday"], row["sunday"]) == (0, 0)  # 400 hours later it is a Monday
    assert (split.inputs[-1], split.y_true[-1]) == (values[-25], 1)


def test_a_first_row_that_is_an_outlier_takes_nothing_from_the_end():
    start = datetime.fromisoformat("2022-01-01T00:00:00+00:00")
    values = np.random.default_rng(1).uniform(90, 110, 600)
    values[0] = 1
    series = Series([start + timedelta(hours=i) for i in range(600)], values)
    assert cut(series, horizon=1, period=24, seed=1, validation_rows=100).inputs[0] == 1


def test_examples_in_the_docstrings_hold():
    files = [
        TRAINING / "water_flow/series.py",
        TRAINING / "water_flow/features.py",
        TRAINING / "water_flow/program.py",
    ]
    outcome = subprocess.run(
        [sys.executable, "-m", "doctest", "-v", *files],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TRAINING)},
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout
    assert outcome.stdout.count("Trying:") >= 5
