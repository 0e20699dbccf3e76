"""Which placeholders exist, and what stands behind each. Under 1 s."""

import sys

import pytest
from support.pools import AS_OF, block, pool

from elpa_core.config.placeholder_values import PlaceholderValues

CONFIG = {
    "dataset": "d.csv",
    "val_dataset": "v.csv",
    "test_dataset": "t.csv",
    "horizon": 3,
    "period": 7,
    "seed": 5,
    "beta": 0.25,
    "dirty_interval": 2,
    "amplitude_window": 4,
    "project_root": "/code",
    "context": {"device": "cpu", "flag": False, "rate": 1e-5, "nothing": None},
}
DATES = {"data_interval_start": "S", "data_interval_end": "E", "run_id": "manual__1", "run_type": "manual"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dataset", "d.csv"),
        ("train_dataset", "d.csv"),
        ("val_dataset", "v.csv"),
        ("test_dataset", "t.csv"),
        ("run_dir", "{run_dir}"),
        ("model_dir", "{run_dir}/models/m"),
        ("model_name", "m"),
        ("horizon", "3"),
        ("period", "7"),
        ("seed", "5"),
        ("beta", "0.25"),
        ("dirty_interval", "2"),
        ("amplitude_window", "4"),
        ("mutant_epsilon", "None"),
        ("project_root", "/code"),
        ("device", "cpu"),
        ("flag", "False"),
        ("rate", "1e-05"),
        ("nothing", "None"),
        ("config_dir", "{config_dir}"),
        ("python", sys.executable),
        ("as_of", AS_OF),
        ("data_interval_start", "S"),
        ("data_interval_end", "E"),
        ("run_id", "manual__1"),
        ("run_type", "manual"),
        ("previous_dir", "{run_dir}/previous/m"),
    ],
)
def test_every_placeholder_of_the_contract_has_its_value(plan, tmp_path, name, value):
    model = plan(pool(block("m", train_cmd=f"echo {{{name}}}"), **CONFIG), **DATES).models[0]
    value = value.format(run_dir=tmp_path / "run", config_dir=tmp_path)
    assert model.command == f"echo {value}"
    assert model.environment[f"ELPA_{name.upper()}"] == value


def test_dates_that_a_run_does_not_have_are_empty(plan):
    model = plan(pool(block(train_cmd="echo [{data_interval_start}] [{run_id}]"))).models[0]
    assert model.command == "echo [''] ['']"
    assert model.environment["ELPA_RUN_ID"] == ""


def test_the_context_wins_over_the_top_and_the_contract_over_both(plan):
    command = "echo {project_root} {horizon} {beta}"
    context = {"project_root": "context", "horizon": 99, "beta": "own"}
    model = plan(pool(block(train_cmd=command), project_root="top", horizon=3, context=context)).models[0]
    assert model.command == "echo context 3 own"


def test_values_of_the_config_go_in_as_they_are(plan):
    values = {"runner": "uv run  python", "quoted": "'a b'", "code": '$(echo "x")', "braces": "{x} {{y}}"}
    model = plan(pool(block(train_cmd="{runner} {quoted} {code} {braces}"), **values)).models[0]
    assert model.command == """uv run  python 'a b' $(echo "x") {x} {{y}}"""


def test_only_what_can_be_a_variable_is_in_the_environment():
    values = PlaceholderValues(
        {"a b": 1, "é": 2, "ok_1": None, "1x": 3}, {"nul": "a\0b", "model_dir": "/x y"}
    )
    assert values.environment() == {"ELPA_OK_1": "None", "ELPA_MODEL_DIR": "/x y"}


def test_a_model_s_own_env_wins_over_the_values(plan):
    model = plan(pool(block(env={"ELPA_SEED": "own"}))).models[0]
    assert model.environment["ELPA_SEED"] == "own"
