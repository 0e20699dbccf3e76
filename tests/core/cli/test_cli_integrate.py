"""``elpa integrate``: the policy of an integration config, and of a finished run. About 5 s."""

import json
import random
import re
import resource
import time

import pytest
from support.pools import block, leave_errors, pool

from elpa_core.cli import main
from elpa_core.runs.folder import MANIFEST_NAME

CONTRACT_FIELDS = (
    *("skill", "created_at", "beta", "dirty_interval", "amplitude_window", "mutant_epsilon"),
    *("online_models", "offline_models", "scores", "online_weights", "offline_weights"),
    *("best_online_model", "best_offline_model"),
)

EXPECTED = "expected status ok and an error artifact"


def ewma(errors, beta):
    """Return the score as section 4 of the contract says it, and nothing cleverer."""
    score = abs(errors[0])
    for error in errors[1:]:
        score = beta * score + (1 - beta) * abs(error)
    return max(score, 1e-9)


def weights(scores):
    total = 0.0
    for score in scores.values():
        total += 1 / score
    return {name: (1 / score) / total for name, score in scores.items()}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def integrate(here, write_json, capsys):
    """Integrate a config, or a run, and return the policy."""

    def run(content=None, **options):
        if content is not None:
            write_json(content, "scores.json")
            options["config"] = "scores.json"
        arguments = [f"--{name}={value}" for name, value in options.items()]
        assert main(["integrate", *arguments, "--output=out/policy.json"]) == 0
        return json.loads((here / "out" / "policy.json").read_bytes())

    return run


@pytest.fixture
def refused(here, capsys):
    """Integrate what must be refused, with an old policy in place; return the one line that says why."""

    def run(*arguments):
        output = here / "policy.json"
        output.write_text("the old policy")
        files = sorted(here.rglob("*"))
        capsys.readouterr()
        assert main(["integrate", *arguments, "--output", "policy.json"]) == 2
        assert output.read_text() == "the old policy"
        assert sorted(here.rglob("*")) == files
        stdout, stderr = capsys.readouterr()
        assert stdout == ""
        return stderr.removeprefix("error: ").removesuffix("\n")

    return run


@pytest.fixture
def train(here, write_json, capsys):
    """Train a pool in ``run`` and return its manifest."""

    def run(config, *options):
        write_json(config)
        status = main(["train", "--config", "pool.json", "--run-dir", "run", "--execute", *options])
        manifest = json.loads((here / "run" / MANIFEST_NAME).read_bytes())
        without = [entry for entry in manifest["models"] if entry["artifact"] is None]
        assert status == any(entry["status"] in {"failed", "ok"} for entry in without)
        return manifest

    return run


def scored(name, group, **source):
    return {"name": name, "group": group, **source}


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.7, 0.999])
def test_scores_and_weights_equal_an_independent_calculation(here, integrate, beta):
    rng = random.Random(7)
    series = {f"m{n}": [rng.gauss(0, 10 ** rng.randint(-3, 3)) for _ in range(50 + 40 * n)] for n in range(6)}
    expected = {name: ewma(errors, beta) for name, errors in series.items()}
    blocks = []
    for number, (name, errors) in enumerate(series.items()):
        group = ("offline", "online")[number % 2]
        path = here / f"{name}.csv"
        if number % 3 == 0:
            blocks.append(scored(name, group, error_values=errors))
            continue
        if number % 3 == 1:
            rows = ["\ufefft,abs_error", *(f"{t},{error!r}" for t, error in enumerate(errors)), "99,"]
        else:
            rows = ["pred,y_true", *(f"0,{error!r}" for error in errors), ",1"]
        path.write_bytes("\r\n".join([*rows, ""]).encode())
        blocks.append(scored(name, group, error_csv=path.name))
    policy = integrate({"beta": beta, "models": blocks})
    online = {name: expected[name] for name in ("m1", "m3", "m5")}
    offline = {name: expected[name] for name in ("m0", "m2", "m4")}
    assert policy["scores"] == expected
    assert policy["online_weights"] == weights(online)
    assert policy["offline_weights"] == weights(offline)
    assert policy["best_online_model"] == min(online, key=online.get)
    assert policy["best_offline_model"] == min(offline, key=offline.get)
    assert {name: source["rows"] for name, source in policy["errors"].items()} == {
        name: len(errors) for name, errors in series.items()
    }


def test_a_policy_has_the_fields_of_the_contract_in_its_order(integrate):
    models = [
        scored("b", "offline", ewma_score=2),
        scored("a", "ONLINE", ewma_score=4),
        scored("c", "offline", ewma_score=6),
    ]
    policy = integrate({"dirty_interval": 0, "amplitude_window": 9, "mutant_epsilon": 0.25, "models": models})
    assert tuple(policy)[: len(CONTRACT_FIELDS)] == CONTRACT_FIELDS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", policy.pop("created_at"))
    assert {name: policy[name] for name in CONTRACT_FIELDS if name in policy} == {
        "skill": "ELPA",
        "beta": 0.7,
        "dirty_interval": 0,
        "amplitude_window": 9,
        "mutant_epsilon": 0.25,
        "online_models": ["a"],
        "offline_models": ["b", "c"],
        "scores": {"b": 2.0, "a": 4.0, "c": 6.0},
        "online_weights": {"a": 1.0},
        "offline_weights": {"b": 0.75, "c": 0.25},
        "best_online_model": "a",
        "best_offline_model": "b",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "score"),
    [
        ({"error_csv": "e.csv", "error_values": [5, 5], "ewma_score": 3}, 3.0),
        ({"error_csv": "no such file", "ewma_score": 3}, 3.0),
        ({"error_csv": "no such file", "error_values": [5, -5]}, 5.0),
        ({"error_csv": "e.csv", "error_values": None, "ewma_score": None}, 8.0),
        ({"ewma_score": 0}, 1e-9),
        ({"error_values": [0, -0.0]}, 1e-9),
        ({"ewma_score": 1e308}, 1e308),
    ],
)
def test_the_first_source_counts(here, integrate, source, score):
    (here / "e.csv").write_text("abs_error\n8\n")
    policy = integrate({"models": [scored("a", "online", **source), scored("b", "offline", ewma_score=1)]})
    assert policy["scores"]["a"] == score


def test_a_tie_goes_to_the_model_listed_first(integrate):
    scores = {"late": 2, "first": 1, "second": 1.0, "third": 1}
    models = [scored(name, "online", ewma_score=score) for name, score in scores.items()]
    policy = integrate({"models": [scored("x", "offline", error_values=[1]), *models]})
    assert policy["best_online_model"] == "first"


def test_relative_error_files_are_relative_to_the_working_folder(here, integrate, write_json, monkeypatch):
    (here / "e.csv").write_text("abs_error\n8\n")
    config = {"models": [scored("a", "online", error_csv="e.csv"), scored("b", "offline", ewma_score=1)]}
    write_json(config, "configs/scores.json")
    assert integrate(config="configs/scores.json")["scores"]["a"] == 8.0


def test_a_finished_run_gives_a_policy(train, integrate, here):
    blocks = [
        block("a", "online", leave_errors(4, -2, 1)),
        block("b", "offline", "printf 'y_true,pred\\n5,1\\n3,4\\n' > e.csv", error_csv="e.csv"),
        block("c", "online", leave_errors(8)),
        block("d", "online", "exit 1", enabled=False),
    ]
    manifest = train(pool(*blocks, beta=0.5, dirty_interval=1), "--as-of=2026-01-31")
    policy = integrate(**{"run-dir": "run"})
    assert policy["scores"] == {"a": 2.0, "b": 2.5, "c": 8.0}
    assert policy["online_weights"] == weights({"a": 2.0, "c": 8.0})
    assert (policy["beta"], policy["dirty_interval"]) == (0.5, 1)
    assert policy["degraded"] is False
    assert policy["missing"] == [{"name": "d", "group": "online", "reason": "disabled", "intended": True}]
    assert policy["errors"]["b"] == {
        "rows": 2,
        "sha256": manifest["models"][1]["artifact"]["sha256"],
        "artifacts": [],
        **dict.fromkeys(["as_of", "trained_at", "carried_from", "fallback_reason", "warm_started_from"]),
    }
    assert policy["run"]["run_dir"] == str(here / "run")
    assert policy["run"]["as_of"] == "2026-01-31T00:00:00Z"
    assert policy["run"]["config_sha256"] == manifest["config_sha256"]


def test_a_failed_model_is_missing_if_the_run_was_told_to_continue(train, integrate, here):
    blocks = [block("a"), block("b", "offline"), block("c", "online", "exit 3")]
    train(pool(*blocks), "--continue-on-error")
    policy = integrate(**{"run-dir": "run"})
    log = here / "run" / "models" / "c" / "train.stderr.log"
    reason = f"the command ended with exit code 3; its errors are in {log}"
    assert policy["degraded"] is True
    assert policy["missing"] == [{"name": "c", "group": "online", "reason": reason, "intended": False}]
    assert policy["online_weights"] == {"a": 1.0}


def test_so_is_one_that_left_no_errors(train, integrate, here):
    """As in Airflow, where the task of such a model fails."""
    config = pool(block("a"), block("b", "offline"), block("c", "online", "true"))
    train(config, "--continue-on-error")
    reason = f"no usable error artifact: {here}/run/models/c/errors.csv: found no such file"
    policy = integrate(**{"run-dir": "run"})
    [missing] = policy["missing"]
    assert missing["reason"].startswith(reason)
    assert (policy["degraded"], missing["name"], missing["intended"]) == (True, "c", False)
    assert policy["online_weights"] == {"a": 1.0}


def test_a_model_without_errors_makes_no_policy_otherwise(train, refused):
    train(pool(block("a"), block("b", "offline", "true")))
    assert refused("--run-dir", "run").startswith(
        "run/train_manifest.json: $.models[1] (b): found status ok (no usable error artifact: "
    )


def test_a_failed_model_makes_no_policy_otherwise(train, refused, here):
    train(pool(block("a"), block("b", "offline", "exit 3"), block("c")))
    assert refused("--run-dir", "run").splitlines() == [
        "run/train_manifest.json: $.models[1] (b): found status failed (the command ended with exit code 3;"
        f" its errors are in {here}/run/models/b/train.stderr.log); {EXPECTED}",
        f"error: run/train_manifest.json: $.models[2] (c): found status planned; {EXPECTED}",
    ]


def test_a_group_without_a_trained_model_makes_no_policy(train, refused):
    train(pool(block("a"), block("b", "offline", "exit 3")), "--continue-on-error")
    assert refused("--run-dir", "run") == (
        "run/train_manifest.json: $.models: found no scored offline model; expected at least one in each"
        " group"
    )


def test_a_run_that_was_only_planned_makes_no_policy(here, write_json, refused):
    write_json(pool())
    assert main(["train", "--config", "pool.json", "--run-dir", "run"]) == 0
    assert refused("--run-dir", "run").startswith(
        f"run/train_manifest.json: $.models[0] (a): found status planned; {EXPECTED}"
    )


def test_a_run_that_was_killed_makes_no_policy(elpa_process, write_json, here, refused):
    write_json(pool(block("a", train_cmd="echo up > up; sleep 300")))
    process = elpa_process("train", "--config", "pool.json", "--run-dir", "run", "--execute")
    up = here / "run" / "models" / "a" / "up"
    until = time.monotonic() + 30
    while not up.exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert refused("--run-dir", "run") == (
        f"run/train_manifest.json: $.models[0] (a): found status running; {EXPECTED}"
    )


def test_an_error_file_that_changed_since_training_is_refused(train, refused, here):
    manifest = train(pool())
    csv = here / "run" / "models" / "a" / "errors.csv"
    trained = manifest["models"][0]["artifact"]["sha256"]
    csv.write_text("abs_error\n1\n1\n")
    assert re.fullmatch(
        rf"{csv}: found content with SHA-256 [0-9a-f]{{64}}; expected that of the training of a, {trained};"
        " train the model again",
        refused("--run-dir", "run"),
    )
    csv.unlink()
    assert refused("--run-dir", "run") == (
        f"{csv}: found no such file; expected a CSV file with the model's validation errors;"
        f' {csv.parent} holds "train.stderr.log", "train.stdout.log"'
    )


def test_a_config_that_changed_since_training_is_refused(train, refused, here):
    manifest = train(pool())
    config = here / "run" / "config.json"
    config.write_text(json.dumps(pool(beta=0.1)))
    assert re.fullmatch(
        r"run/config\.json: found content with SHA-256 [0-9a-f]{64}; expected the config of the run,"
        rf" {manifest['config_sha256']}; train again",
        refused("--run-dir", "run"),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda m: m["models"].pop(),
            "$.models: found other models than in the config; expected those of run/config.json",
        ),
        (lambda m: m.pop("skill"), "$.skill: found nothing; expected a value: the field is required"),
        (lambda m: m.update(skill="other"), '$.skill: found "other"; expected "ELPA"'),
        (lambda m: m.update(models={}), "$.models: found an object; expected an array"),
        (
            lambda m: m["models"][1].update(status="done"),
            '$.models[1].status: found "done"; expected "planned", "disabled", "running", "ok" or "failed"',
        ),
        (
            lambda m: m["models"][0].update(artifact=[]),
            "$.models[0].artifact: found an array; expected an object",
        ),
        (
            lambda m: m["models"][0]["artifact"].pop("sha256"),
            "$.models[0].artifact.sha256: found nothing; expected a value: the field is required",
        ),
    ],
    ids=["a model less", "no skill", "another skill", "no models", "status", "artifact", "no SHA-256"],
)
def test_another_object_than_a_manifest_is_refused(train, refused, here, change, message):
    manifest = train(pool())
    change(manifest)
    (here / "run" / MANIFEST_NAME).write_text(json.dumps(manifest))
    assert refused("--run-dir", "run") == f"run/train_manifest.json: {message}"


def test_a_run_that_is_not_there_is_refused(refused, here):
    expected = (
        "run/train_manifest.json: found no such file or directory; expected a JSON file that can be read;"
        f' there is no folder {here}/run; {here} holds "policy.json"'
    )
    assert refused("--run-dir", "run") == expected


def test_a_manifest_elsewhere_can_be_named(train, integrate, here):
    train(pool())
    (here / "run" / MANIFEST_NAME).rename(here / "m.json")
    assert integrate(**{"run-dir": "run", "manifest": "m.json"})["best_online_model"] == "a"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (".", ".: found a folder; expected a file to write the policy to"),
        ("/dev/null", "/dev/null: found no regular file; expected a file to write the policy to"),
        (
            "scores.json",
            "scores.json: found an input of this command; expected a file to write the policy to",
        ),
    ],
)
def test_an_output_that_cannot_be_is_refused(here, write_json, capsys, output, message):
    path = write_json({"models": [scored("a", "online", ewma_score=1)]}, "scores.json")
    before = path.read_bytes()
    assert main(["integrate", "--config", "scores.json", "--output", output]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"
    assert path.read_bytes() == before


def test_a_manifest_goes_with_a_run_folder_only(refused, write_json):
    write_json({})
    assert refused("--config", "pool.json", "--manifest", "m.json") == (
        "--manifest: found it together with --config; expected it together with --run-dir"
    )


@pytest.mark.parametrize("arguments", [[], ["--config", "x", "--run-dir", "y"]], ids=["none", "both"])
def test_exactly_one_source_is_needed(elpa, arguments):
    done = elpa("integrate", *arguments, "--output", "policy.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("elpa integrate: error: ")


def test_a_full_disk_is_one_line_and_keeps_the_old_policy(elpa_alone, write_json, snapshot, tmp_path):
    models = [scored("a", "online", ewma_score=1), scored("b", "offline", ewma_score=1)]
    write_json({"models": models})
    (tmp_path / "policy.json").write_text("the old policy")
    before = snapshot()
    done = elpa_alone(
        *("integrate", "--config", "pool.json", "--output", "policy.json"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "error: policy.json: File too large\n")
    assert snapshot() == before
