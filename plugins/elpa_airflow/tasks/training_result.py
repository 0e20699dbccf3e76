"""The result of a model's training, which its task hands on to `integrate` by XCom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.policy.build import ScoredModel
from elpa_core.runs.earlier_artifacts import EarlierArtifact
from elpa_core.schema.trained_file import TrainedFile, trained_files

CARRIED_KEY = "carried_artifact"


@dataclass(frozen=True)
class TrainingResult:
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
        Why an older artifact than expected takes part.
    artifacts : tuple of TrainedFile
        Files of the trained model. Those of a carried result stay in the run that trained the model.
    warm_started_from : str or None
        The run whose trained model the training started from.
    """

    artifact: ErrorArtifact
    as_of: str
    carried_from: str | None = None
    fallback_reason: str | None = None
    artifacts: tuple[TrainedFile, ...] = ()
    warm_started_from: str | None = None

    @classmethod
    def of_carried(
        cls, artifact: ErrorArtifact, earlier: EarlierArtifact, fallback_reason: str | None
    ) -> Self:
        """Return the result of a model that an earlier run trained; ``artifact`` is in this run's folder."""
        files, started_from = earlier.named_files, earlier.warm_started_from
        return cls(artifact, earlier.as_of, earlier.run_id, fallback_reason, files, started_from)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the result that the JSON object ``value`` describes."""
        fields = dict(value)
        as_of, carried_from = fields.pop("as_of"), fields.pop("carried_from")
        files, started_from = trained_files(fields.pop("artifacts")), fields.pop("warm_started_from", None)
        artifact = ErrorArtifact.from_json(fields)
        return cls(artifact, as_of, carried_from, artifacts=files, warm_started_from=started_from)

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON object."""
        return {
            **self.artifact.to_json(),
            "as_of": self.as_of,
            "carried_from": self.carried_from,
            **self.training(),
        }

    def training(self) -> dict[str, Any]:
        """Return what an entry of the manifest says of the trained model."""
        return {
            "artifacts": [file.to_json() for file in self.artifacts],
            "warm_started_from": self.warm_started_from,
        }

    def describe(self, scored: ScoredModel, run_as_of: str) -> ScoredModel:
        """Return a score together with where it comes from, where that is not this run."""
        return replace(
            scored,
            as_of=self.as_of if self.as_of != run_as_of else None,
            trained_at=self.artifact.finished_at if self.carried_from else None,
            carried_from=self.carried_from,
            fallback_reason=self.fallback_reason,
            artifacts=self.artifacts,
            warm_started_from=self.warm_started_from,
        )
