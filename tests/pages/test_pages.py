"""What the pages say is so: commands run as printed or are commands that exist, links lead somewhere."""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from support.pages import PAGES, ROOT, anchors, commands, fences, is_run, links, not_run, runnable, words
from support.stores import run

from elpa_core.cli import build_parser
from elpa_core.store import PolicyStore

MOST_LINES = {"README.md": 200, "elpa_core/routing/README.md": 250}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for link in links(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", MOST_LINES)
def test_a_page_stays_short(page: str) -> None:
    assert len((ROOT / page).read_text(encoding="utf-8").splitlines()) <= MOST_LINES[page]


@pytest.mark.parametrize("page", PAGES)
def test_json_on_a_page_is_json(page: str) -> None:
    for fence in fences(page):
        if fence.language == "json":
            json.loads(fence.text)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_as_printed(page: str, tmp_path: Path) -> None:
    """All fences of a page share one folder and one shell, in order; output stands in the fence behind."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "ELPA"))},
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    if page == "plugins/README.md":  # which is for who has run something
        for number in (1, 2):
            run(PolicyStore(tmp_path / ".runtime" / "airflow" / "elpa", "elpa_load"), number)
    script, expected = ["set -e\n"], []
    for number, fence in enumerate(fences(page)):
        if fence.language == "sh":
            script.append(runnable(fence.text))
        elif fence.language == "python" and "elpa_dags" not in fence.text:
            (tmp_path / f"fence_{number}.py").write_text(fence.text, encoding="utf-8")
            script.append(f"python fence_{number}.py\n")
        elif fence.language == "text" and "►" not in fence.text:
            expected.append(fence)
    done = subprocess.run(
        ["bash", "-c", "".join(script)],
        cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for fence in expected:
        shown = [line for line in fence.text.splitlines() if line.strip("… .")]
        if page == "README.md" and "snarimax" in fence.text:
            continue  # the output of make demo
        for line in shown:
            assert line in done.stdout.splitlines(), f"{page}, line {fence.line}: {line}\n{done.stdout}"


def test_what_is_not_run_stands_on_a_page_and_has_a_reason() -> None:
    on_pages = [command for page in PAGES for command in commands(page)]
    for command, reason in not_run().items():
        assert any(not is_run(one) and one.startswith(command) for one in on_pages), command
        assert reason.strip()


def check_words(parser: argparse.ArgumentParser, given: list[str]) -> None:
    """Check that commands and options exist; a page may leave required arguments out, or write FILE."""
    for word in given:
        choices = next((a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)), {})
        if word.split("|")[0] in choices:
            assert set(word.split("|")) <= choices.keys(), word
            parser = choices[word.split("|")[0]]
        elif word.isupper():  # as COMMAND, which stands for any
            return
        elif word.startswith("--") or re.fullmatch(r"-\w", word):
            assert word.partition("=")[0] in parser._option_string_actions, (parser.prog, word)
        else:
            assert not choices, (parser.prog, word)


def calls(program: str, pages: Sequence[str] = PAGES) -> Iterator[list[str]]:
    """Yield what pages call a program with, in a container too."""
    for page in pages:
        for command in commands(page):
            given = words(command.partition(" > ")[0])
            for call in (given, in_a_container(given)):
                if call[:1] == [program]:
                    yield call[1:]


def in_a_container(given: list[str]) -> list[str]:
    """Return what docker compose runs in the container of a service."""
    verb = next((k for k, word in enumerate(given) if given[0] == "docker" and word in {"exec", "run"}), None)
    if verb is None:
        return []
    service, *call = itertools.dropwhile(lambda word: word.startswith("-"), given[verb + 1 :])
    if call[:2] == ["bash", "-c"]:
        return words(call[2])
    return ["airflow", *call] if service == "airflow-cli" else call


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_elpa_exist(page: str) -> None:
    for call in calls("elpa", [page]):
        check_words(build_parser(), call)


def test_commands_of_airflow_exist() -> None:
    from airflow.cli.cli_parser import get_parser

    for call in calls("airflow"):
        if call[:1] != ["celery"]:
            check_words(get_parser(), call)


def test_commands_of_the_celery_provider_exist() -> None:
    pytest.importorskip("airflow.providers.celery", reason="make test-all installs the Celery provider")
    from airflow.cli.cli_parser import get_parser

    (call,) = [call for call in calls("airflow") if call[:1] == ["celery"]]
    check_words(get_parser(), call)


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for call in calls("make"):
        assert set(call) <= targets, call


@pytest.mark.parametrize("python", ["python", ".venv/bin/python"])
def test_what_python_is_called_with_exists(python: str) -> None:
    from elpa_airflow.check import build_parser as parser_of_check

    for call in calls(python):
        if call[:1] == ["-m"]:
            assert importlib.util.find_spec(call[1]), call
        if call[:2] == ["-m", "elpa_airflow.check"]:
            check_words(parser_of_check(), call[2:])
        if python == ".venv/bin/python":
            assert all((ROOT / word).exists() for word in call if "/" in word), call


@pytest.mark.parametrize("page", PAGES)
def test_extras_exist(page: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].keys()
    for call in calls("pip", [page]):
        named = re.findall(r"\[([\w,]+)\]", " ".join(call))
        assert {extra for group in named for extra in group.split(",")} <= extras, call


def test_services_and_profiles_exist() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    profiles = {profile for service in services.values() for profile in service.get("profiles", [])}
    for call in calls("docker"):
        before, _, after = " ".join(call).partition(" --profile ")
        assert before == "compose" or not after, call
        assert not after or after.split()[0] in profiles, call
        named = [word for word in call if re.match(r"airflow-(?!secrets)|postgres$|redis$", word)]
        assert {word.partition("=")[0] for word in named} <= services.keys(), call
