"""The schemas of the trigger form are never narrower than what the tasks check. Under 10 s."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Param
from hypothesis import given, settings
from hypothesis import strategies as st
from support.airflow_site import pair

from elpa_airflow.dag.trigger_form import trigger_params
from elpa_core.config.choices import run_choices
from elpa_core.config.loading import parse_training_config
from elpa_core.config.training import RunFields, TrainingConfig
from elpa_core.errors import ConfigError
from elpa_core.schema.limits import BOUND, MOST

EXTREMES: dict[str, list[Any]] = {
    "horizon": [1, MOST],
    "period": [1, 2**63 - 1, 10**30],
    "seed": [-(10**30), -1, 0, 2**63],
    "beta": [0, 0.0, 0.999999],
    "dirty_interval": [0, MOST],
    "amplitude_window": [1, MOST],
    "mutant_epsilon": [None, 5e-324, BOUND, 1],
    **{name: [None, "", " ", "é" * 1000, "a/b.csv"] for name in ("dataset", "val_dataset", "test_dataset")},
    "context": [{}, {"note": "x" * 1000}, {"note": ""}],
}


def config(**fields: Any) -> TrainingConfig:
    return parse_training_config(json.dumps({"models": pair(), **fields}).encode(), Path("/pool.json")).config


def takes(param: Param, value: object) -> None:
    param.resolve(value)


@pytest.mark.parametrize("name", RunFields.model_fields)
def test_what_a_task_takes_the_form_takes(name: str) -> None:
    made = config(context={"note": "own"})
    for value in EXTREMES[name]:
        run_choices(made, {name: value}, "conf")
        takes(trigger_params(made)[name], value)


@settings(deadline=None)
@given(name=st.sampled_from(["dataset", "val_dataset", "test_dataset"]), text=st.text(max_size=30))
def test_so_for_any_text(name: str, text: str) -> None:
    try:
        run_choices(config(), {name: text}, "conf")
    except ConfigError:
        return
    takes(trigger_params(config())[name], text)


@settings(deadline=None)
@given(text=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=2000))
def test_the_configs_own_value_is_always_a_default_that_the_form_and_the_task_take(text: str) -> None:
    own = {"dataset": text, "val_dataset": text, "test_dataset": text, "context": {"note": text}}
    made = config(**own)
    form = {name: param.resolve() for name, param in trigger_params(made).items()}
    assert own.items() <= form.items()
    assert run_choices(made, form, "conf").given == {}
