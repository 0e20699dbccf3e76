"""The names in a run's folder, in a local store and on object storage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Generic

from elpa_core.files.location import Place_co

MANIFEST_NAME = "train_manifest.json"
CONFIG_NAME = "config.json"
POLICY_NAME = "elpa_policy.json"
STATUS_NAME = "status.json"
STDOUT_NAME = "train.stdout.log"
STDERR_NAME = "train.stderr.log"

_MODELS, _POLICIES, _ROUTERS, _GENERATIONS = "models", "policies", "routers", "generations"
_PREVIOUS = "previous"
_OUTPUT, _SPARE_OUTPUT = "output.log", "elpa_output.log"
_KEY_END = 6
_ATTEMPT = re.compile(rf"try-\d+-\w{{{_KEY_END}}}")


@dataclass(frozen=True)
class ModelFolder(Generic[Place_co]):
    """The folder of one model in a run's folder.

    Parameters
    ----------
    path : path
        The folder. An attempt's own folder holds the same names.
    """

    path: Place_co

    @property
    def status(self) -> Place_co:
        """What the model's task last wrote about itself."""
        return self.path / STATUS_NAME

    @property
    def stdout_log(self) -> Place_co:
        """Standard output of the command, on the command line."""
        return self.path / STDOUT_NAME

    @property
    def stderr_log(self) -> Place_co:
        """Standard error of the command, on the command line."""
        return self.path / STDERR_NAME

    @property
    def output_log(self) -> Place_co:
        """All output of the command, if it is more than the task's log takes."""
        return self.path / _OUTPUT

    @property
    def spare_output_log(self) -> Place_co:
        """The same, if the command has a file of that name."""
        return self.path / _SPARE_OUTPUT

    @property
    def carried_errors(self) -> Place_co:
        """The validation errors of an earlier run that take part in this one."""
        return self.path / "carried_errors.csv"

    @property
    def copied_errors(self) -> Place_co:
        """A copy of the validation errors, if their own path is outside this folder or holds a secret."""
        return self.path / "handed_on_errors.csv"

    @property
    def saved(self) -> Place_co:
        """On object storage: copies of the files from which a further attempt goes on."""
        return self.path / ".resume"

    def attempt(self, number: int, key: str) -> ModelFolder[Place_co]:
        """Return the own folder of an attempt, for one that must not share the model's folder.

        >>> from pathlib import Path
        >>> ModelFolder(Path("ridge")).attempt(2, "0190-7000-000002").path.name
        'try-2-000002'
        """
        return ModelFolder(self.path / f"try-{number}-{key[-_KEY_END:]}")


@dataclass(frozen=True)
class RunFolder(Generic[Place_co]):
    """The folder of a run.

    Parameters
    ----------
    path : path
        The folder.
    """

    path: Place_co

    @property
    def config(self) -> Place_co:
        """The config that the run works with."""
        return self.path / CONFIG_NAME

    @property
    def manifest(self) -> Place_co:
        """What the run planned, and what became of each model."""
        return self.path / MANIFEST_NAME

    @property
    def policy(self) -> Place_co:
        """The latest policy of the run."""
        return self.path / POLICY_NAME

    @property
    def policies(self) -> Place_co:
        """The folder of the numbered policies, which never change."""
        return self.path / _POLICIES

    def numbered_policy(self, number: int) -> Place_co:
        """Return the path of a numbered policy."""
        return self.policies / policy_file(number)

    def router_state(self, sha256: str) -> Place_co:
        """Return the path of what a router has learned from the validation rows; it never changes."""
        return self.path / _ROUTERS / f"{sha256}.json"

    @property
    def generations(self) -> Place_co:
        """The folder of what the first task of each generation decided."""
        return self.path / _GENERATIONS

    def generation(self, name: str) -> Place_co:
        """Return the path of what the first task of a generation decided."""
        return self.generations / f"{name}.json"

    def previous(self, name: str) -> ModelFolder[Place_co]:
        """Return the folder from which a model starts; it is empty, or holds what was fetched.

        For a local store the folder of the earlier training itself takes its place.
        """
        return ModelFolder(self.path / _PREVIOUS / name)

    @property
    def models(self) -> Place_co:
        """The folder of the models' folders."""
        return self.path / _MODELS

    def model(self, name: str) -> ModelFolder[Place_co]:
        """Return the folder of a model."""
        return ModelFolder(self.models / name)


def policy_file(number: int) -> str:
    """Return the name of a numbered policy's file.

    >>> policy_file(7)
    '0007.json'
    """
    return f"{number:04}.json"


def path_below_model(path: str, run: str, model: str) -> tuple[str, ...]:
    """Return the parts of a path below a model's folder, wherever the store was when it was written.

    Parameters
    ----------
    path : str
        A path or URI in the model's folder.
    run, model : str
        The names of the run's folder and of the model.

    Examples
    --------
    >>> path_below_model("s3://old/elpa/runs/r1/models/ridge/try-2/errors.csv", "r1", "ridge")
    ('try-2', 'errors.csv')
    """
    return tuple(path.rpartition(f"/{run}/{_MODELS}/{model}/")[2].split("/"))


def below_attempt(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the parts of a path below a model's folder without the own folder of an attempt.

    >>> below_attempt(("try-2-000002", "best", "1.ckpt")), below_attempt(("model.pt",))
    (('best', '1.ckpt'), ('model.pt',))
    """
    return parts[1:] if len(parts) > 1 and is_attempt(parts[0]) else parts


def is_of_elpa(parts: tuple[str, ...]) -> bool:
    """Tell whether ELPA made what lies at a path below a model's folder, not the model's command.

    >>> is_of_elpa(("status.json",)), is_of_elpa(("try-2-000002", "best.ckpt")), is_of_elpa(("best.ckpt",))
    (True, True, False)
    """
    return parts in {(STATUS_NAME,), (_OUTPUT,), (_SPARE_OUTPUT,)} or is_attempt(parts[0])


def is_attempt(name: str) -> bool:
    """Tell whether a name in a model's folder is that of the own folder of an attempt."""
    return _ATTEMPT.fullmatch(name) is not None


def lies_in_model(path: str, run: str, model: str) -> bool:
    """Tell whether a path leads into a model's folder, wherever the store was when it was written.

    Parameters
    ----------
    path : str
        A path or URI.
    run, model : str
        The names of the run's folder and of the model.

    Examples
    --------
    >>> lies_in_model("/old/elpa/runs/r1/models/ridge/try-2/errors.csv", "r1", "ridge")
    True
    >>> lies_in_model("/tmp/errors.csv", "r1", "ridge")
    False
    >>> lies_in_model("/old/elpa/runs/r1/models/ridge/../../../errors.csv", "r1", "ridge")
    False
    """
    parts = path_below_model(path, run, model)
    inside = f"/{run}/{_MODELS}/{model}/" in path
    return inside and not {"", ".", ".."} & set(parts)


def is_in_models(parts: tuple[str, ...]) -> bool:
    """Tell whether the parts of a path below a run's folder lead to the models' folders."""
    return parts[:1] == (_MODELS,)


def is_record(parts: tuple[str, ...]) -> bool:
    """Tell whether a file of a run says something about the run; the others its commands left.

    Parameters
    ----------
    parts : tuple of str
        The path below the run's folder. The latest policy is no record: the numbered ones are.

    Examples
    --------
    >>> is_record(("models", "ridge", "status.json")), is_record(("models", "ridge", "errors.csv"))
    (True, False)
    """
    match parts:
        case (name,):
            return name in {CONFIG_NAME, MANIFEST_NAME}
        case (folder, _):
            return folder in {_POLICIES, _GENERATIONS}
        case (folder, _, name):
            return folder == _MODELS and name == STATUS_NAME
    return False


def tells_age(parts: tuple[str, ...]) -> bool:
    """Tell whether a file of a run says as of when the run used data: its manifest, its policies.

    >>> tells_age(("policies", "0001.json")), tells_age(("config.json",))
    (True, False)
    """
    return parts == (MANIFEST_NAME,) or parts[:1] == (_POLICIES,)
