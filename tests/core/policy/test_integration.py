"""Scoring what training handed on; the rest is in test_cli_integrate. Under 1 s."""

import dataclasses

import pytest

from elpa_core.artifacts.error_artifact import artifact_of
from elpa_core.errors import ArtifactError
from elpa_core.policy.scoring import read_artifact, score_models


@pytest.fixture
def artifact(tmp_path):
    def make(name, errors):
        path = tmp_path / f"{name}.csv"
        path.write_text("abs_error\n" + "".join(f"{error}\n" for error in errors))
        return artifact_of(path, model=name, group="online", started_at="S", finished_at="F")

    return make


def test_artifacts_are_scored_in_their_order(artifact):
    models = [read_artifact(one, 0.5, {}) for one in (artifact("b", [4, -2, 1]), artifact("a", [0]))]
    scored, warnings = score_models(models, "run")
    assert warnings == []
    assert [(m.name, m.group, m.score, m.rows) for m in scored] == [
        ("b", "online", 2.0, 3),
        ("a", "online", 1e-9, 1),
    ]


def test_every_artifact_that_is_not_what_it_was_is_named(artifact, tmp_path):
    artifacts = [artifact(name, [1]) for name in "abcd"]
    artifacts[0] = dataclasses.replace(artifacts[0], sha256="0" * 64)
    (tmp_path / "b.csv").unlink()
    (tmp_path / "d.csv").write_text("abs_error\nx\n")
    assert read_artifact(artifacts.pop(2), 0.5, {}).rows == 1
    for one in artifacts:
        with pytest.raises(ArtifactError) as caught:
            read_artifact(one, 0.5, {})
        assert [problem.source for problem in caught.value.problems] == [one.path]


def test_the_error_is_from_the_config_s_beta_not_from_training(artifact):
    one = artifact("a", [8, 0])
    models = [read_artifact(one, beta, {}) for beta in (0.0, 0.5, 0.75)]
    assert [model.errors and model.errors.score for model in models] == [1e-9, 4.0, 6.0]
