"""The files of the trained models behind a policy of the store."""

from __future__ import annotations

from elpa_core.errors import InputError, Problem, did_you_mean, quoted
from elpa_core.files import StorePath
from elpa_core.runs.folder import RunFolder
from elpa_core.runs.trained_model import PlacedFile
from elpa_core.store.layout import DagFolder
from elpa_core.store.stored_policy import StoredPolicy


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
