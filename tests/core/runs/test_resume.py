"""What a further attempt finds of the one before, in a local folder. About a second."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from elpa_core.runs.resume import RegularCalls, copy_to_resume, files_to_resume, keep_only


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, encoding="utf-8")
    return folder


def left_in(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_only_what_the_patterns_name_stays_and_the_status(tmp_path: Path) -> None:
    fill(tmp_path, "a.ckpt", "best/b.ckpt", "best/log.txt", "errors.csv", "old/x/y", "status.json")
    (tmp_path / "empty").mkdir()
    keep_only(tmp_path, ["*.ckpt", "best/*.ckpt", "none.*"])
    assert left_in(tmp_path) == {name: name for name in ("a.ckpt", "best/b.ckpt", "status.json")}
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize("pattern", ["last.ckpt", "newest/*"])
def test_a_link_stays_with_what_it_leads_to_and_nothing_behind_it_goes(tmp_path: Path, pattern: str) -> None:
    folder = fill(tmp_path / "work", "step_7/model.ckpt", "step_6/model.ckpt")
    outside = fill(tmp_path / "mine", "precious")
    (folder / "last.ckpt").symlink_to("step_7/model.ckpt")
    (folder / "newest").symlink_to("step_7")
    (folder / "away").symlink_to(outside)
    keep_only(folder, [pattern])
    kept = folder / ("last.ckpt" if pattern == "last.ckpt" else "newest/model.ckpt")
    assert kept.read_text(encoding="utf-8") == "step_7/model.ckpt"
    assert not (folder / "step_6").exists()
    assert not (folder / "away").is_symlink()
    assert left_in(outside) == {"precious": "precious"}


@pytest.mark.parametrize("to", ["step_7", "{folder}/step_7", "../work/step_7"])
def test_each_link_of_a_chain_stays(tmp_path: Path, to: str) -> None:
    folder = fill(tmp_path / "work", "step_7/model.ckpt", "step_7/log", "step_6/model.ckpt")
    (folder / "links").mkdir()
    (folder / "links" / "newest").symlink_to(to.format(folder=folder) if "{" in to else f"../{to}")
    (folder / "newest").symlink_to("links/newest")
    (folder / "last.ckpt").symlink_to("newest/model.ckpt")
    keep_only(folder, ["last.ckpt"])
    assert (folder / "last.ckpt").read_text(encoding="utf-8") == "step_7/model.ckpt"
    assert sorted(path.name for path in folder.iterdir()) == ["last.ckpt", "links", "newest", "step_7"]
    assert [path.name for path in (folder / "step_7").iterdir()] == ["model.ckpt"]


def test_any_number_of_files_stays_and_what_does_not_is_said(tmp_path: Path) -> None:
    fill(tmp_path, *(f"shards/{number}" for number in range(1001)))
    assert keep_only(tmp_path, ["shards"]) == []
    assert len(left_in(tmp_path)) == 1001
    os.mkfifo(tmp_path / "pipe")
    (warning,) = keep_only(tmp_path, ["shards", "pipe"])
    assert "'pipe', which is no regular file" in warning


def test_a_copy_has_the_time_of_the_file(tmp_path: Path) -> None:
    source = fill(tmp_path / "killed", "old.ckpt", "new.ckpt")
    os.utime(source / "old.ckpt", ns=(1, 1_000_000_000))
    assert copy_to_resume(source, tmp_path / "own", ["*.ckpt"]) == []
    newest = max((tmp_path / "own").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    assert newest.name == "new.ckpt"


def test_what_elpa_put_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    fill(tmp_path, "status.json", "output.log", "elpa_output.log", "try-2-0a1b2c/a.ckpt", "deep/output.log")
    found = files_to_resume(tmp_path, ["**"])
    assert [str(path.relative_to(tmp_path)) for path in found.paths] == ["deep/output.log"]


def test_no_file_yet_is_no_warning_and_a_pipe_is_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.ckpt")
    assert files_to_resume(tmp_path, ["*.pt"]).warnings == ()
    (warning,) = files_to_resume(tmp_path, ["*.ckpt"]).warnings
    assert "'pipe.ckpt', which is no regular file" in warning


def test_a_copy_is_of_the_named_files_and_leaves_the_others_alone(tmp_path: Path) -> None:
    source = fill(tmp_path / "killed", "a.ckpt", "deep/b.ckpt", "log.txt")
    (tmp_path / "own").mkdir()
    assert copy_to_resume(source, tmp_path / "own", ["**/*.ckpt"]) == []
    assert left_in(tmp_path / "own") == {"a.ckpt": "a.ckpt", "deep/b.ckpt": "deep/b.ckpt"}
    assert left_in(source) == {"a.ckpt": "a.ckpt", "deep/b.ckpt": "deep/b.ckpt", "log.txt": "log.txt"}
    assert copy_to_resume(tmp_path / "gone", tmp_path / "own", ["*"]) == []


def test_a_file_that_an_orphan_writes_all_the_time_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fill(tmp_path / "killed", "still.ckpt", "busy.ckpt")
    (tmp_path / "own").mkdir()
    busy, copy = source / "busy.ckpt", shutil.copy2

    def copy_while_the_orphan_writes(path: Path, target: Path) -> None:
        copy(path, target)
        if path == busy:
            with busy.open("a", encoding="utf-8") as file:
                file.write("more")

    monkeypatch.setattr(shutil, "copy2", copy_while_the_orphan_writes)
    (warning,) = copy_to_resume(source, tmp_path / "own", ["*.ckpt"])
    assert warning == (
        f"{busy}: found a file that changes; expected one that nobody writes at the moment; it is not taken"
    )
    assert left_in(tmp_path / "own") == {"still.ckpt": "still.ckpt"}


@pytest.mark.parametrize("ask", [RegularCalls.now, lambda _: os.kill(os.getpid(), signal.SIGUSR1)])
def test_a_call_comes_when_asked_for_and_none_after_the_end(ask: Callable[[RegularCalls], None]) -> None:
    called, count = threading.Event(), []

    def call() -> None:
        count.append(1)
        called.set()

    calls = RegularCalls(call, 3600)
    before = signal.signal(signal.SIGUSR1, lambda *_: calls.now())
    try:
        with calls:
            ask(calls)
            assert called.wait(60)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert count == [1]
    calls.now()
    assert count == [1]


def test_calls_come_again_and_again(tmp_path: Path) -> None:
    several, count = threading.Event(), []

    def call() -> None:
        count.append(1)
        if len(count) == 3:
            several.set()

    with RegularCalls(call, 0.001):
        assert several.wait(60)
