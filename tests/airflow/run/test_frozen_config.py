"""A run keeps the config that it started with; scheduler/test_config_edits.py shows it on real runs."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.airflow_site import pair

from elpa_airflow.run.frozen_config import frozen_config
from elpa_airflow.run.status import write_status
from elpa_core.config.loading import load_training_config
from elpa_core.config.training import LoadedConfig
from elpa_core.errors import InputError


def write_config(path: Path, horizon: int) -> LoadedConfig:
    path.write_text(json.dumps({"horizon": horizon, "models": pair()}), encoding="utf-8")
    return load_training_config(path)


def frozen(
    current: LoadedConfig, run_dir: Path, generation: str, states: dict[str, str | None]
) -> LoadedConfig:
    return frozen_config(current, run_dir, generation, lambda: states)


NOBODY = {"online.on": None, "integrate": None}


class TestTheCopy:
    """`frozen_config` on its own, in a run's folder."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "pool.json"

    @pytest.fixture
    def run_dir(self, tmp_path: Path) -> Path:
        return tmp_path / "run"

    def test_the_first_task_stores_the_config(self, path: Path, run_dir: Path) -> None:
        config = write_config(path, 1)
        assert frozen(config, run_dir, "0-a", NOBODY) is config
        assert (run_dir / "config.json").read_bytes() == config.data

    def test_nobody_else_can_read_it_whatever_the_umask(self, path: Path, run_dir: Path) -> None:
        old = os.umask(0)
        try:
            frozen(write_config(path, 1), run_dir, "0-a", NOBODY)
            frozen(write_config(path, 2), run_dir, "1-b", NOBODY)
        finally:
            os.umask(old)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in run_dir.rglob("*.json")}
        assert modes == {"config.json": 0o600, "0-a.json": 0o600, "1-b.json": 0o600}

    def test_later_tasks_take_the_copy(self, path: Path, run_dir: Path) -> None:
        first = write_config(path, 1)
        frozen(first, run_dir, "0-a", NOBODY)
        for states in (NOBODY, {"online.on": "success"}, {"online.on": "running"}):
            loaded = frozen(write_config(path, 2), run_dir, "0-a", states)
            assert (loaded.config.horizon, loaded.data, loaded.sha256) == (1, first.data, first.sha256)
        assert (run_dir / "config.json").read_bytes() == first.data

    @pytest.mark.parametrize("left", ["fifo", "folder", "link", "bytes"])
    def test_whatever_stands_in_its_place_clearing_all_tasks_mends_it(
        self, path: Path, run_dir: Path, left: str
    ) -> None:
        frozen(write_config(path, 1), run_dir, "0-a", NOBODY)
        copy = run_dir / "config.json"
        copy.unlink()
        if left == "fifo":
            os.mkfifo(copy)
        elif left == "folder":
            (copy / "deep").mkdir(parents=True)
        elif left == "link":
            copy.symlink_to(copy)
        else:
            copy.write_bytes(b"\xff\xfe{}")
        second = write_config(path, 2)
        assert frozen(second, run_dir, "1-b", NOBODY).config.horizon == 2
        assert copy.read_bytes() == second.data

    def test_a_copy_that_is_no_config_is_refused_where_it_is_to_be_kept(
        self, path: Path, run_dir: Path
    ) -> None:
        frozen(write_config(path, 1), run_dir, "0-a", NOBODY)
        (run_dir / "config.json").write_bytes(b"\xff\xfe{}")
        with pytest.raises(InputError, match=r"config\.json: .*UTF-8"):
            frozen(write_config(path, 2), run_dir, "1-b", {"online.on": "success"})

    def test_a_copy_that_somebody_changed_is_written_anew_and_that_is_said(
        self, path: Path, run_dir: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        first = write_config(path, 1)
        frozen(first, run_dir, "0-a", NOBODY)
        assert caplog.messages == []
        (run_dir / "config.json").write_bytes(write_config(path, 9).data)
        assert frozen(first, run_dir, "0-a", NOBODY) is first
        assert (run_dir / "config.json").read_bytes() == first.data
        assert caplog.messages == [
            f"{run_dir}/config.json is not the config that the run froze: it is written anew"
        ]

    def test_it_is_the_same_file_to_the_byte(self, path: Path, run_dir: Path) -> None:
        data = (
            '\ufeff{\r\n "dataset": "naïve 🚀",\t"models": '.encode() + json.dumps(pair()).encode() + b"}\r\n"
        )
        path.write_bytes(data)
        frozen(load_training_config(path), run_dir, "0-a", NOBODY)
        assert (run_dir / "config.json").read_bytes() == data
        loaded = frozen(write_config(path, 2), run_dir, "0-a", NOBODY)
        assert (loaded.data, loaded.config.dataset) == (data, "naïve 🚀")

    def test_of_tasks_that_start_together_one_decides_for_all(self, path: Path, run_dir: Path) -> None:
        configs = [write_config(path, horizon) for horizon in range(1, 9)]
        with ThreadPoolExecutor(len(configs)) as threads:
            found = list(threads.map(lambda c: frozen(c, run_dir, "0-a", NOBODY), configs))
        assert len({loaded.data for loaded in found}) == 1
        assert (run_dir / "config.json").read_bytes() == found[0].data

    def test_clearing_all_takes_the_config_as_it_is_now(self, path: Path, run_dir: Path) -> None:
        frozen(write_config(path, 1), run_dir, "0-a", NOBODY)
        now = write_config(path, 2)
        assert frozen(now, run_dir, "1-b", NOBODY).config.horizon == 2
        assert (run_dir / "config.json").read_bytes() == now.data
        later = frozen(write_config(path, 3), run_dir, "1-b", {"online.on": "success"})
        assert later.config.horizon == 2

    @pytest.mark.parametrize("state", ["success", "failed", "skipped", "upstream_failed"])
    def test_clearing_some_keeps_the_copy(self, state: str, path: Path, run_dir: Path) -> None:
        frozen(write_config(path, 1), run_dir, "0-a", NOBODY)
        states = {"online.on": state, "integrate": None}
        assert frozen(write_config(path, 2), run_dir, "1-b", states).config.horizon == 1
        # Now that this generation has decided, it does not matter what the others do.
        assert frozen(write_config(path, 3), run_dir, "1-b", NOBODY).config.horizon == 1

    @pytest.mark.parametrize("state", ["scheduled", "queued", "restarting", "up_for_retry", "removed"])
    def test_who_waits_does_not_use_the_copy(self, state: str, path: Path, run_dir: Path) -> None:
        frozen(write_config(path, 1), run_dir, "0-a", NOBODY)
        loaded = frozen(write_config(path, 2), run_dir, "1-b", {"online.on": state})
        assert loaded.config.horizon == 2

    @pytest.mark.parametrize(("generation", "horizon"), [("0-a", 1), ("1-b", 2)])
    def test_a_task_that_went_on_running_keeps_the_copy(
        self, generation: str, horizon: int, path: Path, run_dir: Path
    ) -> None:
        frozen(write_config(path, 1), run_dir, "0-a", NOBODY)
        write_status(run_dir / "models" / "on", {"status": "running", "generation": generation})
        loaded = frozen(write_config(path, 2), run_dir, "1-b", {"online.on": "running"})
        assert loaded.config.horizon == horizon

    def test_a_copy_that_somebody_changed_is_put_right(self, path: Path, run_dir: Path) -> None:
        first = write_config(path, 1)
        frozen(first, run_dir, "0-a", NOBODY)
        (run_dir / "config.json").write_text("{}", encoding="utf-8")
        frozen(first, run_dir, "0-a", NOBODY)
        assert (run_dir / "config.json").read_bytes() == first.data
