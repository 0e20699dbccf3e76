"""The training config: its fields, defaults and names. Under 1 s."""

import hashlib
import json

import pytest
from support.pools import block, pool

from elpa_core.config.training import config_kind
from elpa_core.errors import ConfigError


def test_defaults_are_those_of_the_contract(load):
    config = load({"models": [{"name": "a", "train_cmd": "true"}]}).config
    assert config.model_dump(
        exclude={"airflow": True, "error_columns": True, "models": {0: {"airflow", "error_columns"}}}
    ) == {
        "dataset": "",
        "val_dataset": "",
        "test_dataset": "",
        "horizon": 1,
        "period": 24,
        "seed": 42,
        "beta": 0.7,
        "dirty_interval": 3,
        "amplitude_window": 6,
        "mutant_epsilon": None,
        "on_incomparable": "warn",
        "context": {},
        "extras": {},
        "models": (
            {
                "name": "a",
                "group": "online",
                "enabled": True,
                "description": None,
                "train_cmd": "true",
                "env": {},
                "error_csv": "{model_dir}/errors.csv",
                "artifacts": (),
                "resume_from": (),
            },
        ),
    }


def test_scalars_of_env_become_strings(load):
    env = {"S": "x y", "I": 3, "F": 0.5, "B": True, "N": None, "E": "", "U": "é🚀"}
    found = load(pool(block(env=env))).config.models[0].env
    assert found == {"S": "x y", "I": "3", "F": "0.5", "B": "True", "N": "None", "E": "", "U": "é🚀"}


def test_every_other_top_level_scalar_is_kept(load):
    values = {"project_root": "/x", "n": 3, "f": 0.5, "b": False, "z": None, "a b": "odd", "extras": "own"}
    assert load(pool(**values)).config.extras == values


@pytest.mark.parametrize("group", ["offline", "OFFLINE", "Offline", "oFFline"])
def test_the_case_of_a_group_does_not_matter(load, group):
    assert load(pool(block(group=group))).config.models[0].group == "offline"


@pytest.mark.parametrize("name", ["a", "A-1.b_c", "-rf", "...", "модель", "n" * 200, "é" * 100, "1"])
def test_names_that_folders_and_task_ids_can_have(load, name):
    assert load(pool(block(name))).config.models[0].name == name


def test_names_that_differ_only_in_case_are_two(load):
    assert len(load(pool(block("a"), block("A"))).config.models) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"beta": 0},
        {"beta": 0.9999999999999999},
        {"horizon": 1, "period": 1},
        {"seed": -5},
        {"dirty_interval": 0, "amplitude_window": 1},
        {"mutant_epsilon": 5e-324},
        {"mutant_epsilon": 1},
    ],
)
def test_the_ends_of_the_ranges_are_inside(load, fields):
    config = load(pool(**fields)).config
    assert {name: getattr(config, name) for name in fields} == fields


def test_a_config_cannot_be_changed(load):
    config = load(pool()).config
    with pytest.raises(ValueError, match="frozen"):
        config.models[0].name = "b"


def test_enabled_models_keep_their_order(load):
    blocks = [block("c"), block("b", enabled=False), block("a", enabled=True)]
    assert [model.name for model in load(pool(*blocks)).config.enabled_models()] == ["c", "a"]


def test_the_sha256_is_that_of_the_bytes(load):
    assert load(pool()).sha256 == hashlib.sha256(json.dumps(pool()).encode()).hexdigest()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ({}, "training"),
        ({"models": "x"}, "training"),
        ({"models": ["x", {"name": "a"}]}, "training"),
        ({"models": [{"train_cmd": "x", "error_csv": "x"}]}, "training"),
        ({"models": [{"ewma_score": 1}, {"train_cmd": "x"}]}, "training"),
        ({"models": [{}, {"ewma_score": None}]}, "integration"),
        ({"models": [{"error_values": []}]}, "integration"),
    ],
)
def test_what_a_config_is_for_is_seen_from_its_models(raw, kind):
    assert config_kind(raw) == kind


def test_a_pool_has_no_upper_limit(load):
    assert len(load(pool(*(block(f"m{n}") for n in range(2000)))).config.models) == 2000


def test_a_secret_is_not_shown_when_it_is_refused(load):
    config = pool(
        block(env={"API_TOKEN": "hunter22\0"}), context={"password": ["hunter22"]}, key="hunter22\0"
    )
    with pytest.raises(ConfigError) as caught:
        load(config)
    assert len(caught.value.problems) == 3
    assert "hunter22" not in str(caught.value)
