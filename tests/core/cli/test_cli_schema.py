"""``elpa schema`` and the rest of the command line's own surface. About 3 s."""

import json

import pytest

from elpa_core.cli import main
from elpa_core.cli.schemas import json_schema

FLAGS = {
    "train": ["--config", "--run-dir", "--manifest-out", "--execute", "--continue-on-error", "--as-of"],
    "integrate": ["--config", "--run-dir", "--output"],
    "init": ["DIR"],
    "validate": ["FILE"],
    "schema": ["train", "integrate", "policy"],
}


@pytest.mark.parametrize("kind", ["train", "integrate", "policy"])
def test_the_schema_is_printed_as_json(elpa, kind):
    done = elpa("schema", kind)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json_schema(kind)


def test_another_schema_is_refused(elpa):
    done = elpa("schema", "manifest")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'train', 'integrate', 'policy'" in done.stderr


def test_a_reader_that_went_away_is_no_traceback(elpa_process):
    process = elpa_process("schema", "integrate")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=30) == 1


def test_help_names_every_command(elpa_alone):
    done = elpa_alone("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"    {command}" in done.stdout for command in FLAGS)


@pytest.mark.parametrize("command", FLAGS)
def test_help_of_a_command_names_its_flags(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: elpa {command} ")
    assert [flag for flag in FLAGS[command] if flag not in text] == []


@pytest.mark.parametrize(
    "arguments", [["trian"], ["train"], ["train", "--config"], ["integrate", "--config", "x"]]
)
def test_an_incomplete_command_line_is_refused(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert capsys.readouterr().out == ""
