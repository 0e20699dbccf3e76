"""What ``elpa train`` says of models that failed or left less than they should. About 2 s."""

import json

import pytest
from support.pools import block, leave_errors, pool

from elpa_core.runs.folder import MANIFEST_NAME


@pytest.fixture
def manifest(tmp_path):
    return lambda: json.loads((tmp_path / "run" / MANIFEST_NAME).read_bytes())


def test_models_without_usable_errors_are_named_at_the_end_and_the_run_goes_on(elpa, write_json, manifest):
    write_json(pool(block("a", train_cmd="true"), block("b"), block("c", train_cmd=leave_errors("nan"))))
    done = elpa("train", "--config", "pool.json", "--run-dir", "run", "--execute")
    assert done.returncode == 1
    assert done.stderr == "error: no policy can be made: no usable validation errors of a, c\n"
    assert done.stdout.splitlines()[-1].startswith("done at ")
    assert [(one["status"], one["return_code"]) for one in manifest()["models"]] == [("ok", 0)] * 3
    a, b, c = manifest()["models"]
    assert (a["artifact"], b["artifact"]["rows"], c["artifact"]) == (None, 2, None)
    assert "errors.csv: found no such file" in a["reason"]
    assert 'errors.csv: row 1 (line 2), column "abs_error": found "nan"' in c["reason"]


def test_a_failed_model_shows_the_last_lines_of_its_errors_without_secrets(elpa, write_json, tmp_path):
    cmd = """
    echo to standard output
    for i in {{1..30}}; do echo line $i >&2; done
    printf '10%%\\r20%%\\r\\n\\033[31m%s\\n' "$DB_PASSWORD" >&2
    printf '%02000d' 7 >&2
    exit 127
    """
    blocks = [block("a", train_cmd=cmd, env={"DB_PASSWORD": "hunter22"}), block("b", "offline")]
    write_json(pool(*blocks))
    done = elpa("train", "--config", "pool.json", "--run-dir", "run", "--execute", "--continue-on-error")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if "online a: failed" in line)
    assert lines[at].endswith(
        "the command ended with exit code 127 (a program that was not found: is it installed, and in PATH?);"
        f" its errors are in {tmp_path}/run/models/a/train.stderr.log"
    )
    shown = [f"line {i}" for i in range(14, 31)] + ["20%", "\\x1b[31m***", "..." + "0" * 999 + "7"]
    assert lines[at + 1 : at + 21] == ["    " + line for line in shown]
    assert lines[at + 21].startswith("[2/2] offline b: running")


def test_a_pattern_of_artifacts_that_names_nothing_is_a_warning(elpa, write_json, manifest, tmp_path):
    deep = block("deep", "offline", "touch model.bin; " + leave_errors(1), artifacts=["model/*.ckpt"])
    write_json(pool(block("fast"), deep))
    done = elpa("train", "--config", "pool.json", "--run-dir", "run", "--execute")
    warning = (
        f"deep: {tmp_path}/run/models/deep: found no such file; expected at least one file that artifacts"
        ' names with "model/*.ckpt"; let the command write it there, or take the pattern out of the config'
    )
    assert (done.returncode, done.stderr) == (0, f"warning: {warning}\n")
    entry = manifest()["models"][1]
    assert (entry["status"], entry["reason"], entry["artifacts"]) == ("ok", None, [])
    assert [f"deep: {text}" for text in entry["warnings"]] == [warning]
    assert elpa("integrate", "--run-dir", "run", "--output", "p.json").returncode == 0


def test_a_secret_in_the_path_of_errors_is_shown_nowhere(elpa, write_json, manifest, tmp_path):
    context = {"api_token": "cfgtoken-123456", "db_password": "hunter22hunter"}
    cmd = "printf 'abs_error\n1\n' > {model_dir}/{api_token}.csv; echo {api_token}"
    a = block("a", train_cmd=cmd, error_csv="{model_dir}/{api_token}.csv")
    b = block("b", "offline", "true", error_csv="{model_dir}/no-{db_password}.csv")
    write_json(pool(a, b, block("c", "offline"), context=context))
    done = elpa("train", "--config", "pool.json", "--run-dir", "run", "--execute")
    shown = done.stdout + done.stderr + json.dumps(manifest())
    assert [value for value in context.values() if value in shown] == []
    first, second, _ = manifest()["models"]
    assert first["error_csv"] == f"{tmp_path}/run/models/a/***.csv"
    assert first["artifact"]["rows"] == 1
    assert f"{tmp_path}/run/models/b/no-***.csv: found no such file" in second["reason"]
