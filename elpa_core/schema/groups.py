"""The two groups of models."""

from __future__ import annotations

from typing import Literal

Group = Literal["online", "offline"]
GROUPS: tuple[Group, ...] = ("online", "offline")
