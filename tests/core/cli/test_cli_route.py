"""``elpa route``: the answers of the library, row by row, also in several runs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.made_panels import policy_of, write_panel
from support.streams import served_in, stream_files, write_policy

from elpa_core.backtest.comparison import served_test_rows
from elpa_core.backtest.panels import Panel, read_panel
from elpa_core.cli import main
from elpa_core.routing import Router


def test_a_replayed_panel_is_the_library_to_the_bit(tmp_path: Path, panel: Panel) -> None:
    path = write_panel(panel, tmp_path / "panel.csv")
    policy = write_policy(tmp_path / "policy.json", panel.policy())
    out = tmp_path / "out" / "served.csv"
    assert main(["route", "--policy", policy, "--panel", str(path), "--output", str(out)]) == 0
    lines = out.read_text().splitlines()
    assert lines[0] == "row,served"
    rows, values = zip(*(line.split(",") for line in lines[1:]), strict=True)
    assert [int(row) for row in rows] == list(range(panel.validation_rows, len(panel.actuals)))
    assert np.array(values, np.float64).tobytes() == served_test_rows(read_panel(path)).tobytes()


def test_a_model_without_a_column_is_said_once(
    tmp_path: Path, panel: Panel, capsys: pytest.CaptureFixture[str]
) -> None:
    f, a, _, _ = stream_files(tmp_path, 30, 5)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b", "x"], ["c", "y"]))
    command = ["route", "--policy", policy, "--output", str(tmp_path / "out.csv")]
    assert main([*command, "--forecasts", str(f), "--actuals", str(a)]) == 0
    assert capsys.readouterr().err == (
        f"warning: {f}: header: no column online:x, offline:y, as the policy has it: every row does without\n"
    )
    path = write_panel(panel, tmp_path / "panel.csv")
    models = {
        group: [name for kind, name in panel.models if kind == group] for group in ("online", "offline")
    }
    write_policy(tmp_path / "p.json", policy_of(models["online"], [*models["offline"], "y"]))
    assert main([*command, "--panel", str(path)]) == 0
    assert capsys.readouterr().err == (
        f"warning: {path}: header: no column offline:y, as the policy has it: every row does without\n"
    )


def test_a_stream_is_the_library_to_the_bit(tmp_path: Path) -> None:
    f, a, y, forecasts = stream_files(tmp_path, 30, 5)
    policy = policy_of(["a", "b"], ["c"])
    arguments = ["route", "--policy", write_policy(tmp_path / "p.json", policy), "--forecasts", str(f)]
    out = tmp_path / "out.csv"
    assert main([*arguments, "--horizon", "5", "--actuals", str(a), "--output", str(out)]) == 0
    router, expected = Router(policy, horizon=5), []
    for first in range(0, 30, 5):
        expected += router.predict(forecasts[first : first + 5]).tolist()
        router.update(y[first : first + 5])
    assert served_in(out) == expected


def test_intervals_of_a_stream_are_those_of_the_library_also_in_several_runs(tmp_path: Path) -> None:
    f, a, y, forecasts = stream_files(tmp_path, 30, 5)
    policy, state, out = policy_of(["a", "b"], ["c"]), tmp_path / "state.json", tmp_path / "out.csv"
    command = ["route", "--policy", write_policy(tmp_path / "p.json", policy), "--levels", "80,50.5"]
    command += ["--actuals", str(a), "--state", str(state), "--output", str(out), "--forecasts"]
    header, *lines = f.read_text().splitlines()
    router, part = Router(policy, horizon=5), tmp_path / "part.csv"
    blank = []
    for first in range(0, 30, 5):
        part.write_text("\n".join([header, *lines[first : first + 5]]) + "\n")
        assert main([*command, str(part)]) == 0
        names, *rows = [line.split(",") for line in out.read_text().splitlines()]
        assert names == ["block", "row", "served", "low_80", "high_80", "low_50.5", "high_50.5"]
        given = router.predict(forecasts[first : first + 5], levels=(80, 50.5))
        expected = np.stack([given.served, given.low[0], given.high[0], given.low[1], given.high[1]], axis=1)
        found = np.array([[float(cell or "nan") for cell in row[2:]] for row in rows])
        assert found.tobytes() == expected.tobytes()
        blank.append(sum(cell == "" for row in rows for cell in row))
        router.update(y[first : first + 5])
    assert blank[0] == 20  # no errors are known
    assert blank[-1] < blank[0]


def test_intervals_of_a_panel_are_learned_in_the_replay_of_its_validation_rows(
    tmp_path: Path, panel: Panel
) -> None:
    path = write_panel(panel, tmp_path / "panel.csv")
    policy = write_policy(tmp_path / "policy.json", panel.policy())
    out = tmp_path / "served.csv"
    command = ["route", "--policy", policy, "--panel", str(path), "--output", str(out), "--levels", "80"]
    assert main(command) == 0
    header, *lines = out.read_text().splitlines()
    assert header == "row,served,low_80,high_80"
    rows = np.array([[float(cell or "nan") for cell in line.split(",")] for line in lines])
    assert rows[:, 1].tobytes() == served_test_rows(read_panel(path)).tobytes()
    actuals = panel.actuals[panel.validation_rows :]
    known = np.isfinite(rows[:, 2])
    assert known.mean() > 0.8
    assert 0.65 < ((rows[:, 2] <= actuals) & (actuals <= rows[:, 3]))[known].mean() < 0.9


@pytest.mark.parametrize("levels", ["80;95", "0", "100", "80,80", "1_0", "80,", "nan"])
def test_levels_that_are_no_percentages_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], levels: str
) -> None:
    f, _, _, _ = stream_files(tmp_path, 4, 2)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    assert main(["route", "--policy", policy, "--forecasts", str(f), "--levels", levels]) == 2
    error = capsys.readouterr().err
    assert "elpa route: --levels: found" in error
    assert "expected different numbers above 0, up to 99, such as 80, 95" in error


def test_a_stream_in_two_runs_is_one_stream(tmp_path: Path) -> None:
    f, a, _, _ = stream_files(tmp_path, 30, 5)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    whole = ["route", "--policy", policy, "--horizon", "5", "--actuals", str(a), "--output"]
    assert main([*whole, str(tmp_path / "whole.csv"), "--forecasts", str(f)]) == 0
    header, *lines = f.read_text().splitlines()
    actual_lines = a.read_text().splitlines()
    state, part, known, out = (tmp_path / name for name in ("state.json", "part.csv", "known.csv", "out.csv"))
    served = []
    for first, end, rows_known in ((0, 10, 5), (10, 15, 12), (15, 30, 30)):
        part.write_text("\n".join([header, *lines[first:end]]) + "\n")
        known.write_text("\n".join(actual_lines[: 1 + rows_known]) + "\n")
        arguments = ["route", "--policy", policy, "--horizon", "5", "--actuals", str(known)]
        arguments += ["--state", str(state), "--forecasts", str(part), "--output", str(out)]
        assert main(arguments) == 0
        served += served_in(out)
    assert served == served_in(tmp_path / "whole.csv")


def test_blocks_of_a_file_may_be_longer_than_the_policys_horizon(tmp_path: Path) -> None:
    """Else the first rows' actuals would be used for the last rows of the same block."""
    f, a, _, forecasts = stream_files(tmp_path, 6, 6)
    policy = policy_of(["a", "b"], ["c"], routing={"horizon": 2})
    out = tmp_path / "out.csv"
    arguments = ["route", "--policy", write_policy(tmp_path / "p.json", policy), "--forecasts", str(f)]
    assert main([*arguments, "--actuals", str(a), "--output", str(out)]) == 0
    assert served_in(out) == Router(policy).predict(forecasts).tolist()


def test_blank_lines_mean_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    f, a, _, _ = stream_files(tmp_path, 6, 1)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    arguments = ["route", "--policy", policy, "--forecasts", str(f), "--actuals", str(a)]
    assert main(arguments) == 0
    served = capsys.readouterr().out
    for path in (f, a):
        path.write_text(path.read_text().replace("\n", "\n\n"))
    assert main(arguments) == 0
    assert capsys.readouterr().out == served


def test_rows_that_were_learned_from_are_not_served_again(
    begun: tuple[list[str], Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command, f, _ = begun
    state, served = (tmp_path / "state.json").read_bytes(), (tmp_path / "out.csv").read_bytes()
    assert main([*command, "--forecasts", str(f), "--output", str(tmp_path / "out.csv")]) == 2
    assert (tmp_path / "out.csv").read_bytes() == served
    assert capsys.readouterr().err == (
        'error: block "0": found row 0, which the router has learned from; expected rows after 1; '
        "leave out what was served, or start with a new state file\n"
    )
    assert (tmp_path / "state.json").read_bytes() == state


@pytest.mark.parametrize("answered", [1, 2], ids=["a part", "the whole"])
def test_a_block_whose_answer_was_lost_is_answered_again(
    begun: tuple[list[str], Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path, answered: int
) -> None:
    command, f, a = begun
    header, *lines = f.read_text().splitlines(keepends=True)
    rest = tmp_path / "rest.csv"
    rest.write_text("".join([header, *lines[2:]]))
    shutil.copy(tmp_path / "state.json", tmp_path / "copy.json")
    assert main([*command, "--forecasts", str(rest)]) == 0
    whole = capsys.readouterr().out
    # As if killed after the state was written: it knows of an answer that nobody has read.
    shutil.copy(tmp_path / "copy.json", tmp_path / "state.json")
    known = a.read_text()
    a.write_text("row,y_true\n")
    assert main([*command, "--forecasts", str(rest)]) == 0
    assert capsys.readouterr().out != whole
    shutil.copy(tmp_path / "copy.json", tmp_path / "state.json")
    some = tmp_path / "some.csv"
    some.write_text("".join([header, *lines[2 : 2 + answered]]))
    assert main([*command, "--forecasts", str(some)]) == 0
    capsys.readouterr()
    a.write_text(known)
    assert main([*command, "--forecasts", str(rest)]) == 0
    assert capsys.readouterr().out == whole


def test_a_run_without_forecasts_leaves_the_horizon_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    f, a, _, _ = stream_files(tmp_path, 12, 3)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    arguments = ["route", "--policy", policy, "--actuals", str(a), "--state", str(tmp_path / "s.json")]
    nothing = tmp_path / "nothing.csv"
    nothing.write_text(f.read_text().splitlines(keepends=True)[0])
    assert main([*arguments, "--forecasts", str(nothing)]) == 0
    capsys.readouterr()
    assert main([*arguments, "--forecasts", str(f)]) == 0
    after = capsys.readouterr().out
    (tmp_path / "s.json").unlink()
    assert main([*arguments, "--forecasts", str(f)]) == 0
    assert capsys.readouterr().out == after
