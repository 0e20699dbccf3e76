"""What routers are given by mistake is refused in words, and nothing is changed (about 2 s)."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.made_panels import policy_of

from elpa_core.errors import InputError
from elpa_core.routing import PARTS, CallOrderError, Router, RouterPanel, Validation

POLICY = policy_of(["a"], ["b"])
BY_NAME = {"b": [12.0, 13.0], "a": [10.0, 10.5]}
HUGE = pytest.param(10**5000, id="huge")


class Frame:
    """The least of a data frame: columns by name, and the number of rows for its length."""

    def __init__(self, columns: dict[str, list[float]]) -> None:
        self._columns = columns

    def keys(self) -> list[str]:
        return list(self._columns)

    def __getitem__(self, name: str) -> np.ndarray:
        return np.array(self._columns[name])

    def __len__(self) -> int:
        return 2

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(list(self._columns.values()), dtype).T


def validation(horizon: Any = 1) -> Validation:
    return Validation.of([10.0, 11.0], BY_NAME, horizon=horizon)


@pytest.mark.parametrize("horizon", [0, -1, 1.5, None, "2", True, HUGE])
def test_a_horizon_is_a_positive_integer(horizon: Any) -> None:
    with pytest.raises(InputError, match=r"horizon: found .*; expected an integer from 1 to 1000000"):
        validation(horizon)
    if horizon is not None:
        for call in (
            lambda: Router(POLICY, horizon=horizon),
            lambda: RouterPanel(POLICY, 1, horizon=horizon),
        ):
            with pytest.raises(InputError, match=r"horizon: found .*; expected an integer from 1"):
                call()


@pytest.mark.parametrize("series", ["3", 2.5, None, True, 0, pytest.param(-(10**5000), id="huge")])
def test_the_number_of_series_is_a_positive_integer(series: Any) -> None:
    with pytest.raises(InputError, match=r"series: found .*; expected an integer from 1"):
        RouterPanel(POLICY, series)


def test_integers_may_be_numpys() -> None:
    assert validation(np.int64(2)).blocks == (0,)
    panel = RouterPanel(POLICY, np.int64(2))
    panel.predict([[[10.0, 12.0], [20.0, 22.0]]])
    panel.update([10.0, 20.0])
    one = panel.router(np.int64(1))
    assert one.predict([[20.0, 22.0]])[0] == one.explain(np.int64(0))["served"]


@pytest.mark.parametrize("parts", [None, 5, "median", ["median", 5], [["median"]], b"median"])
def test_parts_are_a_collection_of_names(parts: Any) -> None:
    for make in (lambda: Router(POLICY, parts=parts), lambda: RouterPanel(POLICY, 2, parts=parts)):
        with pytest.raises(InputError, match=r"parts: found .*; expected a collection of names"):
            make()


def test_parts_may_be_any_collection() -> None:
    assert Router(POLICY, parts=(name for name in PARTS)).parts == PARTS
    assert {*Router(POLICY, parts={*PARTS}).parts} == {*PARTS}


@pytest.mark.parametrize("given", ["x", [validation()], BY_NAME, 3])
def test_validation_is_a_validation(given: Any) -> None:
    with pytest.raises(InputError, match=r"validation: found .*; expected what Validation.of returns"):
        Router(POLICY, given)


@pytest.mark.parametrize("given", [validation(), "xy", 3, [validation(), "x"], BY_NAME])
def test_validation_of_a_panel_is_one_for_each_series(given: Any) -> None:
    with pytest.raises(InputError, match=r"validation: found .* one for each of 2 series"):
        RouterPanel(POLICY, 2, given)


def test_validation_rows_have_names_and_shapes() -> None:
    with pytest.raises(InputError, match="expected forecasts by model name"):
        Validation.of([1.0, 2.0], np.ones((2, 2)))
    with pytest.raises(InputError, match="found an array; expected numbers"):
        Validation.of([[1.0], [1.0, 2.0]], BY_NAME)


@pytest.mark.parametrize("step", ["a", None, 1.0, True])
def test_a_step_is_an_integer(step: Any) -> None:
    router = Router(POLICY)
    router.predict(BY_NAME)
    with pytest.raises(InputError, match=r"step: found .*; expected an integer"):
        router.explain(step)


@pytest.mark.parametrize("step", [-1, 2, HUGE])
def test_a_step_was_forecast(step: int) -> None:
    router = Router(POLICY)
    router.predict(BY_NAME)
    with pytest.raises(CallOrderError, match=r"there is no step .* the last predict had 2 steps"):
        router.explain(step)


@pytest.mark.parametrize("series", ["a", 1.5, -1, 2, None, True, HUGE])
def test_a_series_of_a_panel_exists(series: Any) -> None:
    panel = RouterPanel(POLICY, 2)
    with pytest.raises(InputError, match=r"series: found .*; expected an integer from 0 to 1"):
        panel.router(series)


@pytest.mark.parametrize("make", [pd.DataFrame, Frame])
def test_a_frame_is_taken_by_the_names_of_its_columns(make: Callable[[Any], Any]) -> None:
    expected = Router(POLICY).predict(BY_NAME).tolist()
    assert expected != Router(POLICY).predict(np.array([*BY_NAME.values()]).T).tolist()
    assert Router(POLICY).predict(make(BY_NAME)).tolist() == expected
    with pytest.raises(InputError, match='"z": found a model that the policy does not have'):
        Router(POLICY).predict(make({**BY_NAME, "z": [1.0, 2.0]}))
    one = make({"a": [10.0, 10.5]})
    assert Router(POLICY).predict(one).tolist() == [10.0, 10.5]
    assert Validation.of([10.0, 11.0], make(BY_NAME)).names == ("b", "a")


def test_a_frame_with_a_column_twice_is_refused() -> None:
    with pytest.raises(InputError, match='found "a" twice; expected each model once'):
        Router(POLICY).predict(pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]))


def test_what_is_masked_is_missing() -> None:
    masked = np.ma.masked_array([10.0, 1e6], [False, True])
    expected = Router(POLICY).predict({"a": [10.0, np.nan], "b": [12.0, 13.0]}).tolist()
    assert Router(POLICY).predict({"a": masked, "b": [12.0, 13.0]}).tolist() == expected
    assert Router(POLICY).predict({"a": masked, "b": np.ma.masked_array([12, 13])}).tolist() == expected
    rows = np.ma.masked_array([[10, 12], [7, 13]], [[0, 0], [1, 0]])
    assert Router(POLICY).predict(rows).tolist() == expected
    frame = {"a": pd.array([10, None], dtype="Int64"), "b": [12.0, 13.0]}
    assert Router(POLICY).predict(pd.DataFrame(frame)).tolist() == expected
    router = Router(POLICY)
    router.predict(BY_NAME)
    with pytest.raises(InputError, match="actuals: row 1: found nan; expected a number"):
        router.update(masked)
    assert router.waiting == 2


OTHERS = [
    (np.array(["2026-01-01", "2026-01-02"], "M8[D]"), "dates"),
    (pd.Series(pd.to_datetime(["2026-01-01", "2026-01-02"]).tz_localize("UTC")), "dates"),
    (np.array([1, 2], "m8[D]"), "spans of time"),
    (np.array([True, False]), "true and false"),
    (np.array(["1", "2"]), "text"),
    (["1", "2"], "text"),
    (np.array([b"1", b"2"]), "bytes"),
    (np.array([1.0, "2"], object), '"2"'),
    (np.array([1.0, True], object), "true"),
    (np.ma.masked_array([True, False], [True, True]), "true and false"),
    (np.array([1 + 2j, 1]), "complex numbers"),
]


@pytest.mark.parametrize(("values", "found"), OTHERS)
def test_what_are_no_numbers_is_refused(values: Any, found: str) -> None:
    router = Router(POLICY)
    router.predict(BY_NAME)
    before = json.dumps(router.to_json())
    for call in (
        lambda: router.predict({"a": values, "b": [1.0, 2.0]}),
        lambda: router.predict({"a": values}),
        lambda: router.update(values),
    ):
        with pytest.raises(InputError, match=f"found {found}; expected numbers"):
            call()
    assert json.dumps(router.to_json()) == before


@pytest.mark.parametrize(("values", "found"), [pair for pair in OTHERS if isinstance(pair[0], np.ndarray)])
def test_one_array_of_what_are_no_numbers_is_refused(values: np.ndarray, found: str) -> None:
    with pytest.raises(InputError, match=f"forecasts: found {found}; expected numbers"):
        Router(POLICY).predict(values[np.newaxis])


def test_decimals_and_none_are_numbers() -> None:
    given = {"a": [Decimal("10.0"), None], "b": [12, 13]}
    expected = Router(POLICY).predict({"a": [10.0, np.nan], "b": [12.0, 13.0]}).tolist()
    assert Router(POLICY).predict(given).tolist() == expected


def test_thousands_of_unknown_models_are_few_lines() -> None:
    names = [f"m{i}" for i in range(2000)]
    with pytest.raises(InputError) as caught:
        Router(policy_of(names, ["x"])).predict({f"other {i}": [1.0] for i in range(3000)})
    text = str(caught.value)
    assert len(text) < 10_000
    assert "m10, m11 and 1989 more" in text
    assert "found 2988 more models" in text
