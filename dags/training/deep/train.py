"""Train one deep forecasting model of neuralforecast on an hourly series and write its validation errors.

As the program of the lighter models, it fits to the rows before the last ones and forecasts each of the
last rows from the data that was known `--horizon` hours earlier. It writes `errors.csv`
(`timestamp,y_true,pred`, oldest first) and the trained model, the folder `model`, into `--out`.
"""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from water_flow.program import (
    add_data_options,
    integer,
    leave,
    read_split,
    require_finite,
    run,
    say,
)

MODELS = ("nhits", "tide", "patchtst")


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong arguments end the program with status 2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, choices=MODELS)
    add_data_options(parser)
    add = parser.add_argument
    add("--steps", type=partial(integer, least=1), default=100, help="training steps (default %(default)s)")
    add("--threads", type=integer, default=0, help="threads of torch (default: as many as it takes)")
    add("--progress", action="store_true", help="draw progress bars")
    return parser.parse_args(argv)


def train(options: argparse.Namespace) -> None:
    """Train the model and write its files.

    Raises
    ------
    DataError
        If the data cannot be read, if there are too few rows, or if the model diverges.
    ModuleNotFoundError
        If the libraries of `requirements.txt` are not installed here.
    """
    started = time.monotonic()
    split = read_split(options)
    from deep.networks import forecast  # noqa: PLC0415  (seconds, and wrong arguments are told before)

    say(f"the libraries are loaded after {time.monotonic() - started:.1f} s")
    options.out.mkdir(parents=True, exist_ok=True)
    predictions = forecast(
        options.model,
        split,
        steps=options.steps,
        threads=options.threads,
        progress=options.progress,
        model_dir=options.out / "model",
    )
    require_finite(options.model, predictions)
    leave(options.out, split, predictions)
    say(f"done in {time.monotonic() - started:.1f} s: {options.out / 'errors.csv'}")


def main() -> int:
    """Run the program; return its exit status."""
    options = parse()
    try:
        return run(train, options)
    except ModuleNotFoundError as error:
        hint = "make demo-deep installs dags/training/deep/requirements.txt"
        print(f"{options.model}: {error}: {hint}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
