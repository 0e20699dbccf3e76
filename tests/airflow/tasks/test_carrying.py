"""What takes part where a model is not trained: runs by Airflow's own loop. About 30 seconds."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.airflow_site import DagRunResult, Site, model, train_cmd

pytestmark = pytest.mark.slow

LEAVES = train_cmd(1)
MADE_BY_0_1_0 = Path(__file__).parents[2] / "support" / "made_by_0_1_0"
ONCE = {"retries": 0}


def pool(*models: dict[str, Any], **fields: Any) -> str:
    return json.dumps({**fields, "models": models})


def both(name: str = "slow", cmd: str = LEAVES) -> list[dict[str, Any]]:
    return [model("fast", cmd=LEAVES), model(name, "offline", cmd=cmd)]


def reason(run: DagRunResult, name: str) -> str:
    return str(run.entry(name)["reason"])


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    return new_site("carrying")


@pytest.fixture(scope="module")
def fits(home: Site) -> list[DagRunResult]:
    models = [model(name, cmd=LEAVES) for name in ("naive", "seasonal")] + [
        model("deep", "offline", cmd=LEAVES)
    ]
    context = {"api_token": "hunter22hunter", "epochs": 3}
    path = home.configs / "fits.json"
    text = pool(*models, dataset="/data/load.csv", context=context, airflow=ONCE)
    other = {"models": ["naive", "deep"], "dataset": "/other/kilo.csv", "horizon": 12}
    return home.steps(
        {"write": {str(path): text}},
        {"run": "elpa_fits"},
        {"run": "elpa_fits", "conf": other},
        {"run": "elpa_fits", "conf": {"models": ["seasonal"]}},
        {"run": "elpa_fits", "conf": {"models": ["seasonal", "naive"], "dataset": "/third.csv"}},
        {"run": "elpa_fits", "conf": {"models": ["naive"], "seed": 7}},
    )


class TestWhatFits:
    def test_what_a_model_was_trained_on_stands_in_status_and_manifest(
        self, fits: list[DagRunResult]
    ) -> None:
        record = fits[1].entry("naive")["trained_on"]
        assert (record["dataset"], record["horizon"], record["period"]) == ("/other/kilo.csv", 12, 24)
        assert record["context"]["epochs"] == 3
        status = fits[1].read("models", "naive", "status.json")
        assert status["trained_on"] == record
        text = json.dumps(fits[1].manifest) + json.dumps(status)
        assert "hunter22hunter" not in text

    def test_the_newest_that_fits_is_carried_and_not_the_newest(self, fits: list[DagRunResult]) -> None:
        assert fits[2].states["integrate"] == "success"
        for name in ("naive", "deep"):
            assert fits[2].policy["errors"][name]["carried_from"] == fits[0].run_id
            said = "trained on /other/kilo.csv, this run has /data/load.csv; trained with horizon 12"
            assert said in fits[2].task_log(f"{'offline' if name == 'deep' else 'online'}.{name}")

    def test_what_does_not_fit_is_named(self, fits: list[DagRunResult]) -> None:
        said = reason(fits[3], "deep")
        assert "no artifact of an earlier run fits" in said
        assert "trained on /data/load.csv, this run has /third.csv" in said
        assert "trained on /other/kilo.csv, this run has /third.csv" in said
        assert (fits[3].state, fits[3].states["offline.deep"]) == ("failed", "skipped")

    def test_another_seed_fits(self, fits: list[DagRunResult]) -> None:
        assert fits[4].policy["errors"]["seasonal"]["carried_from"] == fits[2].run_id


class TestTries:
    def test_tasks_test_leaves_nothing_to_carry(self, home: Site) -> None:
        path = home.configs / "tries.json"
        path.write_text(pool(*both(), airflow=ONCE), encoding="utf-8")
        home.airflow("tasks", "test", "elpa_tries", "offline.slow", "2026-01-01")
        tries = [one.name for one in (home.home / "elpa" / "elpa_tries" / "runs").iterdir()]
        assert [name.startswith("__airflow_temporary_run_") for name in tries] == [True]
        (run,) = home.steps({"run": "elpa_tries", "conf": {"models": ["fast"]}})
        assert reason(run, "slow") == (
            "the task was skipped: left out of this run, and no earlier run has left an artifact"
        )
        assert run.state == "failed"

    @pytest.mark.parametrize("task_id", ["integrate", "offline.slow"])
    def test_tasks_test_on_a_real_run_changes_nothing_in_the_store(self, home: Site, task_id: str) -> None:
        name = "tried_" + task_id.partition(".")[0]
        path = home.configs / f"{name}.json"
        path.write_text(pool(*both(), airflow=ONCE), encoding="utf-8")
        date = "2026-01-01T00:00:00+00:00"
        (real,) = home.steps({"run": f"elpa_{name}", "date": date})
        before = contents(real.run_dir.parent.parent)
        path.write_text(pool(*both(cmd="exit 3"), airflow=ONCE), encoding="utf-8")
        done = home.program("-m", "airflow", "tasks", "test", f"elpa_{name}", task_id, date, check=False)
        assert f"airflow tasks test would work on the real run {real.run_id}" in done.stdout + done.stderr
        assert contents(real.run_dir.parent.parent) == before
        assert real.state == "success"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestAStoreThat010Made:
    def test_a_new_run_carries_from_it_what_fits_and_publishes(self, home: Site) -> None:
        store = home.home / "made_by_0_1_0"
        shutil.copytree(MADE_BY_0_1_0 / "store", store)
        config = json.loads((MADE_BY_0_1_0 / "load.json").read_text(encoding="utf-8"))
        config["airflow"] |= {"store": str(store)}
        (home.configs / "load.json").write_text(json.dumps(config), encoding="utf-8")
        names = sorted(path.name for path in (store / "load" / "runs").iterdir())
        second, last = names[1], names[3]
        conf = {"models": ["naive"]}
        runs = home.dag_test("load", dates={"load": "2026-01-08T00:00:00+00:00"}, confs={"load": conf})
        log = runs["load"].log
        assert runs["load"].state == "success", log
        policy = json.loads((store / "load" / "current.json").read_text(encoding="utf-8"))
        assert policy["run"]["run_id"] == runs["load"].run_id
        assert policy["errors"]["tide"]["carried_from"] == second
        assert policy["errors"]["tide"]["as_of"] == "2026-01-06T00:00:00+00:00"
        said = "trained on other.csv, this run has load.csv; trained with horizon 12, this run has 2"
        assert f"the artifact of run {last} is not carried: {said}" in log
        assert f"Airflow no longer has what run {second} recorded; its manifest is believed" in log


@pytest.fixture(scope="module")
def first(home: Site) -> DagRunResult:
    path = home.configs / "forged.json"
    path.write_text(pool(*both(), airflow=ONCE), encoding="utf-8")
    return home.steps({"run": "elpa_forged", "date": "2026-01-01T00:00:00+00:00"})[0]


class TestWhatTheTaskRecorded:
    """A command may write into the folder of another run; Airflow's database it does not reach."""

    def forget_index(self, home: Site) -> None:
        """Remove the index, as a person does who has put run folders there by hand."""
        shutil.rmtree(home.home / "elpa" / "elpa_forged" / "artifacts", ignore_errors=True)

    def later(self, home: Site) -> DagRunResult:
        self.forget_index(home)
        (run,) = home.steps({"run": "elpa_forged", "conf": {"models": ["fast"]}})
        return run

    def forge(self, run: DagRunResult, errors: str, run_dir: Path | None = None) -> None:
        """Put other errors, and a status and a manifest that speak of them, into a run's folder."""
        folder = run_dir or run.run_dir
        (folder / "models" / "slow" / "errors.csv").write_text(errors, encoding="utf-8")
        sha256 = hashlib.sha256(errors.encode()).hexdigest()
        status = json.loads((folder / "models" / "slow" / "status.json").read_text(encoding="utf-8"))
        status["artifact"]["sha256"] = sha256
        (folder / "models" / "slow" / "status.json").write_text(json.dumps(status), encoding="utf-8")
        path = folder / "train_manifest.json"
        manifest = json.loads(path.read_text(encoding="utf-8"))
        for entry in manifest["models"]:
            if entry["name"] == "slow":
                entry["artifact"]["sha256"] = sha256
        path.write_text(json.dumps(manifest), encoding="utf-8")

    def test_counts_and_not_what_status_and_manifest_say(self, home: Site, first: DagRunResult) -> None:
        kept = home.home / "kept"
        shutil.copytree(first.run_dir, kept)
        self.forge(first, "abs_error\n0.001\n")
        run = self.later(home)
        assert "its file, hash or path is not what the task of that run recorded" in reason(run, "slow")
        assert run.state == "failed"
        shutil.rmtree(first.run_dir)
        shutil.copytree(kept, first.run_dir)
        run = self.later(home)
        assert run.policy["errors"]["slow"]["carried_from"] == first.run_id

    def test_a_run_that_airflow_never_had_is_believed_by_its_manifest_and_said(
        self, home: Site, first: DagRunResult
    ) -> None:
        made_up = first.run_dir.parent / "made_up"
        shutil.copytree(first.run_dir, made_up)
        for path in (made_up / "models" / "slow" / "status.json", made_up / "train_manifest.json"):
            text = path.read_text(encoding="utf-8").replace(first.run_id, "made_up")
            text = text.replace("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00")
            path.write_text(text, encoding="utf-8")
        run = self.later(home)
        assert run.policy["errors"]["slow"]["carried_from"] == "made_up"
        assert "Airflow no longer has what run made_up recorded; its manifest is believed" in run.task_log(
            "offline.slow"
        )
        (made_up / "train_manifest.json").unlink()
        run = self.later(home)
        assert run.policy["errors"]["slow"]["carried_from"] == first.run_id
        assert "neither Airflow nor the manifest of that run has a record" in run.task_log("offline.slow")
        shutil.rmtree(made_up)

    def test_a_status_in_the_folder_of_another_run_does_not_count(
        self, home: Site, first: DagRunResult
    ) -> None:
        copy = first.run_dir.parent / "copy"
        shutil.copytree(first.run_dir, copy)
        shutil.move(first.run_dir, home.home / "away")
        run = self.later(home)
        assert "its status lies in the folder of another run, copy" in reason(run, "slow")
        shutil.rmtree(copy)
        shutil.move(home.home / "away", first.run_dir)

    def test_what_a_run_of_0_1_0_was_trained_on_is_taken_from_its_frozen_config_and_chosen(
        self, home: Site, first: DagRunResult
    ) -> None:
        status = first.run_dir / "models" / "slow" / "status.json"
        kept = status.read_text(encoding="utf-8")
        content = json.loads(kept)
        del content["trained_on"]
        status.write_text(json.dumps(content), encoding="utf-8")
        self.forget_index(home)
        same, other = home.steps(
            {"run": "elpa_forged", "conf": {"models": ["fast"]}},
            {"run": "elpa_forged", "conf": {"models": ["fast"], "dataset": "/other/kilo.csv"}},
        )
        status.write_text(kept, encoding="utf-8")
        assert same.policy["errors"]["slow"]["carried_from"] == first.run_id
        assert "trained on none, this run has /other/kilo.csv" in reason(other, "slow")

    def test_a_task_that_failed_has_recorded_nothing(self, home: Site, first: DagRunResult) -> None:
        path = home.configs / "fell.json"
        path.write_text(pool(*both(cmd="exit 3"), airflow=ONCE), encoding="utf-8")
        (fell,) = home.steps({"run": "elpa_fell"})
        shutil.rmtree(fell.run_dir / "models" / "slow")
        shutil.copytree(first.run_dir / "models" / "slow", fell.run_dir / "models" / "slow")
        status = fell.run_dir / "models" / "slow" / "status.json"
        status.write_text(
            status.read_text(encoding="utf-8").replace(first.run_id, fell.run_id), encoding="utf-8"
        )
        (run,) = home.steps({"run": "elpa_fell", "conf": {"models": ["fast"]}})
        assert "the task failed, and recorded no artifact" in reason(run, "slow")


@pytest.fixture(scope="module")
def named(home: Site) -> list[DagRunResult]:
    airflow = {
        "schedule": "@daily",
        "offline_schedule": "@weekly",
        "start_date": "2026-11-01",
        "retries": 0,
    }
    cmd = "echo as of {as_of}; " + LEAVES
    path = home.configs / "forced.json"
    # A run by hand is of the day before its date. The 15th and the 22nd are Sundays.
    days = [f"2026-11-{day}T00:00:00+00:00" for day in (15, 18, 19, 20, 21)]
    confs: list[Any] = [None, {"models": ["slow"]}, None, {"groups": ["offline"]}, {"models": ["fast"]}]
    steps = [{"run": "elpa_forced", "date": day, "conf": c} for day, c in zip(days, confs, strict=True)]
    text = pool(*both(cmd=cmd), airflow=airflow)
    return home.steps({"write": {str(path): text}}, *steps)


class TestAModelThatAPersonNames:
    """cases/runs/forced_offline.json."""

    def test_is_trained_between_two_ticks_as_of_the_run(self, named: list[DagRunResult]) -> None:
        assert named[1].states == {
            "online.fast": "skipped",
            "offline.slow": "success",
            "integrate": "success",
        }
        assert "as of 2026-11-18T00:00:00+00:00" in named[1].task_log("offline.slow")
        assert named[1].policy["errors"]["slow"]["carried_from"] is None
        assert named[1].policy["errors"]["slow"]["as_of"] is None

    def test_the_next_runs_carry_the_newest_since_the_tick(self, named: list[DagRunResult]) -> None:
        assert named[2].states["offline.slow"] == "skipped"
        source = named[2].policy["errors"]["slow"]
        assert (source["carried_from"], source["as_of"]) == (named[1].run_id, "2026-11-18T00:00:00+00:00")

    def test_who_names_a_group_names_its_models(self, named: list[DagRunResult]) -> None:
        assert named[3].states["offline.slow"] == "success"
        assert "as of 2026-11-20T00:00:00+00:00" in named[3].task_log("offline.slow")

    def test_one_that_is_left_out_is_not(self, named: list[DagRunResult]) -> None:
        assert named[4].states["offline.slow"] == "skipped"
        assert named[4].policy["errors"]["slow"]["carried_from"] == named[3].run_id

    def test_without_a_name_the_tick_counts(self, named: list[DagRunResult]) -> None:
        assert "as of 2026-11-15T00:00:00+00:00" in named[0].task_log("offline.slow")


class TestATickAtTheStart:
    """cases/runs/tick_at_start.json."""

    def test_the_first_run_trains_as_of_the_end_of_its_interval(self, home: Site) -> None:
        airflow = {
            "schedule": "@daily",
            "start_date": "2026-01-01",
            "end_date": "2026-01-02",
            "catchup": True,
            "offline_schedule": "@monthly",
            "retries": 0,
        }
        path = home.configs / "at_start.json"
        path.write_text(pool(*both(cmd="echo as of {as_of}; " + LEAVES), airflow=airflow), encoding="utf-8")
        (run,) = home.steps({"run": "elpa_at_start", "date": "2026-01-02T00:00:00+00:00"})
        assert run.state == "success"
        assert "as of 2026-01-02T00:00:00+00:00" in run.task_log("offline.slow")
