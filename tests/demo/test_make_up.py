"""What ``make up`` and ``make demo`` run, from start to end: ``make up`` with configs of one's own.

It runs in a copy of ``dags``, beside which it keeps its state: whoever runs the tests may have called
``make up`` in this clone.
"""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
DAGS = ROOT / "dags"

Demo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clone = tmp_path_factory.mktemp("clone")
    shutil.copytree(DAGS, clone / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    models = [{"name": group, "group": group, "train_cmd": "true"} for group in ("online", "offline")]
    for folder in ("mine", "others"):
        (clone / folder).mkdir()
        (clone / folder / f"{folder}.json").write_text(json.dumps({"models": models}), encoding="utf-8")
    (clone / "broken").mkdir()
    (clone / "broken" / "broken.json").write_text("{}", encoding="utf-8")
    return clone


@pytest.fixture(scope="module")
def demo(clone: Path) -> Iterator[Demo]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, clone / "dags" / "demo" / "demo.py", *arguments]
        return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)

    yield run
    run("down")


def test_a_broken_config_is_refused_before_anything_starts(clone: Path, demo: Demo) -> None:
    done = demo("up", "--configs", "broken")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error: {clone}/broken/broken.json: $.models: " in done.stderr
    assert not (clone / ".runtime").exists()


@pytest.mark.slow
def test_it_says_where_it_is_each_time_until_it_is_down(
    clone: Path, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(clone))
    first = demo("up", "--configs", "~/mine")
    assert first.returncode == 0, first.stderr
    where, login, *rest = first.stdout.splitlines()[1:]
    password = login.removeprefix("log in as admin with the password ")
    assert rest[0].startswith("then: Dags, elpa_mine, Trigger;")
    client = httpx.Client(base_url=where.removeprefix("Airflow is running: "))
    token = client.post("/auth/token", json={"username": "admin", "password": password}).json()
    client.headers["Authorization"] = f"Bearer {token['access_token']}"
    assert [dag["dag_id"] for dag in client.get("/api/v2/dags").json()["dags"]] == ["elpa_mine"]

    holding = [path for path in (clone / ".runtime").rglob("*") if path.is_file() and holds(path, password)]
    assert {path.name for path in holding} == {"passwords.json", "ready.json"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}

    for arguments in ((), ("--configs", "mine")):
        again = demo("up", *arguments)
        assert (again.returncode, again.stdout.splitlines()) == (0, first.stdout.splitlines()[1:])
    other = demo("up", "--configs", "others")
    assert (other.returncode, other.stdout) == (1, again.stdout)
    assert other.stderr == (
        f"error: it does not run with {clone}/others, but with {clone}/mine: make down first\n"
    )
    assert demo("down").stdout == "stopped\n"
    with pytest.raises(httpx.TransportError):
        client.get("/api/v2/version")


@pytest.mark.sweep
def test_the_demo_prints_what_the_first_page_says(demo: Demo) -> None:
    done = demo("demo")
    assert done.returncode == 0, done.stderr
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    [table] = [fence for fence in page.split("```text\n") if fence.startswith("group ")]
    shown = table.partition("```")[0].splitlines()
    first = done.stdout.splitlines().index(shown[0])
    assert done.stdout.splitlines()[first : first + len(shown)] == shown


def holds(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes()
