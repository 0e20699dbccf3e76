"""Fixtures of the core's tests: real configs in real folders, and the real command line."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from support.made_panels import make_panel
from support.pools import AS_OF

from elpa_core.cli import main
from elpa_core.config.loading import parse_training_config
from elpa_core.runs.plan import plan_run
from elpa_core.store import PolicyStore
from elpa_core.times import RunMoment

ELPA = (sys.executable, "-c", "import sys; from elpa_core.cli import main; sys.exit(main())")


@pytest.fixture(autouse=True)
def signals():
    """Leave signals as they were: the command line handles them until its process ends."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def write_json(tmp_path):
    def write(content, name="pool.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write


@pytest.fixture
def load(tmp_path):
    """Load a training config that is given as a Python object."""

    def load_config(config, *, both_groups=False):
        data = json.dumps(config).encode()
        return parse_training_config(data, tmp_path / "pool.json", both_groups=both_groups)

    return load_config


@pytest.fixture
def plan(load, tmp_path):
    """Plan a run in ``tmp_path/run``."""

    def plan_config(config, **dates):
        return plan_run(load(config), tmp_path / "run", RunMoment(**{"as_of": AS_OF, **dates}))

    return plan_config


@pytest.fixture
def elpa_process(tmp_path):
    """Start the command line in a process of its own, in ``tmp_path``; it is dead after the test."""
    started = []

    def start(*arguments, env=None, **options):
        process = subprocess.Popen(
            [*ELPA, *map(os.fspath, arguments)],
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def elpa_alone(elpa_process):
    """Run the command line in a process of its own, in ``tmp_path``, to its end."""

    def run(*arguments, **options):
        process = elpa_process(*arguments, **options)
        stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)

    return run


@pytest.fixture
def elpa(tmp_path, monkeypatch, capsys):
    """Run the command line in this process, in ``tmp_path``."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capsys.readouterr()
        return subprocess.CompletedProcess(arguments, in_this_process(*arguments), *capsys.readouterr())

    return run


def in_this_process(*arguments):
    """Call the command line as the shell would, and return its exit status."""
    try:
        return main([os.fsdecode(argument) for argument in arguments])
    except SystemExit as end:
        return end.code


@pytest.fixture
def nest(tmp_path):
    """Nest 1,500 folders in one below ``tmp_path``, a file in the last: more than recursion can walk."""
    program = "import os\nfor _ in range(1500): os.mkdir('d'); os.chdir('d')\nopen('end', 'w').close()"

    def fill(folder):
        subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)

    yield fill
    subprocess.run(["rm", "-rf", tmp_path], check=True)  # what pytest does later is recursive


@pytest.fixture
def snapshot(tmp_path):
    """Return what stands in ``tmp_path``: paths, and the content of files."""

    def take():
        return {
            str(path.relative_to(tmp_path)): path.read_bytes() if path.is_file() else None
            for path in tmp_path.rglob("*")
        }

    return take


@pytest.fixture
def store(tmp_path):
    return PolicyStore(tmp_path / "store", "pool")


@pytest.fixture
def command(store, capsys):
    """Run the command line in this process; return status, standard output, standard error."""

    def run(*arguments, dag="pool", root=store.folder.root):
        capsys.readouterr()
        status = in_this_process(*map(str, arguments), "--store", str(root), "--dag", dag)
        return status, *capsys.readouterr()

    return run


@pytest.fixture(params=[1, 24], ids=["h1", "h24"])
def panel(request):
    return make_panel(3, request.param)


@pytest.fixture
def on_one_core():
    """Let this process and its children run on one core only."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.fixture
def quick_path(tmp_path):
    """Return a folder in memory, where there is such: what is made there need not wait for a disk."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)
