"""A header that cannot be used is answered with what to write or rename, never with another quantity."""

import pytest

from elpa_core.artifacts.column_hints import unusable_columns
from elpa_core.artifacts.model_errors import read_model_errors
from elpa_core.errors import ArtifactError

ONE_ROW_PER_STEP = 'write one row per forecast step: the actual value as "y_true" and the forecast as "pred"'
WRITTEN_BY = {
    "Prophet": ("ds,yhat,yhat_lower,yhat_upper,y,cutoff", "y", "yhat"),
    "Nixtla": ("unique_id,ds,cutoff,y,NHITS,NHITS-lo-90,NHITS-hi-90", "y", "NHITS"),
    "AutoGluon": ("target,mean", "target", "mean"),
    "AutoGluon, with quantiles": ("item_id,timestamp,target,mean,0.1,0.9", "target", "mean"),
    "sktime": ("cutoff,y_test,y_pred", "y_test", "y_pred"),
    "by hand": ("actual,forecast", "actual", "forecast"),
    "by hand, in capitals": ("Date,ACTUAL,Forecast", "ACTUAL", "Forecast"),
    "ELPA's names in other letters": ("Y_True,Pred", "Y_True", "Pred"),
    "with a slip of the pen": ("observed,forcast", "observed", "forcast"),
}


def hint(header):
    return unusable_columns(header.split(","))[2]


@pytest.mark.parametrize("tool", WRITTEN_BY)
def test_what_tools_write_is_known(tool):
    header, actual, forecast = WRITTEN_BY[tool]
    assert hint(header) == f'rename "{actual}" to "y_true" and rename "{forecast}" to "pred"'


def test_of_several_models_one_is_to_be_chosen():
    assert hint("unique_id,ds,cutoff,y,NHITS,ets") == (
        'rename "y" to "y_true" and rename one of "NHITS", "ets" to "pred"'
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("ds,trend,yhat", 'write the actual value as "y_true" and rename "yhat" to "pred"'),  # Prophet
        ("item_id,timestamp,mean", 'write the actual value as "y_true" and rename "mean" to "pred"'),
        ("time,0", ONE_ROW_PER_STEP),  # darts: one series in a file
        ("horizon,mse,rmse,mae,mape,coverage", ONE_ROW_PER_STEP),  # Prophet: scores
        ("test_MeanAbsoluteError,fit_time,pred_time,cutoff,y_test,y_pred", ONE_ROW_PER_STEP),  # sktime
    ],
)
def test_where_actuals_or_forecasts_are_not_there_they_are_to_be_written(header, expected):
    assert hint(header) == expected


@pytest.mark.parametrize(
    "header", ["ABS_ERROR", "Abs Error", "absolute_error", "abs_eror", "asb_error", "error"]
)
def test_an_absolute_error_by_another_name_is_renamed(header):
    assert hint(f"t,{header}") == f'rename "{header}" to "abs_error"'


OTHER_QUANTITIES = [
    "sq_error", "s_error", "abs_pct_error", "abs_error_sum", "mean_abs_error", "abs_error2", "pred_time",
    "pred_std", "prev", "y_true_lag", "rmse", "error_rate",
]  # fmt: skip


@pytest.mark.parametrize("name", OTHER_QUANTITIES)
@pytest.mark.parametrize("beside", ["t", "y_true", "pred", "cutoff,y"])
def test_another_quantity_is_never_to_be_renamed(name, beside):
    assert name not in hint(f"{beside},{name}")
    assert name not in hint(f"{beside},{name.upper()}").lower()


@pytest.mark.parametrize("name", ["abs_error2", "sq_error", "rmse", "run_time", "NHITS-hi-90", "yhat_lower"])
def test_beside_the_models_of_nixtla_too(name):
    assert hint(f"unique_id,ds,cutoff,y,{name}") == 'rename "y" to "y_true" and write the forecast as "pred"'


def test_the_weather_is_no_forecast():
    assert hint("ds,y,temperature") == 'rename "y" to "y_true" and write the forecast as "pred"'


def test_the_hint_stands_in_the_refusal(errors_csv):
    with pytest.raises(ArtifactError) as caught:
        read_model_errors(errors_csv("ds,yhat,y,cutoff\n1,2,3,4\n"), beta=0.5)
    assert str(caught.value).endswith(
        '; rename "y" to "y_true" and rename "yhat" to "pred", or name the columns in error_columns'
    )
