"""Who is told what became of a run: the ``notify`` blocks of a config."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from elpa_core.schema.problems import expected

Event = Literal["failed", "degraded", "held_back", "recorded", "published"]
EVENTS: tuple[Event, ...] = get_args(Event)
_CLASS = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


def _class_path(value: str) -> str:
    if _CLASS.fullmatch(value) is None:
        raise expected('module and class of an Airflow notifier, such as "my_alerts.Pager"')
    return value


class Notification(BaseModel):
    """An Airflow notifier, and the events that it is called for."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    on: tuple[Event, ...] = Field(
        min_length=1,
        strict=False,
        description="Events: `failed`: no policy; `degraded`; `held_back`: by the gate; `recorded`: kept and"
        " not published, backfills excepted; `published`.",
    )
    notifier: Annotated[str, AfterValidator(_class_path)] = Field(
        description="Module and class of an Airflow notifier; it is called at most once per run."
    )

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the notifier's class is called with: all other fields."""
        return self.model_extra or {}
