"""The two groups of models."""

from __future__ import annotations

from typing import Literal

GROUPS = ("online", "offline")
Group = Literal["online", "offline"]
