"""What a start costs: of elpa, of a check of a small error artifact, of a policy of few and many models.

python tests/bench/bench_starting.py [--times N]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from results import Result, cpu_of, python, report

ELPA = "import sys; from elpa_core.cli import main; sys.exit(main(sys.argv[1:]))"
ARTIFACT = """
import sys
from pathlib import Path
from elpa_core.artifacts.error_artifact import artifact_of
artifact_of(Path(sys.argv[1]), model="a", group="online", started_at="S", finished_at="F")
"""
IMPORTED = "import elpa_core.artifacts.error_artifact"
ROWS = (100, 1_000, 9_999, 10_000, 100_000)
MODELS = (2, 4, 20, 50, 100, 200)
HORIZONS = (1, 6, 24, 72, 168)


def integrate(folder: Path, rows: int, models: int, horizon: int, times: int) -> float:
    """Return what ``elpa integrate`` costs for models with so many validation rows."""
    errors, config, output = (folder / name for name in (f"{rows}.csv", "integrate.json", "policy.json"))
    blocks = [
        {"name": f"m{number}", "group": "offline" if number % 2 else "online", "error_csv": str(errors)}
        for number in range(models)
    ]
    config.write_text(json.dumps({"horizon": horizon, "models": blocks}), encoding="utf-8")
    return cpu_of(python(ELPA, "integrate", "--config", config, "--output", output), times)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument(
        "--times", type=int, default=7, help="how often each is measured; the least counts"
    )
    times = arguments.parse_args().times
    plain = cpu_of(python("pass"), times)
    helped = cpu_of(python(ELPA, "--help"), times)
    pydantic = cpu_of(python("import pydantic"), times)
    results = [
        Result("elpa --help", helped, plain, "python -c pass", reach=0.096, difference=True),
        Result("elpa --help", helped, pydantic, "import pydantic"),
    ]
    growth = {}
    with tempfile.TemporaryDirectory(prefix="elpa-bench-") as folder:
        imported = cpu_of(python(IMPORTED), times)
        for rows in ROWS:
            path = Path(folder, f"{rows}.csv")
            lines = "".join(f"{row}.25,{row}.5\n" for row in range(rows))
            path.write_text("y_true,pred\n" + lines, encoding="utf-8")
            growth[rows] = cpu_of(python(ARTIFACT, path), times) - imported
        checked = imported + growth[100]
        results.append(Result("an artifact of 100 rows", checked, imported, "its import", difference=True))
        place = Path(folder)
        made = integrate(place, 100, 2, 1, times)
        results.append(Result("elpa integrate of 2 models", made, plain, "python -c pass", difference=True))
        by_models = {models: integrate(place, 1_000, models, 24, 1) for models in MODELS}
        by_horizon = {horizon: integrate(place, 1_000, 20, horizon, 1) for horizon in HORIZONS}
    curves = {
        "seconds to check an artifact, by rows": growth,
        "seconds of elpa integrate, 1,000 rows, horizon 24, by models": by_models,
        "the same for 20 models, by horizon": by_horizon,
    }
    report("starting", results, curves)


if __name__ == "__main__":
    main()
