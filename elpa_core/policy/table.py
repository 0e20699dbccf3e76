"""A policy as a table of plain lines."""

from __future__ import annotations

from elpa_core.schema.policy import Evaluation, Policy


def policy_lines(policy: Policy) -> list[str]:
    """Return a policy as a table of plain lines, best models marked."""
    width = max(len("model"), *(len(name) for name in policy.scores))
    lines = [f"{'group':<8} {'model':<{width}} {'score':>14} {'weight':>8}"]
    for group, weights, best in (
        ("online", policy.online_weights, policy.best_online_model),
        ("offline", policy.offline_weights, policy.best_offline_model),
    ):
        for name, weight in weights.items():
            mark = "  best" if name == best else ""
            lines.append(f"{group:<8} {name:<{width}} {policy.scores[name]:>14.6g} {weight:>8.4f}{mark}")
    lines += [f"{m.group:<8} {m.name:<{width}} {'missing':>14} {'':>8}  {m.reason}" for m in policy.missing]
    return [*lines, *(_evaluation_lines(policy.evaluation) if policy.evaluation else ())]


def _evaluation_lines(told: Evaluation) -> list[str]:
    errors = (
        (f"best single model, {told.best_single.model}", told.best_single.mae),
        ("equal weights", told.equal_weights),
        ("contract weights", told.contract_weights),
        ("recommended weights", told.recommended_weights),
        ("router", told.router),
    )
    numbers = "; ".join(f"{name} {error:.6g}" for name, error in errors)
    return [f"mean absolute error on {told.rows} validation rows: {numbers}", *told.verdict]
