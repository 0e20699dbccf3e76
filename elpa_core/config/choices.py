"""What a person chose when starting a run: checked like the config, and told apart from it.

A value that differs from the config's own is data: it reaches commands with exactly its characters
and is never read as code. One that is the same counts as the config's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from elpa_core.commands.masking import MASK, mask_text, names_a_secret, secret_values
from elpa_core.commands.placeholders import Scalar
from elpa_core.config.placeholder_values import CONFIG_NAMES, MODEL_NAMES, POLICY_NAMES
from elpa_core.config.training import Model, RunFields, TrainingConfig
from elpa_core.config.typed_values import typed_value_problems
from elpa_core.errors import ConfigError, Problem, nearest, quoted, short, some
from elpa_core.files.strict_json import member_path, same_value
from elpa_core.schema.groups import GROUPS
from elpa_core.schema.problems import problems_of

MODELS, GROUPS_FIELD, DRY_RUN, PUBLISH = "models", "groups", "dry_run", "publish"
SELECTION_FIELDS = (MODELS, GROUPS_FIELD, DRY_RUN, PUBLISH)


@dataclass(frozen=True)
class RunChoices:
    """How a run departs from its config.

    Parameters
    ----------
    config : TrainingConfig
        The config with the chosen values in it.
    changed : mapping of str to scalar
        The placeholder values that differ from the config's own.
    models : frozenset of str or None
        The models to train this time; None: all.
    groups : frozenset of str or None
        The groups to train this time; None: both.
    dry_run : bool
        Whether commands are shown and not run.
    publish : bool or None
        Whether the policy is to be published; None: by the rules.
    differences : tuple of str
        Of each value that differs from the config's own what it is and what it is in the config, in words
        without secrets.
    given : mapping
        What differs from the config, as it was given but for secrets, for manifest and policy.
    """

    config: TrainingConfig
    changed: Mapping[str, Scalar] = field(default_factory=dict)
    models: frozenset[str] | None = None
    groups: frozenset[str] | None = None
    dry_run: bool = False
    publish: bool | None = None
    differences: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    def takes(self, model: Model) -> bool:
        """Tell whether an enabled model is to be trained this time."""
        return (self.models is None or model.name in self.models) and (
            self.groups is None or model.group in self.groups
        )


def run_choices(config: TrainingConfig, given: Mapping[str, Any], source: str) -> RunChoices:
    """Return what the values given when a run was started mean.

    Parameters
    ----------
    config : TrainingConfig
        The run's config.
    given : mapping
        Fields of `RunFields` under their own names, and ``models``, ``groups``, ``dry_run``, ``publish``.
    source : str
        What to call it in errors.

    Raises
    ------
    ConfigError
        With every unknown name and every bad value.
    """
    allowed = (*RunFields.model_fields, *SELECTION_FIELDS)
    problems = [
        Problem(
            source,
            member_path("$", name),
            "an unknown name",
            "one of " + some(allowed, most=100),
            nearest(name, allowed),
        )
        for name in given
        if name not in allowed
    ]
    # An emptied text field of the trigger form is null.
    fields = {
        name: value
        for name, value in given.items()
        if name in RunFields.model_fields and not (value is None and isinstance(getattr(config, name), str))
    }
    typed = fields.get("context")
    problems += _context_problems(config, typed, source)
    if isinstance(typed, dict):
        fields["context"] = {**config.context, **typed}
    problems += typed_value_problems(config, fields, typed if isinstance(typed, dict) else {}, source)
    own = {name: getattr(config, name) for name in RunFields.model_fields}
    chosen: RunFields | None = None
    try:
        chosen = RunFields.model_validate({**own, **fields})
    except ValidationError as error:
        problems += problems_of(error, source, RunFields)
    names = [model.name for model in config.enabled_models()]
    problems += _selection_problems(given.get(MODELS), MODELS, names, source)
    problems += _selection_problems(given.get(GROUPS_FIELD), GROUPS_FIELD, GROUPS, source)
    problems += [
        Problem(source, f"$.{name}", quoted(given[name]), "true or false")
        for name in (DRY_RUN, PUBLISH)
        if not isinstance(given.get(name), bool | None)
    ]
    if problems or chosen is None:
        raise ConfigError(problems)
    return _departure(config, chosen, given)


def _departure(config: TrainingConfig, chosen: RunFields, given: Mapping[str, Any]) -> RunChoices:
    changed: dict[str, Scalar] = {}
    shown: dict[str, Any] = {}
    for name in RunFields.model_fields:
        if name == "context":
            continue
        value = getattr(chosen, name)
        if not same_value(value, getattr(config, name)):
            shown[name] = value
            # A context value of the same name is what a placeholder of a policy field means.
            if name not in POLICY_NAMES or name not in config.context:
                changed[name] = value
    if "dataset" in changed:
        changed["train_dataset"] = changed["dataset"]
    context = {
        name: value for name, value in chosen.context.items() if not same_value(value, config.context[name])
    }
    if context:
        # A context value under one of these names is never used; neither is a chosen one.
        unused = {*CONFIG_NAMES, *MODEL_NAMES}
        changed.update({name: value for name, value in context.items() if name not in unused})
        shown["context"] = context
    models, groups = given.get(MODELS), given.get(GROUPS_FIELD)
    everything = {model.name for model in config.enabled_models()}
    chosen_models = None if models is None or set(models) == everything else frozenset(models)
    chosen_groups = None if groups is None or set(groups) == set(GROUPS) else frozenset(groups)
    dry_run, publish = bool(given.get(DRY_RUN)), given.get(PUBLISH)
    differences = _differences(config, shown)
    if context:
        shown["context"] = {name: MASK if names_a_secret(name) else value for name, value in context.items()}
    if chosen_models is not None:
        shown[MODELS] = [model.name for model in config.models if model.name in chosen_models]
    if chosen_groups is not None:
        shown[GROUPS_FIELD] = [group for group in GROUPS if group in chosen_groups]
    if dry_run:
        shown[DRY_RUN] = True
    if publish is not None:
        shown[PUBLISH] = publish
    effective = config.model_copy(update={name: getattr(chosen, name) for name in RunFields.model_fields})
    return RunChoices(effective, changed, chosen_models, chosen_groups, dry_run, publish, differences, shown)


def _differences(config: TrainingConfig, shown: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what differs, each in words without secrets."""
    context = dict(shown.get("context", {}))
    pairs = [(name, value, getattr(config, name)) for name, value in shown.items() if name != "context"]
    pairs += [(name, value, config.context[name]) for name, value in context.items()]
    secrets = secret_values({}, config.extras, config.context, context)

    def words(name: str, value: object) -> str:
        if names_a_secret(name):
            return MASK
        return quoted(mask_text(value, secrets) if isinstance(value, str) else value)

    return tuple(
        f"{short(name)} {words(name, value)} instead of {words(name, own)}" for name, value, own in pairs
    )


def _context_problems(config: TrainingConfig, context: object, source: str) -> list[Problem]:
    if not isinstance(context, dict):
        return []
    return [
        Problem(
            source,
            member_path("$.context", name),
            "a name that the config's context does not have",
            "one of " + (some(list(config.context), most=100) or "none"),
            nearest(name, config.context),
        )
        for name in context
        if name not in config.context
    ]


def _selection_problems(value: object, name: str, known: Collection[str], source: str) -> list[Problem]:
    if value is None:
        return []
    if not isinstance(value, list):
        return [Problem(source, f"$.{name}", quoted(value), "an array of names")]
    return [
        Problem(
            source,
            f"$.{name}[{index}]",
            quoted(entry),
            "one of " + some(list(known), most=100),
            nearest(entry, known) if isinstance(entry, str) else "",
        )
        for index, entry in enumerate(value)
        if entry not in known
    ]
