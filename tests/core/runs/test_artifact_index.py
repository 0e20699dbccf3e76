"""What a run finds to carry is what a look at all runs finds, whatever runs did, died of, or did again."""

import datetime as dt
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.earlier import END, leave, scanned

from elpa_core import files
from elpa_core.runs import artifact_index
from elpa_core.runs.artifact_index import ArtifactIndex, Entry
from elpa_core.runs.earlier_artifacts import newest_artifacts

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
TRIAL = "__airflow_temporary_run_2026-01-01T00:00:00+00:00__"
RUNS = ["a", "b~1", "c%20d", "mine", TRIAL]

hours = st.integers(0, 6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("train"), st.sampled_from(RUNS), hours, st.sampled_from(["offline", "online"])),
        st.tuples(st.just("end"), st.sampled_from(RUNS), st.sampled_from(["failed", "running", "planned"])),
        st.tuples(st.just("die before the status"), st.sampled_from(RUNS), hours),
        st.tuples(st.just("prune"), st.sampled_from(RUNS), st.booleans()),
        st.tuples(st.just("lose the index")),
        st.tuples(
            st.just("look"), hours, st.one_of(st.none(), hours), st.sampled_from(["offline", "online"])
        ),
    ),
    max_size=40,
)


def moment(hour):
    return START + dt.timedelta(hours=hour)


def enter(runs, run, hour):
    ArtifactIndex.of(runs, "tide").enter([Entry(moment(hour), run)])


def take(runs, number, step):
    """Take a step of some worker; a look is held to a look at all runs."""
    match step:
        case ("train", run, hour, group):
            if run == TRIAL:
                return  # has no entry
            finished = (START + dt.timedelta(days=30, minutes=number)).isoformat()
            leave(runs, run, moment(hour).isoformat(), group=group, finished=finished)
        case ("end", run, status):
            path = runs / run / "models" / "tide" / "status.json"
            if path.exists():
                path.write_text(json.dumps(json.loads(path.read_text()) | {"status": status}))
        case ("die before the status", run, hour):
            enter(runs, run, hour)
        case ("prune", run, dies):
            path = runs / run / "models" / "tide" / "status.json"
            as_of = json.loads(path.read_text())["as_of"] if path.exists() else None
            shutil.rmtree(runs / run, ignore_errors=True)
            if as_of and not dies:
                ArtifactIndex.of(runs, "tide").remove([Entry(dt.datetime.fromisoformat(as_of), run)])
        case ("lose the index",):
            shutil.rmtree(runs.parent / "artifacts", ignore_errors=True)
        case ("look", until, since, group):
            times = moment(until), None if since is None else moment(since)
            found = newest_artifacts(runs / "mine", "tide", group, *times)
            assert [(one.run_dir.name, one.moment) for one in found] == scanned(
                runs / "mine", "tide", group, *times
            )


def held_to_the_scan(quick_path, some):
    shutil.rmtree(quick_path, ignore_errors=True)
    runs = quick_path / "pool" / "runs"
    runs.mkdir(parents=True)
    for number, step in enumerate([*some, ("look", 6, None, "offline"), ("look", 6, None, "online")]):
        take(runs, number, step)


@pytest.mark.parametrize("at_once", [1, 3, 100])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=steps)
def test_an_index_finds_what_a_look_at_all_runs_finds(quick_path, monkeypatch, at_once, some):
    monkeypatch.setattr(artifact_index, "_AT_ONCE", at_once)
    held_to_the_scan(quick_path, some)


@pytest.mark.sweep
@settings(max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some=steps)
def test_an_index_finds_what_a_look_at_all_runs_finds_in_many_lives(quick_path, some):
    held_to_the_scan(quick_path, some)


def test_what_earlier_versions_trained_is_found_at_once(tmp_path):
    runs = tmp_path / "runs"
    for hour in (1, 3, 2):
        leave(runs, f"r{hour}", moment(hour).isoformat())
    leave(runs, TRIAL, moment(4).isoformat())
    shutil.rmtree(tmp_path / "artifacts")
    found = [one.run_id for one in newest_artifacts(runs / "mine", "tide", "offline", END)]
    assert found == ["r3", "r2", "r1"]
    names = [child.name for child in files.children(tmp_path / "artifacts" / "tide")]
    assert [name.partition("~")[2] for name in names] == ["r3", "r2", "r1", ""]
    assert names[-1] == "complete"


def test_only_what_is_asked_for_is_read(tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    list(newest_artifacts(runs / "mine", "tide", "offline", END))
    for hour in range(50):
        leave(runs, f"r{hour}", moment(hour).isoformat())
    read = []
    monkeypatch.setattr(files, "children", lambda _: pytest.fail("all runs were looked at"))
    read_all = files.read_all
    monkeypatch.setattr(
        files, "read_all", lambda paths: read_all(read.append(path) or path for path in paths)
    )
    found = newest_artifacts(runs / "mine", "tide", "offline", moment(30), moment(10))
    assert next(found).run_id == "r30"
    assert [path.parents[2].name for path in read] == ["r30"]
    assert len(list(found)) == 20


def test_an_entry_is_on_the_disk_when_a_status_can_say_that_it_is_there(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync

    def spied(handle):
        synced.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", spied)
    enter(tmp_path / "runs", "r1", 1)
    assert synced[-1] == str(tmp_path / "artifacts" / "tide")
    synced.clear()
    enter(tmp_path / "runs", "r2", 1)
    assert synced == [str(tmp_path / "artifacts" / "tide")]
