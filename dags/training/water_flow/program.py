"""What the training programs share: values of the command line, files and lines that they write."""

import argparse
import csv
import io
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from water_flow.series import DataError, Split, cut, dataset_path, read_series

MIN_VALIDATION_ROWS = 100


def moment(text: str) -> datetime | None:
    """Read an ISO 8601 time with its UTC offset; return None for an empty text.

    Examples
    --------
    >>> moment("2022-05-01T00:00:00Z").isoformat()
    '2022-05-01T00:00:00+00:00'
    """
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected an ISO 8601 time, found {text!r}") from None
    if value.tzinfo is None:
        raise argparse.ArgumentTypeError(f"expected a time with a UTC offset, found {text!r}")
    return value


def integer(text: str, least: int = 0, most: int = 2**32 - 1) -> int:
    """Read an integer from `least` to `most`; the default range is that of NumPy's seeds."""
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"expected an integer from {least} to {most}, found {text!r}")
    return int(text)


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for data, validation rows and the folder of the files."""
    add = parser.add_argument
    add("--dataset", required=True, help="CSV of time and value, or a packaged data set: river:water-flow")
    add("--out", required=True, type=Path, help="folder for errors.csv and the trained model")
    add("--as-of", type=moment, help="use only rows before this ISO 8601 time; all rows if empty or left out")
    add("--horizon", type=partial(integer, least=1), default=6, help="hours ahead (default %(default)s)")
    add("--period", type=partial(integer, least=2), default=24, help="hours of a cycle (default %(default)s)")
    add("--seed", type=integer, default=42, help="random seed (default %(default)s)")
    add(
        "--validation-rows",
        type=partial(integer, least=MIN_VALIDATION_ROWS),
        default=168,
        help="newest rows kept from training (default %(default)s)",
    )


def read_split(options: argparse.Namespace) -> Split:
    """Return the rows to fit to and those to forecast, as the options say.

    Raises
    ------
    DataError
        If the data cannot be read, or if there are too few rows.
    """
    series = read_series(dataset_path(options.dataset), options.as_of)
    split = cut(
        series,
        horizon=options.horizon,
        period=options.period,
        seed=options.seed,
        validation_rows=options.validation_rows,
    )
    scored = split.times[split.start]
    say(f"{options.model}: {len(series.times)} rows, {series.times[0]} to {series.times[-1]}")
    say(f"fitting to {len(split.fit)} rows before {scored}; validating on {len(split.validation)} from there")
    return split


def run(train: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> int:
    """Train a model; return the exit status of the program, and print what went wrong."""
    try:
        train(options)
    except (DataError, OSError, ArithmeticError) as error:
        print(f"{options.model}: {error}", file=sys.stderr)
        return 1
    return 0


def require_finite(model: str, predictions: NDArray[np.float64]) -> None:
    """Refuse the predictions of a model that diverged.

    Raises
    ------
    DataError
        If one of them is not finite.
    """
    if not np.isfinite(predictions).all():
        raise DataError(f"{model} diverged: not every prediction is finite")


def leave(out: Path, split: Split, predictions: NDArray[np.float64]) -> None:
    """Write `errors.csv`, and print the mean absolute error."""
    write(out / "errors.csv", error_rows(split, predictions).encode())
    naive = split.inputs[split.validation - split.cycle]
    error, naive_error = (np.mean(np.abs(split.y_true - forecast)) for forecast in (predictions, naive))
    say(f"mean absolute error {error:.3f} at {split.horizon} h (seasonal naive: {naive_error:.3f})")


def error_rows(split: Split, predictions: NDArray[np.float64]) -> str:
    """Return the text of `errors.csv`; predictions have six decimals."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("timestamp", "y_true", "pred"))
    for slot, y_true, prediction in zip(
        split.validation.tolist(), split.y_true.tolist(), predictions.tolist(), strict=True
    ):
        writer.writerow((split.times[slot].isoformat(), y_true, f"{prediction:.6f}"))
    return text.getvalue()


def write(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that no reader sees a part of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def say(line: str) -> None:
    """Print a line of progress, and flush it."""
    print(line, flush=True)
