"""How many cores a command is told to use: cgroups of both versions, and affinity. Under 1 s."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from elpa_core.processes.cpus import available_cpus

V2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "32 31 0:29 {root} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with 16 cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))


def lay(root: Path, cgroup: str, mounts: str, **limits: str) -> Path:
    """Lay down what the kernel shows; ``limits`` are contents of files, by their paths."""
    proc = root / "proc" / "self"
    proc.mkdir(parents=True)
    (proc / "cgroup").write_text(cgroup, encoding="ascii")
    (proc / "mountinfo").write_text("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts, encoding="ascii")
    for name, text in limits.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


@pytest.mark.usefixtures("many_cores")
class TestVersion2:
    @pytest.mark.parametrize(
        ("limit", "cores"),
        [
            ("400000 100000", 4),
            ("350000 100000", 3),  # three threads and a half would all be halted in each period
            ("50000 100000", 1),
            ("3200000 100000", 16),
            ("max 100000", 16),
        ],
    )
    def test_a_container_sees_its_own_limit_at_the_top(self, tmp_path: Path, limit: str, cores: int) -> None:
        assert available_cpus(lay(tmp_path, "0::/\n", V2, **{"cpu.max": limit})) == cores

    def test_the_tightest_limit_on_the_way_up_counts(self, tmp_path: Path) -> None:
        limits = {
            "app.slice/cpu.max": "200000 100000",
            "app.slice/airflow.service/cpu.max": "max 100000",
            "other.slice/cpu.max": "100000 100000",
        }
        assert available_cpus(lay(tmp_path, "0::/app.slice/airflow.service\n", V2, **limits)) == 2

    def test_without_a_limit_anywhere_all_cores_count(self, tmp_path: Path) -> None:
        assert available_cpus(lay(tmp_path, "0::/user.slice\n", V2)) == 16


@pytest.mark.usefixtures("many_cores")
class TestVersion1:
    @pytest.mark.parametrize(("quota", "cores"), [("250000", 2), ("-1", 16)])
    @pytest.mark.parametrize(
        ("own", "root", "folder"),
        [
            ("/", "/", ""),  # a container with a namespace of cgroups
            ("/docker/4f", "/docker/4f", ""),  # one that sees its place on the host
            ("/docker/4f", "/kubepods/77", ""),  # one that has mounted something else
            ("/batch/a", "/", "batch/"),  # no container: the limit is that of the cgroup above
        ],
    )
    def test_quota_and_period_are_two_files(
        self, tmp_path: Path, quota: str, cores: int, own: str, root: str, folder: str
    ) -> None:
        limits = {
            f"cpu,cpuacct/{folder}cpu.cfs_quota_us": quota,
            f"cpu,cpuacct/{folder}cpu.cfs_period_us": "100000\n",
        }
        cgroup = f"5:cpuset:/x\n4:cpu,cpuacct:{own}\n1:name=systemd:/y\n0::/\n"
        mounts = (
            "30 23 0:2 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" + V1.format(root=root) + V2
        )
        assert available_cpus(lay(tmp_path, cgroup, mounts, **limits)) == cores


def test_a_mount_whose_path_has_blanks_is_found(tmp_path: Path, many_cores: None) -> None:
    mounts = V2.replace("/sys/fs/cgroup", r"/sys/fs/cgroup/my\040groups")
    assert available_cpus(lay(tmp_path, "0::/\n", mounts, **{"my groups/cpu.max": "200000 100000"})) == 2


def test_the_cores_that_a_process_may_run_on_count(tmp_path: Path, on_one_core: None) -> None:
    assert available_cpus() == 1
    assert available_cpus(lay(tmp_path, "0::/\n", V2, **{"cpu.max": "800000 100000"})) == 1
