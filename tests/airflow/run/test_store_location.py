"""Where the policy store of a config is: its own, the Dag file's, the setting's or the home's."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.airflow_site import HOME, DagsFolder, pair

from elpa_airflow.run.store_location import open_store, store_location, work_root
from elpa_core.config.loading import load_training_config
from elpa_core.errors import ConfigError


def test_the_config_over_the_dag_file_over_the_setting_over_the_home(
    folder: DagsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = load_training_config(folder.config("own", pair(), airflow={"store": "../here"}))
    none = load_training_config(folder.config("none", pair()))
    assert store_location(none, None) == f"{HOME}/elpa"
    monkeypatch.setenv("AIRFLOW__ELPA__STORE", "/of/the/setting")
    assert store_location(none, None) == "/of/the/setting"
    assert store_location(none, "/of/the/file") == "/of/the/file"
    assert store_location(own, "/of/the/file") == f"{folder.configs.parent}/here"


@pytest.mark.parametrize("uri", ["s3://conn@bucket/elpa", "file:///data/elpa"])
def test_a_uri_stays_as_it_is(folder: DagsFolder, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    none = load_training_config(folder.config("none", pair()))
    own = load_training_config(folder.config("own", pair(), airflow={"store": uri}))
    assert store_location(own, "/of/the/file") == store_location(none, uri) == uri
    monkeypatch.setenv("AIRFLOW__ELPA__STORE", uri)
    assert store_location(none, None) == uri


def test_a_tilde_is_the_users_home(folder: DagsFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/farmer")
    own = load_training_config(folder.config("own", pair(), airflow={"store": "~/own"}))
    none = load_training_config(folder.config("none", pair()))
    assert store_location(own, None) == "/home/farmer/own"
    assert store_location(none, "~/of the file") == "/home/farmer/of the file"
    monkeypatch.setenv("AIRFLOW__ELPA__STORE", "~/of/the/setting")
    assert store_location(none, None) == "/home/farmer/of/the/setting"
    monkeypatch.setenv("AIRFLOW__ELPA__WORK_DIR", "~/work")
    assert work_root() == Path("/home/farmer/work")


def test_a_file_uri_is_a_folder() -> None:
    assert open_store("file:///data/my%20store") == Path("/data/my store")


@pytest.mark.parametrize("uri", ["ftp://host/elpa", "s3://", "s3://key:secret@bucket", "s3://b/../x"])
def test_a_uri_that_no_store_has_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError, match=r"^the policy store: found") as caught:
        open_store(uri)
    assert "secret" not in str(caught.value)


def test_a_relative_setting_is_relative_to_the_home(
    folder: DagsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__ELPA__STORE", "policies")
    assert store_location(load_training_config(folder.config("none", pair())), None) == f"{HOME}/policies"
