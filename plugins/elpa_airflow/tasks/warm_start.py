"""From which earlier training a model's command starts: the newest one that fits, on data before its own."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from elpa_airflow.run.state import RunState
from elpa_airflow.tasks.earlier_training import why_unfit
from elpa_core import files
from elpa_core.config.training import Model
from elpa_core.errors import ArtifactError
from elpa_core.runs.earlier_artifacts import EarlierArtifact, newest_artifacts
from elpa_core.runs.trained_model import fetch, is_still
from elpa_core.store import DagFolder
from elpa_core.store.holding import hold

log = logging.getLogger(__name__)


class WarmStart:
    """Where a training starts.

    Parameters
    ----------
    model : str
        The model.
    earlier : list of EarlierArtifact
        The trainings from which it can start, the best one first; none: it starts cold.
    own_dir : Path
        The folder that is empty for a cold start, and holds what was fetched from object storage.
    """

    def __init__(self, model: str, earlier: list[EarlierArtifact], own_dir: Path) -> None:
        self._model, self._earlier, self._own_dir = model, earlier, own_dir

    @property
    def run_id(self) -> str | None:
        """The run that did the earlier training; None for a cold start."""
        return self._earlier[0].run_id if self._earlier else None

    @property
    def folder(self) -> Path:
        """The folder from which the command starts, ``{previous_dir}``."""
        there = self._earlier[0].folder if self._earlier else self._own_dir
        return there if isinstance(there, Path) else self._own_dir

    def begin(self, run: RunState, dag_id: str, write: Callable[[], object]) -> None:
        """Let the folder hold what the command starts from; it may be another than before.

        Parameters
        ----------
        run : RunState
            The run.
        dag_id : str
            Its Dag.
        write : callable
            Writes a status that names the run from which the training starts.

        Raises
        ------
        OSError
            If the store cannot be read, or the folder cannot be written.
        """
        while True:
            self._prepare()
            if self.run_id is None:
                write()
                return
            try:
                hold(DagFolder(run.store, dag_id), self.run_id, write)
            except ArtifactError as error:  # it was pruned meanwhile
                _refuse(self._model, self._earlier.pop(0), str(error))
            else:
                log.info("%s: starts from the training of run %s", self._model, self.run_id)
                return

    def _prepare(self) -> None:
        if self.folder != self._own_dir:
            return
        files.empty_folder(self._own_dir)
        while self._earlier:
            try:
                fetch(self._earlier[0].files, self._own_dir)
            except ArtifactError as error:
                _refuse(self._model, self._earlier.pop(0), str(error))
            else:
                return


def warm_start(
    ti: Any, run: RunState, model: Model, own_dir: Path, secrets: Collection[str] = ()
) -> WarmStart:
    """Return where the training of a model in a run starts.

    Parameters
    ----------
    ti : TaskInstance
        Of the task that asks.
    run : RunState
        The run.
    model : Model
        The model.
    own_dir : Path
        The folder that is empty for a cold start.
    secrets : collection of str
        Texts that are never to be shown.
    """
    until = dt.datetime.fromisoformat(run.moment_for(model).as_of)
    earlier = []
    for one in newest_artifacts(run.run_dir, model.name, model.group, until):
        if one.moment == until:
            continue
        reason = why_unfit(ti, run, model, one, secrets) or _changed(one)
        if reason is not None:
            _refuse(model.name, one, reason)
            continue
        earlier.append(one)
        if isinstance(one.folder, Path):
            break  # it is whole, and needs no copy that could fail
    return WarmStart(model.name, earlier, own_dir)


def _changed(one: EarlierArtifact) -> str | None:
    """Tell why nobody can start from the files of a training, or return None if somebody can.

    Of those on object storage only fetching them tells.
    """
    try:
        if not files.exists(one.place):
            return f"{one.place} is gone"
        if not one.files:
            return "it kept no files: its model has no artifacts"
        for file in one.files:
            if isinstance(file.place, Path) and file.file.sha256 and not is_still(file.file, file.place):
                return f"{file.place} is not what its run recorded"
    except (ArtifactError, OSError) as error:
        return str(error)
    return None


def _refuse(model: str, one: EarlierArtifact, reason: str) -> None:
    log.info("%s: does not start from the training of run %s: %s", model, one.run_id, reason)
