"""The reference of all fields of configs and policies, as Markdown, generated from the pydantic models.

``python -m elpa_core.cli.field_reference dags/README.md`` updates the reference on that page.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from elpa_core.config.airflow import DagRunOptions, ModelRunOptions
from elpa_core.config.integration import IntegrationConfig, ScoredBlock
from elpa_core.config.notifications import Notification
from elpa_core.config.training import ErrorColumns, Model, TrainingConfig
from elpa_core.files.atomic import write_atomic
from elpa_core.schema.policy import (
    ComparedModel,
    Comparison,
    ErrorSource,
    Evaluation,
    MissingModel,
    Policy,
    Routing,
    RunReference,
)
from elpa_core.schema.trained_file import TrainedFile

START, END = "<!-- field reference: start -->", "<!-- field reference: end -->"

_TABLES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Training config", TrainingConfig),
    ("A block of `models`", Model),
    ("`error_columns` of a config and of a block of `models`", ErrorColumns),
    ("`airflow` at the top of a training config", DagRunOptions),
    ("`airflow` in a model's block; at the top: for all models that do not say otherwise", ModelRunOptions),
    ("A block of `notify` in `airflow`", Notification),
    ("Integration config", IntegrationConfig),
    ("A block of `models` in an integration config", ScoredBlock),
    ("Policy", Policy),
    ("`missing` of a policy", MissingModel),
    ("`errors` of a policy, by model", ErrorSource),
    ("`artifacts` of `errors`: a file of a trained model", TrainedFile),
    ("`run` of a policy", RunReference),
    ("`comparison` of a policy", Comparison),
    ("`models` of `comparison`, by model", ComparedModel),
    ("`routing` of a policy", Routing),
    ("`evaluation` of a policy", Evaluation),
)


def field_reference() -> str:
    """Return the whole reference as Markdown."""
    return "\n\n".join("\n".join(_table(title, model)) for title, model in _TABLES)


def _table(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"### {title}\n"
    yield "| field | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    schema = model.model_json_schema()
    inherited = ModelRunOptions.model_fields if model is DagRunOptions else {}
    for name, field in schema["properties"].items():
        if name in inherited:
            continue
        if name == "extras":
            yield "| any other name | scalar | | A placeholder value, such as `project_root`. |"
            continue
        info = model.model_fields[name]
        default = "required" if info.is_required() else _default(info.get_default(call_default_factory=True))
        yield f"| `{name}` | {_type(field, schema)} | {default} | {info.description or ''} |"
    if model is Notification:
        yield "| any other name | any | | An argument of the notifier's class. |"


def _default(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "none"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


def _type(field: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in field:
        return "object"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(option, schema) for option in field["anyOf"]))
    if "prefixItems" in field:
        return f"array of {len(field['prefixItems'])} {_type(field['prefixItems'][0], schema)}s"
    if field.get("type") == "array":
        return f"array of {_type(field.get('items', {}), schema)}"
    bounds = {
        "minimum": ">=",
        "exclusiveMinimum": ">",
        "maximum": "<=",
        "exclusiveMaximum": "<",
    }
    limits = [f"{sign} {field[key]:.15g}" for key, sign in bounds.items() if key in field]
    return " ".join([str(field.get("type", "any")), *limits])


def main() -> int:
    """Update the reference in the named file."""
    path = Path(sys.argv[1])
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    write_atomic(path, f"{head}{START}\n{field_reference()}\n{END}{tail}".encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
