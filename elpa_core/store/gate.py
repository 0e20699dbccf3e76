"""The optional gate: a policy that is much worse than the current one waits for a person."""

from __future__ import annotations

from elpa_core.config.training import GROUPS
from elpa_core.store.stored_policy import Contents


def held_back(new: Contents, current: Contents, max_score_increase: float) -> str:
    """Return why a policy is not published without a person's word, or nothing.

    Parameters
    ----------
    new, current : Contents
        The policies; lower scores are better.
    max_score_increase : float
        A group's best score may be worse than the current one by this fraction of it, at least 0.
    """
    reasons = []
    for group in GROUPS:
        before, now = current.best_score(group), new.best_score(group)
        if now > before * (1 + max_score_increase):
            reasons.append(
                f"the best {group} score, {now:.6g} ({new.best(group)}), is {now / before - 1:.1%} worse"
                f" than the current policy's, {before:.6g} ({current.best(group)})"
            )
    if not reasons:
        return ""
    return f"{' and '.join(reasons)}; max_score_increase allows {max_score_increase:.6g}"
