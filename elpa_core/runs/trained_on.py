"""What a model was trained on: only errors of models that were trained on the same can be compared."""

from __future__ import annotations

import hashlib
import json
import secrets as random_texts
from collections.abc import Collection, Mapping
from typing import Any

from elpa_core import files
from elpa_core.commands.masking import MASK, mask_text, names_a_secret
from elpa_core.config.training import RunFields
from elpa_core.errors import ConfigError, Problem, quoted, short
from elpa_core.files import StorePath
from elpa_core.files.reading import UnsuitableFileError
from elpa_core.files.strict_json import parse_object, same_value
from elpa_core.runs.folder import RunFolder

FIELDS = ("dataset", "val_dataset", "test_dataset", "horizon", "period")
_HASH = "sha256"


def trained_on(config: RunFields, secrets: Collection[str] = ()) -> dict[str, Any]:
    """Return the record of what a run trains its models on.

    Parameters
    ----------
    config : RunFields
        The config of the run, with the values in it that were chosen for the run.
    secrets : collection of str
        Texts that are never to be written.

    Returns
    -------
    dict
        The fields of `FIELDS`, ``context``, and ``salt``. A value of a secret's name, and one that holds
        a secret, is ``{"sha256": ...}``: the hash of salt and value. ``seed`` is not part of it.
    """
    salt = random_texts.token_hex(16)

    def shown(name: str, value: object) -> object:
        is_secret = names_a_secret(name) or mask_text(str(value), secrets) != str(value)
        return {_HASH: _hash(salt, value)} if is_secret else value

    fields = {name: shown(name, getattr(config, name)) for name in FIELDS}
    context = {name: shown(name, value) for name, value in config.context.items()}
    return {**fields, "context": context, "salt": salt}


def recorded_by_0_1_0(run_dir: StorePath, status: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a training by version 0.1.0, which kept none, from what it did keep.

    That is the config which the run had frozen, and what its manifest says was chosen.

    Parameters
    ----------
    run_dir : path
        The folder of the run.
    status : mapping
        What the model's task wrote.

    Raises
    ------
    InputError
        If one of the two is missing, or says something else than the status.
    """
    folder = RunFolder(run_dir)
    record = folder.generation(str(status.get("generation")))
    if files.exists(record):  # the copy beside it may be that of a later clearing
        text = str(_object(record, "the config that the run froze").get("config"))
        config = parse_object(text.encode(), str(record))
    else:
        config = _object(folder.config, "the config that the run froze")
    chosen = _mapping(_object(folder.manifest, "the manifest of the run").get("chosen"))
    own = {name: config.get(name, RunFields.model_fields[name].default) for name in FIELDS}
    context = {**_mapping(config.get("context")), **_mapping(chosen.get("context"))}
    return {**own, **{name: chosen[name] for name in FIELDS if name in chosen}, "context": context}


def _object(path: StorePath, what: str) -> dict[str, Any]:
    try:
        return parse_object(files.read(path), str(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(Problem(str(path), "", "no such file", what)) from error
    except UnsuitableFileError as error:
        raise ConfigError(Problem(str(path), "", str(error.strerror), what)) from error


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def misfit(record: Mapping[str, Any], config: RunFields, secrets: Collection[str] = ()) -> str | None:
    """Tell in what a training differs from a run, or return None if it fits.

    Parameters
    ----------
    record : mapping
        From `trained_on`, of the training.
    config : RunFields
        The config of the run, with the values in it that were chosen for the run.
    secrets : collection of str
        Texts that are never to be shown.

    Examples
    --------
    >>> here = RunFields(dataset="/data/load.csv", horizon=24)
    >>> misfit(trained_on(here), here)
    >>> misfit(trained_on(RunFields(dataset="/other/kilo.csv", horizon=24)), here)
    'trained on /other/kilo.csv, this run has /data/load.csv'
    >>> misfit(trained_on(RunFields(dataset="/data/load.csv", horizon=12)), here)
    'trained with horizon 12, this run has 24'
    """
    salt, there = record.get("salt"), _mapping(record.get("context"))
    differences = [
        _difference(name, record.get(name), getattr(config, name), secrets)
        for name in FIELDS
        if not _same(record.get(name), getattr(config, name), salt)
    ]
    for name in sorted({*there, *config.context}):
        place = f"context.{short(name)}"
        if name not in config.context:
            differences.append(f"trained with {place}, which this run does not have")
        elif name not in there:
            differences.append(f"trained without {place}, which this run has")
        elif not _same(there[name], config.context[name], salt):
            differences.append(_difference(place, there[name], config.context[name], secrets))
    return "; ".join(differences) or None


def _difference(name: str, theirs: object, own: object, secrets: Collection[str]) -> str:
    if isinstance(theirs, dict) or names_a_secret(name):
        return f"trained with another {name}"
    place = "on" if name == "dataset" else f"with {name}"
    shown = [_shown(value, secrets) for value in (theirs, own)]
    return f"trained {place} {shown[0]}, this run has {shown[1]}"


def _shown(value: object, secrets: Collection[str]) -> str:
    if value == "":
        return "none"
    text = value if isinstance(value, str) else quoted(value)
    return MASK if mask_text(text, secrets) != text else short(text, 200)


def _same(theirs: object, own: object, salt: object) -> bool:
    if isinstance(theirs, dict):
        return theirs.get(_HASH) == _hash(str(salt), own)
    return same_value(theirs, own)


def _hash(salt: str, value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 3.0 and 3 are the same number
    text = json.dumps(value)
    return hashlib.sha256(f"{salt}:{text}".encode()).hexdigest()
