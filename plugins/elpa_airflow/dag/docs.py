"""The documentation of a Dag and its tasks in the UI."""

from __future__ import annotations

from elpa_core.commands.masking import mask_text, secret_values
from elpa_core.config.training import LoadedConfig, Model, TrainingConfig
from elpa_core.errors import quoted
from elpa_core.files.location import without_secrets

GROUP_TOOLTIPS = {
    "online": "Cheap models, retrained often: they follow recent data",
    "offline": "Heavy models, retrained rarely: they hold the stable pattern",
}

INTEGRATE_DOC = """\
Scores every trained model by its validation errors, weights the models of each group by the inverse
of their scores, and writes `elpa_policy.json` and `train_manifest.json` into the run's folder. Runs
when all training tasks have ended, failed ones included. The policy is this task's XCom value, and the
run's tab Policy shows it.
"""


def dag_doc(loaded: LoadedConfig, store: str) -> str:
    """Return the Dag's documentation: its models, where they run, its store, how to trigger it."""
    config, options = loaded.config, loaded.config.airflow
    lines = [
        f"Trains the models of `{loaded.path.name}` and builds the policy that weights and routes them.",
        "",
        "**To run it**: *Trigger*, or `airflow dags trigger` with the Dag id, or a schedule in the config."
        " The policy is the XCom value of `integrate`; the tab Policy shows it.",
        "",
        f"Policies and runs: `{_cell(without_secrets(store))}/{loaded.dag_id}`; serving reads `current.json`"
        " there.",
        "",
        f"Dataset `{_cell(config.dataset or 'none')}`, horizon {config.horizon}, period {config.period},"
        f" seed {config.seed}, beta {config.beta}. When a model fails: {options.on_model_failure}.",
        "",
        "Errors are compared on the steps that all models share; the log of `integrate`, and `comparison` and"
        " `warnings` of the policy, say what speaks against the scores."
        f" When they cannot be compared: {config.on_incomparable}.",
    ]
    lines += [
        f"* {model.name} reads {_cell(columns)}"
        for model in config.models
        if (columns := _columns(config, model))
    ]
    if loaded.warnings:
        lines += ["", "**Warnings of the config**", ""]
        lines += [f"* {_cell(warning.in_file())}" for warning in loaded.warnings]
    lines += ["", "| model | group | executor | pool | queue |", "| --- | --- | --- | --- | --- |"]
    for model in config.models:
        run = model.airflow.over(options)
        name = model.name if model.enabled else f"{model.name} (disabled)"
        pool = _cell(run.pool) if run.pool else "default_pool"
        slots = f" ({run.pool_slots} slots)" if run.pool_slots else ""
        queue = _cell(run.queue) if run.queue else "default"
        executor = _cell(run.executor) if run.executor else "default"
        lines.append(f"| {name} | {model.group} | {executor} | {pool}{slots} | {queue} |")
    return "\n".join(lines)


def _columns(config: TrainingConfig, model: Model) -> str:
    """Return which columns of a model's error CSV have names of their own, in words."""
    named = model.error_columns.over(config.error_columns)
    return ", ".join(f"{role} from the column {quoted(name)}" for role, name in named.items())


def model_doc(model: Model) -> str:
    """Return the documentation of a model's task: its description and the template of its command."""
    command = mask_text(model.train_cmd, secret_values(model.env)) if model.env else model.train_cmd
    indented = "    " + command.replace("\n", "\n    ")
    state = "" if model.enabled else " Disabled in the config: it is skipped."
    what = f"Trains the {model.group} model **{model.name}**.{state}"
    described = f"\n\n{model.description}\n\n" if model.description else " "
    return f"{what}{described}The template of its command:\n\n{indented}\n"


def _cell(text: str) -> str:
    """Return a text escaped for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|").replace("`", "'").replace("<", "&lt;")
