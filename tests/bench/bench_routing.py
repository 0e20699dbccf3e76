"""Measure the router: accuracy part by part on panels, and speed.

python tests/bench/bench_routing.py [PANEL.csv ...]

What was decided with it, on 130 series, 14 models each, one step ahead and in blocks of 24: the four shared
ones, 44 of numenta/NAB (nab_panels.py), 56 of ETT, 20 of air quality, six others. Changes of errors are one
step / blocks. Failing: how many of 16 models more on each panel, which fail from the first test row on, cost
over 2 %.

* Flat, ML-Poly over all models, *recent*, *level* and *median* at once: 1.004 / 1.063 on the shared series,
  17 of 114 panels over 2 % worse, at worst 27 %. Not taken; nor with lead times, other half-lives, or BOA.
* Left out, since average, worst panel and failing models hold without them: the expert *lead* and all lead
  times, and so *online* and *amplitude* as parts.
* A model without a forecast learns as if it had said what *recent* did. One that was missing while the
  series broke came back with a spotless record, and all the weight.
* Failing: 32 of 4,160 (.8 %; of the shared series none of 128), and 77 gain over 2 %. It was 120 (2.9 %)
  with the weights of ML-Poly, gains of experts of up to two usual errors, and one bound for all forecasts:
  there small changes tip the weights over. A healthy copy cost over 2 % in 15 of 520 cases, now in 6.
  Errors: 1.002 / 1.000 of what they were on the shared series, .998 / .999 on NAB, 1.004 / 1.001 on the
  others; at worst 1.05.
* Each of these changes counts. Failing without it: trust of models 45, of experts 45, recent errors in
  *steady* 60, the nearer bound beyond all actuals 46, gains of up to two usual errors 45. With constants
  half or twice as large 27 to 45.
* What chance gives *steady*: the usual error of the median over the rows of a half-life. Sums of gains
  without signs, or roots of their squares, one for each model, are no better, and an array of all models
  more. For the experts the roots are better by .2 %. Gains of models that never fade: 27 failing, but a wild
  first row would weigh for good.
* Not taken: no vote for models whose errors have one sign (as many failing); a vote one step ahead, too (one
  less, and a tenth slower); a bound for the gains of models (one to twelve more).
* Kept, because without it: *vote*, 67 failing; *recent*, 52; *level*, 58; *median*, 8 of 128 on the shared
  series; *steady*, errors .6 % larger; *belt*, a panel with twice the error of the best single model.
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle, product
from pathlib import Path

import numpy as np
from results import Result, report

from elpa_core.backtest.baselines import pooled_elpa
from elpa_core.backtest.comparison import (
    BEST_SINGLE,
    REFERENCE,
    ROUTER,
    backtest,
    served_test_rows,
    table_lines,
)
from elpa_core.backtest.evaluation import suggested_epsilon
from elpa_core.backtest.panels import Panel, read_panel
from elpa_core.routing import Router, RouterPanel
from elpa_core.routing.settings import EXPERTS, PARTS

MODELS = (4, 14, 50, 100, 200)
HORIZONS = (1, 6, 24, 72, 168)


def policy_of(models: int) -> dict[str, object]:
    """Return a policy of so many models, of which the first third is online."""
    names = [f"m{number}" for number in range(models)]
    return {
        "skill": "ELPA", "dirty_interval": 3, "amplitude_window": 6, "mutant_epsilon": None,
        "online_models": names[: models // 3], "offline_models": names[models // 3 :],
        "scores": dict.fromkeys(names, 1.0),
    }  # fmt: skip


def microseconds(call: Callable[[], object], number: int) -> float:
    """Return the mean CPU time of one call."""
    begin = time.process_time()
    for _ in range(number):
        call()
    return 1e6 * (time.process_time() - begin) / number


def compare(
    title: str, ours: Callable[[], object], number: int, others: dict[str, Callable[[], object]]
) -> list[Result]:
    """Compare calls: the median ratio of five rounds that time all in turn."""
    ratios: dict[str, list[float]] = {label: [] for label in others}
    taken: dict[str, list[float]] = {label: [] for label in others}
    for _ in range(5):
        own = microseconds(ours, number)
        for label, call in others.items():
            taken[label].append(microseconds(call, 4 * number))
            ratios[label].append(own / taken[label][-1])
    medians = {label: statistics.median(found) for label, found in taken.items()}
    return [
        Result(title, statistics.median(ratios[label]) * other, other, label, "microseconds CPU")
        for label, other in medians.items()
    ]


def step_of(models: int, horizon: int = 1) -> Callable[[], object]:
    """Return a call that forecasts one block and learns from its actuals."""
    rng = np.random.default_rng(0)
    shape = (max(2, 1000 // horizon), horizon)
    actuals = rng.normal(size=shape).cumsum().reshape(shape)
    forecasts = actuals[..., None] + rng.normal(size=(*shape, models)) * np.linspace(0.5, 3, models)
    router = Router(policy_of(models), horizon=horizon)
    blocks = cycle(zip(list(forecasts), actuals.tolist(), strict=True))

    def step() -> None:
        block, values = next(blocks)
        router.predict(block)
        router.update(values)

    return step


def speed() -> None:
    rng = np.random.default_rng(0)
    weights, forecasts = rng.random(14), rng.random(14)
    others = {
        "(w * f).sum()": lambda: float((weights * forecasts).sum()),
        "np.dot(w, f)": partial(np.dot, weights, forecasts),
        "np.average(f, weights=w)": partial(np.average, forecasts, weights=weights),
    }
    results = compare("one step of Router, 14 models", step_of(14), 1000, others)

    series = 10_000
    panel = RouterPanel(policy_of(14), series)
    many = [rng.normal(size=(1, series)) for _ in range(8)]
    turns = cycle([(y[..., None] + rng.normal(size=(1, series, 14)), y) for y in many])

    def panel_step() -> None:
        block, values = next(turns)
        panel.predict(block)
        panel.update(values)

    matrix, one_block = rng.random((series, 14)), rng.random((series, 14))
    others = {
        "(w * f).sum(axis=1)": lambda: (matrix * one_block).sum(axis=1),
        "np.einsum('ij,ij->i', w, f)": lambda: np.einsum("ij,ij->i", matrix, one_block),
        "np.average(f, axis=1, weights=w)": lambda: np.average(one_block, axis=1, weights=matrix),
    }
    results += compare("one step of RouterPanel, 10,000 series of 14 models", panel_step, 10, others)
    by_models = {models: microseconds(step_of(models), 1000) for models in MODELS}
    by_horizon = {each: microseconds(step_of(14, each), max(20, 1000 // each)) / each for each in HORIZONS}
    curves = {
        "microseconds of one step of Router, by models": by_models,
        "the same for 14 models, per step of a block, by horizon": by_horizon,
    }
    report("routing", results, curves)


def ratios(panels: list[Panel], served: Callable[[Panel], np.ndarray], base: dict[str, float]) -> float:
    logs = []
    for panel in panels:
        error = np.abs(panel.actuals[panel.validation_rows :] - served(panel)).mean()
        logs.append(np.log(max(error, 1e-300) / base[panel.name]))
    return float(np.exp(np.mean(logs)))


def with_detection(panel: Panel) -> np.ndarray:
    rows, first = panel.validation_rows, panel.blocks[1]
    warm_up = np.array(Router(panel.policy(), panel.validation, horizon=panel.horizon).warm_up)
    epsilon = suggested_epsilon(panel.actuals[first:rows], warm_up[first:])
    return served_test_rows(panel, {**panel.policy(), "mutant_epsilon": epsilon})


def validation_part(panel: Panel) -> Panel:
    """Return the validation rows alone: the first half to warm up, the second to judge.

    A second look at the parts, without any test row.
    """
    rows = panel.validation_rows
    blocks = tuple(first for first in panel.blocks if first < rows)
    first = next(first for first in blocks if 2 * first >= rows)
    return Panel(panel.name, panel.models, panel.actuals[:rows], panel.forecasts[:rows], blocks, first)


def diverged(panel: Panel) -> Iterator[Panel]:
    """Yield the panel with one model more, which diverges from the start or from the first test row.

    It is a copy of the best, the middle or the worst model on validation until then; after it the copy
    grows by a tenth each row, or is at 1e22, missing, missing in every second block, zero, frozen, of the
    other sign, a row late, or shifted by half the range of the actuals or by their mean step.
    """
    rows = panel.validation_rows
    errors = np.abs(panel.actuals[:rows, None] - panel.limited()[:rows]).mean(axis=0)
    half_range, step = np.ptp(panel.actuals[:rows]) / 2, np.abs(np.diff(panel.actuals)).mean()
    places = np.argsort(errors)[[0, len(errors) // 2, -1]].tolist()
    odd = np.searchsorted(panel.blocks, np.arange(len(panel.actuals)), side="right") % 2 == 1
    for first, place in product((0, rows), places):
        healthy = panel.forecasts[:, place]
        after = healthy[first:]
        late = healthy[max(first - 1, 0)]
        grown = np.abs(after).mean() * 1.1 ** np.minimum(np.arange(len(after)), 500)
        lost = [np.full(len(after), 1e22), np.full(len(after), np.nan), np.zeros(len(after))]
        lost += [np.full(len(after), late)]
        bent = [grown, -after, np.append(late, after[:-1]), after + half_range, after + step]
        bent += [np.where(odd[first:], np.nan, after)]
        for bad in bent + (lost if first or place == places[0] else []):
            forecasts = np.column_stack([panel.forecasts, np.append(healthy[:first], bad)])
            models = (*panel.models, ("offline", "diverged"))
            yield dataclasses.replace(panel, models=models, forecasts=forecasts)


def rest(part: str) -> tuple[str, ...]:
    """Return all parts but one."""
    return tuple(other for other in PARTS if other != part)


def divergence(panels: list[Panel], part: str) -> str:
    """Say how many diverged models raise the error of the test rows by more than 2 %, without a part."""
    changes = []
    for panel in panels:
        actuals = panel.actuals[panel.validation_rows :]
        base, *others = (
            float(np.abs(actuals - served_test_rows(each, parts=rest(part))).mean())
            for each in (panel, *diverged(panel))
        )
        changes += [other / base - 1.0 for other in others]
    over = sum(change > 0.02 for change in changes)
    return f"{over} of {len(changes)} raise the error by more than 2 %, at most {max(changes):.1%}"


def static_errors(panels: list[Panel]) -> dict[str, float]:
    errors = {}
    for panel in panels:
        rows, scores = panel.validation_rows, panel.policy()["scores"]
        served = panel.limited() @ pooled_elpa([scores[name] for name in panel.names])
        errors[panel.name] = float(np.abs(panel.actuals - served)[rows:].mean())
    return errors


def ablation(panels: list[Panel], base: dict[str, float]) -> None:
    horizons = sorted({panel.horizon for panel in panels})
    ways: dict[str, Callable[[Panel], np.ndarray]] = {"all parts": served_test_rows}
    for part in PARTS:
        ways[f"without {part}"] = lambda panel, part=part: served_test_rows(panel, parts=rest(part))
    for expert in EXPERTS:
        ways[f"{expert} alone"] = lambda panel, expert=expert: served_test_rows(
            panel, parts=(expert, "guard")
        )
    ways["with detection, suggested epsilon"] = with_detection
    ways["with detection, epsilon 0.3"] = lambda panel: served_test_rows(
        panel, {**panel.policy(), "mutant_epsilon": 0.3}
    )
    print(f"{'':<36}" + "".join(f"{f'h{h}':>9}" for h in horizons))
    for label, way in ways.items():
        values = [ratios([p for p in panels if p.horizon == h], way, base) for h in horizons]
        print(f"{label:<36}" + "".join(f"{value:>9.4f}" for value in values))


def main() -> None:
    panels = [read_panel(Path(name)) for name in sys.argv[1:]]
    if panels:
        result = backtest(panels)
        print("\n".join(table_lines(result)))
        base = {name: entry["mae"][REFERENCE] for name, entry in result["panels"].items()}
        worst = max(e["mae"][ROUTER] / e["mae"][BEST_SINGLE] for e in result["panels"].values())
        print(f"worst panel: {worst:.3f} times the best single model\n")
        print("ablation, test rows: MAE relative to static pooled ELPA, geometric mean, by horizon")
        ablation(panels, base)
        print("\none diverged model more on each panel")
        for part in ("nothing", *PARTS):
            print(f"without {part:<28} {divergence(panels, part)}", flush=True)
        parts = [validation_part(panel) for panel in panels]
        print("\nthe same on validation rows alone, the second half judged")
        ablation(parts, static_errors(parts))
        print()
    speed()


if __name__ == "__main__":
    main()
