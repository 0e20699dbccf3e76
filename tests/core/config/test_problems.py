"""The words for what is wrong with a config; most are tested in test_cli_bad_configs. Under 1 s."""

import pytest
from support.pools import block

from elpa_core.config.pool_checks import duplicate_names, missing_groups, settle_groups
from elpa_core.errors import nearest


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("trian_cmd", 'did you mean "train_cmd"?'),
        ("NAME", ""),
        ("zzz", ""),
        ("", ""),
        ("enable", 'did you mean "enabled"?'),
    ],
)
def test_a_hint_is_given_only_for_a_name_that_is_near(name, hint):
    assert nearest(name, ["name", "enabled", "train_cmd"]) == hint


@pytest.mark.parametrize("models", [None, {}, "x", 3])
def test_what_is_no_array_of_models_is_left_to_others(models):
    assert list(duplicate_names(models, "x")) == []
    assert list(missing_groups(models, "x", "")) == []
    assert settle_groups(models, "x") == (models, [])


def test_blocks_that_are_no_objects_or_have_no_name_are_left_to_others():
    models = ["a", {}, {"name": 3}, {"name": 3}, {"name": ["a"]}]
    assert list(duplicate_names(models, "x")) == []
    assert list(missing_groups(models, "x", "")) == []


def test_settling_groups_leaves_the_config_of_the_caller_alone():
    models = [block(group="ONLINE"), block(group="x"), block(group=3)]
    settled, warnings = settle_groups(models, "x")
    assert [model["group"] for model in settled] == ["online", "x", 3]
    assert [model["group"] for model in models] == ["ONLINE", "x", 3]
    assert [*map(str, warnings)] == ['x: $.models[0].group: found "ONLINE", taken as online; write online']
