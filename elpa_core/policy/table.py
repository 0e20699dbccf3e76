"""A policy as a table of plain lines."""

from __future__ import annotations

from elpa_core.schema.groups import GROUPS
from elpa_core.schema.policy import Comparison, Evaluation, Policy, WeightedPolicy


def policy_lines(policy: Policy) -> list[str]:
    """Return a policy as plain lines: its models, whether they compare, errors of weights and of a router."""
    lines = [*model_lines(policy), *(_comparison_lines(policy.comparison) if policy.comparison else ())]
    if policy.evaluation:
        lines += _evaluation_lines(policy.evaluation)
    elif policy.evaluation_reason:
        lines.append(f"no evaluation: {policy.evaluation_reason}")
    return lines


def model_lines(policy: WeightedPolicy) -> list[str]:
    """Return the models of a policy as a table: the best ones marked, the missing ones last."""
    width = max(len("model"), *(len(name) for name in policy.scores))
    lines = [f"{'group':<8} {'model':<{width}} {'score':>14} {'weight':>8}"]
    for group in GROUPS:
        for name, weight in policy.weights(group).items():
            mark = "  best" if name == policy.best(group) else ""
            source = policy.errors.get(name)
            carried = f"  carried from {source.carried_from}" if source and source.carried_from else ""
            score = policy.scores[name]
            lines.append(f"{group:<8} {name:<{width}} {score:>14.6g} {weight:>8.4f}{mark}{carried}")
    lines += [f"{m.group:<8} {m.name:<{width}} {'missing':>14} {'':>8}  {m.reason}" for m in policy.missing]
    return lines


def _comparison_lines(comparison: Comparison) -> list[str]:
    lines = [f"scores may not compare: {reason}" for reason in comparison.reasons]
    for name, model in comparison.models.items():
        if model.shared and model.rows != model.shared:
            span = f", {model.first} to {model.last}," if model.first else ""
            lines.append(
                f"{name}: {model.shared} of its {model.rows} rows{span} are of steps that all models share"
            )
    return lines


def _evaluation_lines(result: Evaluation) -> list[str]:
    lines = [
        f"mean absolute error on {result.rows} validation rows: "
        + _numbers(
            (f"best single model, {result.best_single.model}", result.best_single.mae),
            ("equal weights", result.equal_weights),
            ("contract weights", result.contract_weights),
            ("recommended weights", result.recommended_weights),
            ("router", result.router),
        )
    ]
    if (holdout := result.holdout) is not None:
        lines.append(
            f"on the last {holdout.rows} rows, by what was known before: "
            + _numbers(
                ("best single model so far", holdout.best_single_so_far),
                ("contract weights", holdout.contract_weights),
                ("recommended weights", holdout.recommended_weights),
                ("router", holdout.router),
            )
        )
    return [*lines, *result.verdict]


def _numbers(*errors: tuple[str, float]) -> str:
    return "; ".join(f"{name} {error:.6g}" for name, error in errors)


def verdict_line(policy: Policy) -> str:
    """Return in one line which models are best, and whether the router beats the best single model."""
    best = f"best online {policy.best_online_model}, best offline {policy.best_offline_model}"
    state = "degraded; " if policy.degraded else ""
    if policy.evaluation is None:
        return f"{state}{best}; not evaluated: {policy.evaluation_reason or 'no rows that all models share'}"
    return f"{state}{best}; {policy.evaluation.verdict[-1]}"
