"""Weights and best model of one group, from the scores of its models (section 4 of the contract)."""

from __future__ import annotations

import math
from collections.abc import Mapping

MIN_SCORE = 1e-9
"""Smallest score, in the unit of the errors: the weight of a perfect model stays finite."""


def inverse_score_weights(scores: Mapping[str, float]) -> dict[str, float]:
    """Weight each model of a group by the inverse of its score.

    ``w_j = (1 / s_j) / sum_k (1 / s_k)`` in IEEE doubles, with the sum from left to right. The
    order of the sum affects the last bits of a weight, so it is fixed: the order of the config. No
    weight can be NaN: for ``1e-9 <= s <= 1.8e308`` each inverse is a double from 5e-309 to 1e9.

    Parameters
    ----------
    scores : mapping of str to float
        Score by model, in config order; finite, at least ``MIN_SCORE``.

    Returns
    -------
    dict of str to float
        Weight by model, in the same order; each in [0, 1], sum 1 up to rounding.

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
    for inverse in inverses.values():  # not sum(): since Python 3.12 it compensates rounding
        total += inverse
    return {name: inverse / total for name, inverse in inverses.items()}


def best_model(scores: Mapping[str, float]) -> str:
    """Return the name of the model with the lowest score; of equal scores, the first one.

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
