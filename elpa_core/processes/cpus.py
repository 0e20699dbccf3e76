"""How many cores a command may use: those of this process, at most as many as its cgroups allow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_ROOT = Path("/")


class _Hierarchy(NamedTuple):
    """A mounted tree of cgroups that limits CPU, and the place of this process in it."""

    mount: Path
    cgroup: Path


def available_cpus(root: Path = _ROOT) -> int:
    """Return the number of cores that this process and its children may use, at least 1.

    A limit that is no whole number of cores is rounded down: with a thread more than that the kernel halts
    all of them for a part of each period.

    Parameters
    ----------
    root : Path
        Where ``proc`` and the mounted cgroups are.

    Examples
    --------
    >>> available_cpus() >= 1
    True
    """
    own = hasattr(os, "sched_getaffinity")  # of the systems on which ELPA runs, Linux has it
    cores = len(os.sched_getaffinity(0)) if own else os.cpu_count() or 1
    return max(1, int(min([cores, *_limits(root)])))


def _limits(root: Path) -> Iterator[float]:
    """Yield the limit of each cgroup that holds this process, in cores."""
    for mount, cgroup in _hierarchies(root):
        for folder in (mount / cgroup, *(mount / cgroup).parents):
            with suppress(OSError, ValueError, ZeroDivisionError):
                yield _limit_of(folder)
            if folder == mount:
                break


def _limit_of(folder: Path) -> float:
    """Return the limit of one cgroup: version 2 has one file for it, version 1 has two."""
    both = folder / "cpu.max"
    if both.exists():
        quota, period = both.read_text(encoding="ascii").split()
        return int(quota) / int(period)  # without a limit, quota is "max"
    quota, period = (
        (folder / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period")
    )
    limit = int(quota) / int(period)  # without a limit, quota is -1
    if limit <= 0:
        raise ValueError
    return limit


def _hierarchies(root: Path) -> Iterator[_Hierarchy]:
    cgroups = _cgroups(root)
    for line in _lines(root / "proc/self/mountinfo"):
        # ID parent device root mount options [fields] - type source options
        before, _, behind = line.partition(" - ")
        kind, _, options = (*behind.split(), "", "", "")[:3]
        if kind == "cgroup2":
            name = ""
        elif kind == "cgroup" and "cpu" in options.split(","):
            name = "cpu"
        else:
            continue
        fields = before.split()
        if name in cgroups:
            top, mount = Path(_unescaped(fields[3])), _unescaped(fields[4])
            # A container may see the place of its cgroup on the host; what it has mounted starts there.
            own = cgroups[name]
            below = own.relative_to(top) if own.is_relative_to(top) else Path()
            yield _Hierarchy(root / mount.lstrip("/"), below)


def _cgroups(root: Path) -> dict[str, Path]:
    """Return the cgroup of this process in version 2, under an empty name, and in each tree of version 1."""
    found: dict[str, Path] = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, names, path = line.split(":", 2)
        found |= {name: Path(path) for name in names.split(",")}
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []


def _unescaped(text: str) -> str:
    for sign in (" ", "\t", "\n", "\\"):
        text = text.replace(f"\\{ord(sign):03o}", sign)
    return text
