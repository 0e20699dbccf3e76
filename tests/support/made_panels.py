"""Panels and policies to test with, made from a seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from elpa_core.backtest.panels import Panel


def policy_of(online: list[str], offline: list[str], **fields: object) -> dict[str, object]:
    names = online + offline
    return {
        "skill": "ELPA", "created_at": "2026-01-01T00:00:00Z", "beta": 0.7, "dirty_interval": 3,
        "amplitude_window": 4, "mutant_epsilon": None, "online_models": online, "offline_models": offline,
        "scores": {name: float(i + 1) for i, name in enumerate(names)}, **fields,
    }  # fmt: skip


def make_panel(seed: int, horizon: int = 1, validation: int = 96, test: int = 192) -> Panel:
    """A seasonal series whose level changes in the test rows; nine forecasters, good and bad."""
    rng = np.random.default_rng(seed)
    rows = validation + test
    warm = 72
    t = np.arange(warm + rows)
    y = 50 + 10 * np.sin(2 * np.pi * t / 24) + rng.normal(0, 1.5, len(t))
    y[warm + validation + test // 2 :] += 15 * rng.choice([-1, 1])
    starts = np.arange(warm, warm + rows, horizon)
    steps = [(s, s + h) for s in starts for h in range(horizon) if s + h < warm + rows]
    profile = np.array([y[k:warm:24].mean() for k in range(24)])
    columns = {
        ("online", "naive"): [y[s - 1] for s, _ in steps],
        ("online", "snaive"): [y[s - 24 + (r - s) % 24] for s, r in steps],
        ("online", "mean8"): [y[s - 8 : s].mean() for s, _ in steps],
        ("online", "moved"): [profile[r % 24] + (y[s - 6 : s] - profile[np.arange(s - 6, s) % 24]).mean()
                              for s, r in steps],
        ("offline", "profile"): [profile[r % 24] for _, r in steps],
        ("offline", "noisy"): [profile[r % 24] + rng.normal(0, 4) for _, r in steps],
        ("offline", "low"): [0.8 * profile[r % 24] for _, r in steps],
        ("offline", "flat"): [profile.mean() for _ in steps],
        ("offline", "damped"): [0.5 * (profile[r % 24] + profile.mean()) for _, r in steps],
    }  # fmt: skip
    forecasts = np.array(list(columns.values())).T
    blocks = tuple(range(0, rows, horizon))
    return Panel(f"made-{seed}.h{horizon}", tuple(columns), y[warm:], forecasts, blocks, validation)


def write_panel(panel: Panel, path: Path) -> Path:
    starts = set(panel.blocks)
    lines = ["split,block,y_true," + ",".join(f"{g}:{n}" for g, n in panel.models)]
    block = -1
    for row, (actual, forecasts) in enumerate(zip(panel.actuals, panel.forecasts, strict=True)):
        block += row in starts
        split = "validation" if row < panel.validation_rows else "test"
        cells = ["" if np.isnan(f) else repr(float(f)) for f in forecasts]
        lines.append(",".join([split, str(block), repr(float(actual)), *cells]))
    path.write_text("\n".join(lines) + "\n")
    return path
