"""What ``elpa route`` refuses, in which words, and that nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.made_panels import policy_of, write_panel
from support.streams import stream_files, write_policy

from elpa_core.backtest.panels import Panel
from elpa_core.cli import main


@pytest.mark.parametrize(
    ("fields", "options", "found"),
    [
        ({"mutant_epsilon": 0.5}, [], "$.router.policy.mutant_epsilon: found null; expected 0.5"),
        ({"dirty_interval": 9}, [], "$.router.policy.dirty_interval: found 3; expected 9"),
        ({}, ["--horizon", "7"], "$.router.policy.horizon: found 2; expected 7"),
    ],
)
def test_a_state_with_other_settings_is_refused(
    begun: tuple[list[str], Path, Path],
    capsys: pytest.CaptureFixture[str],
    fields: dict[str, object],
    options: list[str],
    found: str,
) -> None:
    command, f, _ = begun
    policy = Path(command[2])
    policy.write_text(json.dumps({**json.loads(policy.read_text()), **fields}))
    assert main([*command, "--forecasts", str(f), *options]) == 2
    error = capsys.readouterr().err
    assert f"{found}, as asked for; start with a new state file" in error


def test_a_state_of_another_version_is_refused(
    begun: tuple[list[str], Path, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command, f, _ = begun
    state = tmp_path / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "version": 99}))
    assert main([*command, "--forecasts", str(f)]) == 2
    error = capsys.readouterr().err
    assert "$.version: found 99; expected 3; another version of ELPA wrote it; remove it, and the" in error


def test_an_output_that_is_an_input_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    f, _, _, _ = stream_files(tmp_path, 4, 2)
    before = f.read_bytes()
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    assert main(["route", "--policy", policy, "--forecasts", str(f), "--output", str(f)]) == 2
    assert "an input of this command" in capsys.readouterr().err
    assert f.read_bytes() == before


@pytest.mark.parametrize("name", ["f.csv", "a.csv"])
def test_what_is_no_text_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    f, a, _, _ = stream_files(tmp_path, 4, 2)
    path = tmp_path / name
    path.write_bytes(path.read_bytes().rstrip() + b"\xff\n")
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    assert main(["route", "--policy", policy, "--forecasts", str(f), "--actuals", str(a)]) == 2
    assert "xff" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("f.csv", "row,block,online:a\n", "block,row"),
        ("f.csv", "block,row,offline:a\n0,0,1\n", '"offline:a"; expected online:a'),
        ("f.csv", "block,row,online:z\n0,0,1\n", '"online:z"; expected a model of the policy'),
        ("f.csv", "block,row,online:a,online:a\n0,0,1,1\n", "twice"),
        ("f.csv", "block,row,online:a\n0,0\n", "2 cells; expected 3"),
        ("f.csv", "block,row,online:a\n0,x,1\n", "a whole number"),
        ("f.csv", "block,row,online:a\n0,0,much\n", '"much"; expected a number, or blank'),
        ("f.csv", "block,row,online:a\n0,1_0,1\n", 'row 0, column row: found "1_0"; expected a whole number'),
        ("f.csv", "block,row,online:a\n0,٣,1\n", "expected a whole number"),
        ("f.csv", "block,row,online:a\n0,0,1_000\n", 'found "1_000"; expected a number, or blank'),
        ("f.csv", "block,row,online:a\n0,0,٣\n", "expected a number, or blank"),
        ("f.csv", "block,row,online:a\n0,0,\n", "no finite forecast"),
        ("a.csv", "row,y_true\n0_0,1\n", 'found "0_0"; expected a whole number'),
        ("a.csv", "row,y_true\n0,1_0\n", 'column y_true: found "1_0"; expected a number within'),
        ("a.csv", "row,y\n0,1\n", "row,y_true"),
        ("a.csv", "row,y_true\n1,1\n", "the actual of row 1; expected that of row 0"),
        ("a.csv", "row,y_true\n0,nan\n", '"nan"; expected a number'),
        ("p.json", "{", "p.json: line 1, column 2: found the end of the file; expected JSON"),
        ("p.json", '{"skill": "ELPA", "skill": "x"}', "p.json: $.skill: found the key twice"),
        ("p.json", '{"a": ' + "[" * 300 + "]" * 300 + "}", "nested too deeply"),
        ("p.json", '{"beta": NaN}', "p.json: $.beta: found NaN; expected a finite number"),
        ("p.json", "[]", "p.json: $: found an array; expected a JSON object"),
        ("p.json", "{}", r"$.skill"),
        ("s.json", '{"format": ', "no JSON; expected a whole state file"),
        ("s.json", '{"format": "elpa-router"}', r"$.format"),
    ],
)
def test_bad_input_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, message: str
) -> None:
    f, a, _, _ = stream_files(tmp_path, 4, 2)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    (tmp_path / name).write_text(text)
    arguments = ["route", "--policy", policy, "--forecasts", str(f), "--actuals", str(a)]
    assert main([*arguments, "--state", str(tmp_path / "s.json")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


KNOWN = "expected a model of the policy: online:a, offline:b, offline:p"


def output_and_state(folder: Path) -> tuple[Path, Path, Path]:
    """Return the policy of the models a (online), b and p, an output and a state that are there already."""
    policy = write_policy(folder / "p.json", policy_of(["a"], ["b", "p"]))
    first, output, state = folder / "first.csv", folder / "out.csv", folder / "s.json"
    first.write_text("block,row,online:a,offline:b,offline:p\n0,0,100,101,100\n")
    assert main(["route", "--policy", policy, "--forecasts", str(first), "--state", str(state)]) == 0
    output.write_text("served before")
    return Path(policy), output, state


@pytest.mark.parametrize(
    ("forecasts", "actuals", "messages"),
    [
        (
            "block,row,a,b,p\n1,1,100,101,100\n",
            "row,y_true\n0,100\n",
            [
                'f.csv: header: found "a"; expected online:a',
                'f.csv: header: found "b"; expected offline:b',
                'f.csv: header: found "p"; expected offline:p',
            ],
        ),
        (
            "block,row,online:a,online:b,offline:q,online:z:a\n1,1,1,1,1,1\n",
            "row,y_true\n0,100\n",
            [
                'f.csv: header: found "online:b"; expected offline:b',
                f'f.csv: header: found "offline:q"; {KNOWN}',
                f'f.csv: header: found "online:z:a"; {KNOWN}',
            ],
        ),
        (
            "block,row,online:a,offline:b,offline:p\n1,1,100,101,100\n",
            "time,y\n0,100\n",
            ['a.csv: header: found "time,y"; expected row,y_true'],
        ),
        (
            "block,row,online:a,offline:b,offline:p\n1,1,100,101,100\n",
            '"row,y_true\n0,100\n',
            ["a.csv: header: found"],
        ),
    ],
)
def test_all_headers_are_checked_before_anything_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    snapshot: Callable[[], dict[str, bytes | None]],
    forecasts: str,
    actuals: str,
    messages: list[str],
) -> None:
    policy, output, state = output_and_state(tmp_path)
    f, a = tmp_path / "f.csv", tmp_path / "a.csv"
    f.write_text(forecasts)
    a.write_text(actuals)
    before = snapshot()
    capsys.readouterr()
    command = ["route", "--policy", str(policy), "--forecasts", str(f), "--actuals", str(a)]
    for options in ([], ["--output", str(output)]):
        assert main([*command, "--state", str(state), *options]) == 2
        stdout, stderr = capsys.readouterr()
        assert stdout == ""
        lines = stderr.splitlines()
        assert len(lines) == len(messages)
        for line, message in zip(lines, messages, strict=True):
            assert line.startswith(f"error: {tmp_path}/{message}")
    assert snapshot() == before


def test_a_state_of_other_models_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    f, a, _, _ = stream_files(tmp_path, 4, 2)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    state = tmp_path / "s.json"
    arguments = ["route", "--forecasts", str(f), "--actuals", str(a), "--state", str(state), "--policy"]
    assert main([*arguments, policy]) == 0
    before = state.read_bytes()
    assert main([*arguments, write_policy(tmp_path / "q.json", policy_of(["a"], ["c"]))]) == 2
    assert "s.json" in capsys.readouterr().err
    assert state.read_bytes() == before


def test_a_panel_goes_without_state_actuals_and_horizon(
    tmp_path: Path, panel: Panel, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_panel(panel, tmp_path / "panel.csv")
    policy, out = write_policy(tmp_path / "policy.json", panel.policy()), tmp_path / "served.csv"
    arguments = ["route", "--policy", policy, "--panel", str(path), "--output", str(out)]
    extra = {"--actuals": str(path), "--state": str(tmp_path / "s.json"), "--horizon": "3"}
    for name, value in extra.items():
        assert main([*arguments, name, value]) == 2
        assert f"elpa route: {name}: found it with --panel" in capsys.readouterr().err
    assert main([*arguments, *(word for pair in extra.items() for word in pair)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3
    assert not out.exists()
