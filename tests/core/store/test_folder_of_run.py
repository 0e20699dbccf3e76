"""The folder of a run in the store: one for each run id, whatever it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elpa_core.store import DagFolder, folder_of_run


@pytest.mark.parametrize(
    "run_id", ["manual__2026-01-31T06:00:00+00:00", "scheduled__2026-01-31T06:00:00.123456+00:00_a=b,c"]
)
def test_run_ids_as_airflow_makes_them_stay_as_they_are(run_id: str) -> None:
    assert folder_of_run(run_id) == run_id


@pytest.mark.parametrize("run_id", ["..", ".", "../../etc", "a/b", "a\\b", "a b", "a\nb", "~", "ü" * 300])
def test_any_run_id_is_one_folder_below_the_store(run_id: str, tmp_path: Path) -> None:
    folder = DagFolder(tmp_path, "dag").run(run_id)
    folder.mkdir(parents=True)
    assert folder.resolve().parent == (tmp_path / "dag" / "runs").resolve()


@settings(deadline=None, max_examples=200)
@given(st.text(min_size=1), st.text(min_size=1))
def test_two_run_ids_have_two_folders(one: str, other: str) -> None:
    assert (folder_of_run(one) == folder_of_run(other)) == (one == other)


def test_long_run_ids_that_begin_alike_too() -> None:
    assert folder_of_run("a" * 300) != folder_of_run("a" * 301)
    assert len(folder_of_run("ü" * 1000).encode()) < 255
