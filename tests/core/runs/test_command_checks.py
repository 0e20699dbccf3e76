"""What bash and Linux say of the commands of a config, and relative paths in them. About 1 s."""

import os
from functools import partial

import pytest
from support.pools import block, pool

from elpa_core.errors import CommandError
from elpa_core.processes.command import Command
from elpa_core.runs.command_checks import LONGEST_ARGUMENT, check_commands


@pytest.fixture
def check(load, tmp_path, monkeypatch):
    """Check a config; return (place, found, hint) of problems, and (place, found) of warnings."""
    monkeypatch.chdir(tmp_path)

    def of(config):
        problems, cautions = check_commands(load(config))
        return (
            [(each.place, each.found, each.hint) for each in problems],
            [(each.place, each.found) for each in cautions],
        )

    return of


def command(text, **fields):
    return pool(block("a", train_cmd=text), **fields)


# Syntax


@pytest.mark.parametrize(
    "text", ['x --data "{seed} --out y', "if true; then x", "x (1)", "x && && y {as_of}"]
)
def test_what_bash_cannot_read_is_a_problem(check, text):
    ((place, found, hint),), _ = check(command(text))
    assert place == '$.models[0].train_cmd (model "a")'
    assert found.startswith("what bash cannot read, line 1: ")
    assert hint == ""


def test_each_model_has_its_own_problem(check):
    problems, _ = check(
        pool(block("a", train_cmd="fi"), block("b", train_cmd="true"), block("c", train_cmd="("))
    )
    assert [place for place, _, _ in problems] == [
        '$.models[0].train_cmd (model "a")',
        '$.models[2].train_cmd (model "c")',
    ]


def test_the_line_is_that_of_the_command(check):
    ((_, found, _),), _ = check(command("true\ntrue\ndone"))
    assert found == "what bash cannot read, line 3: syntax error near unexpected token `done'"


@pytest.mark.parametrize("text", ["shopt -s expand_aliases\nx (", "alias o='if true; then'\nfi"])
def test_a_command_that_changes_how_bash_reads_is_a_warning_only(check, text):
    problems, ((place, found),) = check(command(text))
    assert problems == []
    assert place == "$.models[0].train_cmd"
    assert found.startswith("bash says, without running it, of line 2: syntax error")


def test_a_value_that_breaks_a_command_is_named(check):
    text = "python /n.py --data {dataset} --out {model_dir}"
    ((_, found, hint),), _ = check(command(text, dataset="/data/load (1).csv"))
    assert "syntax error near unexpected token `('" in found
    assert hint == "look at the value of {dataset} ($.dataset): it stands outside quotes"
    text = "x '{dataset}' \"{note}\" $(("
    ((_, _, hint),), _ = check(command(text, dataset="it's", context={"note": 'a"b'}))
    assert hint == (
        "look at the value of {dataset} ($.dataset): it stands in single quotes;"
        " look at the value of {note} ($.context.note): it stands in double quotes"
    )


def test_a_secret_in_what_bash_says_is_not_shown(check):
    ((_, found, _),), _ = check(command("x ({api_token}", context={"api_token": "SECRET77"}))
    assert "SECRET77" not in found


def test_carriage_returns_behind_a_syntax_error_are_named(check):
    ((_, _, hint),), _ = check(command("if true; then\r\ntrue\r\nfi"))
    assert hint == "the command has carriage returns"


def test_a_value_of_elpa_that_no_run_could_put_there_is_a_problem(check):
    ((_, found, _),), _ = check(command("(( x = {as_of} ))"))
    assert "for {as_of} in arithmetic" in found


def test_values_that_only_a_run_knows_are_samples(check):
    text = 'x "{run_id}" {run_type} {data_interval_start} {data_interval_end} {run_dir} {as_of} {python}'
    assert check(command(text)) == ([], [])


def test_nothing_runs(check, tmp_path):
    check(command("touch {config_dir}/ran; echo $(touch {config_dir}/ran)"))
    assert list(tmp_path.iterdir()) == []


def test_without_a_bash_the_syntax_is_not_checked(check, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert check(command("if")) == ([], [("", "no bash is installed here: its syntax is not checked")])


# Length


def test_a_command_that_is_too_long(check):
    text = "true " + "x" * (LONGEST_ARGUMENT - 5)
    assert check(command(text))[0] == []
    ((place, found, _),), _ = check(command(text + "x"))
    assert place == '$.models[0].train_cmd (model "a")'
    assert found == f"a command of {LONGEST_ARGUMENT + 1} bytes"


def test_the_longest_command_is_that_of_linux(tmp_path):
    text = "true " + "x" * (LONGEST_ARGUMENT - 5)
    run = partial(Command, cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    assert run(text).run().return_code == 0
    with pytest.raises(CommandError, match="too long for this system"):
        run(text + "x").run()


def test_a_value_that_is_too_long_for_the_environment(check):
    long = "x" * LONGEST_ARGUMENT
    problems, _ = check(pool(block("a", env={"LONG": long}), block("b", "offline"), context={"note": long}))
    note = f"{LONGEST_ARGUMENT + len('ELPA_NOTE=')} bytes for the variable ELPA_NOTE of the command"
    assert [(place, found) for place, found, _ in problems] == [
        ("$.context.note", f'{note} (model "a")'),
        (
            "$.models[0].env",
            f'{LONGEST_ARGUMENT + len("LONG=")} bytes for the variable LONG of the command (model "a")',
        ),
        ("$.context.note", f'{note} (model "b")'),
    ]


def test_values_that_are_too_long_together(check):
    count = os.sysconf("SC_ARG_MAX") // 100_000 + 1
    ((place, found, _),), _ = check(pool(block("a", env={f"V{n}": "x" * 100_000 for n in range(count)})))
    assert place == '$.models[0] (model "a")'
    assert found.startswith("a command and an environment of ")


# Relative paths


def starts(path):
    return f'"{path}" is a relative path: it starts in the folder of the model, which is empty at first'


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("python naive.py --seed {seed}", "naive.py"),
        ("{python} -u models/naive.py", "models/naive.py"),
        ("uv run python naive.py", "naive.py"),
        ("OMP_NUM_THREADS=1 python3.11 naive.py", "naive.py"),
        ("Rscript fit.R", "fit.R"),
        ("./train.sh {seed}", "./train.sh"),
        ("scripts/train {seed}", "scripts/train"),
        ("true && bash ../train.sh", "../train.sh"),
        (". venv/bin/activate", "venv/bin/activate"),
    ],
)
def test_a_program_by_a_relative_path(check, text, path):
    assert check(command(text)) == ([], [("$.models[0].train_cmd", starts(path))])


@pytest.mark.parametrize(
    "text",
    [
        "python /code/naive.py",
        "python {config_dir}/naive.py",
        "python {code}/naive.py",
        "python -m tide.train",
        "python -c 'print(1.x)' data.csv",
        "cd /code && python naive.py",
        "printf 1 > x.py; python x.py",
        "cp /code/x.py x.py && python x.py",
        "python $CODE/naive.py",
        "~/train.sh",
        "seq 3 > errors.csv",
        "docker run image python train.py",
        "awk '{{print $1}}' errors.csv",
    ],
)
def test_other_words_are_no_relative_programs(check, text):
    assert check(command(text, code="/code")) == ([], [])


def test_a_relative_path_to_a_file_that_lies_beside_the_config(check, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "load.csv").touch()
    text = "python /n.py --data data/load.csv --val data/none.csv --data={data} --val {val}"
    _, warnings = check(command(text, context={"data": "data/load.csv", "val": "data/none.csv"}))
    assert warnings == [
        ("$.context.data", starts("data/load.csv")),
        ("$.models[0].train_cmd", starts("data/load.csv")),
    ]


@pytest.mark.parametrize("text", ["x {dataset}", 'x --data="{dataset}"', "x {train_dataset}"])
def test_a_relative_data_set(check, text):
    for value in ("load.csv", "data/load.parquet", "../load.csv", "data/load (1).csv"):
        assert check(command(text, dataset=value))[1] == [("$.dataset", starts(value))]
    for value in ("/load.csv", "s3://b/load.csv", "$DATA/load.csv", "~/load.csv", "load", "postgres:db/x"):
        assert check(command(text, dataset=value)) == ([], [])


def test_a_value_that_is_longer_than_any_path(check):
    long = "a/" + "b" * 5000
    assert check(command(f"x {{note}} {long}", context={"note": long})) == ([], [])


def test_a_relative_data_set_behind_a_folder_is_what_is_meant(check):
    assert check(command("x {config_dir}/{dataset}", dataset="load.csv")) == ([], [])
