"""``elpa train`` as its users call it, also in a process of its own. About 5 s."""

import datetime as dt
import json
import os
import re
import resource
import signal
import time

import pytest
from support.pools import block, leave_errors, pool

from elpa_core.runs.folder import MANIFEST_NAME

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
MANIFEST_FIELDS = {"skill", "created_at", "run_dir", "dataset", "horizon", "period", "beta", "models"}
MODEL_FIELDS = {
    *("name", "group", "enabled", "train_cmd_template", "train_cmd", "model_dir", "env", "status"),
    *("return_code", "stdout_log", "stderr_log", "started_at", "finished_at"),
}


@pytest.fixture
def manifest(tmp_path):
    return lambda path=f"run/{MANIFEST_NAME}": json.loads((tmp_path / path).read_bytes())


def statuses(manifest):
    return [(entry["status"], entry["return_code"]) for entry in manifest["models"]]


def test_a_plan_is_printed_and_recorded_and_nothing_runs(elpa, write_json, manifest, tmp_path):
    blocks = [
        block("a", train_cmd="touch ran {model_dir}/ran\n\techo {dataset}"),
        block("b", "offline", "touch ran", enabled=False, env={"N": 1}),
    ]
    write_json(pool(*blocks, dataset="d.csv", horizon=3, period=7, beta=0.5))
    done = elpa("train", "--config", "pool.json", "--run-dir", "run", "--as-of", "2026-01-31")
    model_dir = tmp_path / "run" / "models" / "a"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"plan: 1 of 2 models, as of 2026-01-31T00:00:00+00:00, in {tmp_path}/run",
        "  online a",
        f"    touch ran {model_dir}/ran",
        "    \\techo d.csv",
        "  offline b (disabled)",
        "    touch ran",
        f"manifest: {tmp_path}/run/train_manifest.json",
        "nothing was run: --execute runs these commands",
    ]
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["config.json", MANIFEST_NAME]
    found = manifest()
    assert found.keys() >= MANIFEST_FIELDS
    first, second = found["models"]
    assert first.keys() >= MODEL_FIELDS
    assert second.keys() == first.keys()
    assert {name: found[name] for name in MANIFEST_FIELDS - {"created_at", "models"}} == {
        "skill": "ELPA",
        "run_dir": str(tmp_path / "run"),
        "dataset": "d.csv",
        "horizon": 3,
        "period": 7,
        "beta": 0.5,
    }
    assert {name: first[name] for name in MODEL_FIELDS} == {
        "name": "a",
        "group": "online",
        "enabled": True,
        "train_cmd_template": "touch ran {model_dir}/ran\n\techo {dataset}",
        "train_cmd": f"touch ran {model_dir}/ran\n\techo d.csv",
        "model_dir": str(model_dir),
        "env": {},
        "status": "planned",
        "return_code": None,
        "stdout_log": f"{model_dir}/train.stdout.log",
        "stderr_log": f"{model_dir}/train.stderr.log",
        "started_at": None,
        "finished_at": None,
    }
    assert (second["status"], second["enabled"], second["env"]) == ("disabled", False, {"N": "1"})
    assert found["as_of"] == "2026-01-31T00:00:00Z"


def test_warnings_are_lines_on_standard_error(elpa, write_json):
    write_json(pool({"name": "a", "train_cmd": "true"}, datset="x"))
    done = elpa("train", "--config", "pool.json", "--run-dir", "run")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "warning: pool.json: $.models[0].group: found nothing, taken as online; say which group it is",
        'warning: pool.json: $.datset: no command uses this value; did you mean "dataset"?',
    ]


def test_a_value_that_cannot_be_put_into_the_command_is_refused(elpa, write_json, snapshot):
    write_json(pool(block("a", train_cmd="let x={model_dir}")))
    before = snapshot()
    done = elpa("train", "--config", "pool.json", "--run-dir", "run", "--execute")
    assert (done.returncode, done.stdout) == (2, "")
    start = 'error: pool.json: $.models[0].train_cmd (model "a"): found the value "'
    assert [line.startswith(start) for line in done.stderr.splitlines()] == [True]
    assert snapshot() == before


def test_a_run_is_recorded_with_times_in_utc(elpa_alone, write_json, manifest, tmp_path):
    write_json(pool())
    before = dt.datetime.now(dt.UTC)
    done = elpa_alone("train", "--config", "pool.json", "--run-dir", "run", "--execute")
    found = manifest()
    assert done.returncode == 0
    assert statuses(found) == [("ok", 0), ("ok", 0)]
    times = [found["created_at"], found["as_of"]]
    for entry in found["models"]:
        times += [entry["started_at"], entry["finished_at"]]
    assert all(TIME.fullmatch(time) for time in times)
    assert before.isoformat() <= min(times)
    assert times[2:] == sorted(times[2:])
    last = done.stdout.splitlines()[-1]
    assert re.fullmatch(rf"done at {TIME.pattern}; manifest: {tmp_path}/run/{MANIFEST_NAME}", last)


@pytest.mark.parametrize(
    ("options", "status", "expected"),
    [
        ([], 1, [("ok", 0), ("failed", 3), ("planned", None), ("disabled", None)]),
        (["--continue-on-error"], 1, [("ok", 0), ("failed", 3), ("ok", 0), ("disabled", None)]),
    ],
    ids=["stop", "continue"],
)
def test_a_failed_model_makes_a_run_that_failed(elpa, write_json, manifest, options, status, expected):
    blocks = [block("a"), block("b", train_cmd="exit 3"), block("c"), block("d", enabled=False)]
    write_json(pool(*blocks))
    done = elpa("train", "--config", "pool.json", "--run-dir", "run", "--execute", *options)
    assert done.returncode == status
    assert statuses(manifest()) == expected
    assert manifest()["continue_on_error"] is bool(options)
    assert done.stdout.splitlines()[-1].startswith("failed at ")


def test_one_group_alone_can_be_trained(elpa, write_json):
    write_json(pool(block("a")))
    done = elpa("train", "--config", "pool.json", "--run-dir", "run", "--execute")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_command_knows_how_many_cores_are_its_own(elpa, write_json, tmp_path, on_one_core):
    write_json(pool(block(train_cmd=f"echo $ELPA_CPUS; {leave_errors(1)}")))
    assert elpa("train", "--config", "pool.json", "--run-dir", "run", "--execute").returncode == 0
    assert (tmp_path / "run" / "models" / "a" / "train.stdout.log").read_text() == "1\n"


def test_a_run_folder_of_its_own_is_the_default(elpa, write_json, tmp_path):
    write_json(pool())
    elpa("train", "--config", "pool.json")
    elpa("train", "--config", "pool.json")
    first, second = sorted((tmp_path / ".runtime" / "elpa_runs").iterdir())
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{6}Z", first.name)
    assert json.loads((second / MANIFEST_NAME).read_bytes())["run_dir"] == str(second)


def test_manifest_out_makes_its_parents(elpa, write_json, manifest, tmp_path):
    write_json(pool())
    done = elpa("train", "--config", "pool.json", "--run-dir", "run", "--manifest-out", "x/y/m.json")
    assert done.returncode == 0
    assert statuses(manifest("x/y/m.json")) == [("planned", None)] * 2
    assert not (tmp_path / "run" / MANIFEST_NAME).exists()


@pytest.mark.parametrize(
    ("given", "rendered"),
    [
        ("2026-01-31T06:00:00+02:00", "2026-01-31T04:00:00+00:00"),
        ("2026-01-31T06:00:00Z", "2026-01-31T06:00:00+00:00"),
        ("2026-01-31T06:00", "2026-01-31T06:00:00+00:00"),
    ],
)
def test_as_of_reaches_commands_and_manifest(elpa, write_json, manifest, given, rendered):
    write_json(pool(block("a", train_cmd='echo "{as_of}|{run_id}|$ELPA_AS_OF"')))
    elpa("train", "--config", "pool.json", "--run-dir", "run", "--as-of", given)
    assert manifest()["models"][0]["train_cmd"] == f'echo "{rendered}||$ELPA_AS_OF"'
    assert manifest()["as_of"] == rendered.replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--as-of", "yesterday"],
            '--as-of: found "yesterday"; expected a moment in ISO 8601, such as 2026-01-31T06:00:00+00:00',
        ),
        (
            ["--as-of", "0001-01-01T00:00:00+23:00"],
            '--as-of: found "0001-01-01T00:00:00+23:00"; expected a moment in ISO 8601,'
            " such as 2026-01-31T06:00:00+00:00",
        ),
        (["--run-dir", "pool.json"], "pool.json: found a file; expected a folder, or a path that is free"),
        (["--manifest-out", "."], ".: found a folder; expected a file to write the manifest to"),
        (
            ["--manifest-out", "/dev/null"],
            "/dev/null: found no regular file; expected a file to write the manifest to",
        ),
        (
            ["--manifest-out", "./pool.json"],
            "pool.json: found an input of this command; expected a file to write the manifest to",
        ),
        (
            ["--run-dir", b"run\xff"],
            'command line: found "{folder}/run\\udcff"; expected a path in UTF-8',
        ),
    ],
    ids=["no date", "before all dates", "run-dir", "folder", "device", "config", "not UTF-8"],
)
def test_a_bad_option_is_refused_before_anything_is_written(
    elpa, write_json, snapshot, tmp_path, arguments, message
):
    write_json(pool())
    before = snapshot()
    done = elpa("train", "--config", "pool.json", "--execute", "--run-dir", "new", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {message.format(folder=tmp_path)}\n"
    assert snapshot() == before


def test_secrets_reach_the_command_and_nothing_else(elpa, write_json, manifest, tmp_path):
    secrets = {
        "env": "env-hunter22",
        "context": "context-hunter22",
        "top": "top-hunter22",
        "short": "pin4",
    }
    train_cmd = (
        'printf "%s\\n" "$API_TOKEN" {db_password} {my_secret} {pin_key} "$LEVEL" '
        + secrets["env"]
        + " > got; exit 5"
    )
    env = {"API_TOKEN": secrets["env"], "LEVEL": f"x {secrets['context']}", "AWS_CREDENTIALS": "a"}
    context = {"db_password": secrets["context"], "pin_key": secrets["short"]}
    write_json(pool(block("a", train_cmd=train_cmd, env=env), context=context, my_secret=secrets["top"]))
    done = elpa("train", "--config", "pool.json", "--run-dir", "run", "--execute")
    got = (tmp_path / "run" / "models" / "a" / "got").read_text().splitlines()
    assert got == [*secrets.values(), f"x {secrets['context']}", secrets["env"]]
    shown = done.stdout + done.stderr + (tmp_path / "run" / MANIFEST_NAME).read_text()
    assert [name for name, value in secrets.items() if value in shown] == []
    entry = manifest()["models"][0]
    assert entry["env"] == {"API_TOKEN": "***", "LEVEL": "x ***", "AWS_CREDENTIALS": "***"}
    assert entry["train_cmd"] == 'printf "%s\\n" "$API_TOKEN" *** *** *** "$LEVEL" *** > got; exit 5'


def wait_for(path):
    """Wait for a file that a running command writes."""
    until = time.monotonic() + 30
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < until, f"{path} was not written"
        time.sleep(0.01)
    return path.read_text()


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGINT, 130, "error: interrupted\n"),
        (signal.SIGTERM, 128 + signal.SIGTERM, ""),
        (signal.SIGHUP, 128 + signal.SIGHUP, ""),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_a_signal_ends_the_command_and_the_manifest_says_so(
    elpa_process, write_json, manifest, tmp_path, number, status, said
):
    write_json(pool(block("a"), block("b", "offline", "sleep 300 & echo $! $$ > pids; wait"), block("c")))
    process = elpa_process(
        *("train", "--config", "pool.json", "--run-dir", "run", "--execute"),
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    pids = wait_for(tmp_path / "run" / "models" / "b" / "pids").split()
    assert statuses(manifest()) == [("ok", 0), ("running", None), ("planned", None)]
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (status, said)
    assert not any(is_alive(int(pid)) for pid in pids)
    assert statuses(manifest()) == [("ok", 0), ("failed", None), ("planned", None)]
    entry = manifest()["models"][1]
    assert (entry["reason"], entry["finished_at"] > entry["started_at"]) == ("interrupted", True)


def test_a_run_under_nohup_outlives_its_terminal(elpa_process, write_json, manifest, tmp_path):
    go_on = tmp_path / "go_on"
    wait = f"echo up > up; until [ -e '{go_on}' ]; do sleep 0.02; done; {leave_errors(1)}"
    write_json(pool(block("a", train_cmd=wait)))
    process = elpa_process(
        *("train", "--config", "pool.json", "--run-dir", "run", "--execute"),
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    wait_for(tmp_path / "run" / "models" / "a" / "up")
    process.send_signal(signal.SIGHUP)
    go_on.touch()
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert statuses(manifest()) == [("ok", 0)]


def test_progress_is_seen_while_the_model_runs(elpa_process, write_json, tmp_path):
    go_on = tmp_path / "go_on"
    write_json(pool(block("a", train_cmd=f"until [ -e '{go_on}' ]; do sleep 0.02; done")))
    process = elpa_process("train", "--config", "pool.json", "--run-dir", "run", "--execute")
    seen = [process.stdout.readline() for _ in range(5)]
    assert re.fullmatch(rf"\[1/1\] online a: running since {TIME.pattern}\n", seen[4])
    go_on.touch()


@pytest.mark.parametrize("execute", [[], ["--execute"]], ids=["plan", "run"])
def test_a_reader_that_went_away_is_no_traceback(elpa_process, write_json, manifest, execute):
    write_json(pool())
    process = elpa_process("train", "--config", "pool.json", "--run-dir", "run", *execute)
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=30) == 1
    assert statuses(manifest()) == [("planned", None)] * 2


def test_a_disk_that_is_full_is_one_line_and_keeps_the_old_manifest(
    elpa_alone, write_json, snapshot, tmp_path
):
    write_json(pool())
    assert elpa_alone("train", "--config", "pool.json", "--run-dir", "run").returncode == 0
    before = snapshot()
    size = len(before["run/config.json"])
    done = elpa_alone(
        *("train", "--config", "pool.json", "--run-dir", "run", "--execute"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: {tmp_path}/run/{MANIFEST_NAME}: File too large\n"
    assert snapshot() == before


def test_a_terminal_that_lacks_a_character_still_gets_the_plan(elpa_alone, write_json):
    write_json(pool(block("modèle"), block("b", "offline")))
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = elpa_alone("train", "--config", "pool.json", "--run-dir", "run", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "  online mod\\xe8le\n" in done.stdout
