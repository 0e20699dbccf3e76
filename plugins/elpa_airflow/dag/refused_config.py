"""Show a refused config as its own import error, and keep every other Dag."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NoReturn

from airflow.sdk import DAG

from elpa_core.errors import InputError


class RefusedConfigDag(DAG):
    """Takes the place of a refused config's Dag until Airflow serializes it.

    An error during the import of the Dag file would remove every Dag of that file, and Airflow
    keeps one error per file. Airflow keeps an error during the serialization of a Dag under the
    Dag's ``relative_fileloc``, which here is the path of the config.
    """

    def __init__(self, path: Path, error: InputError) -> None:
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
        super().__init__(dag_id=f"elpa_refused_{digest}", schedule=None)
        self._path = path
        self._error = error

    def validate(self) -> None:
        """Set ``relative_fileloc`` to the config."""
        folder = Path(self.fileloc).parent
        # relative_fileloc is still that of the Dag file, relative to the bundle's folder.
        relative = Path(self.relative_fileloc or "")
        bundle = Path(self.fileloc).parents[len(relative.parts) - 1] if relative.parts else folder
        path = self._path
        self.relative_fileloc = str(path.relative_to(bundle) if path.is_relative_to(bundle) else path)

    def _refuse(self) -> NoReturn:
        from airflow.exceptions import SerializationError  # noqa: PLC0415  (slow)

        problems = "\n".join(map(str, self._error.problems))
        raise SerializationError(f"ELPA refuses this config:\n{problems}")

    def _keep_refusing(self, value: Any) -> None:
        """Accept the assignment in the constructor of the base class."""

    # The only attribute that Airflow reads at serialization and in no step before it.
    edge_info = property(_refuse, _keep_refusing)
