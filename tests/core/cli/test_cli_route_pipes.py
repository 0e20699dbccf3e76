"""``elpa route`` on pipes: each answer comes before what follows it is awaited."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path

import pytest
from support.made_panels import policy_of
from support.streams import ELPA, run_shell, running, served_in, stream_files, write_policy

from elpa_core.routing import Router

pytestmark = pytest.mark.slow


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


@pytest.mark.parametrize(
    "order",
    [
        # By default, each is the first once, the second once and the last once.
        pytest.param(order, marks=[] if number in {0, 3, 4} else pytest.mark.sweep, id="-".join(order))
        for number, order in enumerate(permutations(["forecasts", "actuals", "output"]))
    ],
)
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
