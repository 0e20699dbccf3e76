"""The files behind a policy of the store: those of its trained models, and the state of its router."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from elpa_core.errors import InputError, Problem, did_you_mean, quoted
from elpa_core.files import StorePath
from elpa_core.runs.folder import RunFolder
from elpa_core.runs.trained_model import PlacedFile
from elpa_core.schema.trained_file import TrainedFile
from elpa_core.store.layout import DagFolder
from elpa_core.store.stored_policy import StoredPolicy

_SHA256 = re.compile(r"[0-9a-f]{64}")


def model_files(folder: DagFolder[StorePath], stored: StoredPolicy, model: str) -> list[PlacedFile]:
    """Return the files of a trained model that takes part in a policy, where they are now.

    Those of a carried model lie in the folder of the run that trained it.

    Parameters
    ----------
    folder : DagFolder
        The Dag's part of the store.
    stored : StoredPolicy
        The policy.
    model : str
        The model.

    Raises
    ------
    InputError
        If the policy does not have the model, or names no files of it.
    """
    sources = stored.contents.errors
    if model not in sources:
        place, hint = "$.errors", did_you_mean(model, list(sources))
        found = f"no model {quoted(model)}"
        raise InputError(Problem(str(stored.path), place, found, "a model of this policy", hint))
    source = sources[model]
    if not source.artifacts:
        expected = "the files of the trained model"
        hint = f"name them in artifacts of the model {quoted(model)} in the config, and train it again"
        raise InputError(Problem(str(stored.path), f"$.errors.{model}.artifacts", "no files", expected, hint))
    run_dir = folder.run(source.carried_from or stored.record.run_id)
    model_dir = RunFolder(run_dir).model(model).path
    return [PlacedFile.of(file, model_dir) for file in source.artifacts]


def state_file(folder: DagFolder[StorePath], stored: StoredPolicy) -> PlacedFile | None:
    """Return the state of a router that a policy names, where it is now; None if it names none."""
    routing = stored.raw.get("routing")
    named = routing.get("state") if isinstance(routing, Mapping) else None
    sha256 = named.get("sha256") if isinstance(named, Mapping) else None
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        return None
    place = RunFolder(folder.run(stored.record.run_id)).router_state(sha256)
    return PlacedFile(PurePosixPath(place.name), place, TrainedFile(path=str(place), sha256=sha256))
