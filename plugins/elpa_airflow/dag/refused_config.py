"""Show a refused config as an import error, and keep every other Dag.

What an error does depends on who takes the Dags of the file. Airflow 3.3.2 does not tell a Dag file
who parses it: the parsing context names a Dag at most, and ``SUPERVISOR_COMMS`` is set in tasks
too. The command line does not tell it either, since ``DAG.test()`` and other programs write to the
database as well. So `RefusedConfigDag.validate` looks who called it:

* The Dag processor serializes one Dag after the other and keeps an error under the Dag's
  ``relative_fileloc``. An error in ``validate()`` would be one of the whole file, and all its Dags
  would become stale.
* A function that hands the Dags to ``sync_bag_to_db`` (``airflow dags reserialize``, ``tasks list``,
  ``tasks test``, ``dags test``, ``DAG.test()``) ends with an error at serialization, and makes all
  Dags of the file stale after one in ``validate()``. So the config is named on standard error, and
  is no Dag.
* Everybody else (a ``DagBag`` in a test, ``airflow dags list-import-errors -l``, a task) gets an
  error in ``validate()``: an import error of the Dag file. The other Dags stay in the bag.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from airflow.sdk import DAG

from elpa_core.errors import ConfigError, InputError


def refused_dags(errors: Mapping[Path, InputError]) -> dict[str, DAG]:
    """Return a Dag by id for each refused config.

    Parameters
    ----------
    errors : mapping of Path to InputError
        The configs of one Dag file that are refused, and why.
    """
    together = _Together(errors)
    dags = [RefusedConfigDag(path, error, together) for path, error in errors.items()]
    return {dag.dag_id: dag for dag in dags}


class _Together:
    """All refused configs of a Dag file, of which Airflow keeps one error: the first Dag asked has it."""

    def __init__(self, errors: Mapping[Path, InputError]) -> None:
        self._problems = [problem for error in errors.values() for problem in error.problems]
        self._first: DAG | None = None

    def error_of(self, dag: DAG) -> InputError | None:
        """Return the error if the Dag is the first that was asked, else None."""
        self._first = self._first or dag
        return ConfigError(self._problems) if dag is self._first else None


class RefusedConfigDag(DAG):
    """Takes the place of a refused config's Dag until Airflow validates or serializes it.

    Parameters
    ----------
    path : Path
        The config.
    error : InputError
        Why it is refused.
    together : _Together
        All refused configs of the Dag file.
    """

    def __init__(self, path: Path, error: InputError, together: _Together) -> None:
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
        super().__init__(dag_id=f"elpa_refused_{digest}", schedule=None)
        self._path = path
        self._error = error
        self._together = together

    def validate(self) -> None:
        """Refuse the config in the way that harms no other Dag."""
        from airflow.exceptions import AirflowClusterPolicySkipDag  # noqa: PLC0415  (slow)

        callers = list(_callers())
        if any(_serializes_one_by_one(caller) for caller in callers):
            self.relative_fileloc = self._path_in_bundle()
        elif any("sync_bag_to_db" in _names_in(caller) for caller in callers):
            print(f"ELPA refuses a config:\n{self._error}", file=sys.stderr, flush=True)
            raise AirflowClusterPolicySkipDag
        elif error := self._together.error_of(self):
            raise error
        else:
            raise AirflowClusterPolicySkipDag

    def _path_in_bundle(self) -> str:
        # relative_fileloc is still that of the Dag file, relative to the bundle's folder.
        relative = Path(self.relative_fileloc or self.fileloc)
        if relative.is_absolute():
            return str(self._path)
        bundle = Path(self.fileloc).parents[len(relative.parts) - 1]
        path = self._path
        return str(path.relative_to(bundle) if path.is_relative_to(bundle) else path)

    def _refuse(self) -> NoReturn:
        from airflow.exceptions import SerializationError  # noqa: PLC0415  (slow)

        raise SerializationError(f"ELPA refuses this config:\n{self._error}")

    def _keep_refusing(self, value: Any) -> None:
        """Accept the assignment in the constructor of the base class."""

    # The only attribute that Airflow reads at serialization and in no step before it.
    edge_info = property(_refuse, _keep_refusing)


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _serializes_one_by_one(caller: FrameType) -> bool:
    processor = caller.f_globals.get("__name__") == "airflow.dag_processing.processor"
    return processor and "_serialize_dags" in _names_in(caller)


def _names_in(caller: FrameType) -> tuple[str, ...]:
    """Return the names that a function uses; one that it imports is a variable of its own."""
    code = caller.f_code
    return code.co_names + code.co_varnames + code.co_cellvars
