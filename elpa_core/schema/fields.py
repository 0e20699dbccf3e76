"""The types of the fields that configs and policies share: whatever a config has, a router accepts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from elpa_core.schema.limits import BOUND, MOST

Steps = Annotated[int, Field(ge=1, le=MOST)]
"""A horizon or a window."""
StepsFromZero = Annotated[int, Field(ge=0, le=MOST)]
"""An interval that may be empty."""
Epsilon = Annotated[float, Field(gt=0, le=BOUND, allow_inf_nan=False)]
"""A relative error."""
Score = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""The score of a model; to a router one above `BOUND` counts as `BOUND`."""
