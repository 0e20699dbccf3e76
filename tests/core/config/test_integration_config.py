"""The integration config; what is refused is in test_cli_bad_configs. Under 1 s."""

import json

import pytest

from elpa_core.config.integration import load_integration_config
from elpa_core.errors import ConfigError

OFFLINE = {"name": "z", "group": "offline", "ewma_score": 1}


@pytest.fixture
def load_scores(write_json):
    return lambda config: load_integration_config(write_json(config, "scores.json"))


def test_defaults_are_those_of_the_contract(load_scores):
    config = load_scores({"models": [{"name": "a", "group": "online", "ewma_score": 0}, OFFLINE]}).config
    fields = (config.beta, config.dirty_interval, config.amplitude_window, config.mutant_epsilon)
    assert fields == (0.7, 3, 6, None)
    assert (config.on_incomparable, config.error_columns.over(config.error_columns)) == ("warn", {})
    assert config.models[0].model_dump(exclude_defaults=True) == {
        "name": "a", "ewma_score": 0.0
    }  # fmt: skip


def test_all_sources_may_stand_side_by_side(load_scores):
    sources = {"ewma_score": 1, "error_values": [1, -2], "error_csv": "e.csv"}
    block = load_scores({"models": [{"name": "a", "group": "online", **sources}, OFFLINE]}).config.models[0]
    assert (block.ewma_score, block.error_values, block.error_csv) == (1.0, (1.0, -2.0), "e.csv")


def test_what_its_author_should_know_is_said(load_scores, tmp_path):
    models = [{"name": "a", "ewma_score": 1}, {**OFFLINE, "group": "OFFLINE"}]
    assert [*map(str, load_scores({"models": models, "bta": 1, "dataset": "x"}).warnings)] == [
        f"{tmp_path / 'scores.json'}: {line}"
        for line in (
            "$.models[0].group: found nothing, taken as online; say which group it is",
            '$.models[1].group: found "OFFLINE", taken as offline; write offline',
            '$.bta: not used; did you mean "beta"?',
            "$.dataset: not used",
        )
    ]


def test_members_for_editors_are_nobodys_business(load_scores):
    notes = {"$schema": "x.json", "$comment": ["any"]}
    models = [{"name": "a", "group": "online", "ewma_score": 1, **notes}, OFFLINE]
    assert load_scores({"models": models, **notes}).warnings == ()


def test_a_null_source_is_none(load_scores):
    sources = {"ewma_score": None, "error_values": None, "error_csv": None}
    with pytest.raises(ConfigError, match=r"\$\.models\[0\]: found no error source"):
        load_scores({"models": [{"name": "a", "group": "online", **sources}, OFFLINE]})


def test_everything_is_reported_at_once(load_scores):
    models = [{"name": "a", "group": "online"}, {"name": "a", "group": "online", "ewma_score": -1}]
    with pytest.raises(ConfigError) as caught:
        load_scores({"models": models, "beta": 3})
    assert [problem.place for problem in caught.value.problems] == [
        "$.beta",
        "$.models[1].ewma_score",
        "$.models[1].name",
        "$.models[0]",
        "$.models",
    ]


def test_a_byte_order_mark_is_allowed(load_scores):
    config = {"models": [{"name": "a", "group": "online", "ewma_score": 1}, OFFLINE]}
    assert load_scores(b"\xef\xbb\xbf" + json.dumps(config).encode()).warnings == ()
