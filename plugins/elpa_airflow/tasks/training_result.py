"""The result of a model's training, which its task hands on to `integrate` by XCom."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from elpa_core.artifacts.error_artifact import ErrorArtifact
from elpa_core.policy.build import ScoredModel

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
    artifacts : tuple of str
        Where other files are kept, such as the trained model. Empty for a carried result: its files
        stay in the run that trained the model.
    """

    artifact: ErrorArtifact
    as_of: str
    carried_from: str | None = None
    fallback_reason: str | None = None
    artifacts: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the result that the JSON object ``value`` describes."""
        fields = dict(value)
        as_of, carried_from, files = fields.pop("as_of"), fields.pop("carried_from"), fields.pop("artifacts")
        return cls(ErrorArtifact.from_json(fields), as_of, carried_from, artifacts=tuple(files))

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON object."""
        return {
            **self.artifact.to_json(),
            "as_of": self.as_of,
            "carried_from": self.carried_from,
            "artifacts": list(self.artifacts),
        }

    def describe(self, scored: ScoredModel, run_as_of: str) -> ScoredModel:
        """Return a score together with where it comes from, where that is not this run."""
        return replace(
            scored,
            as_of=self.as_of if self.as_of != run_as_of else None,
            trained_at=self.artifact.finished_at if self.carried_from else None,
            carried_from=self.carried_from,
            fallback_reason=self.fallback_reason,
        )
