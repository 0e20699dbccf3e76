"""Scoring what training handed on; the rest is in test_cli_integrate. Under 1 s."""

import dataclasses

import pytest

from elpa_core.artifacts.error_artifact import artifact_of
from elpa_core.artifacts.model_errors import read_model_errors
from elpa_core.errors import ArtifactError
from elpa_core.policy.scoring import ReadModel, read_artifact, score_models


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


@pytest.mark.parametrize("times", ["", "1234"], ids=["none", "numbers"])
def test_scales_of_series_do_not_need_times_that_all_models_have_in_one_form(tmp_path, times):
    models = []
    for name, column in {"a": ["2026-01-01", "2026-01-02"] * 2, "b": times or ["-"] * 4}.items():
        path = tmp_path / f"{name}.csv"
        rows = zip(column, "xxyy", (10, 30, 2, 4), (11, 31, 3, 5), strict=True)
        path.write_text("ds,item_id,y_true,pred\n" + "".join(",".join(map(str, row)) + "\n" for row in rows))
        named = {"series": "item_id"} | ({} if "-" in column else {"time": "ds"})
        errors = read_model_errors(path, 0.5, named)
        models.append(ReadModel(name, "online", errors, None, errors.rows))
    scored, _ = score_models(models, "run")
    assert [model.score for model in scored] == [(1 / 20 + 1 / 3) / 2] * 2
