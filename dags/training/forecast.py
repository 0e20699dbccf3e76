"""Forecast the next hours of an hourly series with models that `train.py` has trained.

`forecast.py ... knn=model.pkl huber=other/model.pkl` writes a CSV with a column per model: the forecasts
of the `--horizon` hours after the last row before `--as-of`. What it loads is code: load only what your own
runs have trained.
"""

import os

# As in training: the order of sums changes their last bits.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import argparse
import csv
import io
import pickle
import sys
from functools import partial
from pathlib import Path

from water_flow.program import integer, moment, write
from water_flow.series import DataError, Forecaster, ahead, dataset_path, read_series


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; wrong arguments end the program with status 2."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("models", nargs="+", type=named_file, metavar="NAME=FILE", help="trained models")
    add("--dataset", required=True, help="as that of train.py")
    add("--as-of", type=moment, help="use only rows before this ISO 8601 time; all rows if empty or left out")
    add("--horizon", type=partial(integer, least=1), required=True, help="hours ahead, as in training")
    add("--period", type=partial(integer, least=2), required=True, help="hours of a cycle, as in training")
    add("--out", required=True, type=Path, help="CSV of the forecasts")
    return parser.parse_args(argv)


def named_file(text: str) -> tuple[str, Path]:
    """Read NAME=FILE.

    Examples
    --------
    >>> named_file("knn=/tmp/model.pkl")
    ('knn', PosixPath('/tmp/model.pkl'))
    """
    name, sign, path = text.partition("=")
    if not (name and sign and path):
        raise argparse.ArgumentTypeError(f"expected NAME=FILE, found {text!r}")
    return name, Path(path)


def forecast(options: argparse.Namespace) -> None:
    """Write the forecasts.

    Raises
    ------
    DataError
        If the data cannot be read, or there are too few rows.
    """
    series = read_series(dataset_path(options.dataset), options.as_of)
    known, slots = ahead(series, horizon=options.horizon, period=options.period)
    columns = {}
    for name, path in options.models:
        model: Forecaster = pickle.loads(path.read_bytes())  # noqa: S301  (of our own runs)
        columns[name] = model.forecast(known, slots).tolist()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("timestamp", *columns))
    for slot, *values in zip(slots.tolist(), *columns.values(), strict=True):
        writer.writerow((known.times[slot].isoformat(), *(f"{value:.6f}" for value in values)))
    write(options.out, text.getvalue().encode())


def main() -> int:
    """Run the program; return its exit status."""
    try:
        forecast(parse())
    except (DataError, OSError, pickle.UnpicklingError) as error:
        print(f"forecast: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
