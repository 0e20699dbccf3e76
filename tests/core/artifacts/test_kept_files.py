"""Which files of a model are kept with its run."""

import os

import pytest
from support.pools import block, pool

from elpa_core.artifacts.kept_files import is_kept_pattern, kept_files
from elpa_core.errors import ArtifactError, ConfigError


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
    return [str(path.relative_to(folder)) for path in kept_files(folder, patterns)]


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
def test_a_pattern_that_names_no_file_is_an_error(folder, pattern):
    with pytest.raises(ArtifactError) as refused:
        kept_files(folder, ["model.pt", pattern])
    assert str(refused.value) == (
        f'{folder}: found no such file; expected at least one file that artifacts names with "{pattern}";'
        " let the command write it there, or take the pattern out of the config"
    )


def test_a_folder_that_is_not_there_has_no_files(tmp_path):
    with pytest.raises(ArtifactError, match=r"/none: found no such file; expected at least one"):
        kept_files(tmp_path / "none", ["*"])


def test_links_are_kept_as_what_they_lead_to(folder):
    (folder / "best.pt").symlink_to("model.pt")
    (folder / "shared").symlink_to("../other/secret")
    assert names(folder, "best.pt", "shared") == ["best.pt", "shared"]
    assert [path.read_text() for path in kept_files(folder, ["best.pt", "shared"])] == ["model.pt", "s"]


def test_what_is_no_file_is_passed_over(folder):
    (folder / "dangling").symlink_to("gone")
    os.mkfifo(folder / "pipe")
    assert names(folder, "[dmp]*") == ["model.pt"]
    for pattern in ("dangling", "pipe"):
        with pytest.raises(ArtifactError, match="found no such file"):
            kept_files(folder, [pattern])


@pytest.mark.parametrize("name", [b"a\nb.bin", b"\xff.bin", b"\x1b[31m.bin"])
def test_a_name_that_no_object_and_no_log_can_hold_is_refused(folder, name):
    (folder / os.fsdecode(name)).touch()
    assert names(folder, "*.pt") == ["model.pt"]
    with pytest.raises(ArtifactError) as refused:
        kept_files(folder, ["*.bin"])
    shown = ascii(os.fsdecode(name))
    assert str(refused.value).startswith(f"{folder}: found the file name {shown}; expected names in UTF-8")
    str(refused.value).encode()


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
def test_folders_nested_too_deeply_are_refused(folder, nest, pattern):
    nest(folder)
    try:
        found = names(folder, pattern)
    except ArtifactError as error:
        found = str(error)
    refused = f"{folder}: found folders nested too deeply; expected files in fewer levels of folders"
    assert found in (refused, ["d/" * 1500 + "end"])  # later versions of Python walk to any depth
