"""A config that is refused shows as an import error of its own, and every other Dag stays."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NoReturn

from airflow.sdk import DAG

from elpa_core.errors import InputError


class RefusedConfigDag(DAG):
    """Stands in for the Dag of a refused config until Airflow serializes it.

    An error raised while the Dag file is imported would take every Dag of that file with it, and
    Airflow keeps one error per file. One raised while a Dag is serialized is kept under the Dag's
    own ``relative_fileloc``, which here is the config.
    """

    def __init__(self, path: Path, error: InputError) -> None:
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
        super().__init__(dag_id=f"elpa_refused_{digest}", schedule=None)
        self._path = path
        self._error = error

    def validate(self) -> None:
        """Put the config in the place of the Dag file."""
        folder = Path(self.fileloc).parent
        # relative_fileloc so far is that of the Dag file: the bundle starts where both part.
        relative = Path(self.relative_fileloc or "")
        bundle = Path(self.fileloc).parents[len(relative.parts) - 1] if relative.parts else folder
        path = self._path
        self.relative_fileloc = str(path.relative_to(bundle) if path.is_relative_to(bundle) else path)

    def _refuse(self) -> NoReturn:
        from airflow.exceptions import SerializationError  # noqa: PLC0415  (only when it is needed)

        problems = "\n".join(map(str, self._error.problems))
        raise SerializationError(f"ELPA refuses this config:\n{problems}")

    def _keep_refusing(self, value: Any) -> None:
        """Let the constructor of the base class assign what is never read."""

    # Of all that Airflow reads of a Dag, this alone is read in no step before serialization.
    edge_info = property(_refuse, _keep_refusing)
