"""The commands, as a user runs them (about 5 s)."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from made_panels import make_panel, policy_of, write_panel

from elpa_core.backtest.comparison import backtest, served_test_rows
from elpa_core.backtest.panels import Panel, read_panel
from elpa_core.cli import main
from elpa_core.errors import InputError
from elpa_core.routing import Router
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.serving.streams import read_blocks

ELPA = (sys.executable, "-c", "import sys; from elpa_core.cli import main; sys.exit(main())")


def write_policy(path: Path, policy: dict[str, object]) -> str:
    path.write_text(json.dumps(policy))
    return str(path)


def stream_files(tmp_path: Path, rows: int, per_block: int) -> tuple[Path, Path, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.round(10 + rng.normal(size=rows).cumsum(), 3)
    forecasts = np.round(y[:, None] + rng.normal(size=(rows, 3)), 3)
    f, a = tmp_path / "f.csv", tmp_path / "a.csv"
    lines = [f"{i // per_block},{i},{row[2]},{row[0]},{row[1]}" for i, row in enumerate(forecasts.tolist())]
    f.write_text("\n".join(["block,row,offline:c,online:a,online:b", *lines]) + "\n")
    a.write_text("\n".join(["row,y_true", *(f"{i},{v}" for i, v in enumerate(y.tolist()))]) + "\n")
    return f, a, y, forecasts


def buffered() -> dict[str, str]:
    """An environment in which nothing is flushed unless the program does it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@contextmanager
def running(command: list[str], **pipes: int) -> Iterator[subprocess.Popen[str]]:
    """A command that is killed after 30 s, so that a wait for ever fails the test."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=buffered(), **pipes) as process:
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()


def served_in(path: Path) -> list[float]:
    with path.open(newline="") as file:
        return [float(row["served"]) for row in csv.DictReader(file)]


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


@pytest.mark.parametrize("per_block", [1, 4])
def test_a_block_is_answered_before_its_actuals_are_awaited(tmp_path: Path, per_block: int) -> None:
    f, _, y, _ = stream_files(tmp_path, 3 * per_block, per_block)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    fifo = tmp_path / "actuals"
    os.mkfifo(fifo)
    command = [*ELPA, "route", "--policy", policy]
    command += ["--forecasts", str(f), "--actuals", str(fifo)]
    with running(command) as process:
        assert process.stdout is not None
        with fifo.open("w") as actuals:
            actuals.write("row,y_true\n")
            actuals.flush()
            assert process.stdout.readline() == "block,row,served\n"
            for block in range(3):
                for i in range(block * per_block, (block + 1) * per_block):
                    assert process.stdout.readline().startswith(f"{block},{i},")
                for i in range(block * per_block, (block + 1) * per_block):
                    actuals.write(f"{i},{y[i]}\n")
                actuals.flush()
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize(
    ("routing", "options"), [({"horizon": 2}, []), ({"horizon": 9}, ["--horizon", "2"]), ({}, [])]
)
def test_forecasts_may_come_one_block_at_a_time(
    tmp_path: Path, routing: dict[str, int], options: list[str]
) -> None:
    """A block is answered although the next one has not begun, with its rows known or not."""
    f, _, y, _ = stream_files(tmp_path, 4, 2)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"], routing=routing))
    fifo = tmp_path / "actuals"
    os.mkfifo(fifo)
    header, *lines = f.read_text().splitlines(keepends=True)
    command = [*ELPA, "route", "--policy", policy]
    command += ["--forecasts", "-", "--actuals", str(fifo), *options]
    with running(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with fifo.open("w") as actuals:
            process.stdin.write(header)
            actuals.write("row,y_true\n")
            actuals.flush()
            for block in (0, 1):
                process.stdin.write("".join(lines[2 * block : 2 * block + 2]))
                process.stdin.flush()
                if block == 0:
                    assert process.stdout.readline() == "block,row,served\n"
                assert process.stdout.readline().startswith(f"{block},{2 * block},")
                assert process.stdout.readline().startswith(f"{block},{2 * block + 1},")
                actuals.write("".join(f"{i},{y[i]}\n" for i in (2 * block, 2 * block + 1)))
                actuals.flush()
            process.stdin.close()
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize("order", list(permutations(["forecasts", "actuals", "output"])))
def test_pipes_may_be_opened_in_any_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    f, a, _, _ = stream_files(tmp_path, 4, 2)
    command = [*ELPA, "route", "--policy", write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))]
    pipes = {name: tmp_path / name for name in order}
    for name, path in pipes.items():
        os.mkfifo(path)
        command += [f"--{name}", str(path)]
    with running(command) as process, ExitStack() as stack:
        opened = {
            name: stack.enter_context(pipes[name].open("r" if name == "output" else "w")) for name in order
        }
        for name, file in (("forecasts", f), ("actuals", a)):
            opened[name].write(file.read_text())
            opened[name].close()
        assert [line[:4] for line in opened["output"]] == ["bloc", "0,0,", "0,1,", "1,2,", "1,3,"]
        assert process.wait(timeout=30) == 0


def test_actuals_may_be_opened_after_the_answer(tmp_path: Path) -> None:
    f, _, y, _ = stream_files(tmp_path, 4, 2)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    fifo = tmp_path / "actuals"
    os.mkfifo(fifo)
    with running(
        [*ELPA, "route", "--policy", policy, "--forecasts", str(f), "--actuals", str(fifo)]
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline()[:4] for _ in range(3)] == ["bloc", "0,0,", "0,1,"]
        with fifo.open("w") as actuals:
            actuals.write("row,y_true\n" + "".join(f"{i},{v}\n" for i, v in enumerate(y.tolist())))
        assert [process.stdout.readline()[:4] for _ in range(2)] == ["1,2,", "1,3,"]
        assert process.wait(timeout=30) == 0


def test_blocks_of_a_file_may_be_longer_than_the_policys_horizon(tmp_path: Path) -> None:
    """Else the first rows' actuals would be used for the last rows of the same block."""
    f, a, _, forecasts = stream_files(tmp_path, 6, 6)
    policy = policy_of(["a", "b"], ["c"], routing={"horizon": 2})
    out = tmp_path / "out.csv"
    arguments = ["route", "--policy", write_policy(tmp_path / "p.json", policy), "--forecasts", str(f)]
    assert main([*arguments, "--actuals", str(a), "--output", str(out)]) == 0
    assert served_in(out) == Router(policy).predict(forecasts).tolist()


@pytest.mark.parametrize("source", ["file", "pipe", "standard input"])
def test_the_first_block_tells_the_horizon(tmp_path: Path, source: str) -> None:
    f, a, y, forecasts = stream_files(tmp_path, 24, 12)
    policy = policy_of(["a", "b"], ["c"])
    command = [*ELPA, "route", "--policy", write_policy(tmp_path / "p.json", policy), "--actuals", str(a)]
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    forecast = {"file": str(f), "pipe": str(fifo), "standard input": "-"}[source]
    with running([*command, "--forecasts", forecast], stdin=subprocess.PIPE) as process:
        if source == "pipe":
            fifo.write_bytes(f.read_bytes())
        answers, _ = process.communicate(f.read_text() if source == "standard input" else None)
    assert process.returncode == 0
    router = Router(policy, horizon=12)
    expected = router.predict(forecasts[:12]).tolist()
    router.update(y[:12])
    expected += router.predict(forecasts[12:]).tolist()
    assert [float(line.rpartition(",")[2]) for line in answers.splitlines()[1:]] == expected


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


def test_a_block_of_a_pipe_that_goes_on_after_its_answer_is_refused(tmp_path: Path) -> None:
    f, _, _, _ = stream_files(tmp_path, 4, 4)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    command = [*ELPA, "route", "--policy", policy, "--forecasts", "-", "--horizon", "3"]
    done = subprocess.run(
        command, input=f.read_text(), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        'error: -: row 3: found more than 3 rows of block "0"; '
        "expected the next block: this one was answered; "
        "write a block at once, or give its rows by --horizon"
    ]


@pytest.fixture
def begun(tmp_path: Path) -> tuple[list[str], Path, Path]:
    """A command whose state has learned from rows 0 and 1, its forecasts and actuals."""
    f, a, _, _ = stream_files(tmp_path, 6, 2)
    policy = write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    some = tmp_path / "some.csv"
    some.write_text("".join(f.read_text().splitlines(keepends=True)[:3]))
    command = ["route", "--policy", policy, "--actuals", str(a), "--state", str(tmp_path / "state.json")]
    assert main([*command, "--forecasts", str(some), "--output", str(tmp_path / "out.csv")]) == 0
    return command, f, a


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
    assert "$.version: found 99; expected 2" in capsys.readouterr().err


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


def test_backtest_prints_a_table_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(write_panel(make_panel(s, h), tmp_path / f"{s}.{h}.csv")) for s in (1, 2) for h in (1, 24)]
    assert main(["backtest", "--panel", *paths]) == 0
    table = capsys.readouterr().out
    assert main(["backtest", "--panel", *paths, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result["panels"]) == {"1.1", "1.24", "2.1", "2.24"}
    ways = result["horizons"]["24"]
    assert len(ways) == 10
    assert sum(way["rank"] for way in ways.values()) == pytest.approx(55)
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


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("0,0,1,2\n1,1,,\n", "row 1: found no finite forecast; expected one sound model"),
        ("0,0,1,2\n0,1,nan,inf\n", "row 1: found no finite forecast; expected one sound model"),
        ("0,5,1,2\n0,5,1,2\n", "row 1, column row: found 5; expected a number above 5"),
        ("0,5,1,2\n0,4,1,2\n", "row 1, column row: found 4; expected a number above 5"),
    ],
)
def test_rows_of_a_block_ascend_and_each_has_a_forecast(rows: str, found: str) -> None:
    policy = RoutingPolicy.of(policy_of(["a"], ["b"]))
    file = io.StringIO("block,row,online:a,offline:b\n" + rows)
    with pytest.raises(InputError, match=f"f.csv: {found}"):
        list(read_blocks(file, "f.csv", policy))


def run_shell(tmp_path: Path, words: str, redirection: str) -> subprocess.CompletedProcess[str]:
    """Run ``elpa`` in a shell that closes or redirects its streams."""
    write_policy(tmp_path / "p.json", policy_of(["a", "b"], ["c"]))
    stream_files(tmp_path, 4, 2)
    script = f'"$0" -c "$1" {words} {redirection}'
    command = ["sh", "-c", script, ELPA[0], ELPA[2]]
    return subprocess.run(
        command, cwd=tmp_path, env=buffered(), capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize(
    ("options", "redirection", "status", "message"),
    [
        ("--forecasts -", "<&-", 2, "elpa route: --forecasts -: found standard input closed; expected"),
        ("--forecasts f.csv --state s.json", ">&-", 1, "standard output: closed; "),
        ("--forecasts f.csv", ">/dev/full", 1, "standard output: No space left on device"),
        ("--forecasts f.csv --output /dev/full", "", 1, "/dev/full: No space left on device"),
    ],
)
def test_streams_that_cannot_be_used_are_named(
    tmp_path: Path, options: str, redirection: str, status: int, message: str
) -> None:
    done = run_shell(tmp_path, f"route --policy p.json {options}", redirection)
    assert done.returncode == status
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {message}")
    assert not (tmp_path / "s.json").exists()


def test_a_closed_standard_output_is_no_matter_with_a_file(tmp_path: Path) -> None:
    done = run_shell(tmp_path, "route --policy p.json --forecasts f.csv --output out.csv", ">&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(served_in(tmp_path / "out.csv")) == 4


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
