"""What a model's task hands on to `integrate` by XCom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.errors import ArtifactError
from elpa_core.files import StorePath
from elpa_core.policy.build import ScoredModel
from elpa_core.runs.earlier_artifacts import EarlierArtifact, carry

CARRIED_KEY = "carried_artifact"


@dataclass(frozen=True)
class HandedOn:
    """A model's error artifact, as of when it was trained, and by which run if not by this one.

    Parameters
    ----------
    artifact : ErrorArtifact
        The artifact, in the folder of this run.
    as_of : str
        The moment up to which the training used data, ISO 8601.
    carried_from : str or None
        The run that trained the model, if it was another one.
    fallback_reason : str or None
        Why an older artifact than there should be takes part.
    artifacts : tuple of str
        What else was kept, such as the trained model; not of one that is carried: it stays in its run.
    """

    artifact: ErrorArtifact
    as_of: str
    carried_from: str | None = None
    fallback_reason: str | None = None
    artifacts: tuple[str, ...] = ()

    @classmethod
    def carried(
        cls, earlier: Iterable[EarlierArtifact], model_dir: StorePath, fallback_reason: str | None = None
    ) -> Self | None:
        """Copy the first of several earlier artifacts that is still there into the folder of this run."""
        for one in earlier:
            try:
                return cls(carry(one, model_dir), one.as_of, one.run_id, fallback_reason)
            except ArtifactError:
                continue  # its run is being removed or done again
        return None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return what the JSON object ``value`` describes."""
        fields = dict(value)
        as_of, carried_from, files = fields.pop("as_of"), fields.pop("carried_from"), fields.pop("artifacts")
        return cls(ErrorArtifact.from_json(fields), as_of, carried_from, artifacts=tuple(files))

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            **self.artifact.to_json(),
            "as_of": self.as_of,
            "carried_from": self.carried_from,
            "artifacts": list(self.artifacts),
        }

    def describe(self, scored: ScoredModel, run_as_of: str) -> ScoredModel:
        """Return a score together with where it comes from, where that is not this run."""
        return ScoredModel(
            name=scored.name,
            group=scored.group,
            score=scored.score,
            rows=scored.rows,
            sha256=scored.sha256,
            as_of=self.as_of if self.as_of != run_as_of else None,
            trained_at=self.artifact.finished_at if self.carried_from else None,
            carried_from=self.carried_from,
            fallback_reason=self.fallback_reason,
        )
