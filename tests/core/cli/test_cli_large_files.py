"""A huge file without line ends costs no memory, whatever reads it, and is refused in clear words."""

import json
import os
import subprocess
import sys

import pytest
from support.made_panels import policy_of
from support.pools import block, pool
from support.streams import write_policy

HUGE = 2 << 30  # bytes, all of them a hole in the file
MOST_MEMORY = 200 << 10  # KiB
LINE = "a line of more than 1048576 characters"
WHOLE = "more than 16777216 bytes"
ERROR_LINE = "line 1: found more than 1048576 bytes"

# Arguments of `elpa`, and what is said of the file `huge`.
READERS = [
    ("route --policy huge --forecasts f.csv", WHOLE),
    ("route --policy p.json --forecasts huge", LINE),
    ("route --policy p.json --forecasts f.csv --actuals huge --output out.csv", LINE),
    ("route --policy p.json --forecasts f.csv --state huge", LINE),
    ("route --policy p.json --panel huge --output out.csv", LINE),
    ("backtest --panel huge", LINE),
    ("integrate --config huge --output out.json", WHOLE),
    ("integrate --config scored.json --output out.json", ERROR_LINE),
    ("integrate --run-dir run --output out.json", WHOLE),
    ("validate huge", WHOLE),
    ("train --config huge", WHOLE),
    ("train --config pool.json --run-dir trained --execute", ERROR_LINE),
]


@pytest.fixture
def folder(tmp_path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(HUGE)
    write_policy(tmp_path / "p.json", policy_of(["a"], ["b"]))
    (tmp_path / "f.csv").write_text("block,row,online:a,offline:b\n0,0,1,2\n")
    scored = [{"name": "a", "error_csv": "huge"}, {"name": "b", "group": "offline", "ewma_score": 1}]
    (tmp_path / "scored.json").write_text(json.dumps({"models": scored}))
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "train_manifest.json").symlink_to("../huge")
    models = [block("a", train_cmd="truncate -s 2G errors.csv"), block("b", "offline", enabled=False)]
    (tmp_path / "pool.json").write_text(json.dumps(pool(*models)))
    return tmp_path


def test_a_file_of_2_gib_without_line_ends_is_refused_in_little_memory(folder):
    """All in one process, whose largest size the system tells."""
    program = """
import contextlib, io, json, sys
from pathlib import Path
from elpa_core.cli import main
said = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as stderr, contextlib.redirect_stdout(stderr):
        status = main(arguments.split())
    said.append((status, stderr.getvalue()))
json.dump((said, int(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])), sys.stdout)
"""
    arguments = json.dumps([arguments for arguments, _ in READERS])
    done = subprocess.run(
        [sys.executable, "-c", program, arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said, memory = json.loads(done.stdout)
    for (command, words), (status, text) in zip(READERS, said, strict=True):
        assert words in text, command
        assert status != 0 or "--execute" in command
        assert "Traceback" not in text
    assert memory < MOST_MEMORY
    assert not (folder / "out.csv").exists()


@pytest.mark.parametrize("option", ["--forecasts", "--policy"])
def test_what_a_pipe_goes_on_writing_is_refused_too(folder, option):
    given = {"--policy": "p.json", "--forecasts": "f.csv"} | {option: "/dev/fd/0"}
    program = (
        "import sys; from pathlib import Path; from elpa_core.cli import main; status = main(sys.argv[1:]); "
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]); sys.exit(status)"
    )
    reader, writer = os.pipe()
    with subprocess.Popen(["cat", "/dev/zero"], stdout=writer) as source:
        os.close(writer)
        done = subprocess.run(
            [sys.executable, "-c", program, "route", *(word for pair in given.items() for word in pair)],
            cwd=folder,
            stdin=reader,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        os.close(reader)
        source.wait(timeout=60)
    assert done.returncode == 2
    assert (WHOLE if option == "--policy" else LINE) in done.stderr
    assert int(done.stdout.split()[-1]) < MOST_MEMORY
