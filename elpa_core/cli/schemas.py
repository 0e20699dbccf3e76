"""JSON Schema of the files that ELPA reads and writes, generated from the pydantic models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from elpa_core.config.integration import IntegrationConfig
from elpa_core.config.training import TrainingConfig
from elpa_core.schema.policy import Policy

SCHEMAS: dict[str, type[BaseModel]] = {
    "train": TrainingConfig,
    "integrate": IntegrationConfig,
    "policy": Policy,
}
_SCALAR = {"type": ["string", "number", "boolean", "null"]}


def json_schema(kind: str) -> dict[str, Any]:
    """Return a JSON Schema (draft 2020-12).

    Parameters
    ----------
    kind : str
        ``train``, ``integrate`` or ``policy``.
    """
    schema = SCHEMAS[kind].model_json_schema(mode="serialization" if kind == "policy" else "validation")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    if kind == "train":
        # In the file, the extras are top-level fields; `extras` exists only in the code.
        del schema["properties"]["extras"]
        schema["additionalProperties"] = _SCALAR
    if kind == "integrate":
        schema["additionalProperties"] = _SCALAR
    if kind != "policy":
        for found in (schema, *schema["$defs"].values()):
            if "properties" in found:
                found["patternProperties"] = {"^\\$(schema|comment)$": {}}
    if kind == "policy":  # a policy in a store, or of a later version, may have more fields
        del schema["additionalProperties"]
    return schema
