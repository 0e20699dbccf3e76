"""Train one forecasting model on an hourly series and write its validation errors.

The last rows before `--as-of` are the validation rows. The model is fitted to earlier rows. It forecasts
each validation row from the data that was known `--horizon` hours earlier. The program writes
`errors.csv` (`timestamp,y_true,pred`, oldest first) and the trained model, `model.pkl`, into `--out`.
"""

import os

# One thread each: the order of sums changes their last bits, and several models train at the same time.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import argparse
import importlib
import pickle
import sys
import time

from water_flow.program import add_data_options, leave, read_split, require_finite, run, say, write
from water_flow.series import Forecaster

MODULES = {
    "online": ("snarimax", "holt_winters", "bayesian_linear", "knn", "adaptive_random_forest"),
    "batch": ("huber", "gradient_boosting", "extra_trees", "mlp"),
    "statistical": ("structural", "sarima"),
}
MODELS = {model: module for module, models in MODULES.items() for model in models}


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong arguments end the program with status 2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, choices=MODELS)
    add_data_options(parser)
    return parser.parse_args(argv)


def train(options: argparse.Namespace) -> None:
    """Train the model and write its files.

    Raises
    ------
    DataError
        If the data cannot be read, if there are too few rows, or if the model diverges.
    """
    started = time.monotonic()
    split = read_split(options)
    fit = getattr(importlib.import_module(f"water_flow.{MODELS[options.model]}"), options.model)
    model: Forecaster = fit(split)
    predictions = model.forecast(split, split.validation)
    require_finite(options.model, predictions)
    options.out.mkdir(parents=True, exist_ok=True)
    write(options.out / "model.pkl", pickle.dumps(model))
    leave(options.out, split, predictions)
    say(f"done in {time.monotonic() - started:.1f} s: {options.out / 'errors.csv'}")


def main() -> int:
    """Run the program; return its exit status."""
    return run(train, parse())


if __name__ == "__main__":
    sys.exit(main())
