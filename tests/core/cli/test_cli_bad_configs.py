"""Every bad config, with its exact message, through the command line."""

import json
import os
from pathlib import Path

import pytest
from support.bad_configs import BAD_CONFIGS, BAD_INTEGRATIONS, LACKING_A_GROUP, pasted
from support.pools import pool

from elpa_core.cli import main


def lines_of(path, problems):
    return [f"error: {path}: {problem}" for problem in problems]


TRAIN = ("train", "--config", "pool.json", "--run-dir", "run", "--execute")


@pytest.mark.parametrize(("content", "problems"), BAD_CONFIGS.values(), ids=BAD_CONFIGS)
def test_a_bad_training_config_is_refused(refused, write_json, content, problems):
    write_json(content)
    found = refused(*TRAIN)
    if problems is None:
        assert len(found) == 1
    else:
        assert found == lines_of("pool.json", problems)
    assert refused("validate", "pool.json") == found


@pytest.mark.parametrize(("content", "problems"), LACKING_A_GROUP.values(), ids=LACKING_A_GROUP)
def test_a_group_without_an_enabled_model_is_refused_but_for_training(
    refused, write_json, capsys, content, problems
):
    write_json(content)
    assert refused("validate", "pool.json") == lines_of("pool.json", problems)
    assert main([*TRAIN[:-1]]) == 0


@pytest.mark.parametrize(("content", "problems"), BAD_INTEGRATIONS.values(), ids=BAD_INTEGRATIONS)
def test_a_bad_integration_config_is_refused(refused, write_json, here, content, problems):
    write_json(content)
    (here / "policy.json").write_text("the old policy")
    arguments = ("integrate", "--config", "pool.json", "--output", "policy.json")
    assert refused(*arguments) == lines_of("pool.json", problems)


def test_processes_of_their_own_refuse_in_the_same_words(elpa_alone, write_json, snapshot):
    """All of the above once more, without pytest around: exit status 2 and no traceback."""
    cases = {**BAD_CONFIGS, **LACKING_A_GROUP}
    expected = []
    for number, (content, problems) in enumerate(cases.values()):
        path = write_json(content, f"{number:03}.json")
        expected += [None] if problems is None else lines_of(path.name, problems)
    before = snapshot()
    done = elpa_alone("validate", *sorted(before))
    assert (done.returncode, done.stdout) == (2, "")
    found = done.stderr.splitlines()
    assert [line if wanted else None for line, wanted in zip(found, expected, strict=True)] == expected
    for number in (0, len(BAD_CONFIGS) - 1):
        path = f"{number:03}.json"
        done = elpa_alone("train", "--config", path, "--run-dir", "run", "--execute")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.splitlines() == [line for line in expected if line and f" {path}:" in line]
    assert snapshot() == before


def make_fifo(path):
    os.mkfifo(path)


def make_big(path):
    with path.open("wb") as file:
        file.truncate(1 << 40)


def make_loop(path):
    path.symlink_to(path.name)


STRANGE_FILES = {
    "none": (
        lambda _: None,
        "no such file or directory; expected a JSON file that can be read; {here} is empty",
    ),
    "folder": (Path.mkdir, "a folder; expected a JSON file that can be read"),
    "FIFO": (make_fifo, "no regular file; expected a JSON file that can be read"),
    "device": (
        lambda path: path.symlink_to("/dev/zero"),
        "no regular file; expected a JSON file that can be read",
    ),
    "huge": (make_big, "more than 16777216 bytes; expected a JSON file that can be read"),
    "loop": (make_loop, "too many levels of symbolic links; expected a JSON file that can be read"),
    "unreadable": (
        lambda path: path.symlink_to("/proc/self/mem"),
        "input/output error; expected a JSON file that can be read",
    ),
}


@pytest.mark.parametrize(("make", "problem"), STRANGE_FILES.values(), ids=STRANGE_FILES)
def test_what_is_no_file_to_read_is_refused_at_once(here, capsys, make, problem):
    make(here / "pool.json")
    for arguments in (
        ["train", "--config", "pool.json"],
        ["integrate", "--config", "pool.json", "--output", "policy.json"],
        *([] if make is Path.mkdir else [["validate", "pool.json"]]),  # it takes a folder
    ):
        assert main(arguments) == 2
        assert capsys.readouterr() == ("", f"error: pool.json: found {problem.format(here=here)}\n")
    assert {path.name for path in here.iterdir()} <= {"pool.json"}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + json.dumps(pool()).encode(),
        json.dumps(pool(), indent=1).replace("\n", "\r\n").encode(),
        json.dumps(pool(seed=10**400)).encode(),
        pasted('"beta": -0, "seed": -0, "dirty_interval": -0, "rate": -0.0'),
        json.dumps(pool(note="naïve 模型 🚀"), ensure_ascii=False).encode(),
        json.dumps(pool(note="🚀")).encode(),
        pasted('"period": 1' + "0" * 4000),
    ],
    ids=["BOM", "CRLF", "10**400", "-0", "UTF-8", "a surrogate pair", "4001 digits"],
)
def test_unusual_but_good_json_is_accepted(here, write_json, capsys, content):
    write_json(content)
    assert main([*TRAIN[:-1]]) == 0
