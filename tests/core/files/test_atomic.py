"""Atomic writing: the old file or the new one, never a part, also on a full disk. About 3 s."""

import json
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from elpa_core.files.atomic import create_atomic, json_bytes, write_atomic


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def umask():
    old = os.umask(0o027)
    yield
    os.umask(old)


@pytest.mark.parametrize("write", [write_atomic, create_atomic])
def test_a_new_file_has_its_content_its_parents_and_the_usual_rights(tmp_path, umask, write):
    path = tmp_path / "a" / "b" / "file.json"
    write(path, b"content")
    assert path.read_bytes() == b"content"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(path.parent) == ["file.json"]


def test_writing_replaces_and_creating_does_not(tmp_path):
    path = tmp_path / "file"
    assert create_atomic(path, b"first") is True
    assert create_atomic(path, b"second") is False
    assert path.read_bytes() == b"first"
    write_atomic(path, b"third")
    assert path.read_bytes() == b"third"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["n" * 255, "é" * 127, "🚀" * 63])
def test_the_longest_names_can_be_written(tmp_path, name):
    write_atomic(tmp_path / name, b"x")
    assert create_atomic(tmp_path / name, b"y") is False
    assert names(tmp_path) == [name]


def test_a_reader_never_sees_a_part(tmp_path):
    path = tmp_path / "file"
    contents = [bytes([65 + n]) * 300_000 for n in range(2)]
    write_atomic(path, contents[0])
    done = threading.Event()
    torn = []

    def read():
        while not done.is_set():
            if (found := path.read_bytes()) not in contents:
                torn.append(found[:100])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(60):
            write_atomic(path, contents[number % 2])
    finally:
        done.set()
        reader.join()
    assert torn == []


def test_of_several_creators_one_wins(tmp_path):
    path = tmp_path / "file"
    start = threading.Barrier(8)
    won = []

    def create(number):
        start.wait()
        if create_atomic(path, str(number).encode()):
            won.append(str(number).encode())

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [path.read_bytes()]
    assert names(tmp_path) == ["file"]


def in_a_process(code, *arguments, limit=None):
    """Run code that calls ``files``, with a limit on the size of every file that it writes."""

    def set_limit():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    program = (
        f"import os, signal, sys\nfrom pathlib import Path\nfrom elpa_core.files.atomic import *\n{code}"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        preexec_fn=set_limit, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("write", ["write_atomic", "create_atomic"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, write):
    (tmp_path / "old").write_bytes(b"old")
    path = tmp_path / ("old" if write == "write_atomic" else "new")
    before = names(tmp_path)
    code = f"""
try:
    {write}(Path(sys.argv[1]), b"x" * 5000)
except OSError as error:
    print(error.strerror, error.filename)
"""
    done = in_a_process(code, path, limit=1000)
    assert (done.stdout, done.stderr) == (f"File too large {path}\n", "")
    assert names(tmp_path) == before
    assert (tmp_path / "old").read_bytes() == b"old"


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277, 0o777])
@pytest.mark.parametrize("write", [write_atomic, create_atomic])
def test_a_private_file_is_its_owners_alone_whatever_the_umask(tmp_path, write, mask):
    path = tmp_path / "file"
    old = os.umask(mask)
    try:
        write(path, b"content", private=True)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("at", ["fchmod", "fsync", "replace"])
def test_a_private_file_is_never_anybody_elses(tmp_path, at):
    module = "Path" if at == "replace" else "os"
    die = f"os.umask(0); {module}.{at} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)"
    code = f"{die}\nwrite_atomic(Path(sys.argv[1]), b'new', private=True)"
    assert in_a_process(code, tmp_path / "file").returncode == -9
    (left,) = tmp_path.iterdir()
    assert stat.S_IMODE(left.stat().st_mode) == 0o600


@pytest.mark.parametrize("at", ["fsync", "fchmod", "replace"])
def test_a_writer_killed_on_the_way_leaves_the_old_file(tmp_path, at):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    module = "Path" if at == "replace" else "os"
    die = f"{module}.{at} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)"
    code = f"{die}\nwrite_atomic(Path(sys.argv[1]), b'new')"
    assert in_a_process(code, path).returncode == -9
    assert path.read_bytes() == b"old"
    left = [name for name in names(tmp_path) if name != "file"]
    assert len(left) == 1
    assert left[0].startswith(".file.")
    assert left[0].endswith(".tmp")
    write_atomic(path, b"next")
    assert path.read_bytes() == b"next"


def test_an_exception_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "folder" / "inner").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_atomic(tmp_path / "folder", b"x")
    assert names(tmp_path) == ["folder"]


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs a folder that not even root can write"
)
def test_a_folder_that_cannot_be_written_is_named():
    for write in (write_atomic, create_atomic):
        with pytest.raises(OSError, match=r"'/proc/policy\.json'$"):
            write(Path("/proc/policy.json"), b"x")


def test_json_is_readable_and_strict():
    assert (
        json_bytes({"b": [1, 0.1], "a": "é"}) == b'{\n  "b": [\n    1,\n    0.1\n  ],\n  "a": "\xc3\xa9"\n}\n'
    )
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            json_bytes({"a": bad})


@pytest.mark.parametrize("number", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 1e22, 123456789.123456789])
def test_numbers_read_back_to_the_bit(number):
    assert json.loads(json_bytes(number)) == number
