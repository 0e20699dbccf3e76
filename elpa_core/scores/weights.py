"""Weights and best model of one group of models, from their scores (section 4 of the contract)."""

from __future__ import annotations

import math
from collections.abc import Mapping

MIN_SCORE = 1e-9
"""Floor of every score, in the unit of the errors: a perfect model keeps a finite weight."""


def inverse_score_weights(scores: Mapping[str, float]) -> dict[str, float]:
    """Weight each model of a group by the inverse of its score.

    ``w_j = (1 / s_j) / sum_k (1 / s_k)`` in IEEE doubles, the sum taken from left to right.
    That order decides the last bits of a weight, so it is the order of the config. No weight
    can be NaN: for ``1e-9 <= s <= 1.8e308`` each inverse is a double between 5e-309 and 1e9.

    Parameters
    ----------
    scores : mapping of str to float
        Score by model, in the order of the config; finite, at least ``MIN_SCORE``.

    Returns
    -------
    dict of str to float
        Weight by model, same order; each in [0, 1], together 1 up to rounding.

    Raises
    ------
    ValueError
        If there is no score, or one is out of range.

    Examples
    --------
    >>> inverse_score_weights({"naive": 1.0, "seasonal": 0.5, "drift": 1.0})
    {'naive': 0.25, 'seasonal': 0.5, 'drift': 0.25}
    """
    _check(scores)
    inverses = {name: 1.0 / score for name, score in scores.items()}
    total = 0.0
    for inverse in inverses.values():  # sum() compensates rounding since Python 3.12
        total += inverse
    return {name: inverse / total for name, inverse in inverses.items()}


def best_model(scores: Mapping[str, float]) -> str:
    """Return the name of the model with the lowest score; a tie goes to the one listed first.

    Raises
    ------
    ValueError
        If there is no score, or one is out of range.

    Examples
    --------
    >>> best_model({"naive": 1.0, "seasonal": 0.5, "drift": 0.5})
    'seasonal'
    """
    _check(scores)
    return min(scores, key=scores.__getitem__)


def _check(scores: Mapping[str, float]) -> None:
    if not scores:
        raise ValueError("a group needs at least one score")
    for name, score in scores.items():
        if not MIN_SCORE <= score < math.inf:
            raise ValueError(
                f"the score of {name!r} is {score!r}, not a finite number of at least {MIN_SCORE}"
            )
