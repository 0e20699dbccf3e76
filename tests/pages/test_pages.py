"""What the pages say is so: commands run as printed or are commands that exist, links lead somewhere."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_elpa_exist(page: str) -> None:
    for command in commands(page):
        if command.startswith("elpa "):
            check_words(build_parser(), words(command.partition(" > ")[0])[1:])


def check_airflow_calls(chosen: Callable[[list[str]], bool]) -> None:
    from airflow.cli.cli_parser import get_parser

    found = [words(one) for page in PAGES for one in commands(page)]
    calls = [one[1:] for one in found if one[:1] == ["airflow"]]
    calls += [one[one.index("airflow-cli") + 1 :] for one in found if "airflow-cli" in one]
    calls = [call for call in calls if call[:1] != ["bash"] and chosen(call)]
    assert calls
    for call in calls:
        check_words(get_parser(), call)


def test_commands_of_airflow_exist() -> None:
    check_airflow_calls(lambda call: call[:1] != ["celery"])


def test_commands_of_the_celery_provider_exist() -> None:
    pytest.importorskip("airflow.providers.celery", reason="make test-all installs the Celery provider")
    check_airflow_calls(lambda call: call[:1] == ["celery"])


@pytest.mark.parametrize("page", PAGES)
def test_targets_of_make_and_modules_of_python_exist(page: str) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands(page):
        given = words(command)
        if given[:1] == ["make"]:
            assert set(given[1:]) <= targets, command
        elif "-m" in given and given[given.index("-m") + 1].startswith("elpa"):
            module = given[given.index("-m") + 1].replace(".", "/") + ".py"
            assert (ROOT / module).exists() or (ROOT / "plugins" / module).exists(), command


@pytest.mark.parametrize("page", PAGES)
def test_extras_and_services_exist(page: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].keys()
    services = set(
        re.findall(r"^  ([\w-]+):", (ROOT / "docker-compose.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for command in commands(page):
        given = words(command)
        if given[:2] == ["pip", "install"]:
            named = re.findall(r"\[([\w,]+)\]", command)
            assert {extra for group in named for extra in group.split(",")} <= extras, command
        elif given[:2] == ["docker", "compose"]:
            named = [re.split("=", word)[0] for word in given if re.match(r"airflow-\w+", word)]
            assert set(named) <= services, command
