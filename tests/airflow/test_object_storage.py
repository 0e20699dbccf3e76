"""Whole Dags by ``dag.test()`` whose policy store is on S3, by an Airflow connection."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.airflow_site import DagRunResult, Site, model, pair, train_cmd
from support.s3_service import S3Service, s3_service

from elpa_airflow.tasks.attempt import Attempt
from elpa_core import files
from elpa_core.errors import ArtifactError
from elpa_core.files import ObjectPath, StorePath, objects, open_location
from elpa_core.runs.trained_model import fetch
from elpa_core.store import PolicyStore
from elpa_core.store.model_files import model_files

pytestmark = pytest.mark.slow

BUCKET = "policies"
STORE = f"s3://minio@{BUCKET}/elpa"
ONCE = {"retries": 0}
TWICE = {"AWS_MAX_ATTEMPTS": "2"}  # how often a request that the service refuses is sent

STARTS_WARM = "cat {previous_dir}/model.pt > model.pt; echo {as_of} >> model.pt"
GOES_ON = "if [ ! -e a.ckpt ]; then touch a.ckpt junk; exit 3; fi; ls > seen.txt; rm a.ckpt"
# It lets its task be stopped, and leaves one more checkpoint once the first one is on S3. Then it goes on.
IS_STOPPED = """\
if [ -e a.ckpt ]; then ls > seen.txt; printf '%s\\n' abs_error 1 > errors.csv; exit; fi
one_more() {{
  until {python} -I -c "$LISTING" | grep -q /stopped/.resume/index.json; do :; done
  touch b.ckpt
  exit
}}
trap one_more TERM
touch a.ckpt junk
read -r _ _ _ task_process _ < /proc/$PPID/stat
kill -TERM $task_process
sleep 600 & wait
"""
LISTING = "import urllib.request as r; print(r.urlopen('{url}/{bucket}?prefix=elpa/elpa_loud').read())"
WITH_A_MODEL = "mkdir -p best && printf weights > model.pt && printf more > best/1.ckpt; " + train_cmd(2, 4)


@pytest.fixture(scope="module")
def service() -> Iterator[S3Service]:
    with s3_service() as service:
        service.make_bucket(BUCKET)
        yield service


@pytest.fixture
def s3_site(site: Site, service: S3Service) -> Site:
    """Return a site with a connection to the service, and no other way to it."""
    site.extra_env = {
        "AIRFLOW_CONN_MINIO": json.dumps(service.connection),
        "AWS_EC2_METADATA_DISABLED": "true",
        **TWICE,
    }
    return site


@pytest.fixture
def store(service: S3Service, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], PolicyStore]:
    """Return how to look at the store of a Dag from outside Airflow, as ``elpa policy`` does."""
    for name, value in {**service.env, **TWICE}.items():
        monkeypatch.setenv(name, value)
    return lambda dag_id: PolicyStore(open_location(f"s3://{BUCKET}/elpa"), dag_id)


def read(path: StorePath) -> Any:
    return json.loads(files.read(path))


def run_ids(history: list[Any]) -> list[tuple[str, str]]:
    return [(entry.action, entry.run_id) for entry in history]


def test_a_run_leaves_everything_in_the_bucket_and_nothing_on_the_machine(
    s3_site: Site, store: Callable[[str], PolicyStore]
) -> None:
    models = [
        model("ridge", cmd=train_cmd(3.5, -2.25, 1, first='echo "works in $PWD"'), artifacts=["*.pt"]),
        model("elsewhere", cmd=r"printf 'abs_error\n6\n' > {run_dir}/e.csv", error_csv="{run_dir}/e.csv"),
        model("tide", "offline", cmd=WITH_A_MODEL, artifacts=["model.pt", "best"]),
        model("idle", "offline", enabled=False),
    ]
    s3_site.config("whole", models, beta=0.5, airflow={"store": STORE, **ONCE})
    run = s3_site.dag_test("elpa_whole")["elpa_whole"]
    assert run.state == "success", run.log
    uri = f"{STORE}/elpa_whole/runs/{run.run_id}"
    assert run.xcoms["online.ridge"]["path"] == f"{uri}/models/ridge/errors.csv"
    assert [file["path"] for file in run.xcoms["offline.tide"]["artifacts"]] == [
        f"{uri}/models/tide/best/1.ckpt",
        f"{uri}/models/tide/model.pt",
    ]

    seen = store("elpa_whole")
    policy = seen.policy(run.run_id)
    assert policy.contents.scores == {"ridge": 1.9375, "elsewhere": 6.0, "tide": 3.0}
    assert policy.raw["run"]["run_dir"] == uri
    assert seen.current().record == policy.record
    folder = seen.folder.run(run.run_id)
    assert read(folder / "elpa_policy.json") == run.xcoms["integrate"]
    assert files.read(folder / "models" / "tide" / "best" / "1.ckpt") == b"more"
    manifest = read(folder / "train_manifest.json")
    assert manifest["run_dir"] == uri
    entries = {entry["name"]: entry for entry in manifest["models"]}
    assert [entries[name]["status"] for name in ("ridge", "elsewhere", "tide", "idle")] == [
        "ok",
        "ok",
        "ok",
        "disabled",
    ]
    assert entries["tide"]["artifact"]["path"] == f"{uri}/models/tide/errors.csv"
    assert entries["tide"]["artifacts"] == run.xcoms["offline.tide"]["artifacts"]

    work_dir = s3_site.home / "elpa_work" / "elpa_whole" / "runs" / run.run_id
    assert f"works in {work_dir}/models/ridge" in run.task_log("online.ridge")
    assert (
        f"{work_dir}/models/ridge: found no such file; expected at least one file that artifacts names"
        ' with "*.pt"' in run.task_log("online.ridge")
    )
    assert entries["ridge"]["artifacts"] == []
    left = (s3_site.home / "elpa_work" / "elpa_whole").rglob("*")
    assert [path for path in left if path.is_file()] == [work_dir / "e.csv"]
    assert not (s3_site.home / "elpa" / "elpa_whole").exists()


def test_a_second_run_carries_artifacts_and_publishes_after_the_first(
    s3_site: Site, store: Callable[[str], PolicyStore]
) -> None:
    airflow = {"store": STORE, "schedule": "@daily", "offline_schedule": "0 0 * * 0", "keep_runs": 1, **ONCE}
    twice = {"retries": 1, "retry_delay": 0}
    models = [
        model("deep", cmd=train_cmd(1, first=STARTS_WARM), artifacts=["model.pt"]),
        model(
            "goes_on",
            cmd=train_cmd(1, first=GOES_ON),
            resume_from=["*.ckpt"],
            artifacts=["seen.txt"],
            airflow=twice,
        ),
        *pair(),
    ]
    models[-1]["artifacts"] = ["errors.csv"]
    s3_site.config("weekly", models, airflow=airflow)
    results: list[DagRunResult] = []
    for date in ("2026-01-04", "2026-01-05", "2026-01-06"):  # the first of them is a Sunday
        dates: dict[str, str | None] = {"elpa_weekly": f"{date}T00:00:00+00:00"}
        results.append(s3_site.dag_test("elpa_weekly", dates=dates)["elpa_weekly"])
        assert results[-1].state == "success", results[-1].log
    first, second, third = (result.run_id for result in results)
    assert [result.states["offline.off"] for result in results] == ["success", "skipped", "skipped"]

    seen = store("elpa_weekly")
    assert run_ids(seen.history()) == [("published", first), ("published", second), ("published", third)]
    assert seen.current().raw["errors"]["off"]["carried_from"] == first
    # Carried from, rolled back to, current.
    assert seen.folder.run_folders() == sorted([first, second, third])
    carried = seen.folder.run(third) / "models" / "off" / "carried_errors.csv"
    assert files.read(carried) == files.read(seen.folder.run(first) / "models" / "off" / "errors.csv")

    # A training starts from the one before, which its task has fetched.
    errors = [seen.policy(run_id).raw["errors"] for run_id in (first, second, third)]
    assert [source["deep"]["warm_started_from"] for source in errors] == [None, first, second]
    (trained,) = model_files(seen.folder, seen.policy(third), "deep")
    days = [f"2026-01-{day:02}T00:00:00+00:00" for day in (4, 5, 6)]
    assert files.read(trained.place).decode().split() == days
    # The files of a carried model are those of the run that trained it.
    uri = f"{STORE}/elpa_weekly/runs/{first}/models/off/errors.csv"
    assert [source["off"]["artifacts"][0]["path"] for source in errors] == [uri] * 3
    (copy,) = fetch(model_files(seen.folder, seen.current(), "off"), s3_site.home / "copies")
    assert copy.read_bytes() == files.read(carried)
    # A retry has found its checkpoint, and what was saved for it is gone.
    goes_on = seen.folder.run(third) / "models" / "goes_on"
    assert results[2].tries["online.goes_on"] == 2
    assert files.read(goes_on / "seen.txt").decode().split() == ["a.ckpt", "seen.txt"]
    assert {child.name for child in files.children(goes_on)} == {"errors.csv", "seen.txt", "status.json"}
    work_dir = s3_site.home / "elpa_work" / "elpa_weekly"
    assert [path for path in work_dir.rglob("*") if path.is_file()] == []


def test_what_goes_wrong_says_what_and_where(
    s3_site: Site, store: Callable[[str], PolicyStore], service: S3Service
) -> None:
    on = model("on", cmd="seq 1 100; exit 3", airflow={"max_log_lines": 10})
    stopped = model(
        "stopped",
        cmd=IS_STOPPED,
        env={"LISTING": LISTING.format(url=service.url, bucket=BUCKET)},
        resume_from=["*.ckpt"],
        artifacts=["seen.txt"],
        airflow={"retries": 1, "retry_delay": 0, "stop_grace": 60},
    )
    s3_site.config("loud", [on, stopped, model("off", "offline")], airflow={"store": STORE, **ONCE})
    s3_site.config("no_bucket", pair(), airflow={"store": "s3://minio@nowhere/elpa", **ONCE})
    s3_site.config("no_connection", pair(), airflow={"store": "s3://nobody@policies/elpa", **ONCE})
    runs = s3_site.dag_test()
    assert {name: run.state for name, run in runs.items()} == dict.fromkeys(runs, "failed")
    run_id = runs["elpa_loud"].run_id
    work_dir = s3_site.home / "elpa_work" / "elpa_loud" / "runs" / run_id / "models" / "on"
    output = store("elpa_loud").folder.run(run_id) / "models" / "on" / "output.log"
    assert files.read(output).decode().splitlines() == [str(number) for number in range(1, 101)]
    assert (
        f"all of it will be in {STORE}/elpa_loud/runs/{run_id}/models/on/output.log,"
        f" until then in {work_dir}/output.log"
    ) in runs["elpa_loud"].task_log("online.on")
    assert not work_dir.exists()
    # SIGTERM: what resume_from names was saved before the command had ended, and once more after that.
    assert (runs["elpa_loud"].states["online.stopped"], runs["elpa_loud"].tries["online.stopped"]) == (
        "success",
        2,
    )
    seen = store("elpa_loud").folder.run(run_id) / "models" / "stopped" / "seen.txt"
    assert files.read(seen).decode().split() == ["a.ckpt", "b.ckpt", "seen.txt"]
    assert "The specified bucket does not exist" in runs["elpa_no_bucket"].task_log("online.on")
    assert (
        's3://nobody@policies/elpa: found the connection "nobody", which this Airflow does not have'
        in runs["elpa_no_connection"].task_log("online.on")
    )


def test_a_service_that_refuses_while_publishing_leaves_what_was_current(
    s3_site: Site, store: Callable[[str], PolicyStore], service: S3Service
) -> None:
    s3_site.config("down", pair(), airflow={"store": STORE, **ONCE})
    first = s3_site.dag_test("elpa_down")["elpa_down"]
    service.faults(("PUT", "elpa_down/history.jsonl", "refuse", 1000))
    second = s3_site.dag_test("elpa_down")["elpa_down"]
    service.faults()
    assert [first.state, second.state] == ["success", "failed"]
    assert "history.jsonl: Please reduce your request rate; the policy store could not be changed" in (
        second.task_log("integrate")
    )
    assert store("elpa_down").current().record.run_id == first.run_id
    third = s3_site.dag_test("elpa_down")["elpa_down"]
    assert third.state == "success"
    published = [("published", first.run_id), ("published", third.run_id)]
    assert run_ids(store("elpa_down").history()) == published


def test_paths_in_a_local_store_by_uri(site: Site, tmp_path: Path) -> None:
    site.config("local", pair(), airflow={"store": f"file://{tmp_path}/store", **ONCE})
    run = site.dag_test("elpa_local")["elpa_local"]
    assert run.state == "success", run.log
    assert PolicyStore(tmp_path / "store", "elpa_local").current().record.run_id == run.run_id
    assert run.xcoms["online.on"]["path"].startswith(f"{tmp_path}/store/elpa_local/runs/")


def test_what_a_killed_attempt_saved_is_still_there_after_a_second_kill(
    store: Callable[[str], PolicyStore], tmp_path: Path
) -> None:
    run = SimpleNamespace(
        run_dir=store("elpa_killed").folder.run("r"), work_dir=tmp_path, generation="0", moment=None
    )
    on = SimpleNamespace(name="on", resume_from=("*.ckpt",))
    options = {"generation": "0", "max_tries": 3, "started_at": "2026-01-01T00:00:00Z", "finished_at": None}
    for number in (1, 2, 3):
        attempt = Attempt.of(
            SimpleNamespace(id=f"0190-00000{number}", try_number=number, max_tries=3), run, on
        )
        assert attempt.empty(on.resume_from) == []
        attempt.record({**options, "try_number": number, "model_dir": str(attempt.work_dir)})
        if number == 1:
            (attempt.work_dir / "a.ckpt").write_text("of 1", encoding="utf-8")
            attempt.save(SimpleNamespace(model=on, secrets=()))
        assert (attempt.work_dir / "a.ckpt").read_text(encoding="utf-8") == "of 1"
        shutil.rmtree(tmp_path)  # a pod's disk


def test_a_file_that_changes_during_its_upload_is_not_kept(
    store: Callable[[str], PolicyStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = SimpleNamespace(run_dir=store("elpa_changing").folder.run("r"), work_dir=tmp_path)
    on = SimpleNamespace(name="on", group="online", resume_from=())
    attempt = Attempt.of(SimpleNamespace(id="0190-000001", try_number=1), run, on)
    attempt.empty()
    paths = [attempt.work_dir / name for name in ("model.pt", "best.pt", "errors.csv")]
    for path in paths:
        path.write_text("abs_error\n1\n", encoding="utf-8")
    send = objects.upload

    def send_while_somebody_writes(source: Path, target: ObjectPath) -> None:
        if source != paths[1]:
            source.write_text("abs_error\n2\n", encoding="utf-8")
        send(source, target)

    monkeypatch.setattr(objects, "upload", send_while_somebody_writes)
    kept, warnings = attempt.keep_files(paths[:2])
    said = (
        "found a file that changed while it was uploaded; expected one that nobody writes any more; it is not"
    )
    assert [file.path for file in kept] == [str(attempt.kept_dir / "best.pt")]
    assert warnings == [f"{paths[0]}: {said} kept"]
    planned = SimpleNamespace(model=on, error_csv=paths[2], error_columns={})
    with pytest.raises(ArtifactError, match=said):
        attempt.keep_artifact(planned, started_at="", finished_at="")
    assert [child.name for child in files.children(attempt.kept_dir)] == ["best.pt"]


def test_an_attempt_does_not_begin_while_nobody_knows_of_the_one_before(
    store: Callable[[str], PolicyStore], service: S3Service, tmp_path: Path
) -> None:
    run_dir = store("elpa_unknown").folder.run("r")
    run = SimpleNamespace(run_dir=run_dir, work_dir=tmp_path)
    on = SimpleNamespace(name="on", resume_from=())
    first, second = (SimpleNamespace(id=f"0190-00000{n}", try_number=n) for n in (1, 2))
    Attempt.of(first, run, on).record({"started_at": "2026-01-01T00:00:00Z", "finished_at": None})
    service.faults(("GET", "on/status.json", "refuse", 1000))
    with pytest.raises(OSError, match="Please reduce your request rate"):
        Attempt.of(second, run, on)
    service.faults()
    assert Attempt.of(second, run, on).work_dir == tmp_path / "models" / "on" / "try-2-000002"
