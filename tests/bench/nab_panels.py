"""Make panels from real series of numenta/NAB: what 14 models forecast, one step ahead and in blocks.

python tests/bench/nab_panels.py NAB_FOLDER OUTPUT_FOLDER

The page of the router was made from NAB's commit ea702d7 with scikit-learn 1.9.1. About 15 minutes.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import HuberRegressor, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.svm import LinearSVR

HORIZONS = (1, 24)
DEVELOPED_ON = ("nyc_taxi", "elb_request_count_8c0756", "cpu_utilization_asg_misconfiguration")
LEAST_ROWS, MOST_ROWS = 700, 2800
Array = np.ndarray
Steps = list[tuple[int, int]]  # first row of the block, row


def read_series(path: Path) -> tuple[Array, int]:
    """Return the last values of a series, those of 5 minutes as means of 15, and the rows of a day."""
    table = pd.read_csv(path, parse_dates=["timestamp"])
    minutes = table.timestamp.diff().median().total_seconds() / 60
    values = table.value.to_numpy(float)
    if minutes <= 5 and len(values) > 3500:
        values = values[: len(values) // 3 * 3].reshape(-1, 3).mean(axis=1)
        minutes *= 3
    return values[-MOST_ROWS:], max(24, min(96, round(1440 / max(minutes, 1))))


def features(values: Array, steps: Steps, period: int, horizon: int) -> Array:
    """Return what a model knows of each step when its block is forecast."""

    def row(first: int, at: int) -> list[float]:
        lags = [values[first - k] for k in range(1, 9)]
        last_day = values[first - 24 : first]
        angle = 2 * np.pi * at / period
        before = at - period - 1
        season = [values[at - period], values[before] if before >= 0 else values[at - period]]
        return [*lags, last_day.mean(), last_day.std(), *season, np.sin(angle), np.cos(angle),
                (at - first) / horizon]  # fmt: skip

    return np.array([row(first, at) for first, at in steps])


def offline_models() -> dict[str, RegressorMixin]:
    return {
        "ridge": Ridge(1.0),
        "huber": HuberRegressor(max_iter=50),
        "svr": LinearSVR(C=0.1, max_iter=500, random_state=0),
        "knn": KNeighborsRegressor(15),
        "forest": RandomForestRegressor(30, min_samples_leaf=3, random_state=0),
        "extratrees": ExtraTreesRegressor(30, min_samples_leaf=3, random_state=0),
        "boosting": HistGradientBoostingRegressor(max_iter=80, random_state=0),
        "mlp": MLPRegressor(hidden_layer_sizes=(32,), max_iter=60, random_state=0),
    }


def ridge_online(
    scaled: Array, starts: Array, period: int, horizon: int, rng: np.random.Generator
) -> Iterator[Array]:
    """Yield the forecasts of each block by a ridge regression that is fitted again each 24 rows."""
    for block, start in enumerate(starts.tolist()):
        if block % max(1, 24 // horizon) == 0:
            firsts = np.arange(max(period + 25, start - horizon - 400), start - horizon + 1)
            rows = firsts + rng.integers(0, horizon, len(firsts))
            known = features(scaled, list(zip(firsts, rows, strict=True)), period, horizon)
            model = Ridge(1.0).fit(known, scaled[rows])
        yield model.predict(features(scaled, [(start, start + k) for k in range(horizon)], period, horizon))


def panel(values: Array, period: int, horizon: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return a panel: models learn from the first half; validation and test are a quarter each."""
    train = len(values) // 2
    mean, spread = values[:train].mean(), values[:train].std() or 1.0
    scaled = (values - mean) / spread
    firsts = range(period + 25, train - horizon)
    if horizon == 1:
        learned = [(first, first) for first in firsts]
    else:
        learned = [(first, first + k) for first in firsts for k in rng.choice(horizon, 4, replace=False)]
    starts = np.arange(train, len(values) - horizon + 1, horizon)
    steps = [(start, start + k) for start in starts.tolist() for k in range(horizon)]
    smoothed = [values[0]]
    for value in values[:-1]:
        smoothed.append(0.7 * smoothed[-1] + 0.3 * value)
    columns = {
        "online:naive": [values[first - 1] for first, _ in steps],
        "online:snaive": [values[row - period] for _, row in steps],
        "online:mean24": [values[first - 24 : first].mean() for first, _ in steps],
        "online:ses": [smoothed[first] for first, _ in steps],
        "online:shifted": [
            values[row - period] + 0.8 ** (row - first + 1) * (values[first - 1] - values[first - 1 - period])
            for first, row in steps
        ],
        "online:ridge_online": np.concatenate([*ridge_online(scaled, starts, period, horizon, rng)]) * spread
        + mean,
    }
    known = features(scaled, learned, period, horizon)
    asked = features(scaled, steps, period, horizon)
    target = np.array([scaled[row] for _, row in learned])
    for name, model in offline_models().items():
        columns[f"offline:{name}"] = model.fit(known, target).predict(asked) * spread + mean
    validation = len(starts) // 2 * horizon
    return pd.DataFrame(
        {
            "split": ["validation"] * validation + ["test"] * (len(steps) - validation),
            "block": np.repeat(np.arange(len(starts)), horizon),
            "y_true": [values[row] for _, row in steps],
            **columns,
        }
    )


def main() -> None:
    nab, output = map(Path, sys.argv[1:])
    output.mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore")  # models that have not converged
    rng = np.random.default_rng(0)
    for path in sorted((nab / "data").glob("real*/*.csv"), key=str):
        values, period = read_series(path)
        if len(values) < LEAST_ROWS or any(name in path.stem for name in DEVELOPED_ON):
            continue
        for horizon in HORIZONS:
            made = output / f"{path.stem}.h{horizon}.csv"
            panel(values, period, horizon, rng).to_csv(made, index=False, float_format="%.8g")
            print(made, flush=True)


if __name__ == "__main__":
    main()
