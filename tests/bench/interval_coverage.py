"""Print how often the interval of a gain holds the true gain, in simulations. About 3 minutes.

PYTHONPATH=tests python tests/bench/interval_coverage.py
"""

from __future__ import annotations

from itertools import product

from support.simulated_differences import KINDS, coverage, coverage_of_evaluation

ROWS = (96, 144, 288, 336, 672, 1344)
HORIZONS = (1, 12, 24)
SERIES, RUNS = 4000, 300


def main() -> None:
    print(f"coverage of the 95 % interval, {SERIES} series each (in brackets: how many have an interval)")
    print(f"{'differences':<20} {'block':>5}" + "".join(f"{rows:>12} rows" for rows in ROWS))
    for kind, horizon in product(KINDS, HORIZONS):
        if horizon == 1 and kind == KINDS[-1]:
            continue
        cells = []
        for rows in ROWS:
            covered, given = coverage(kind, rows, horizon, series=SERIES, seed=rows)
            cells.append(f"{covered:>8.3f} ({given:4.0%})" if given else f"{'none':>15}")
        print(f"{kind:<20} {horizon:>5}  " + "  ".join(cells), flush=True)
    print(f"\nthe intervals in the policy, {RUNS} policies of 336 rows each, four models with equal errors")
    for kind, horizon in product(KINDS[:2], HORIZONS):
        shares = coverage_of_evaluation(kind, 336, horizon, runs=RUNS, seed=1)
        print(f"{kind:<20} {horizon:>5}  " + ", ".join(f"{way} {share:.3f}" for way, share in shares.items()))


if __name__ == "__main__":
    main()
