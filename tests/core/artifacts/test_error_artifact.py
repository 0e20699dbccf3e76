"""Which file a model's error artifact is, and whether this attempt wrote it. Under 1 s."""

import datetime as dt
import hashlib
import json
import os

import pytest

from elpa_core.artifacts.error_artifact import ErrorArtifact, FileState, artifact_of, require_fresh
from elpa_core.errors import ArtifactError
from elpa_core.times import utc_text

HINT = "let the command write there, or name its own path in error_csv"


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "errors.csv"
    path.write_text("abs_error\n1\n")
    return path


def test_no_file_has_no_state(tmp_path, csv):
    assert FileState.of(tmp_path / "none") is None
    assert FileState.of(csv / "below a file") is None


def test_an_untouched_file_is_stale(csv):
    os.utime(csv, (0, 1_700_000_000))
    before = FileState.of(csv)
    csv.read_bytes()
    with pytest.raises(ArtifactError) as caught:
        require_fresh(csv, before)
    assert str(caught.value) == (
        f"{csv}: found a file left by an earlier attempt (2023-11-14T22:13:20Z);"
        f" expected a file written by this attempt; {HINT}"
    )


def replace(path):
    other = path.with_name("new")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(0, path.stat().st_mtime_ns))
    other.replace(path)


def set_back(path):
    path.write_text("abs_error\n2\n")
    os.utime(path, (0, 0))


@pytest.mark.parametrize(
    "write",
    [lambda path: path.write_text("abs_error\n1\n2\n"), replace, set_back],
    ids=["longer", "an equal file renamed over it", "with a time of long ago"],
)
def test_whatever_writes_the_file_makes_it_fresh(csv, write):
    before = FileState.of(csv)
    write(csv)
    require_fresh(csv, before)


def test_a_new_file_is_fresh_and_a_removed_one_is_missing(csv):
    require_fresh(csv, None)
    before = FileState.of(csv)
    csv.unlink()
    with pytest.raises(ArtifactError) as caught:
        require_fresh(csv, before)
    assert str(caught.value) == (
        f"{csv}: found no such file; expected the validation errors that the command leaves; {HINT};"
        f" {csv.parent} is empty"
    )


def test_what_is_handed_on_describes_the_file(csv):
    os.utime(csv, (0, 1_700_000_000))
    artifact = artifact_of(csv, model="a", group="online", started_at="S", finished_at="F")
    assert artifact.to_json() == {
        "model": "a",
        "group": "online",
        "path": str(csv),
        "rows": 1,
        "sha256": hashlib.sha256(b"abs_error\n1\n").hexdigest(),
        "written_at": "2023-11-14T22:13:20Z",
        "started_at": "S",
        "finished_at": "F",
    }
    assert ErrorArtifact.from_json(json.loads(json.dumps(artifact.to_json()))) == artifact


@pytest.mark.parametrize("change", [{"rows": 1, "more": 2}, {}])
def test_another_object_is_no_artifact(csv, change):
    artifact = artifact_of(csv, model="a", group="online", started_at="S", finished_at="F").to_json()
    del artifact["rows"]
    with pytest.raises(TypeError):
        ErrorArtifact.from_json({**artifact, **change})


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (dt.datetime(2026, 1, 31, 6, tzinfo=dt.UTC), "2026-01-31T06:00:00Z"),
        (dt.datetime(2026, 1, 31, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2026-01-30T23:00:00Z"),
        (dt.datetime(2026, 1, 31, 6, 0, 0, 5, tzinfo=dt.UTC), "2026-01-31T06:00:00.000005Z"),
    ],
)
def test_times_are_utc_and_end_in_z(moment, text):
    assert utc_text(moment) == text
