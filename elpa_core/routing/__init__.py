"""Combine forecasts with a policy, learn from actuals, react to mutations."""

from elpa_core.routing.inputs import CallOrderError
from elpa_core.routing.intervals import Prediction
from elpa_core.routing.router import Router
from elpa_core.routing.router_panel import RouterPanel
from elpa_core.routing.settings import PARTS
from elpa_core.routing.validation import Validation

__all__ = ["PARTS", "CallOrderError", "Prediction", "Router", "RouterPanel", "Validation"]
