"""The program in docker-compose.yaml that makes the secrets; make compose-test runs all the rest."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from cryptography.fernet import Fernet

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))
SERVICE = COMPOSE["services"]["airflow-secrets"]
IN_CONTAINER = "/run/airflow-secrets"
KEPT = {
    "fernet_key": "AIRFLOW__CORE__FERNET_KEY",
    "jwt_secret": "AIRFLOW__API_AUTH__JWT_SECRET",
    "secret_key": "AIRFLOW__API__SECRET_KEY",
    "postgres_password": "POSTGRES_PASSWORD",
    "redis_password": "REDIS_PASSWORD",
    "admin_password": "_AIRFLOW_WWW_USER_PASSWORD",
}
HOSTILE = """p@ss/w%rd: "1"#\\'é"""


def default_of(text: str) -> str:
    """Return what compose puts in the place of ``${NAME:-default}`` where .env says nothing."""
    while found := re.fullmatch(r"\$\{\w+:-(.*)\}", text):
        text = found[1]
    return text


def start(folder: Path, **set_by_user: str) -> dict[str, str]:
    """Run the program as the first container does, and return the files that it leaves."""
    (program,) = SERVICE["command"]
    assert program.count(IN_CONTAINER) == 1
    unset = {name: default_of(text) for name, text in SERVICE["environment"].items()}
    subprocess.run(
        [sys.executable, *SERVICE["entrypoint"][1:], program.replace(IN_CONTAINER, str(folder))],
        env={**os.environ, **unset, **set_by_user},
        check=True,
    )
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_what_nobody_set_is_made_once_and_kept(tmp_path: Path) -> None:
    first = start(tmp_path)
    made = [first[name] for name in KEPT]
    assert len(set(made)) == len(KEPT)
    assert min(map(len, made)) >= 43  # 32 random bytes
    Fernet(first["fernet_key"])
    assert start(tmp_path) == first


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    first = start(tmp_path)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8)); "
    (program,) = SERVICE["command"]
    done = subprocess.run(
        [sys.executable, "-c", limit + "exec(" + repr(program.replace(IN_CONTAINER, str(tmp_path))) + ")"],
        env={**os.environ, **dict.fromkeys(KEPT.values(), ""), "_AIRFLOW_WWW_USER_USERNAME": "airflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "File too large" in done.stderr
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in first} == first
    assert start(tmp_path).items() >= first.items()


def test_no_program_in_a_shell_is_made_of_what_users_set() -> None:
    scripts = [
        text
        for service in COMPOSE["services"].values()
        for text in (service.get("command") or [])
        if "\n" in text
    ]
    assert len(scripts) == 2
    assert [script for script in scripts if "${" in script] == []


def test_no_other_user_may_read_them(tmp_path: Path) -> None:
    start(tmp_path)
    assert [path.name for path in (tmp_path, *tmp_path.iterdir()) if path.stat().st_mode & 0o007] == []


@pytest.mark.parametrize("name", list(KEPT))
def test_what_is_set_wins_over_what_was_made(name: str, tmp_path: Path) -> None:
    first = start(tmp_path)
    second = start(tmp_path, **{KEPT[name]: HOSTILE})
    assert {other: second[other] for other in KEPT} == {
        **{other: first[other] for other in KEPT},
        name: HOSTILE,
    }


def test_a_password_may_have_any_characters(tmp_path: Path) -> None:
    passwords = dict.fromkeys(("POSTGRES_PASSWORD", "REDIS_PASSWORD", "_AIRFLOW_WWW_USER_PASSWORD"), HOSTILE)
    files = start(tmp_path, **passwords, _AIRFLOW_WWW_USER_USERNAME="anna")
    for name, host in (("sql_alchemy_conn", "postgres"), ("broker_url", "redis")):
        url = urlsplit(files[name])
        assert (url.hostname, unquote(url.password or "")) == (host, HOSTILE)
    assert json.loads(files["passwords.json"]) == {"anna": HOSTILE}
    (quoted,) = re.findall(r'^requirepass "((?:\\x[0-9a-f]{2})+)"$', files["redis.conf"], re.MULTILINE)
    assert bytes.fromhex(quoted.replace("\\x", "")).decode() == HOSTILE


def test_every_secret_has_no_default() -> None:
    for variable in KEPT.values():
        text = SERVICE["environment"][variable]
        assert text.startswith(f"${{{variable}:-")
        assert default_of(text) == ""


def test_ports_are_open_to_this_machine_only() -> None:
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert all(port.startswith("127.0.0.1:") for port in ports)
