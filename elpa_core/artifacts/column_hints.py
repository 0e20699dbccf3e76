"""What to write or rename where the columns of an error CSV are not those of the contract.

Only a name of the same quantity is suggested: a squared or summed error is no absolute error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from elpa_core.errors import quoted, some

USABLE = 'a column "abs_error", or columns "y_true" and "pred"'
"""What the header of an error CSV holds."""

_SHOWN_COLUMNS = 10
_SHOWN_MODELS = 5
_MOST_READ = 10_000  # a broken file may have millions of names in its first line

# Compared without letter case and signs: "Abs Error" is "abserror".
_ERRORS = ("abserror", "abserr", "abserrors", "absoluteerror", "absoluteerrors", "absresidual")
_SIGNED_ERRORS = ("error", "errors", "residual", "residuals", "err", "resid")
_ACTUALS = (
    "ytrue", "y", "actual", "actuals", "actualvalue", "yactual", "ytest", "target", "observed",
    "observation", "truth", "groundtruth", "true", "truevalue",
)  # fmt: skip
_FORECASTS = (
    "pred", "preds", "yhat", "ypred", "forecast", "forecasts", "yforecast", "prediction", "predictions",
    "predicted", "predictedvalue", "forecastvalue", "predictedmean", "fcst",
)  # fmt: skip
_MEANS = ("mean",)
_PLACES = {"ds", "date", "datetime", "timestamp", "time", "cutoff", "uniqueid", "itemid", "series"}
_LONG_ENOUGH = 5  # of shorter names, "prev" and "pred", one letter makes another quantity
_ONE_ROW_PER_FOLD = {"fittime", "lentrainwindow"}  # sktime's evaluate: a cell holds a whole series
_ONE_ROW_PER_STEP = 'write one row per forecast step: the actual value as "y_true" and the forecast as "pred"'
_BOUND_OR_METRIC = re.compile(
    r"(?i)(-(lo|hi)-[\d.]+|[-_](lower|upper|std|stderr)|(^|[-_])(mse|rmse|mae|mape|smape|crps|loss|time|level)"
    r"|error|errs?($|[-_]))"
)


def unusable_columns(names: Sequence[str]) -> tuple[str, str, str]:
    """Return what was found in a header without the needed columns, what is expected, and what to do.

    Examples
    --------
    >>> unusable_columns(["ds", "yhat", "y", "cutoff"])[2]
    'rename "y" to "y_true" and rename "yhat" to "pred"'
    >>> unusable_columns(["time", "sq_error"])[2]
    'write one row per forecast step: the actual value as "y_true" and the forecast as "pred"'
    """
    shown = ", ".join(map(quoted, names[:_SHOWN_COLUMNS]))
    if len(names) > _SHOWN_COLUMNS:
        shown += f" and {len(names) - _SHOWN_COLUMNS} more"
    return f"columns {shown}", USABLE, _what_to_do(names[:_MOST_READ])


def _what_to_do(names: Sequence[str]) -> str:
    if len(names) == 1 and re.search(r"[;\t|]", names[0]):
        return "separate the cells by commas"
    plain = {name: _plain(name) for name in names}
    kinds = {*plain.values()}
    if kinds & _ONE_ROW_PER_FOLD:
        return _ONE_ROW_PER_STEP
    if errors := _alike(plain, _ERRORS):
        return f'rename {_one_of(errors)} to "abs_error"'
    actuals, forecasts = _alike(plain, _ACTUALS), _alike(plain, _FORECASTS)
    if not forecasts and kinds & {"target", "itemid"}:  # of AutoGluon
        forecasts = [name for name in names if plain[name] == "mean"]
    if not forecasts and actuals and {"uniqueid", "cutoff"} <= kinds:  # of Nixtla: one column per model
        forecasts = [name for name in names if name not in actuals and _may_be_a_model(name, plain[name])]
    if not (actuals and forecasts) and (errors := _alike(plain, _SIGNED_ERRORS)):
        return f'rename {_one_of(errors)} to "abs_error"'
    if not actuals and not forecasts:
        return _ONE_ROW_PER_STEP
    steps = [_step(actuals, "y_true", "the actual value"), _step(forecasts, "pred", "the forecast")]
    return " and ".join(filter(None, steps))


def _step(found: Sequence[str], wanted: str, words: str) -> str:
    if wanted in found:
        return ""
    return f'rename {_one_of(found)} to "{wanted}"' if found else f'write {words} as "{wanted}"'


def _one_of(names: Sequence[str]) -> str:
    shown = some([quoted(name) for name in names], _SHOWN_MODELS)
    return shown if len(names) == 1 else f"one of {shown}"


def _alike(plain: dict[str, str], known: Iterable[str]) -> list[str]:
    """Return the names that mean one of the known ones; a misspelt one only if there is no other."""
    found = [name for name, text in plain.items() if text in known]
    return found or [name for name, text in plain.items() if any(_is_misspelt(text, one) for one in known)]


def _is_misspelt(text: str, known: str) -> bool:
    """Tell whether one letter too many, too few, another one, or two swapped ones make the difference."""
    if len(known) < _LONG_ENOUGH or abs(len(text) - len(known)) > 1 or not text.isalpha():
        return False
    if text[0] != known[0]:  # "s_error" is a squared one
        return False
    first = next((i for i, (a, b) in enumerate(zip(text, known, strict=False)) if a != b), None)
    if first is None:
        return text != known
    rest, other = text[first:], known[first:]
    swapped = rest[:2] == other[1::-1] and rest[2:] == other[2:]
    return swapped or rest[1:] in (other, other[1:]) or rest == other[1:]


def _may_be_a_model(name: str, plain: str) -> bool:
    return bool(plain) and plain not in _PLACES and _BOUND_OR_METRIC.search(name) is None


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
