"""What a person chooses when starting a run."""

from __future__ import annotations

import functools
import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from elpa_core.config.choices import run_choices
from elpa_core.config.loading import parse_training_config
from elpa_core.config.training import TrainingConfig
from elpa_core.errors import ConfigError
from elpa_core.runs.plan import plan_model
from elpa_core.times import RunMoment

RAW: dict[str, Any] = {
    "dataset": "train.csv",
    "horizon": 24,
    "beta": 0.7,
    "context": {"epochs": 50, "device": "cpu", "horizon": 99},
    "models": [
        {"name": "naive", "group": "online", "train_cmd": "run {dataset} {epochs} {horizon} {train_dataset}"},
        {"name": "tide", "group": "offline", "train_cmd": "run '{device}'"},
        {"name": "old", "group": "offline", "enabled": False, "train_cmd": "true"},
    ],
}
FREE_TEXT = {"free_text": ["dataset", "device"]}
NESTED = functools.reduce(lambda inner, _: [inner], range(5000), 1)


def loaded(**changes: Any):
    return parse_training_config(json.dumps({**RAW, **changes}).encode(), Path("/configs/pool.json"))


def config(**changes: Any) -> TrainingConfig:
    return loaded(**changes).config


def test_nothing_given_is_the_config():
    choices = run_choices(config(), {}, "conf")
    assert choices.config == config()
    assert (choices.changed, choices.given, choices.dry_run) == ({}, {}, False)
    assert all(choices.takes(model) for model in config().models)


def test_what_was_prefilled_and_left_counts_as_the_configs():
    prefilled = {
        "models": ["naive", "tide"],
        "groups": ["online", "offline"],
        "dry_run": False,
        "dataset": "train.csv",
        "val_dataset": None,
        "horizon": 24,
        "context": {"epochs": 50, "device": "cpu", "horizon": 99},
        "beta": 0.7,
        "mutant_epsilon": None,
    }
    assert run_choices(config(), prefilled, "conf").given == {}


def test_what_differs_is_data_and_is_shown():
    given = {"dataset": "$(touch x)", "context": {"device": "a'b"}, "beta": 0.5, "dry_run": True}
    choices = run_choices(config(airflow=FREE_TEXT), given, "conf")
    assert choices.given == given
    assert choices.changed == {
        "dataset": "$(touch x)",
        "train_dataset": "$(touch x)",
        "device": "a'b",
        "beta": 0.5,
    }
    assert choices.config.beta == 0.5
    assert choices.dry_run


def test_changed_values_reach_commands_as_one_word():
    pool = loaded(airflow=FREE_TEXT)
    choices = run_choices(pool.config, {"dataset": "a b", "context": {"device": "a'b"}}, "conf")
    naive, tide = (
        plan_model(pool, model, Path("/run"), RunMoment("2026"), choices.changed).command
        for model in pool.config.models[:2]
    )
    assert shlex.split(naive) == ["run", "a b", "50", "24", "a b"]
    assert shlex.split(tide) == ["run", "a'b"]


def test_a_context_value_under_the_name_of_a_field_stays_unused():
    choices = run_choices(config(), {"context": {"horizon": 5}}, "conf")
    assert choices.changed == {}
    assert choices.given == {"context": {"horizon": 5}}


def test_selection():
    choices = run_choices(config(), {"models": ["tide"], "groups": ["online"]}, "conf")
    assert choices.given == {"models": ["tide"], "groups": ["online"]}
    assert not any(choices.takes(model) for model in config().models)
    only = run_choices(config(), {"models": ["tide"]}, "conf")
    assert [model.name for model in config().models if only.takes(model)] == ["tide"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"horizn": 3},
            "conf: $.horizn: found an unknown name; expected one of beta, dirty_interval, amplitude_window,"
            " mutant_epsilon, dataset, val_dataset, test_dataset, horizon, period, seed, context, models,"
            ' groups, dry_run, publish; did you mean "horizon"?',
        ),
        ({"horizon": "3"}, 'conf: $.horizon: found "3"; expected an integer'),
        ({"horizon": 0}, "conf: $.horizon: found 0; expected a number of at least 1"),
        ({"seed": True}, "conf: $.seed: found true; expected an integer"),
        (
            {"models": ["naive", "tid"]},
            'conf: $.models[1]: found "tid"; expected one of naive, tide; did you mean "tide"?',
        ),
        ({"models": ["old"]}, 'conf: $.models[0]: found "old"; expected one of naive, tide'),
        ({"models": "naive"}, 'conf: $.models: found "naive"; expected an array of names'),
        ({"groups": [1]}, "conf: $.groups[0]: found 1; expected one of online, offline"),
        ({"dry_run": "yes"}, 'conf: $.dry_run: found "yes"; expected true or false'),
        (
            {"context": {"epoch": 1}},
            "conf: $.context.epoch: found a name that the config's context does not have; expected one of"
            ' epochs, device, horizon; did you mean "epochs"?',
        ),
        (
            {"context": {"epochs": [1]}},
            "conf: $.context.epochs: found an array; expected a string, a number, true, false or null",
        ),
        ({"context": 3}, "conf: $.context: found 3; expected an object"),
        ({"models": [{}]}, "conf: $.models[0]: found an object; expected one of naive, tide"),
        ({"models": [NESTED]}, "conf: $.models[0]: found an array; expected one of naive, tide"),
    ],
)
def test_refusals(given: dict[str, Any], message: str):
    with pytest.raises(ConfigError) as caught:
        run_choices(config(), given, "conf")
    assert str(caught.value) == message
