"""A pipe, a device, a folder or a huge file in the place of a store's file is refused, never waited for."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from support.pools import block, pool
from support.stores import day, run

from elpa_core.runs.folder import CONFIG_NAME, MANIFEST_NAME, STATUS_NAME

HUGE = 2 << 30  # bytes, all of them a hole in the file


def make_huge(path):
    with path.open("wb") as file:
        file.truncate(HUGE)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        folder = Path.cwd()
        os.chdir(path.parent)  # a socket's path has at most 107 bytes
        try:
            made.bind(path.name)
        finally:
            os.chdir(folder)


STRANGE = {
    "pipe": (os.mkfifo, "no regular file"),
    "socket": (make_socket, "no regular file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "no regular file"),
    "folder": (lambda path: path.mkdir(), "a folder"),
    "loop": (lambda path: path.symlink_to(path.name), "too many levels of symbolic links"),
    "huge": (make_huge, "more than"),
}


@pytest.fixture(params=STRANGE)
def strange(request):
    """Return how to put something strange into the place of a file, and what errors call it."""
    make, words = STRANGE[request.param]

    def put(path):
        path.unlink(missing_ok=True)
        make(path)
        return words

    return put


@pytest.fixture(autouse=True)
def not_for_ever():
    """Fail a test that waits for a pipe."""

    def fail(*_):
        raise AssertionError("this waits for ever")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def there(store):
    """A store of two runs with all their files, the first of them without a policy."""
    run(store, 2)
    for number in (1, 2):
        folder = store.folder.run(f"day{number}")
        model = folder / "models" / "a"
        model.mkdir(parents=True)
        (folder / CONFIG_NAME).write_text(json.dumps(pool(block(), airflow={"keep_runs": 1})))
        (folder / MANIFEST_NAME).write_text(json.dumps({"run_id": f"day{number}", "as_of": day(number)}))
        (model / STATUS_NAME).write_text(json.dumps({"status": "ok"}))
    return store.folder


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("history.jsonl", "policy list"),
        ("history.jsonl", "policy promote day2 --reason x"),
        ("history.jsonl", "runs prune"),
        ("current.json", "policy current"),
        ("current.json", "policy diff day2"),
        ("runs/day2/policies/0001.json", "policy show day2"),
        ("runs/day2/policies/0001.json", "policy promote day2 --reason x"),
        (f"runs/day2/{CONFIG_NAME}", "runs prune"),
    ],
)
def test_it_is_refused(there, command, strange, name, arguments):
    path = there.path / name
    words = strange(path)
    status, stdout, stderr = command(*arguments.split())
    assert (status, stdout) == (2, "")
    assert stderr.startswith(f"error: {path}: found ")
    assert words in stderr


@pytest.mark.parametrize("name", [f"runs/day1/{MANIFEST_NAME}", f"runs/day2/models/a/{STATUS_NAME}"])
def test_what_only_tells_of_a_run_keeps_nothing_from_being_pruned(there, command, strange, name):
    strange(there.path / name)
    status, _, stderr = command("runs", "prune")
    assert (status, stderr) == (0, "")


def test_a_current_policy_that_is_none_is_made_anew(there, store, strange):
    if strange(there.current) == "a folder":
        there.current.rmdir()  # a person has to
    run(store, 3)
    assert store.current().record.run_id == "day3"


def test_what_is_huge_takes_no_memory(there):
    """All commands in one process, whose largest size the system tells; ru_maxrss is that of its parent."""
    paths = [there.history, there.current, there.policy("day2", 1), there.run("day2") / CONFIG_NAME]
    for path in paths:
        path.unlink()
        make_huge(path)
    program = """
import sys
from pathlib import Path
from elpa_core.cli import main
for command in ("policy list", "policy current", "policy show day2", "runs prune"):
    assert main([*command.split(), "--store", sys.argv[1]]) == 2
print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", program, there.root], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200 * 1024
