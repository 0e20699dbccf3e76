"""Running a plan: every command as written, and a manifest that is true at every moment. About 4 s."""

import json
import os
import stat
import subprocess
import sys

import pytest
from support.commands_corpus import CORPUS, CORPUS_HORIZON
from support.pools import block, leave_errors, pool

from elpa_core.errors import InputError
from elpa_core.runs.folder import MANIFEST_NAME
from elpa_core.runs.local_run import RecordedRun

HOSTILE_FOLDER = """run of it's "$HOME" é"""


@pytest.fixture(scope="module")
def corpus_run(tmp_path_factory):
    """Train the whole corpus once, in a run folder whose name no shell would leave alone."""
    folder = tmp_path_factory.mktemp("corpus")
    context = {name: value for command in CORPUS for name, value in command.context.items()}
    models = [
        block(command.name, ("online", "offline")[index % 2], command.train_cmd, env=command.env)
        for index, command in enumerate(CORPUS)
    ]
    config = folder / "corpus.json"
    config.write_text(json.dumps(pool(*models, horizon=CORPUS_HORIZON, context=context)), encoding="utf-8")
    run_dir = folder / HOSTILE_FOLDER
    call = "import sys; from elpa_core.cli import main; sys.exit(main())"
    arguments = ["train", "--config", config, "--run-dir", run_dir, "--execute", "--continue-on-error"]
    done = subprocess.run([sys.executable, "-c", call, *arguments], capture_output=True, check=False)
    manifest = json.loads((run_dir / MANIFEST_NAME).read_bytes())
    return done, run_dir, {entry["name"]: entry for entry in manifest["models"]}


@pytest.mark.parametrize("command", CORPUS, ids=lambda command: command.name)
def test_a_command_runs_as_written(corpus_run, command):
    _, run_dir, entries = corpus_run
    folder = run_dir / "models" / command.name
    log = (folder / "train.stderr.log").read_text()
    assert (entries[command.name]["status"], log) == ("ok", "")
    assert (folder / "out").read_bytes() == command.out
    assert entries[command.name]["artifact"]["rows"] == 2


def test_a_corpus_of_many_models_ends_well(corpus_run):
    done, _, entries = corpus_run
    assert (done.returncode, done.stderr) == (0, b"")
    assert list(entries) == [command.name for command in CORPUS]


@pytest.fixture
def execute(plan, tmp_path):
    """Run a pool; return whether it went well, its progress lines and its manifest's entries."""

    def run(config, **options):
        lines = []
        path = tmp_path / "run" / MANIFEST_NAME
        done = RecordedRun(plan(config), path, **options).execute(lines.append, lines.append)
        return done, lines, json.loads(path.read_bytes())["models"]

    return run


def statuses(entries):
    return [(entry["status"], entry["return_code"]) for entry in entries]


def test_the_command_gets_folder_environment_and_logs_of_its_own(execute, tmp_path, monkeypatch):
    monkeypatch.setenv("INHERITED", "from outside")
    monkeypatch.setenv("LEVEL", "outer")
    train_cmd = 'pwd; echo "$INHERITED/$LEVEL/$ELPA_MODEL_NAME"; echo problem >&2; ' + leave_errors(1)
    done, _, _ = execute(pool(block("a", train_cmd=train_cmd, env={"LEVEL": "inner"})))
    folder = tmp_path / "run" / "models" / "a"
    assert done
    assert (folder / "train.stdout.log").read_text() == f"{folder}\nfrom outside/inner/a\n"
    assert (folder / "train.stderr.log").read_text() == "problem\n"


def test_only_the_owner_reads_the_config_and_everybody_the_manifest(execute, tmp_path):
    old = os.umask(0)
    try:
        execute(pool(block("a", train_cmd="true"), context={"api_token": "SECRET"}))
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "run").glob("*.json")}
    assert modes == {"config.json": 0o600, MANIFEST_NAME: 0o666}


def test_models_run_one_after_the_other_in_config_order(execute, tmp_path):
    log = tmp_path / "order"
    blocks = [
        block(name, group, f"echo {name} >> '{log}'; sleep 0.05; echo {name} >> '{log}'; {leave_errors(1)}")
        for name, group in (("c", "offline"), ("a", "online"), ("b", "offline"))
    ]
    done, _, entries = execute(pool(*blocks))
    assert done
    assert log.read_text().split() == ["c", "c", "a", "a", "b", "b"]
    assert [entry["name"] for entry in entries] == ["c", "a", "b"]


def test_the_first_failure_stops_the_run(execute, tmp_path):
    blocks = [block("a"), block("b", train_cmd="exit 7"), block("c", train_cmd="touch ran"), block("d")]
    done, lines, entries = execute(pool(*blocks))
    assert not done
    assert statuses(entries) == [("ok", 0), ("failed", 7), ("planned", None), ("planned", None)]
    assert not (tmp_path / "run" / "models" / "c").exists()
    assert lines[-1] == "stopped: 2 more not run (--continue-on-error runs them all the same)"


def test_a_run_told_to_continue_runs_every_model(execute, tmp_path):
    blocks = [block("a", train_cmd="exit 7"), block("b"), block("c", train_cmd="kill -9 $$")]
    done, _, entries = execute(pool(*blocks), continue_on_error=True)
    assert not done
    assert statuses(entries) == [("failed", 7), ("ok", 0), ("failed", -9)]
    log = tmp_path / "run" / "models" / "a" / "train.stderr.log"
    assert entries[0]["reason"] == f"the command ended with exit code 7; its errors are in {log}"


def test_a_command_that_bash_does_not_find_or_parse_is_a_failure(execute, tmp_path):
    blocks = [block("a", train_cmd="no_such_program --x"), block("b", train_cmd="if true; then")]
    done, _, entries = execute(pool(*blocks), continue_on_error=True)
    assert not done
    assert statuses(entries) == [("failed", 127), ("failed", 2)]
    log = tmp_path / "run" / "models" / "a" / "train.stderr.log"
    assert "no_such_program: command not found" in log.read_text()


def test_a_disabled_model_does_not_run_and_is_no_failure(execute, tmp_path):
    done, lines, entries = execute(pool(block("a"), block("b", train_cmd="exit 1", enabled=False)))
    assert done
    assert statuses(entries) == [("ok", 0), ("disabled", None)]
    assert not (tmp_path / "run" / "models" / "b").exists()
    assert [line.split(":")[0] for line in lines] == ["[1/1] online a"] * 2


def test_progress_says_which_model_runs_since_when_and_what_is_done(execute, tmp_path):
    one = block("c", "offline", leave_errors(1))
    _, lines, entries = execute(pool(block("a"), one, block("b", "offline", "exit 3")))
    since, ended, _, ended_with_one, _, failed = lines
    assert since == f"[1/3] online a: running since {entries[0]['started_at']}"
    assert ended.startswith("[1/3] online a: ok after ")
    assert ended.endswith(" s, 2 validation errors")
    assert ended_with_one.endswith(" s, 1 validation error")
    assert failed.startswith("[3/3] offline b: failed after ")
    log = tmp_path / "run" / "models" / "b" / "train.stderr.log"
    assert failed.endswith(f": the command ended with exit code 3; its errors are in {log}")


def test_the_manifest_is_true_while_a_command_runs(execute, tmp_path):
    manifest = tmp_path / "run" / MANIFEST_NAME
    look = f"cp '{manifest}' seen.json; {leave_errors(1)}"
    execute(pool(block("a", train_cmd=look), block("b", "offline", look), block("c", enabled=False)))
    seen = [
        [
            (entry["status"], entry["started_at"] is not None, entry["finished_at"] is not None)
            for entry in json.loads((tmp_path / "run" / "models" / name / "seen.json").read_text())["models"]
        ]
        for name in "ab"
    ]
    planned, running, ok = ("planned", False, False), ("running", True, False), ("ok", True, True)
    disabled = ("disabled", False, False)
    assert seen == [[running, planned, disabled], [ok, running, disabled]]


NO_ERRORS = (
    "; expected the validation errors that the command leaves;"
    " let the command write there, or name its own path in error_csv"
)


@pytest.mark.parametrize(
    ("train_cmd", "found"),
    [
        (
            "true",
            "found no such file" + NO_ERRORS + '; {folder} holds "train.stderr.log", "train.stdout.log"',
        ),
        (
            "ln -s errors.csv errors.csv",
            "found a file that cannot be read (Too many levels of symbolic links)" + NO_ERRORS,
        ),
        ("mkdir errors.csv", "found a folder; expected a CSV file with the model's validation errors"),
        (
            "touch errors.csv",
            'found an empty file; expected a header with a column "abs_error", or columns "y_true" and'
            ' "pred", then one row for each error',
        ),
        (
            leave_errors("nan"),
            'row 1 (line 2), column "abs_error": found "nan"; expected a finite number in decimal notation,'
            " such as 0.25 or 1.5e-3; leave the cell blank to skip the row",
        ),
    ],
    ids=["none", "a loop", "a folder", "empty", "not a number"],
)
def test_a_good_command_without_usable_errors_is_ok_and_says_so(execute, tmp_path, train_cmd, found):
    done, _, entries = execute(pool(block("a", train_cmd=train_cmd)))
    csv = tmp_path / "run" / "models" / "a" / "errors.csv"
    assert done
    assert statuses(entries) == [("ok", 0)]
    assert entries[0]["artifact"] is None
    assert entries[0]["reason"] == f"no usable error artifact: {csv}: {found.format(folder=csv.parent)}"


def test_errors_left_by_an_earlier_run_are_not_taken_for_those_of_this_one(execute):
    assert execute(pool(block("a")))[0]
    _, _, entries = execute(pool(block("a", train_cmd="true")))
    assert entries[0]["artifact"] is None
    assert "found a file left by an earlier attempt (" in entries[0]["reason"]


@pytest.mark.parametrize("again", [leave_errors(1, 2), f"cp errors.csv x; {leave_errors(1, 2)}; rm x"])
def test_equal_errors_written_again_are_those_of_this_run(execute, again):
    first = execute(pool(block("a")))[2][0]
    second = execute(pool(block("a", train_cmd=again)))[2][0]
    assert second["artifact"]["sha256"] == first["artifact"]["sha256"]
    assert second["artifact"]["written_at"] > first["artifact"]["written_at"]


def test_an_error_file_with_an_absurd_time_is_still_read(execute):
    _, _, entries = execute(
        pool(block("a", train_cmd=leave_errors(1) + "; touch -d @9999999999999 errors.csv"))
    )
    assert entries[0]["artifact"]["rows"] == 1


@pytest.mark.parametrize(
    ("error_csv", "where"),
    [("out/{model_name}.csv", "run/models/a/out/a.csv"), ("{run_dir}/e.csv", "run/e.csv")],
)
def test_the_errors_lie_where_error_csv_says(execute, tmp_path, error_csv, where):
    path = tmp_path / where
    path.parent.mkdir(parents=True)
    train_cmd = f"printf 'abs_error\\n1\\n' > '{path}'"
    _, _, entries = execute(pool(block("a", train_cmd=train_cmd, error_csv=error_csv)))
    assert entries[0]["error_csv"] == entries[0]["artifact"]["path"] == str(path)


def test_what_keeps_one_model_from_starting_is_its_failure_alone(execute, tmp_path):
    models = tmp_path / "run" / "models"
    models.mkdir(parents=True)
    (models / "a").write_text("a file where a folder belongs")
    done, _, entries = execute(pool(block("a"), block("b")), continue_on_error=True)
    assert not done
    assert statuses(entries) == [("failed", None), ("ok", 0)]
    assert entries[0]["reason"] == f"{models / 'a'}: File exists"


def test_every_start_on_the_command_line_is_cold(execute, tmp_path):
    reads = f"ls -A {{previous_dir}} > seen && {leave_errors(1)}"
    writes = f"touch {{run_dir}}/previous/c/mine && {leave_errors(1)}"
    models = [block("a", train_cmd=reads), block("b", train_cmd=writes), block("c", train_cmd=reads)]
    (tmp_path / "run" / "previous" / "c").mkdir(parents=True)
    _, _, entries = execute(pool(*models), continue_on_error=True)
    assert statuses(entries) == [("ok", 0), ("ok", 0), ("failed", None)]
    assert (tmp_path / "run" / "models" / "a" / "seen").read_text() == ""
    assert entries[2]["reason"].startswith(
        f"{tmp_path}/run/previous/c: found a folder with files; expected an"
    )
    assert [entry["warm_started_from"] for entry in entries] == [None, None, None]


def test_what_no_run_has_left_in_its_folder_is_refused_and_stays(plan, tmp_path, snapshot):
    folder = tmp_path / "run"
    mine = [folder / "previous" / "a" / "model.pt", folder / "previous" / "b", folder / "config.json"]
    mine[0].parent.mkdir(parents=True)
    for path in mine:
        path.write_text("mine")
    planned = plan(pool(block("a", train_cmd="x {previous_dir}"), block("b", train_cmd="x {previous_dir}")))
    before = snapshot()
    with pytest.raises(InputError) as refused:
        RecordedRun(planned, folder / MANIFEST_NAME)
    assert str(refused.value).splitlines() == [
        f"{folder}/config.json: found another file; expected this config, or the one that the manifest beside"
        " it names; move it away, or take another folder for the run",
        *(
            f"{folder}/previous/{name}: found {found}; expected an empty folder: on the command line each"
            " training starts without an earlier one; move it away, or take another folder for the run"
            for name, found in (("a", "a folder with files"), ("b", "a file"))
        ),
    ]
    assert snapshot() == before


def test_a_run_may_be_done_again_in_its_folder_with_another_config(plan, tmp_path):
    for models in ([block("a"), block("b")], [block("c"), block("d")]):
        RecordedRun(plan(pool(*models)), tmp_path / "run" / MANIFEST_NAME)
    assert b'"c"' in (tmp_path / "run" / "config.json").read_bytes()


class Stop(BaseException):
    pass


@pytest.mark.parametrize("at", ["running since", "ok after"])
def test_an_exception_from_outside_leaves_no_model_running(plan, tmp_path, at):
    def report(line):
        if at in line:
            raise Stop

    path = tmp_path / MANIFEST_NAME
    with pytest.raises(Stop):
        RecordedRun(plan(pool()), path).execute(report, report)
    entry = json.loads(path.read_bytes())["models"][0]
    assert entry["status"] == {"running since": "failed", "ok after": "ok"}[at]
    assert entry["reason"] == {"running since": "interrupted", "ok after": None}[at]


def test_the_run_folder_keeps_the_bytes_of_the_config(plan, tmp_path):
    planned = plan(pool())
    RecordedRun(planned, tmp_path / "manifest.json")
    assert (tmp_path / "run" / "config.json").read_bytes() == planned.loaded.data
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["config.json"]
