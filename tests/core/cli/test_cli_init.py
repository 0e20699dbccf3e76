"""``elpa init``: configs to start from, and never over what is there. About 1 s."""

import json
import os
import subprocess

import jsonschema
import pytest

from elpa_core.cli import main
from elpa_core.cli.schemas import json_schema


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_templates_are_good_configs_that_the_next_commands_take(here, capsys):
    assert main(["init", "new/pool"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "written: new/pool/train.json",
        "written: new/pool/integrate.json",
        "next: put your own commands into train.json, then",
        "  elpa validate new/pool/train.json",
        "  elpa train --config new/pool/train.json",
    ]
    assert main(["validate", "new/pool/train.json", "new/pool/integrate.json"]) == 0
    assert capsys.readouterr() == (
        "new/pool/train.json: training config of 6 models, no problem\n"
        "new/pool/integrate.json: integration config of 4 models, no problem\n",
        "",
    )
    assert main(["train", "--config", "new/pool/train.json", "--run-dir", "run"]) == 0


def test_the_training_template_shows_a_pool_of_more_than_four_models_of_every_style(here):
    main(["init", "."])
    config = json.loads((here / "train.json").read_text(encoding="utf-8"))
    commands = " ".join(model["train_cmd"] for model in config["models"])
    assert len(config["models"]) > 4
    assert {model["group"] for model in config["models"]} == {"online", "offline"}
    assert all(style in commands for style in ("torch", "prophet", "tide", "PatchTST"))
    jsonschema.validate(config, json_schema("train"))
    jsonschema.validate(json.loads((here / "integrate.json").read_text()), json_schema("integrate"))


def kept(path):
    """Return what changes if somebody writes to a path: when it was read last is not part of it."""
    found = os.lstat(path)
    return found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


@pytest.mark.parametrize("name", ["train.json", "integrate.json"])
@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: path.write_text("mine"), "a file"),
        (lambda path: path.mkdir(), "a folder"),
        (lambda path: path.symlink_to("nowhere"), "a file"),
    ],
    ids=["file", "folder", "broken link"],
)
def test_what_is_there_stays_and_nothing_is_added(here, capsys, name, make, found):
    make(here / name)
    before = kept(here / name)
    assert main(["init", "."]) == 2
    error = f"error: {name}: found {found}; expected a path that is free; choose another folder\n"
    assert capsys.readouterr() == ("", error)
    assert [path.name for path in here.iterdir()] == [name]
    assert kept(here / name) == before


def test_a_path_of_too_many_folders_is_told(here, capsys):
    folder = "/".join("d" * 1500)
    status, said = main(["init", folder]), capsys.readouterr()
    if status:  # later versions of Python make it
        assert (status, said) == (1, ("", f"error: {folder}/train.json: a path of too many folders\n"))
        assert list(here.iterdir()) == []
    subprocess.run(["rm", "-rf", here / "d"], check=True)


def test_both_files_that_are_there_are_named(here, capsys):
    main(["init", "."])
    capsys.readouterr()
    assert main(["init", "."]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_file_is_no_folder_to_fill(here, capsys):
    (here / "file").write_text("mine")
    assert main(["init", "file"]) == 2
    assert capsys.readouterr().err == "error: file: found a file; expected a folder, or a path that is free\n"
    assert (here / "file").read_text() == "mine"
