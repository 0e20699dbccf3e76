"""Scoring what training handed on; the rest is in test_cli_integrate. Under 1 s."""

import dataclasses

import pytest

from elpa_core.artifacts.error_artifact import artifact_of
from elpa_core.errors import ArtifactError
from elpa_core.policy.scoring import score_artifacts


@pytest.fixture
def artifact(tmp_path):
    def make(name, errors):
        path = tmp_path / f"{name}.csv"
        path.write_text("abs_error\n" + "".join(f"{error}\n" for error in errors))
        return artifact_of(path, model=name, group="online", started_at="S", finished_at="F")

    return make


def test_artifacts_are_scored_in_their_order(artifact):
    scored = score_artifacts([artifact("b", [4, -2, 1]), artifact("a", [0])], beta=0.5)
    assert [(m.name, m.group, m.score, m.rows) for m in scored] == [
        ("b", "online", 2.0, 3),
        ("a", "online", 1e-9, 1),
    ]


def test_every_artifact_that_is_not_what_it_was_is_named(artifact, tmp_path):
    artifacts = [artifact(name, [1]) for name in "abcd"]
    artifacts[0] = dataclasses.replace(artifacts[0], sha256="0" * 64)
    (tmp_path / "b.csv").unlink()
    (tmp_path / "d.csv").write_text("abs_error\nx\n")
    with pytest.raises(ArtifactError) as caught:
        score_artifacts(artifacts, beta=0.5)
    assert [problem.source for problem in caught.value.problems] == [
        str(tmp_path / f"{n}.csv") for n in "abd"
    ]


def test_the_error_is_from_the_config_s_beta_not_from_training(artifact):
    one = artifact("a", [8, 0])
    assert [score_artifacts([one], beta)[0].score for beta in (0.0, 0.5, 0.75)] == [1e-9, 4.0, 6.0]
