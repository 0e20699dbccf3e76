"""The names in a run's folder: what they are, and that one module alone spells them. Under 1 s."""

import ast
import json
from pathlib import Path

import pytest
from support.pools import pool
from upath import UPath

from elpa_core.runs import folder as names
from elpa_core.runs.folder import ModelFolder, RunFolder, is_record, path_below_model, tells_age
from elpa_core.runs.local_run import RecordedRun
from elpa_core.store import DagFolder

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("place", [Path("/store/d/runs/r"), UPath("memory://store/d/runs/r")], ids=str)
def test_names_are_those_that_stores_have(place):
    run = RunFolder(place)
    model = run.model("ridge")
    found = {
        "config.json": run.config,
        "train_manifest.json": run.manifest,
        "elpa_policy.json": run.policy,
        "policies": run.policies,
        "policies/0012.json": run.numbered_policy(12),
        "generations": run.generations,
        "generations/0-a.json": run.generation("0-a"),
        "models": run.models,
        "models/ridge": model.path,
        "models/ridge/status.json": model.status,
        "models/ridge/train.stdout.log": model.stdout_log,
        "models/ridge/train.stderr.log": model.stderr_log,
        "models/ridge/carried_errors.csv": model.carried_errors,
        "models/ridge/handed_on_errors.csv": model.copied_errors,
        "models/ridge/try-2-000002": model.attempt(2, "01900000-0000-7000-8000-000000000002").path,
    }
    assert {name: str(path) for name, path in found.items()} == {name: f"{place}/{name}" for name in found}
    assert {type(path) for path in found.values()} == {type(place)}


def test_a_store_finds_policies_where_a_run_keeps_them():
    store = DagFolder(Path("/store"), "d")
    run = RunFolder(store.run("r"))
    assert (store.policies("r"), store.policy("r", 3)) == (run.policies, run.numbered_policy(3))


def test_an_attempts_own_folder_has_the_names_of_the_models():
    own = RunFolder(Path("/r")).model("ridge").attempt(2, "000002")
    assert own == ModelFolder(Path("/r/models/ridge/try-2-000002"))
    assert own.copied_errors == Path("/r/models/ridge/try-2-000002/handed_on_errors.csv")


def test_records_are_what_a_run_says_of_itself(plan, tmp_path):
    run = RunFolder(tmp_path / "run")
    RecordedRun(plan(pool()), run.manifest).execute([].append, [].append)
    for path in (run.numbered_policy(1), run.generation("0-a"), run.model("a").status):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    deep = run.model("a").path / "status.json.d" / "status.json"
    for left in (deep, run.path / "status.json", run.path / "out" / "a" / "status.json", run.policy):
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_text(json.dumps({"status": "ok"}))
    below = [path.relative_to(run.path) for path in run.path.rglob("*") if path.is_file()]
    assert {str(path) for path in below if is_record(path.parts)} == {
        "config.json",
        "train_manifest.json",
        "policies/0001.json",
        "generations/0-a.json",
        "models/a/status.json",
    }
    assert {str(path) for path in below if tells_age(path.parts)} == {
        "train_manifest.json",
        "policies/0001.json",
    }


@pytest.mark.parametrize(
    "path",
    [
        "/old/store/d/runs/r1/models/ridge/out/errors.csv",
        "s3://bucket/d/runs/r1/models/ridge/out/errors.csv",
        "/r1/models/ridge/d/runs/r1/models/ridge/out/errors.csv",
    ],
)
def test_a_path_is_found_again_in_a_store_that_has_moved(path):
    assert path_below_model(path, "r1", "ridge") == ("out", "errors.csv")


def test_no_other_module_spells_a_name():
    run = RunFolder(Path("/r"))
    model = run.model("m")
    paths = [
        *(run.config, run.manifest, run.policy, run.policies, run.generations, run.models),
        *(model.status, model.stdout_log, model.stderr_log, model.carried_errors, model.copied_errors),
    ]
    ours = {path.name for path in paths}
    files = [*(ROOT / "elpa_core").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    assert Path(names.__file__) in files
    spelled = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {text}"
        for path in files
        if path != Path(names.__file__)
        for node, text in texts_in_paths(ast.parse(path.read_bytes()))
        if text in ours
    ]
    assert spelled == []


def texts_in_paths(tree):
    """Yield the texts that a module appends to a path, and those that can only be names of files."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant):
                    yield node, side.value
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(".") >= 1:
            yield node, node.value
