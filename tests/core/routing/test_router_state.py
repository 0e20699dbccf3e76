"""A router's state goes on to the bit, and a damaged one is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.made_panels import policy_of
from support.routers import NAMES, OFFLINE, ONLINE, trained

from elpa_core.errors import InputError
from elpa_core.routing import Router


def test_it_reads_what_it_wrote_at_any_magnitude() -> None:
    served = Router(policy_of(ONLINE, OFFLINE, scores=dict.fromkeys(NAMES, 1e150)))
    for actual in (1e150, -1e150, 0.0):
        served.predict(np.full((1, 4), 1e160))
        assert Router.from_json(json.loads(json.dumps(served.to_json()))).to_json() == served.to_json()
        served.update(actual)


@pytest.mark.parametrize("split", [0, 1, 2, 5])
def test_the_state_goes_on_to_the_bit(split: int) -> None:
    rng = np.random.default_rng(9)
    whole = Router(policy_of(ONLINE, OFFLINE, mutant_epsilon=0.2), horizon=5)
    other = Router(policy_of(ONLINE, OFFLINE, mutant_epsilon=0.2), horizon=5)
    for _ in range(12):
        y = 10 + 3 * rng.normal(size=5)
        forecasts = y[:, None] + rng.normal(size=(5, 4))
        forecasts[rng.random((5, 4)) < 0.1] = np.nan
        assert (whole.predict(forecasts) == other.predict(forecasts)).all()
        whole.update(y)
        if split:
            other.update(y[:split])
        other = Router.from_json(json.loads(json.dumps(other.to_json())))
        if split < 5:
            other.update(y[split:])
        assert other.to_json() == whole.to_json()


def test_a_state_survives_a_file(tmp_path: Path) -> None:
    served = trained()
    served.predict({"a": [1.0, 2.0]})
    served.save(tmp_path / "state.json")
    assert Router.load(tmp_path / "state.json").to_json() == served.to_json()


def test_a_torn_state_file_is_refused_at_any_length(tmp_path: Path) -> None:
    served = trained()
    served.predict({"a": [1.0]})
    path = tmp_path / "state.json"
    served.save(path)
    data = path.read_bytes()
    for length in [*range(0, len(data) - 1, 97), len(data) - 3]:
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=r"state\.json"):
            Router.load(path)
    path.write_bytes(data)
    Router.load(path)


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (
            ["version"],
            2,
            r"\$\.version: found 2; expected 7; .*remove it, and the router starts from the policy",
        ),
        (["format"], "x", r"\$\.format"),
        (["parts"], "median", r"\$\.parts"),
        (["policy", "online"], ["a"], "routing|scores|best|shape"),
        (["policy", "best"], 9, r"\$\.policy\.best"),
        (["state", "scores"], [[1.0]], r"\$\.state\.scores"),
        (["state", "scores", 0, 0], -1.0, r"\$\.state\.scores: found numbers of no router"),
        (["state", "scores", 0, 0], None, r"\$\.state\.scores"),
        (["state", "best", 0], 7, r"\$\.state\.best"),
        (["state", "dirty", 0], 1.5, r"\$\.state\.dirty"),
        (["state", "dirty", 0], -5, r"\$\.state\.dirty"),
        (["state", "window_rows", 0], -1, r"\$\.state\.window_rows"),
        (["state", "scale", 0], 1e150, r"\$\.state\.scores"),
        (["state", "seen", 0, 0], -1.7e308, r"\$\.state\.seen"),
        (["state", "expert_squares", 0, 0], 1e-320, r"\$\.state\.expert_squares"),
        (["state", "usual_error", 0], 1e-300, r"\$\.state\.usual_error"),
        (["state", "last", 0], "x", r"\$\.state\.last"),
        (["state", "ahead", 0], "x", r"\$\.state\.ahead"),
        (["waiting", 0, "step"], -1, r"\$\.waiting\[0\]\.step"),
        (["policy", "best"], True, r"\$\.policy\.best"),
        (["waiting", 0, "limited", 0, 0], 1e300, r"\$\.waiting\[0\]"),
        (["state", "expert_gains", 0, 0], 1e149, r"\$\.state\.expert_gains"),
        (["state", "gains", 0, 0], -1e160, r"\$\.state\.gains"),
        (["state", "window_rows", 0], 2**62, r"\$\.state\.window_rows"),
        (["waiting"], None, r"\$\.waiting"),
        (["waiting", 0, "experts"], [1.0], r"\$\.waiting\[0\]"),
        (["waiting", 0, "served", 0], 10**400, r"\$\.waiting\[0\]"),
    ],
)
def test_a_damaged_state_is_refused(path: list[str | int], value: object, text: str) -> None:
    served = trained()
    served.predict({"a": [1.0]})
    state = json.loads(json.dumps(served.to_json()))
    place = state
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(InputError, match=text):
        Router.from_json(state)
