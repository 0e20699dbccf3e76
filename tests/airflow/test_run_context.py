"""What a Dag run means to ELPA: its folder, its store, its dates. About 2 seconds."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow_site import HOME, DagsFolder, pair
from hypothesis import given, settings
from hypothesis import strategies as st

from elpa_airflow.run.moment import run_moment
from elpa_airflow.run.store_location import open_store, store_location
from elpa_core.config.loading import load_training_config
from elpa_core.errors import ConfigError
from elpa_core.store import DagFolder, folder_of_run

START, END = dt.datetime(2026, 1, 30, 5, tzinfo=dt.UTC), dt.datetime(2026, 1, 31, 5, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 2, 1, 12, 30, tzinfo=dt.timezone(dt.timedelta(hours=1)))


class TestTheFolderOfARun:
    @pytest.mark.parametrize(
        "run_id", ["manual__2026-01-31T06:00:00+00:00", "scheduled__2026-01-31T06:00:00.123456+00:00_a=b,c"]
    )
    def test_run_ids_as_airflow_makes_them_stay_as_they_are(self, run_id: str) -> None:
        assert folder_of_run(run_id) == run_id

    @pytest.mark.parametrize("run_id", ["..", ".", "../../etc", "a/b", "a\\b", "a b", "a\nb", "~", "ü" * 300])
    def test_any_run_id_is_one_folder_below_the_store(self, run_id: str, tmp_path: Path) -> None:
        folder = DagFolder(tmp_path, "dag").run(run_id)
        folder.mkdir(parents=True)
        assert folder.resolve().parent == (tmp_path / "dag" / "runs").resolve()

    @settings(deadline=None, max_examples=200)
    @given(st.text(min_size=1), st.text(min_size=1))
    def test_two_run_ids_have_two_folders(self, one: str, other: str) -> None:
        assert (folder_of_run(one) == folder_of_run(other)) == (one == other)

    def test_long_run_ids_that_begin_alike_too(self) -> None:
        assert folder_of_run("a" * 300) != folder_of_run("a" * 301)
        assert len(folder_of_run("ü" * 1000).encode()) < 255


class TestTheStore:
    def test_the_config_over_the_dag_file_over_the_setting_over_the_home(
        self, folder: DagsFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = load_training_config(folder.config("own", pair(), airflow={"store": "../here"}))
        none = load_training_config(folder.config("none", pair()))
        assert store_location(none, None) == f"{HOME}/elpa"
        monkeypatch.setenv("AIRFLOW__ELPA__STORE", "/of/the/setting")
        assert store_location(none, None) == "/of/the/setting"
        assert store_location(none, "/of/the/file") == "/of/the/file"
        assert store_location(own, "/of/the/file") == f"{folder.configs.parent}/here"

    @pytest.mark.parametrize("uri", ["s3://conn@bucket/elpa", "file:///data/elpa"])
    def test_a_uri_stays_as_it_is(
        self, folder: DagsFolder, uri: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        none = load_training_config(folder.config("none", pair()))
        own = load_training_config(folder.config("own", pair(), airflow={"store": uri}))
        assert store_location(own, "/of/the/file") == store_location(none, uri) == uri
        monkeypatch.setenv("AIRFLOW__ELPA__STORE", uri)
        assert store_location(none, None) == uri

    def test_a_file_uri_is_a_folder(self) -> None:
        assert open_store("file:///data/my%20store") == Path("/data/my store")

    @pytest.mark.parametrize("uri", ["ftp://host/elpa", "s3://", "s3://key:secret@bucket", "s3://b/../x"])
    def test_a_uri_that_no_store_has_is_refused(self, uri: str) -> None:
        with pytest.raises(ConfigError, match=r"^the policy store: found") as caught:
            open_store(uri)
        assert "secret" not in str(caught.value)

    def test_a_relative_setting_is_relative_to_the_home(
        self, folder: DagsFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW__ELPA__STORE", "policies")
        assert store_location(load_training_config(folder.config("none", pair())), None) == f"{HOME}/policies"


def dag_run(**dates: Any) -> Any:
    fields = dict.fromkeys(("data_interval_start", "data_interval_end", "logical_date"))
    return SimpleNamespace(**{**fields, "run_id": "r", "run_type": "manual", "run_after": LATER, **dates})


class TestTheDates:
    @pytest.mark.parametrize(
        ("dates", "as_of"),
        [
            ({"data_interval_start": START, "data_interval_end": END, "logical_date": START}, END),
            ({"logical_date": START}, START),
            ({}, LATER),
        ],
        ids=["the end of the interval", "else the logical date", "else run_after"],
    )
    def test_as_of(self, dates: dict[str, dt.datetime], as_of: dt.datetime) -> None:
        text = run_moment(dag_run(**dates)).as_of
        assert dt.datetime.fromisoformat(text) == as_of
        assert text.endswith("+00:00")

    def test_dates_that_a_run_does_not_have_are_empty(self) -> None:
        moment = run_moment(dag_run())
        assert (moment.data_interval_start, moment.data_interval_end) == ("", "")
        assert (moment.run_id, moment.run_type) == ("r", "manual")
