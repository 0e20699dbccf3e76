"""A task fails with words that say what to do. Under 1 second."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowException

from elpa_airflow.run.status import read_status
from elpa_airflow.tasks.failures import in_words


@pytest.mark.parametrize("kind", ["fifo", "folder", "large"])
def test_what_stands_in_the_place_of_a_file_of_the_run_is_named_with_what_to_do(
    tmp_path: Path, kind: str
) -> None:
    status = tmp_path / "models" / "on" / "status.json"
    status.parent.mkdir(parents=True)
    if kind == "fifo":
        os.mkfifo(status)
    elif kind == "folder":
        status.mkdir()
    else:
        status.touch()
        os.truncate(status, 1 << 31)
    with pytest.raises(AirflowException) as caught, in_words():
        read_status(tmp_path, "online.on")
    said = str(caught.value)
    assert said.startswith(f"{status}: found ")
    assert said.endswith("remove what stands there, then clear all tasks of the run")
    assert caught.value.__suppress_context__
