"""Trained models in policies, warm starts, retries that go on, by Airflow's own loop. About 30 seconds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.airflow_site import DagRunResult, Site, model, train_cmd

pytestmark = pytest.mark.slow

ONCE = {"retries": 0}
TWICE = {"retries": 1, "retry_delay": 0}

# It fails if it has no checkpoint.
GOES_ON = "if [ ! -e a.ckpt ]; then touch a.ckpt junk; exit 3; fi; ls > seen; rm a.ckpt"
# It puts a file where the next attempt's {previous_dir} is to be.
NO_ROOM = "ls {previous_dir}; rm -r {run_dir}/previous && touch {run_dir}/previous; exit 3"
# It leaves its own as_of behind those of all trainings before it.
STARTS_WARM = """\
ls -A {previous_dir} > seen
cat {previous_dir}/model.pt > model.pt
echo {as_of} >> model.pt"""
DAYS = [f"2026-01-0{day}T00:00:00+00:00" for day in range(1, 5)]


@pytest.fixture(scope="module")
def home(new_site: Callable[[str], Site]) -> Site:
    return new_site("trained_models")


@pytest.fixture(scope="module")
def tried(home: Site) -> list[DagRunResult]:
    models = [
        model("goes_on", cmd=train_cmd(1, first=GOES_ON), resume_from=["*.ckpt"]),
        model("not_found", cmd="no_such_program"),
        model("own_codes", cmd="exit 5", airflow={"no_retry_exit_codes": [4, 5]}),
        model("all_again", cmd="no_such_program", airflow={"no_retry_exit_codes": []}),
        model("no_room", cmd=NO_ROOM),
        model("off", "offline"),
    ]
    home.config("tried", models, airflow={"on_model_failure": "continue", **TWICE})
    clear = {"clear": "elpa_tried", "task_ids": ["online.goes_on", "integrate"]}
    return home.steps({"run": "elpa_tried"}, clear)


class TestTriesOfATask:
    def test_a_retry_finds_what_resume_from_names_and_nothing_else(self, tried: list[DagRunResult]) -> None:
        assert tried[0].tries["online.goes_on"] == 2
        seen = tried[0].run_dir / "models" / "goes_on" / "seen"
        assert seen.read_text(encoding="utf-8").split() == ["a.ckpt", "seen", "status.json"]

    def test_a_task_that_a_person_clears_starts_with_an_empty_folder(self, tried: list[DagRunResult]) -> None:
        # If the checkpoint had been there, one more try would have been enough.
        assert (tried[1].states["online.goes_on"], tried[1].tries["online.goes_on"]) == ("success", 4)

    def test_a_start_that_cannot_be_prepared_is_recorded(self, tried: list[DagRunResult]) -> None:
        entry = tried[0].entry("no_room")
        assert (entry["status"], entry["try_number"]) == ("failed", 2)
        assert "the command was not started: " in entry["reason"]
        assert f"{tried[0].run_dir}/previous/no_room" in entry["reason"]

    @pytest.mark.parametrize(("name", "tries"), [("not_found", 1), ("own_codes", 1), ("all_again", 2)])
    def test_some_exit_codes_end_it(self, tried: list[DagRunResult], name: str, tries: int) -> None:
        assert tried[0].tries[f"online.{name}"] == tries
        said = "; not tried again, since no_retry_exit_codes has the exit code"
        assert (said in tried[0].task_log(f"online.{name}")) == (tries == 1)


def warm_pool(home: Site, name: str, **more: Any) -> None:
    cmd = train_cmd(1, first=STARTS_WARM)
    models = [
        model("deep", "offline", cmd=cmd, artifacts=["model.pt"]),
        model("keeps_nothing", cmd=cmd),
        model("light"),
    ]
    home.config(name, models, airflow={"schedule": "@daily", "start_date": "2025-12-01", **ONCE, **more})


@pytest.fixture(scope="module")
def forwards(home: Site) -> list[DagRunResult]:
    """Three days in order, one that carries the model, and one on other data."""
    warm_pool(home, "forwards")
    steps: list[dict[str, Any]] = [{"run": "elpa_forwards", "date": day} for day in DAYS]
    steps[3]["conf"] = {"models": ["light"]}
    later = {"run": "elpa_forwards", "date": "2026-01-05T00:00:00+00:00", "conf": {"dataset": "/other.csv"}}
    return home.steps(*steps, later)


@pytest.fixture(scope="module")
def backwards(home: Site) -> list[DagRunResult]:
    warm_pool(home, "backwards")
    return home.steps(*({"run": "elpa_backwards", "date": day} for day in DAYS[2::-1]))


def source(run: DagRunResult) -> dict[str, Any]:
    assert run.state == "success", run.log
    found: dict[str, Any] = run.policy["errors"]["deep"]
    return found


def trained(run: DagRunResult) -> Path:
    return run.run_dir / "models" / "deep" / "model.pt"


class TestWarmStarts:
    def test_forwards_each_run_starts_from_its_predecessor(self, forwards: list[DagRunResult]) -> None:
        first, second, third = forwards[:3]
        started_from = [source(run)["warm_started_from"] for run in (first, second, third)]
        assert started_from == [None, first.run_id, second.run_id]
        assert [run.entry("deep")["warm_started_from"] for run in (first, second, third)] == started_from
        assert trained(third).read_text(encoding="utf-8").split() == DAYS[:3]
        assert f"{second.run_dir}/models/deep" in third.rendered["offline.deep"]["bash_command"]
        assert "model.pt" in (third.run_dir / "models" / "deep" / "seen").read_text(encoding="utf-8")

    def test_a_training_that_kept_no_files_is_no_start(self, forwards: list[DagRunResult]) -> None:
        for run in forwards[:3]:
            assert run.policy["errors"]["keeps_nothing"]["warm_started_from"] is None
            assert (run.run_dir / "models" / "keeps_nothing" / "seen").read_text(encoding="utf-8") == ""

    def test_backwards_each_starts_cold(self, backwards: list[DagRunResult]) -> None:
        assert [source(run)["warm_started_from"] for run in backwards] == [None] * 3
        for run, day in zip(backwards, DAYS[2::-1], strict=True):
            assert trained(run).read_text(encoding="utf-8").split() == [day]
            assert (run.run_dir / "models" / "deep" / "seen").read_text(encoding="utf-8") == ""

    def test_what_does_not_fit_is_no_start(self, forwards: list[DagRunResult]) -> None:
        assert source(forwards[4])["warm_started_from"] is None
        said = "does not start from the training of run"
        assert said in forwards[4].task_log("offline.deep")
        assert "trained on none, this run has /other.csv" in forwards[4].task_log("offline.deep")

    def test_a_training_whose_files_were_changed_is_no_start(
        self, home: Site, forwards: list[DagRunResult]
    ) -> None:
        changed = trained(forwards[2])
        before = changed.read_bytes()
        changed.write_bytes(before + b"more")
        errors = forwards[1].run_dir / "models" / "deep" / "errors.csv"
        errors.rename(errors.with_name("kept"))
        errors.symlink_to(errors.name)
        (run,) = home.steps({"run": "elpa_forwards", "date": "2026-01-06T00:00:00+00:00"})
        changed.write_bytes(before)
        errors.with_name("kept").replace(errors)
        assert source(run)["warm_started_from"] == forwards[0].run_id
        assert "Too many levels of symbolic links" in run.task_log("offline.deep")
        assert f"{changed} is not what its run recorded" in run.task_log("offline.deep")

    def test_it_is_looked_up_only_where_the_command_will_run(self, home: Site) -> None:
        """The offline models are trained as of Sundays, and these are other days."""
        warm_pool(home, "rarely", offline_schedule="0 0 * * 0")
        days = [f"2026-01-0{day}T00:00:00+00:00" for day in (2, 6, 7)]
        first, second, third = home.steps(*({"run": "elpa_rarely", "date": day} for day in days))
        # The second finds nothing to carry since its Sunday, so it trains; the UI shows from where.
        assert [source(run)["warm_started_from"] for run in (first, second)] == [None, first.run_id]
        shown = [run.rendered["offline.deep"]["bash_command"] for run in (first, second, third)]
        folders = [f"{run.run_dir}/previous/deep" for run in (first, third)]
        folders.insert(1, f"{first.run_dir}/models/deep")
        assert [folder in text for folder, text in zip(folders, shown, strict=True)] == [True] * 3
        assert third.states["offline.deep"] == "skipped"
        assert source(third)["carried_from"] == second.run_id


class TestFilesInThePolicy:
    def test_of_a_model_that_the_run_trained(self, forwards: list[DagRunResult]) -> None:
        run = forwards[2]
        data = trained(run).read_bytes()
        files = [{"path": str(trained(run)), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}]
        assert source(run)["artifacts"] == files
        assert run.xcoms["offline.deep"]["artifacts"] == run.entry("deep")["artifacts"] == files
        assert run.policy["errors"]["light"]["artifacts"] == []

    def test_of_a_carried_one_they_are_those_of_the_run_that_trained_it(
        self, forwards: list[DagRunResult]
    ) -> None:
        carrying, origin = forwards[3], forwards[2]
        assert source(carrying) | {"rows": 1} == source(origin) | {
            "rows": 1,
            "as_of": source(carrying)["as_of"],
            "trained_at": source(carrying)["trained_at"],
            "carried_from": origin.run_id,
        }
        entry = carrying.entry("deep")
        assert (entry["status"], entry["carried_from"]) == ("planned", origin.run_id)
        assert entry["artifacts"] == source(origin)["artifacts"]
        assert entry["warm_started_from"] == forwards[1].run_id
