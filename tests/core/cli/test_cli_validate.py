"""``elpa validate``: every problem and every warning of every file. About 1 s."""

import json

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
        "warning: pool.json: $.models[0].group: found nothing, taken as online; say which group it is",
        'warning: pool.json: $.models[1].group: found "Offline", taken as offline; write offline',
        'warning: pool.json: $.datset: no command uses this value; did you mean "dataset"?',
        "warning: pool.json: $.models[1].train_cmd: {model_dir} stands where bash -c reads it as"
        " code; use the variable ELPA_MODEL_DIR there instead",
    ]


def test_at_least_one_file_is_needed(elpa):
    done = elpa("validate")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("elpa validate: error: ")


# What newcomers wrote


def two(online, offline="true", **fields):
    return pool(block("n", train_cmd=online), block("o", "offline", train_cmd=offline), **fields)


def test_an_unclosed_quote(validate):
    status, stdout, stderr = validate(
        q=two('python /n.py --data "{dataset} --out e', "if true; then x {dataset}", dataset="/load.csv")
    )
    assert (status, stdout) == (2, [])
    cannot = "found what bash cannot read, line 1:"
    assert stderr == [
        f'error: q.json: $.models[0].train_cmd (model "n"): {cannot} unexpected EOF while looking for'
        " matching `\"'; expected a command of bash",
        f'error: q.json: $.models[1].train_cmd (model "o"): {cannot} syntax error: unexpected end of file;'
        " expected a command of bash",
    ]


def test_an_unquoted_parenthesis(validate):
    command = "python /n.py --data {dataset} --out {model_dir}"
    quoted = 'python /o.py --data "{dataset}" --out {model_dir}'
    status, _, (error, warning) = validate(p=two(command, quoted, dataset="/data/load (1).csv"))
    assert status == 2
    assert error == (
        'error: p.json: $.models[0].train_cmd (model "n"): found what bash cannot read, line 1: syntax error'
        " near unexpected token `('; expected a command of bash; look at the value of {dataset} ($.dataset):"
        " it stands outside quotes"
    )
    assert warning == (
        'warning: p.json: $.models[0].train_cmd: the value "/data/load (1).csv" of $.dataset stands outside'
        " quotes, where bash reads its characters; if it is one word, put {dataset} in double quotes"
    )


def test_carriage_returns(validate):
    status, stdout, stderr = validate(r=two("true\r\n", "x > errors.csv\r\n"))
    assert (status, stdout) == (0, ["r.json: training config of 2 models, no problem"])
    returns = "1 carriage return (\\r), taken as a character like any other; end lines with \\n"
    assert stderr == [f"warning: r.json: $.models[{n}].train_cmd: {returns}" for n in (0, 1)]


def test_an_end_before_the_start(validate):
    dates = {"schedule": "@daily", "start_date": "2026-06-01", "end_date": "2026-05-01", "catchup": True}
    status, _, stderr = validate(d=two("true", airflow=dates))
    assert status == 2
    assert stderr == [
        'error: d.json: $.airflow.end_date: found "2026-05-01"; expected a date that is not before start_date'
        " (2026-06-01)"
    ]


def test_misplaced_fields(validate):
    misplaced = {"schedule": "@hourly", "retries": 2, "catchup": False, "start_date": "2026-01-01"}
    command = "python /n.py --as-of {{ ds }} --data {dataset}"
    fields = {"$schema": "x.json", **misplaced, "dataset": "/load.csv"}
    status, _, stderr = validate(m=two(command, **fields))
    assert status == 0
    assert stderr == [
        *(
            f"warning: m.json: $.{name}: no command uses this value; it belongs into airflow"
            for name in misplaced
        ),
        'warning: m.json: $.models[0].train_cmd: "{{ ds }}" is not replaced: Jinja is not read here;'
        " use {as_of}",
    ]


# Several files and folders


def test_configs_with_one_dag_id_name_each_other(validate):
    own = pool(airflow={"dag_id": "one"})
    status, stdout, stderr = validate(a=own, b=own, c=own | {"airflow": {"dag_id": "other"}})
    assert (status, stdout) == (2, ["c.json: training config of 2 models, no problem"])
    assert stderr == [
        f'error: {this}.json: $.airflow.dag_id: found the Dag id "one", which {that}.json has too; expected a'
        " Dag id of its own; set airflow.dag_id in one of them"
        for this, that in (("a", "b"), ("b", "a"))
    ]


@pytest.fixture
def folders(tmp_path, monkeypatch, write_json):
    monkeypatch.chdir(tmp_path)
    write_json(pool(), "one/load.json")
    write_json(SCORES, "one/scores.json")
    write_json(b"[", "one/.hidden.json")
    write_json(b"[", "one/sub/deep.json")
    write_json(b"[", "one/notes.txt")
    write_json(pool(), "two/load.json")
    (tmp_path / "empty").mkdir()


def test_a_folder_means_its_configs_as_a_dag_file_takes_them(folders, elpa):
    done = elpa("validate", "one")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "one/load.json: training config of 2 models, no problem",
        "one/scores.json: integration config of 2 models, no problem",
    ]


def test_folders_are_seen_together(folders, elpa):
    done = elpa("validate", "one", "two/load.json")
    assert done.returncode == 2
    assert [line.partition(": $")[0] for line in done.stderr.splitlines()] == [
        "error: one/load.json",
        "error: two/load.json",
    ]
    assert "which two/load.json has too" in done.stderr


def test_a_file_that_is_given_twice_is_one_file(folders, elpa):
    done = elpa("validate", "one", "one/load.json", "two/../one/load.json")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2


def test_a_folder_without_configs_is_a_warning(folders, elpa):
    done = elpa("validate", "empty")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "warning: empty: no *.json in this folder; no Dag is made of it\n"


# JSON


def test_json(folders, elpa, write_json):
    write_json(pool(block("a", train_cmd="fi"), block("b", "offline"), datset="x"), "bad.json")
    done = elpa("validate", "bad.json", "one", "none.json", "--json")
    assert (done.returncode, done.stderr) == (2, "")
    bad, good, scores, none = json.loads(done.stdout)["files"]
    assert bad == {
        "file": "bad.json",
        "kind": "training",
        "dag_id": "elpa_bad",
        "problems": [
            {
                "place": '$.models[0].train_cmd (model "a")',
                "found": "what bash cannot read, line 1: syntax error near unexpected token `fi'",
                "expected": "a command of bash",
                "hint": "",
            }
        ],
        "warnings": [
            {
                "place": "$.datset",
                "found": "no command uses this value",
                "expected": 'did you mean "dataset"?',
            }
        ],
    }
    empty = {"problems": [], "warnings": []}
    assert good == {"file": "one/load.json", "kind": "training", "dag_id": "elpa_load", **empty}
    assert scores == {"file": "one/scores.json", "kind": "integration", "dag_id": None, **empty}
    assert (none["kind"], none["problems"][0]["expected"]) == (None, "a JSON file that can be read")


def test_a_schedule_that_has_ended(validate):
    ended = {"schedule": "@daily", "start_date": "2020-01-01", "end_date": "2020-02-01"}
    goes_on = ended | {"end_date": "2199-01-01"}
    backfilled = {"start_date": "2020-01-01", "end_date": "2020-02-01"}
    status, stdout, stderr = validate(
        a=pool(airflow=ended), b=pool(airflow=goes_on), c=pool(airflow=backfilled)
    )
    assert (status, len(stdout)) == (0, 3)
    assert stderr == [
        'warning: a.json: $.airflow.end_date: "2020-02-01", which is past: the schedule starts no more data'
        " intervals; a later date, or none, for more runs"
    ]
