"""``elpa validate``: every problem and every warning of every file. About 1 s."""

import pytest
from support.pools import block, pool

from elpa_core.cli import main


@pytest.fixture
def validate(write_json, tmp_path, monkeypatch, capsys):
    """Validate files with these contents; return exit status, lines of output, lines of errors."""
    monkeypatch.chdir(tmp_path)

    def run(**contents):
        paths = [write_json(content, f"{name}.json").name for name, content in contents.items()]
        status = main(["validate", *paths])
        stdout, stderr = capsys.readouterr()
        return status, stdout.splitlines(), stderr.splitlines()

    return run


SCORES = {
    "models": [{"name": n, "group": g, "ewma_score": 1} for n, g in (("a", "online"), ("b", "offline"))]
}


def test_every_file_is_checked_whatever_the_others_hold(validate):
    status, stdout, stderr = validate(
        bad=pool(block("a"), beta=2),
        good=pool(),
        no_json=b"[",
        scores=SCORES,
        bad_scores=SCORES | {"beta": 1},
    )
    assert status == 2
    assert stdout == [
        "good.json: training config of 2 models, no problem",
        "scores.json: integration config of 2 models, no problem",
    ]
    assert stderr == [
        "error: bad.json: $.beta: found 2; expected a number less than 1.0",
        "error: bad.json: $.models: found no enabled offline model; expected at least one in each group",
        "error: no_json.json: line 1, column 2: found the end of the file; expected JSON (Expecting value)",
        "error: bad_scores.json: $.beta: found 1; expected a number less than 1.0",
    ]


def test_warnings_are_no_problems(validate):
    models = [{"name": "a", "train_cmd": "true"}, block("b", "Offline", 'bash -c "echo {model_dir}"')]
    status, stdout, stderr = validate(pool=pool(*models, datset="x"))
    assert status == 0
    assert stdout == ["pool.json: training config of 2 models, no problem"]
    assert stderr == [
        "warning: pool.json: $.models[0].group: found nothing; taken as online: say which group it is",
        'warning: pool.json: $.models[1].group: found "Offline"; taken as offline',
        'warning: pool.json: $.datset: no command uses this value; did you mean "dataset"?',
        "warning: pool.json: $.models[1].train_cmd: {model_dir} stands where bash -c reads it as"
        " code; use the variable ELPA_MODEL_DIR there instead",
    ]


def test_at_least_one_file_is_needed(elpa):
    done = elpa("validate")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("elpa validate: error: ")
