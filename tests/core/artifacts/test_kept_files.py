"""Which files of a model are kept with its run."""

import dataclasses
import os
import shutil

import pytest
from support.pools import block, pool

from elpa_core.artifacts.kept_files import KeptFiles, copy_what_links_lead_to, is_kept_pattern, kept_files
from elpa_core.errors import ConfigError


@pytest.fixture
def folder(tmp_path):
    """Return a model's folder, beside one that is not its."""
    made = tmp_path / "model"
    for name in ("model.pt", ".hidden", "runs/1/last.ckpt", "runs/1/log.txt", "runs/2/last.ckpt", "a[1].bin"):
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (made / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret").write_text("s")
    return made


def names(folder, *patterns):
    return [str(path.relative_to(folder)) for path in kept_files(folder, patterns).paths]


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        (["model.pt"], ["model.pt"]),
        (["*.pt", "model.*"], ["model.pt"]),
        (["runs/**/*.ckpt"], ["runs/1/last.ckpt", "runs/2/last.ckpt"]),
        (["runs/*/log.txt"], ["runs/1/log.txt"]),
        (["runs/1"], ["runs/1/last.ckpt", "runs/1/log.txt"]),
        (["runs/1/"], ["runs/1/last.ckpt", "runs/1/log.txt"]),
        (["runs/1", "runs/*/last.ckpt"], ["runs/1/last.ckpt", "runs/1/log.txt", "runs/2/last.ckpt"]),
        (["a[[]1].bin"], ["a[1].bin"]),
        ([".hidden"], [".hidden"]),
        (
            ["**"],
            [".hidden", "a[1].bin", "model.pt", "runs/1/last.ckpt", "runs/1/log.txt", "runs/2/last.ckpt"],
        ),
        ([], []),
    ],
)
def test_a_pattern_names_files_and_all_below_a_folder(folder, patterns, kept):
    assert names(folder, *patterns) == kept


@pytest.mark.parametrize("pattern", ["model.pth", "empty", "runs/3/*", "MODEL.PT", "a[1].bin"])
def test_a_pattern_that_names_no_file_is_a_warning_and_the_others_are_kept(folder, pattern):
    assert kept_files(folder, ["model.pt", pattern]) == KeptFiles(
        (folder / "model.pt",),
        (
            f'{folder}: found no such file; expected at least one file that artifacts names with "{pattern}";'
            " let the command write it there, or take the pattern out of the config",
        ),
    )


def test_a_folder_that_is_not_there_has_no_files(tmp_path):
    paths, (warning,) = dataclasses.astuple(kept_files(tmp_path / "none", ["*"]))
    assert paths == ()
    assert "/none: found no such file; expected at least one" in warning


def test_links_are_kept_as_what_they_lead_to(folder):
    (folder / "best.pt").symlink_to("model.pt")
    (folder / "shared").symlink_to("../other/secret")
    assert names(folder, "best.pt", "shared") == ["best.pt", "shared"]
    assert [path.read_text() for path in kept_files(folder, ["best.pt", "shared"]).paths] == ["model.pt", "s"]


@pytest.mark.parametrize("pattern", ["best/1.pt", "best/*", "**"])
def test_links_that_lead_out_of_the_folder_become_copies(folder, pattern):
    other = folder.parent / "other"
    (other / "1.pt").write_text("one")
    (other / "deep").mkdir()
    (other / "deep" / "2.pt").write_text("two")
    (folder / "best").mkdir()
    for name, to in (
        ("best/1.pt", "../../other/1.pt"),
        ("best/2.pt", other / "deep" / "2.pt"),
        ("best/own.pt", "../model.pt"),
    ):
        (folder / name).symlink_to(to)
    found = kept_files(folder, [pattern]).paths
    contents = [path.read_text() for path in found]
    copy_what_links_lead_to(folder, found)
    assert [path.read_text() for path in found] == contents
    shutil.rmtree(other)  # as pruning does
    assert [path.read_text() for path in found] == contents
    assert (folder / "best" / "own.pt").is_symlink()


def test_a_link_to_a_folder_elsewhere_becomes_a_folder_and_nothing_there_changes(folder):
    other = folder.parent / "other"
    (folder / "shared").symlink_to(other)
    found = kept_files(folder, ["shared/secret"]).paths
    copy_what_links_lead_to(folder, found)
    (folder / "shared" / "secret").write_text("changed")
    assert (other / "secret").read_text() == "s"


def test_what_is_no_regular_file_is_a_warning_and_the_others_are_kept(folder):
    (folder / "runs" / "dangling.pt").symlink_to("gone")
    (folder / "zero.pt").symlink_to("/dev/zero")
    (folder / "circle.pt").symlink_to("circle.pt")
    os.mkfifo(folder / "pipe.pt")

    def warning(name):
        expected = "a file that can be read to its end; it is not kept"
        return f"{folder}: found '{name}', which is no regular file; expected {expected}"

    for patterns in (["*.pt"], ["*.pt", "*e.pt"]):
        paths, warnings = dataclasses.astuple(kept_files(folder, patterns))
        assert [path.name for path in paths] == ["model.pt"]
        assert list(warnings) == [warning("circle.pt"), warning("pipe.pt"), warning("zero.pt")]
    assert kept_files(folder, ["pipe.pt"]) == KeptFiles((), (warning("pipe.pt"),))
    paths, warnings = dataclasses.astuple(kept_files(folder, ["runs"]))
    assert (len(paths), warnings) == (3, (warning("runs/dangling.pt"),))


@pytest.mark.parametrize("name", [b"a\nb.bin", b"\xff.bin", b"\x1b[31m.bin"])
def test_a_file_whose_name_no_object_and_no_log_can_hold_is_not_kept(folder, name):
    (folder / os.fsdecode(name)).touch()
    assert names(folder, "*.pt") == ["model.pt"]
    found = kept_files(folder, ["*.bin"])
    assert [path.name for path in found.paths] == ["a[1].bin"]
    shown = ascii(os.fsdecode(name))
    (warning,) = found.warnings
    assert warning.startswith(f"{folder}: found the file name {shown}; expected names in UTF-8")
    warning.encode()


def test_a_file_whose_name_holds_a_secret_is_not_kept(folder):
    (folder / "hunter22.bin").touch()
    found = kept_files(folder, ["*.bin"], ["hunter22", folder.parent.name])
    assert [path.name for path in found.paths] == ["a[1].bin"]
    (warning,) = found.warnings
    assert "hunter22" in warning  # whoever shows it masks it


def test_of_too_many_files_none_is_kept(folder):
    (folder / "many").mkdir()
    for number in range(1001):
        (folder / "many" / str(number)).touch()
    assert len(kept_files(folder, ["many/[1-9]*"]).paths) == 1000
    assert kept_files(folder, ["many"]) == KeptFiles(
        (),
        (
            f"{folder}: found 1001 files that artifacts names; expected at most 1000: an archive of them,"
            " say; none is kept",
        ),
    )


def test_a_name_may_be_in_any_language(folder):
    (folder / "é 日本 \u3000.bin").touch()
    assert names(folder, "é*") == ["é 日本 \u3000.bin"]


def test_a_link_round_in_a_circle_ends(folder):
    (folder / "runs" / "loop").symlink_to("..")
    assert names(folder, "runs/**/*.txt") == ["runs/1/log.txt"]


@pytest.mark.parametrize(
    "pattern", ["", " ", "..", "../x", "a/../b", "/etc/passwd", "a**", "**b/c", "a\0b", ".", "./"]
)
def test_a_pattern_that_leads_elsewhere_or_says_nothing_is_refused(load, pattern):
    assert not is_kept_pattern(pattern)
    with pytest.raises(ConfigError) as refused:
        load(pool(block("a", artifacts=[pattern]), block("b", "offline")))
    assert "$.models[0].artifacts[0]: found " in str(refused.value)
    assert (
        'expected a glob pattern relative to the folder of the command, such as "model.pt" or "best/**"'
        in str(refused.value)
    )


def test_a_pattern_below_the_folder_is_taken(load):
    taken = load(pool(block("a", artifacts=["model.pt", "runs/**"]), block("b", "offline")))
    assert list(taken.config.models[0].artifacts) == ["model.pt", "runs/**"]


@pytest.mark.parametrize("pattern", ["**/end", "d"])
def test_folders_nested_too_deeply_are_a_warning(folder, nest, pattern):
    nest(folder)
    warned = f"{folder}: found folders nested too deeply; expected files in fewer levels of folders"
    end = folder / ("d/" * 1500 + "end")
    # later versions of Python walk to any depth
    assert kept_files(folder, [pattern]) in (KeptFiles((), (warned,)), KeptFiles((end,)))
