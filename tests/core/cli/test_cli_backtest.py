"""``elpa backtest``: which panels it takes, and what it prints of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from support.made_panels import make_panel, write_panel

from elpa_core.backtest.comparison import backtest
from elpa_core.backtest.panels import Panel
from elpa_core.cli import main


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.replace("split,", "spilt,", 1), "split,block,y_true"),
        (lambda t: t.replace("online:naive", "naive", 1), '"naive"; expected GROUP:NAME'),
        (lambda t: t.replace("online:snaive", "online:naive", 1), '"naive" twice'),
        (lambda t: t.replace("\ntest,", "\nvalidation,"), "validation"),
        (lambda t: t.replace("\ntest,", "\nlater,", 1), '"later"'),
        (lambda t: t + "test,1\n", "2 cells"),
        (lambda t: t[: t.index("\n") + 1], "no rows"),
        (lambda t: t.replace("validation,0,", "validation,0,x", 1), "y_true"),
        (lambda t: t.replace("validation,0,", "validation,0,1_", 1), "row 0, column y_true: found"),
        (lambda t: t.rstrip() + "_0\n", "column offline:damped: found"),
        (lambda t: t.rstrip() + "٣\n", "expected a number, or blank if there is none"),
        (lambda t: t.replace("offline:", "online:"), "no column of the group offline"),
        (lambda t: re.sub(r"(?m)^(test,24,[^,]*).*", r"\1" + 9 * ",", t), "row 24: found no finite forecast"),
    ],
)
def test_what_is_no_panel_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], edit: object, message: str
) -> None:
    path = write_panel(make_panel(1, validation=24, test=24), tmp_path / "panel.csv")
    path.write_text(edit(path.read_text()))  # type: ignore[operator]
    assert main(["backtest", "--panel", str(path)]) == 2
    assert message in capsys.readouterr().err


def test_only_the_columns_without_a_group_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_panel(make_panel(1, validation=24, test=24), tmp_path / "panel.csv")
    path.write_text(re.sub(r"online:|offline:", "", path.read_text()))
    assert main(["backtest", "--panel", str(path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 9
    assert all(line.endswith("; expected GROUP:NAME, online or offline") for line in lines)


def test_backtest_prints_a_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(write_panel(make_panel(s, h), tmp_path / f"{s}.{h}.csv")) for s in (1, 2) for h in (1, 24)]
    assert main(["backtest", "--panel", *paths]) == 0
    table = capsys.readouterr().out
    assert main(["backtest", "--panel", *paths, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["panels"]) == {"1.1", "1.24", "2.1", "2.24"}
    ways = result["horizons"]["24"]
    assert len(ways) == 12
    assert sum(way["rank"] for way in ways.values()) == pytest.approx(78)
    maes = [result["panels"][name]["mae"] for name in ("1.24", "2.24")]
    ratio = np.prod([mae["router"] / mae[result["reference"]] for mae in maes]) ** 0.5
    assert ways["router"]["ratio"] == pytest.approx(ratio)
    assert all(name in table for name in ways)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("knows", [0, 9], ids=["one model is never wrong", "no model is ever wrong"])
def test_backtest_of_models_that_are_never_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], knows: int
) -> None:
    made = make_panel(1, validation=24, test=24)
    forecasts = np.column_stack([made.actuals, made.forecasts])
    forecasts[:, 1 : knows + 1] = made.actuals[:, None]
    models = (("online", "oracle"), *made.models)
    path = write_panel(Panel("p", models, made.actuals, forecasts, made.blocks, 24), tmp_path / "panel.csv")
    assert main(["backtest", "--panel", str(path)]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) < 100
    assert main(["backtest", "--panel", str(path), "--json"]) == 0
    ways = json.loads(capsys.readouterr().out)["horizons"]["1"]
    assert ways["best single model"]["worst"] == 1.0
    assert (ways["median of forecasts"]["worst"] == 1.0) == (knows == 9)


@pytest.mark.filterwarnings("error")
def test_backtest_of_a_model_that_is_best_in_validation_and_then_diverges() -> None:
    made = make_panel(1, validation=24, test=24)
    forecasts = made.forecasts.copy()
    forecasts[:24, 0], forecasts[24:, 0] = made.actuals[:24], 1.7e308
    result = backtest([Panel("p", made.models, made.actuals, forecasts, made.blocks, 24)])
    assert json.loads(json.dumps(result, allow_nan=False)) == result
