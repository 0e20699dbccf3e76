"""The trigger form: typed Params made from the config, the ones that people need most first."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from elpa_core.commands.masking import names_a_secret
from elpa_core.config.choices import DRY_RUN, GROUPS_FIELD, MODELS, PUBLISH
from elpa_core.config.training import RunFields, TrainingConfig
from elpa_core.schema.groups import GROUPS

_DATA, _POLICY = "Data and commands", "Scores and routing"


def trigger_params(config: TrainingConfig) -> dict[str, Param]:
    """Return the Params of a config's Dag, in the order of the form.

    What a person leaves as it is counts as the config's. Checks that need the whole config are made
    by the tasks (`elpa_core.config.choices`); the schemas here are kept short, since an error prints
    the whole schema.
    """
    names = [model.name for model in config.models if model.enabled]
    params = {
        MODELS: _choice(names, "Models", "Train these; the others take part with their last good artifact."),
        GROUPS_FIELD: _choice(list(GROUPS), "Groups", "Train only models of these groups."),
        DRY_RUN: Param(
            False, type="boolean", title="Dry run", description="Show the commands and run none of them."
        ),
        PUBLISH: Param(
            None,
            type=["null", "boolean"],
            title="Publish",
            description="Untouched: by the rules, so not if a value differs from the config's. On: also then."
            " On and off again: only record the policy.",
        ),
        "dataset": _text(config.dataset, "Training data", None),
        "horizon": _field(config, "horizon", None, type="integer", minimum=1, title="Horizon"),
        "val_dataset": _text(config.val_dataset, "Validation data", _DATA),
        "test_dataset": _text(config.test_dataset, "Test data", _DATA),
        "period": _field(config, "period", _DATA, type="integer", minimum=1),
        "seed": _field(config, "seed", _DATA, type="integer"),
        # Airflow keeps and shows defaults as they are: a secret of the config is not one of them.
        "context": Param(
            {
                name: value
                for name, value in config.context.items()
                if _fits(value) and not names_a_secret(name)
            },
            type="object",
            description=_says("context"),
            section=_DATA,
        ),
        "beta": _field(config, "beta", _POLICY, type="number", minimum=0, exclusiveMaximum=1),
        "dirty_interval": _field(config, "dirty_interval", _POLICY, type="integer", minimum=0),
        "amplitude_window": _field(config, "amplitude_window", _POLICY, type="integer", minimum=1),
        "mutant_epsilon": _field(
            config, "mutant_epsilon", _POLICY, type=["null", "number"], exclusiveMinimum=0
        ),
    }
    return {name: param for name, param in params.items() if _fits(param.value)}


def _fits(value: object) -> bool:
    """Tell whether Airflow can serialize a default; an integer of more than 64 bits it cannot."""
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def _choice(names: list[str], title: str, description: str) -> Param:
    return Param(
        names,
        type="array",
        items={"type": "string", "enum": names},
        examples=names,
        title=title,
        description=description,
    )


def _text(value: str, title: str, section: str | None) -> Param:
    schema = _in_section(section)
    return Param(value, type=["null", "string"], title=title, description="A path or name.", **schema)


def _field(config: TrainingConfig, name: str, section: str | None, **schema: Any) -> Param:
    """Return the Param of a field of the config, with the field's own value and description."""
    return Param(getattr(config, name), description=_says(name), **schema, **_in_section(section))


def _in_section(section: str | None) -> dict[str, Any]:
    return {} if section is None else {"section": section}


def _says(name: str) -> str:
    return RunFields.model_fields[name].description or ""
