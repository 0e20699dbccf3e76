"""Routers of a policy of four models."""

from __future__ import annotations

import numpy as np

from elpa_core.routing import Router
from support.made_panels import policy_of

ONLINE, OFFLINE = ["a", "b"], ["c", "d"]


NAMES = ONLINE + OFFLINE


def router(**fields: object) -> Router:
    return Router(policy_of(ONLINE, OFFLINE, **fields))


def trained(**fields: object) -> Router:
    result = router(**fields)
    rng = np.random.default_rng(0)
    for y in 100 + rng.normal(size=60).cumsum():
        result.predict({n: [y + rng.normal(0, i + 1)] for i, n in enumerate(NAMES)})
        result.update(y)
    return result
