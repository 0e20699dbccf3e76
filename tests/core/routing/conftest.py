"""Fixtures of the routing tests."""

from __future__ import annotations

import pytest
from made_panels import make_panel

from elpa_core.backtest.panels import Panel


@pytest.fixture(params=[1, 24], ids=["h1", "h24"])
def panel(request: pytest.FixtureRequest) -> Panel:
    return make_panel(3, request.param)
