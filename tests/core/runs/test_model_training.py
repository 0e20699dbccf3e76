"""Training one planned model with real commands: how it ends, what is kept, how it is stopped. About 3 s."""

import dataclasses
import hashlib
import os
import shutil
from pathlib import Path

import pytest
from support.pools import block, leave_errors, pool

from elpa_core.artifacts.error_artifact import artifact_of
from elpa_core.runs.training import KeptInPlace, Training, TrainingOutcome
from elpa_core.schema.trained_file import TrainedFile
from elpa_core.times import now_text

STARTED_AT = "2026-01-31T06:00:00Z"


@pytest.fixture
def planned(plan):
    """Plan one model."""

    def plan_one(train_cmd, **fields):
        return plan(pool(block("a", train_cmd=train_cmd, **fields))).models[0]

    return plan_one


@pytest.fixture(params=["to files", "to lines"])
def train(request, planned):
    """Train a model in one of the two ways in which its output can go; return the outcome."""

    def run(train_cmd, **fields):
        on_line = None if request.param == "to files" else [].append
        return Training(planned(train_cmd, **fields), on_line=on_line).run(STARTED_AT)

    return run


def test_a_good_training(train, tmp_path):
    folder = tmp_path / "run" / "models" / "a"
    before = now_text()
    outcome = train("echo w > model.pt; " + leave_errors(1, 2), artifacts=["*.pt"])
    assert before <= outcome.finished_at <= now_text()
    artifact = artifact_of(
        folder / "errors.csv",
        model="a",
        group="online",
        started_at=STARTED_AT,
        finished_at=outcome.finished_at,
    )
    assert artifact.rows == 2
    sha256 = hashlib.sha256(b"w\n").hexdigest()
    kept = (TrainedFile(path=str(folder / "model.pt"), bytes=2, sha256=sha256),)
    assert outcome == TrainingOutcome(STARTED_AT, outcome.finished_at, 0, artifact=artifact, kept=kept)
    assert outcome.reason is None


@pytest.mark.parametrize(("train_cmd", "code"), [("exit 7", 7), ("kill -9 $$", -9), ("no_such_program", 127)])
def test_a_command_that_fails_is_a_failure_whatever_it_left(train, train_cmd, code):
    outcome = train(f"{leave_errors(1)}; {train_cmd}")
    assert (outcome.return_code, outcome.artifact, outcome.kept) == (code, None, ())
    assert outcome.failure.startswith(f"the command ended with exit code {code}")
    assert (outcome.problem, outcome.reason) == (None, outcome.failure)


@pytest.mark.parametrize(
    ("train_cmd", "words"),
    [
        ("kill -9 $$", "exit code -9 (SIGKILL, killed from outside: out of memory?)"),
        (
            "kill -11 $BASHPID",
            "exit code -11 (SIGSEGV, a crash: it used memory that is not its own)",
        ),
        ("touch program; ./program", "exit code 126 (a program that this user may not execute, or a file"),
        ("no_such_program", "exit code 127 (a program that was not found: is it installed, and in PATH?)"),
        (
            "(kill -9 $BASHPID); exit $?",
            "exit code 137 (128 + 9, a program ended by SIGKILL, killed from outside: out of memory?)",
        ),
        (
            "(kill -XFSZ $BASHPID); exit $?",
            "exit code 153 (128 + 25, a program ended by SIGXFSZ, a file is larger than its",
        ),
        ("exit 255", "exit code 255"),
    ],
)
def test_exit_codes_are_explained(train, train_cmd, words):
    assert f"the command ended with {words}" in train(train_cmd).failure


@pytest.mark.parametrize(
    ("train_cmd", "found"),
    [
        ("true", "found no such file"),
        (leave_errors("oops"), 'found "oops"'),
        ("mkdir errors.csv", "a folder"),
    ],
)
def test_a_good_command_without_usable_errors_is_a_problem_and_no_failure(train, train_cmd, found):
    outcome = train(train_cmd)
    assert (outcome.return_code, outcome.failure, outcome.artifact) == (0, None, None)
    assert found in outcome.problem
    assert outcome.reason == outcome.problem


@pytest.mark.parametrize("where", ["{model_dir}/errors.csv", "{run_dir}/errors.csv"])
def test_errors_that_were_there_before_are_not_those_of_this_training(train, where):
    write = "printf 'abs_error\\n1\\n' > "
    assert train(f"{write} {where}", error_csv=where).artifact.rows == 1
    assert "found a file left by an earlier attempt (" in train("true", error_csv=where).problem
    assert train(f"{write} {where}", error_csv=where).problem is None


def test_a_pattern_that_names_no_file_is_a_warning(train):
    outcome = train(leave_errors(1), artifacts=["*.pt"])
    assert (outcome.reason, outcome.artifact.rows, outcome.kept) == (None, 1, ())
    (warning,) = outcome.warnings
    assert 'that artifacts names with "*.pt"' in warning


def test_a_path_that_holds_a_secret_is_told_to_nobody(train, tmp_path):
    folder = tmp_path / "run" / "models" / "a"
    secret = {
        "env": {"API_TOKEN": "hunter22"},
        "error_csv": "hunter22/e.csv",
        "artifacts": ["*.pt", "hunter*"],
    }
    cmd = f"mkdir $API_TOKEN && {leave_errors(1)} && mv errors.csv $API_TOKEN/e.csv; touch $API_TOKEN.pt"
    outcome = train(cmd, **secret)
    assert outcome.artifact.path == str(folder / "handed_on_errors.csv")
    assert "found the file name '***.pt', which holds a secret" in "".join(outcome.warnings)
    assert "hunter22" not in str(outcome)
    assert "/***/e.csv: found no such file" in train("rm -r hunter22", **secret).problem


def test_what_keeps_the_command_from_starting_is_a_failure_without_an_exit_code(train, tmp_path):
    (tmp_path / "run").mkdir()
    models = tmp_path / "run" / "models"
    models.write_text("a file where a folder belongs")
    outcome = train("touch ran")
    assert (outcome.return_code, outcome.failure) == (None, f"{models}/a: Not a directory")


def test_an_error_file_that_cannot_be_looked_at_is_a_failure_before_the_command_starts(train, tmp_path):
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop)
    outcome = train("touch {config_dir}/ran", error_csv="{config_dir}/loop.csv")
    assert outcome.failure == f"{loop}: Too many levels of symbolic links"
    assert not (tmp_path / "ran").exists()


def test_output_goes_to_two_files_and_a_failure_says_where(planned):
    model = planned("echo said; echo trouble >&2; exit 3")
    outcome = Training(model).run(STARTED_AT)
    log = model.model_dir / "train.stderr.log"
    assert outcome.failure == f"the command ended with exit code 3; its errors are in {log}"
    assert outcome.error_lines == ("trouble",)
    assert log.read_text() == "trouble\n"
    assert (model.model_dir / "train.stdout.log").read_text() == "said\n"


def test_output_goes_to_one_listener_and_to_no_file(planned):
    lines = []
    model = planned("echo said; echo trouble >&2; exit 3")
    outcome = Training(model, on_line=lines.append).run(STARTED_AT)
    assert outcome.failure == "the command ended with exit code 3"
    assert lines == ["said", "trouble"]
    assert list(model.model_dir.iterdir()) == []


def test_the_plans_environment_wins_over_the_parents(planned, monkeypatch):
    monkeypatch.setenv("OF_THIS_PROCESS", "seen")
    say = 'echo "${{OF_THIS_PROCESS-none}} ${{LEVEL-none}} $OTHER $ELPA_MODEL_NAME"'
    model, lines = planned(say, env={"LEVEL": "inner"}), []
    Training(model, on_line=lines.append).run(STARTED_AT)
    parent = {"PATH": os.environ["PATH"], "LEVEL": "outer", "OTHER": "o"}
    Training(model, on_line=lines.append, parent_environment=parent).run(STARTED_AT)
    assert lines == ["seen inner  a", "none inner o a"]


def test_a_command_knows_how_many_cores_are_its_own_unless_its_environment_says_it(planned, on_one_core):
    lines = []
    for own, given in (({}, {}), ({}, {"ELPA_CPUS": "7"}), ({"ELPA_CPUS": "5"}, {"ELPA_CPUS": "7"})):
        parent = {"PATH": os.environ["PATH"], **given}
        training = Training(
            planned("echo $ELPA_CPUS", env=own), on_line=lines.append, parent_environment=parent
        )
        training.run(STARTED_AT)
    assert lines == ["1", "7", "5"]


def test_a_training_that_was_stopped_before_it_began_starts_no_command(planned, tmp_path):
    training = Training(planned("touch {config_dir}/ran"))
    training.stop()
    outcome = training.run(STARTED_AT)
    assert (outcome.failure, outcome.artifact) == ("the command was stopped", None)
    assert not (tmp_path / "ran").exists()


def test_a_training_that_is_stopped_ends_its_command_even_one_that_then_ends_well(planned):
    wait = "sleep 600 & echo $!; wait"
    model = planned(f"{leave_errors(1)}; trap 'kill $! 2> /dev/null; exit 0' TERM; {wait}")
    children = []

    def stop(line):
        children.append(int(line))
        training.stop()

    training = Training(model, on_line=stop)
    outcome = training.run(STARTED_AT)
    assert (outcome.return_code, outcome.failure) == (0, "the command was stopped")
    assert outcome.artifact is None
    (child,) = children
    assert not Path(f"/proc/{child}").exists()


def test_the_models_own_grace_time_counts(planned):
    # SIGTERM would let it say a last word, SIGKILL at once does not.
    model = planned(
        "trap 'echo last word; exit 5' TERM; echo ready; read -t 600 <> <(:)", airflow={"stop_grace": 0}
    )
    lines = []

    def stop(line):
        lines.append(line)
        training.stop()

    training = Training(model, on_line=stop)
    training.run(STARTED_AT)
    assert model.options.stop_grace == 0
    assert lines == ["ready"]


class Stop(BaseException):
    pass


def test_an_exception_from_outside_ends_the_command_and_goes_on_its_way(planned):
    children = []

    def stop(line):
        children.append(int(line))
        raise Stop

    with pytest.raises(Stop):
        Training(planned("sleep 600 & echo $!; wait"), on_line=stop).run(STARTED_AT)
    assert not Path(f"/proc/{children[0]}").exists()


class Elsewhere:
    """Keep what a command left as copies in another folder, as a store does."""

    def __init__(self, model_dir, folder):
        self.in_place, self.folder = KeptInPlace(model_dir), folder

    def keep_artifact(self, planned, **more):
        artifact = self.in_place.keep_artifact(planned, **more)
        copy = shutil.copy(planned.error_csv, self.folder / "errors.csv")
        return dataclasses.replace(artifact, path=str(copy))

    def keep_files(self, files):
        kept, warnings = self.in_place.keep_files(files)
        return [file.at(shutil.copy(file.path, self.folder)) for file in kept], [*warnings, "one is left out"]


def test_what_is_kept_elsewhere_is_told_from_there(planned, tmp_path):
    model = planned(f"echo w > model.pt; {leave_errors(1, 2)}", artifacts=["*.pt"])
    store = tmp_path / "store"
    store.mkdir()
    outcome = Training(model, keeper=Elsewhere(model.model_dir, store)).run(STARTED_AT)
    assert outcome.artifact.path == str(store / "errors.csv")
    assert [file.path for file in outcome.kept] == [str(store / "model.pt")]
    assert (store / "model.pt").read_text() == "w\n"
    assert (outcome.reason, outcome.warnings) == (None, ("one is left out",))


def test_what_cannot_be_kept_is_a_problem_and_no_failure(planned, tmp_path):
    model = planned(leave_errors(1))
    outcome = Training(model, keeper=Elsewhere(model.model_dir, tmp_path / "gone")).run(STARTED_AT)
    assert (outcome.return_code, outcome.failure, outcome.artifact) == (0, None, None)
    assert outcome.problem == f"[Errno 2] No such file or directory: '{tmp_path}/gone/errors.csv'"


def test_the_manifest_takes_what_counts(train):
    outcome = train("echo w > model.pt; " + leave_errors(1), artifacts=["*.pt"])
    times = {"started_at": STARTED_AT, "finished_at": outcome.finished_at}
    assert outcome.entry("ok", None) == {
        "status": "ok",
        "reason": None,
        "return_code": 0,
        "artifact": outcome.artifact.to_json(),
        "artifacts": [file.to_json() for file in outcome.kept],
        "warnings": [],
        **times,
    }
    failed = {
        "status": "failed",
        "reason": "why",
        "return_code": 0,
        "artifact": None,
        "artifacts": [],
        "warnings": [],
        **times,
    }
    assert outcome.entry("failed", "why") == failed


@pytest.mark.parametrize(
    ("pattern", "kept", "warned"),
    [("*.json", ["own.json"], 0), ("**", ["errors.csv", "own.json"], 0), ("status.json", [], 1)],
)
def test_what_elpa_writes_itself_is_not_kept(planned, pattern, kept, warned):
    make = f"echo 1 | tee own.json status.json output.log > /dev/null; {leave_errors(1)}"
    outcome = Training(planned(make, artifacts=[pattern]), on_line=[].append).run(STARTED_AT)
    assert [Path(file.path).name for file in outcome.kept] == kept
    assert len(outcome.warnings) == warned
    for warning in outcome.warnings:
        assert 'found only files that ELPA itself writes, for "status.json"' in warning


def test_a_link_to_another_run_is_kept_as_a_file(planned, tmp_path):
    (tmp_path / "earlier.pt").write_text("weights")
    make = f"ln -s {tmp_path}/earlier.pt model.pt; {leave_errors(1)}"
    (file,) = Training(planned(make, artifacts=["*.pt"])).run(STARTED_AT).kept
    (tmp_path / "earlier.pt").unlink()
    assert Path(file.path).read_text() == "weights"


def test_a_command_that_is_stopped_has_no_exit_code_of_its_own(planned):
    cmd = "trap 'exit 2' TERM; echo ready; sleep 60 & wait"
    training = Training(planned(cmd), on_line=lambda _: training.stop())
    outcome = training.run(STARTED_AT)
    assert (outcome.stopped, outcome.return_code) == (True, 2)
