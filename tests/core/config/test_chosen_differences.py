"""Which values differ from the config's own: what makes a run an experiment, in words without secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from elpa_core.config.choices import RunChoices, run_choices
from elpa_core.config.loading import parse_training_config
from elpa_core.errors import ConfigError

RAW: dict[str, Any] = {
    "dataset": "s3://bucket/own-SECRET99/load.csv",
    "horizon": 1,
    "seed": 42,
    "context": {"api_token": "own-SECRET99", "epochs": 50, "note": "none"},
    "models": [
        {"name": "naive", "group": "online", "train_cmd": "true"},
        {"name": "tide", "group": "offline", "train_cmd": "true"},
    ],
}


def chosen(**given: Any) -> RunChoices:
    config = parse_training_config(json.dumps(RAW).encode(), Path("/configs/pool.json")).config
    return run_choices(config, given, "conf")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ()),
        ({"models": ["tide"], "groups": ["online"], "dry_run": True, "publish": True}, ()),
        ({"horizon": 1, "seed": 42, "context": {"epochs": 50}}, ()),
        ({"horizon": 12}, ("horizon 12 instead of 1",)),
        ({"seed": 7}, ("seed 7 instead of 42",)),
        ({"beta": 0.5}, ("beta 0.5 instead of 0.7",)),
        ({"mutant_epsilon": 0.5}, ("mutant_epsilon 0.5 instead of null",)),
        ({"context": {"epochs": 5, "note": "x"}}, ("epochs 5 instead of 50", 'note "x" instead of "none"')),
        ({"context": {"api_token": "typed-SECRET77"}}, ("api_token *** instead of ***",)),
        (
            {"dataset": "typed-SECRET77.csv", "context": {"api_token": "typed-SECRET77"}},
            (
                'dataset "***.csv" instead of "s3://bucket/***/load.csv"',
                "api_token *** instead of ***",
            ),
        ),
    ],
)
def test_differences(given: dict[str, Any], words: tuple[str, ...]) -> None:
    assert chosen(**given).differences == words


def test_publish_is_true_false_or_left_to_the_rules() -> None:
    assert [chosen(publish=value).publish for value in (True, False, None)] == [True, False, None]
    assert chosen().publish is None
    assert [chosen(publish=value).given for value in (True, False, None)] == [
        {"publish": True},
        {"publish": False},
        {},
    ]


@pytest.mark.parametrize("value", ["yes", 1, 0, []])
def test_publish_is_nothing_else(value: object) -> None:
    with pytest.raises(ConfigError, match=r"conf: \$\.publish: found .*; expected true or false"):
        chosen(publish=value)


def test_a_typed_secret_is_not_shown_but_reaches_commands() -> None:
    choices = chosen(context={"api_token": "typed-SECRET77", "epochs": 5})
    assert choices.given == {"context": {"api_token": "***", "epochs": 5}}
    assert choices.changed == {"api_token": "typed-SECRET77", "epochs": 5}
