"""Panels: the forecasts of a pool for the validation and test rows of one series."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elpa_core.backtest.baselines import contract_scores
from elpa_core.backtest.limits import limited_forecasts
from elpa_core.errors import InputError, Problem, quoted
from elpa_core.files.csv_cells import forecast_cell, number_cell
from elpa_core.files.csv_table import read_csv_table
from elpa_core.routing.inputs import no_forecast
from elpa_core.routing.validation import Validation
from elpa_core.schema.groups import GROUPS
from elpa_core.schema.limits import BOUND
from elpa_core.schema.model_columns import model_columns
from elpa_core.scores.weights import best_model, inverse_score_weights

Array = NDArray[np.float64]
_FIXED = ["split", "block", "y_true"]


@dataclass(frozen=True, slots=True)
class Panel:
    """Forecasts and actuals of one series, rows in time order.

    Parameters
    ----------
    name : str
    models : tuple of (str, str)
        Group and name of each model, in file order.
    actuals : ndarray, shape (rows,)
    forecasts : ndarray, shape (rows, models)
        The values of the file; NaN for a missing forecast.
    blocks : tuple of int
        First row of each block; the rows of a block were forecast together.
    validation_rows : int
        Number of rows before the test rows.
    """

    name: str
    models: tuple[tuple[str, str], ...]
    actuals: Array
    forecasts: Array
    blocks: tuple[int, ...]
    validation_rows: int

    @property
    def names(self) -> tuple[str, ...]:
        """Model names without their groups."""
        return tuple(name for _, name in self.models)

    @property
    def horizon(self) -> int:
        """Number of rows of the longest block."""
        return int(np.diff([*self.blocks, len(self.actuals)]).max())

    @property
    def validation(self) -> Validation:
        """The rows for the warm-up of a router."""
        rows = self.validation_rows
        blocks = tuple(first for first in self.blocks if first < rows)
        return Validation(self.actuals[:rows], self.forecasts[:rows], self.names, blocks)

    @property
    def span(self) -> tuple[float, float]:
        """Smallest and largest actual of the validation rows."""
        actuals = self.actuals[: self.validation_rows]
        return float(actuals.min()), float(actuals.max())

    def limited(self) -> Array:
        """Return the forecasts that all ways of combining get, by `limited_forecasts`."""
        return limited_forecasts(self.actuals, self.forecasts, self.blocks, self.span)

    def policy(self, beta: float = 0.7) -> dict[str, Any]:
        """Return the policy of the validation rows, as sections 4 and 5 of the contract define it."""
        rows = self.validation_rows
        errors = np.abs(self.actuals[:rows, np.newaxis] - self.forecasts[:rows])
        scores = dict(zip(self.names, contract_scores(errors, beta), strict=True))
        groups = {group: {n: scores[n] for g, n in self.models if g == group} for group in GROUPS}
        return {
            "skill": "ELPA", "beta": beta, "dirty_interval": 3, "amplitude_window": 6,
            "mutant_epsilon": None,
            "online_models": list(groups["online"]), "offline_models": list(groups["offline"]),
            "scores": scores,
            "online_weights": inverse_score_weights(groups["online"]),
            "offline_weights": inverse_score_weights(groups["offline"]),
            "best_online_model": best_model(groups["online"]),
            "best_offline_model": best_model(groups["offline"]),
        }  # fmt: skip


def read_panel(path: Path) -> Panel:
    r"""Read a panel from a CSV file.

    The columns are ``split`` (``validation``, then ``test``), ``block``, ``y_true``, then one column
    per model, ``GROUP:NAME``. A forecast that is blank or not a finite number is missing.

    Raises
    ------
    InputError
        If the file cannot be read, or is not a panel.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "demo.csv")
    ...     _ = path.write_text("split,block,y_true,online:a,offline:b\nvalidation,0,1,2,\ntest,1,3,4,5\n")
    ...     panel = read_panel(path)
    >>> panel.models, panel.validation_rows, panel.blocks
    ((('online', 'a'), ('offline', 'b')), 1, (0, 1))
    """
    source = str(path)
    header, rows = read_csv_table(path)
    if header[:3] != _FIXED:
        raise InputError(Problem(source, "header", quoted(",".join(header[:3])), ",".join(_FIXED)))
    models = model_columns(source, header[3:])
    if empty := {*GROUPS} - {group for group, _ in models}:
        found = f"no column of the group {min(empty)}"
        raise InputError(Problem(source, "header", found, "at least one online and one offline model"))
    splits = [row[0] for row in rows]
    n = splits.count("validation")
    if splits != ["validation"] * n + ["test"] * (len(rows) - n) or not 0 < n < len(rows):
        first = next((i for i, s in enumerate(splits) if s != ("validation" if i < n else "test")), 0)
        expected = '"validation" rows, then "test" rows, at least one each'
        raise InputError(Problem(source, f"row {first}, column split", quoted(splits[first]), expected))
    keys = list(zip(splits, (row[1] for row in rows), strict=True))
    blocks = tuple(i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1])
    actuals = np.array([number_cell(source, i, "y_true", row[2], BOUND) for i, row in enumerate(rows)])
    forecasts = np.array([[forecast_cell(source, i, header[3 + j], cell) for j, cell in enumerate(row[3:])]
                          for i, row in enumerate(rows)])  # fmt: skip
    if not (sound := np.isfinite(forecasts).any(axis=1)).all():
        raise no_forecast(source, f"row {np.argmin(sound)}")
    return Panel(path.stem, models, actuals, forecasts, blocks, n)
