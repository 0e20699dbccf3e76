"""The output of a command in a log that is kept short, and all of it in a file. About 2 s."""

import os
import resource

import pytest
from support.pools import block, pool

from elpa_core.processes.output_lines import MAX_LINE
from elpa_core.runs.folder import ModelFolder
from elpa_core.runs.output_log import OutputLog
from elpa_core.runs.training import Training


@pytest.fixture
def train(plan):
    """Train a model; return what its log got, and its output log."""

    def run(train_cmd, *, env=None, **limits):
        model = plan(pool(block("a", train_cmd=train_cmd, env=env or {}))).models[0]
        lines = []
        output = OutputLog(lines.append, ModelFolder(model.model_dir), **limits)
        Training(model, on_line=output.add).run("2026-01-31T06:00:00Z")
        output.close()
        return lines, output

    return run


def numbers(first, last):
    return [str(number) for number in range(first, last + 1)]


@pytest.mark.parametrize("count", [0, 1, 50])
def test_up_to_the_limit_everything_is_in_the_log_and_there_is_no_file(train, count):
    lines, output = train(f"seq 1 {count}", max_lines=50)
    assert lines == numbers(1, count)
    assert output.path is None
    assert not output.folder.output_log.exists()


@pytest.mark.parametrize(("count", "last"), [(51, 51), (200, 51), (250, 51), (251, 52), (20_000, 19_801)])
def test_beyond_it_the_log_says_once_where_all_is_and_has_the_end(train, count, last):
    lines, output = train(f"seq 1 {count}", max_lines=50)
    assert output.path == output.folder.output_log
    assert output.path.read_text().splitlines() == numbers(1, count)
    end = numbers(last, count)
    assert lines == [
        *numbers(1, 50),
        "elpa: more output than 50 lines (max_log_lines); the last lines follow at the end;"
        f" all of it is in {output.path}",
        f"elpa: the last {len(end)} of {count} lines of output:",
        *end,
    ]


def test_none_at_all(train):
    lines, output = train("echo a", max_lines=0)
    assert (len(lines), lines[-1], output.path.read_text()) == (3, "a", "a\n")


def test_the_log_takes_2_mib_whatever_its_lines(train):
    lines, output = train("yes $(printf %01023d 0) | head -3000", max_lines=10_000)
    assert lines[2048].startswith("elpa: more output than 2 MiB; the last lines follow at the end; all of it")
    assert lines[2049] == "elpa: the last 200 of 3000 lines of output:"
    assert output.path.stat().st_size == 3000 * 1024


def test_the_end_is_short_where_lines_are_long(train):
    lines, output = train("head -c 4000000 /dev/zero | tr '\\0' x", max_lines=10)
    assert {len(line) for line in lines[:10]} == {MAX_LINE}
    assert sum(map(len, lines[12:])) <= 1 << 18
    assert output.path.read_text().replace("\n", "") == "x" * 4_000_000


@pytest.mark.parametrize("max_lines", [10_000, 0])
def test_a_secret_is_masked_also_where_a_long_line_is_cut(train, max_lines):
    fill = "head -c 65530 /dev/zero | tr '\\0' x"
    cmd = f"for i in 1 2 3 4; do {fill}; echo -n $MY_TOKEN; done; echo; echo hunter22-tok"
    lines, output = train(cmd, env={"MY_TOKEN": "hunter22-token"}, max_lines=max_lines)
    text = "".join(lines) + (output.path.read_text() if output.path else "")
    text = text.replace("\n", "")
    assert text.count("***") >= 4
    assert [part for part in ("hunt", "er22", "-tok") if part in text.replace("hunter22-tok", "")] == []
    assert "hunter22-tok" in text


def test_the_file_has_an_end(train):
    lines, output = train("seq 1 10000", max_lines=50, largest_file=1000)
    text = output.path.read_text()
    assert text.endswith("\n277\nelpa: this file is full, the rest of the output is not kept\n")
    assert lines[-1] == "10000"


@pytest.mark.parametrize("made", ["touch output.log", "mkfifo output.log", "ln -s /dev/full output.log"])
def test_a_file_of_the_command_is_left_alone(train, made):
    lines, output = train(f"{made}; seq 1 100", max_lines=50)
    assert output.path == output.folder.spare_output_log
    assert output.path.read_text().splitlines() == numbers(1, 100)
    assert str(output.path) in lines[50]


def test_no_file_is_no_reason_to_fail(train, tmp_path):
    folder = tmp_path / "run" / "models" / "a"
    lines, output = train(f"rm -r '{folder}'; seq 1 100", max_lines=50)
    assert output.path is None
    assert lines[50:53] == [
        "elpa: more output than 50 lines (max_log_lines); the last lines follow at the end",
        f"elpa: {folder}/output.log: No such file or directory; the output is not kept there",
        "elpa: the last 50 of 100 lines of output:",
    ]


def test_a_file_that_the_command_removes_is_told(train, tmp_path):
    path = tmp_path / "run" / "models" / "a" / "output.log"
    lines, output = train(f"seq 1 100; until rm '{path}' 2> /dev/null; do sleep 0.01; done", max_lines=50)
    assert output.path is None
    assert lines[51] == f"elpa: {path}: the command has removed it; the output is not kept there"
    assert lines[-1] == "100"


def test_a_full_disk_is_told_once_and_the_command_goes_on(train):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, limits[1]))
    try:
        lines, output = train("seq 1 100", max_lines=50)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert output.path.read_bytes() == "".join(f"{n}\n" for n in range(1, 101)).encode()[:150]
    assert [line for line in lines if "File too large" in line] == [
        f"elpa: {output.path}: File too large; the output is not kept there"
    ]
    assert lines[-1] == "100"


def test_the_log_says_where_the_file_will_be(train):
    lines, output = train("seq 1 100", max_lines=50, kept_as=lambda name: f"s3://bucket/a/{name}")
    assert lines[50].endswith(f"all of it will be in s3://bucket/a/output.log, until then in {output.path}")


def test_others_may_read_it_as_the_umask_has_it(train):
    _, output = train("seq 1 100", max_lines=50)
    umask = os.umask(0)
    os.umask(umask)
    assert output.path.stat().st_mode & 0o777 == 0o666 & ~umask
