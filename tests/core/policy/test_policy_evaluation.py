"""What a policy says of routing, from the artifacts of real commands and files. About 4 s."""

import json
import math

import pytest
from support.pools import block, pool

from elpa_core.cli import main
from elpa_core.routing import Router
from elpa_core.schema.policy import Policy
from elpa_core.store import PolicyStore

ROWS = 60
ACTUALS = [round(10 + 3 * math.sin(row / 4) + (row * 7919 % 13) / 20, 3) for row in range(ROWS)]
GOOD = [round(actual + 0.1, 3) for actual in ACTUALS]
HIGH = [round(actual + 1 + (row * 31 % 7) / 10, 3) for row, actual in enumerate(ACTUALS)]
LOW = [round(actual - 1 - (row * 17 % 5) / 10, 3) for row, actual in enumerate(ACTUALS)]


def write_artifact(path, pred, y_true=ACTUALS, *, with_error=False):
    lines = ["time,y_true,pred,abs_error" if with_error else "time,y_true,pred"]
    for row, (actual, forecast) in enumerate(zip(y_true, pred, strict=True)):
        cells = [row, actual, forecast] + [abs(actual - forecast)] * with_error
        lines.append(",".join(map(str, cells)))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def integrate(tmp_path, write_json, capsys):
    """Integrate models with these error sources; return the policy and what was printed."""

    def run(online, offline, **fields):
        blocks = [{"name": "a", "group": "online", **online}, {"name": "b", "group": "offline", **offline}]
        config = write_json({**fields, "models": blocks}, "integrate.json")
        output = tmp_path / "policy.json"
        assert main(["integrate", "--config", str(config), "--output", str(output)]) == 0
        return json.loads(output.read_bytes()), capsys.readouterr().out

    return run


@pytest.mark.parametrize("with_error", [False, True])
def test_artifacts_with_forecasts_are_evaluated(tmp_path, integrate, with_error):
    policy, printed = integrate(
        {"error_csv": write_artifact(tmp_path / "a.csv", HIGH, with_error=with_error)},
        {"error_csv": write_artifact(tmp_path / "b.csv", LOW, with_error=with_error)},
    )
    told, routing = policy["evaluation"], policy["routing"]
    assert told["rows"] == ROWS
    mean = [(high + low) / 2 for high, low in zip(HIGH, LOW, strict=True)]
    errors = {
        name: sum(abs(y - f) for y, f in zip(ACTUALS, forecasts, strict=True)) / ROWS
        for name, forecasts in {"a": HIGH, "b": LOW, "mean": mean}.items()
    }
    assert told["mae"] == pytest.approx({"a": errors["a"], "b": errors["b"]})
    assert told["best_single"] == {"model": "b", "mae": pytest.approx(errors["b"])}
    assert told["equal_weights"] == pytest.approx(errors["mean"])
    assert told["holdout"]["rows"] == 40
    few = "40 rows to compare on, fewer than 64"
    assert told["gain_over_best_single"]["contract_weights"]["no_interval"] == few
    assert (
        f"the contract weights beat the best single model so far, maybe by chance: {few}" in told["verdict"]
    )
    assert routing["range"] == [min(ACTUALS), max(ACTUALS)]
    assert routing["horizon"] == 1
    assert sum(routing["recommended_weights"].values()) == pytest.approx(1)
    lines = printed.splitlines()
    assert lines[3].startswith("mean absolute error on 60 validation rows: best single model, b 1.2;")
    assert lines[4].startswith(
        "on the last 40 rows, by what was known before: best single model so far 1.2; "
    )
    assert lines[5:8] == told["verdict"]


def test_the_horizon_says_what_was_forecast_together(tmp_path, integrate):
    sources = [{"error_csv": write_artifact(tmp_path / f"{n}.csv", f)} for n, f in (("a", HIGH), ("b", LOW))]
    policy, printed = integrate(*sources, horizon=6)
    assert policy["routing"]["horizon"] == 6
    assert policy["evaluation"]["router"] != integrate(*sources)[0]["evaluation"]["router"]
    assert "not used" not in printed


def test_a_score_at_the_floor_is_a_warning(tmp_path, write_json, capsys):
    sources = [{"ewma_score": 0}, {"error_values": [0, 0]}]
    blocks = [
        {"name": n, "group": g, **s} for n, g, s in zip("ab", ("online", "offline"), sources, strict=True)
    ]
    config = write_json({"models": blocks}, "integrate.json")
    assert main(["integrate", "--config", str(config), "--output", str(tmp_path / "policy.json")]) == 0
    words = (
        "the score is 1e-09, the lowest there is: an error of 0: a leak? See that the model is validated on"
        " rows that it was not trained on"
    )
    assert capsys.readouterr().err.splitlines() == [f"warning: model {name}: {words}" for name in ("a", "b")]


def test_an_ensemble_worse_than_its_best_model_is_said_so_in_words(tmp_path, integrate):
    policy, printed = integrate(
        {"error_csv": write_artifact(tmp_path / "a.csv", GOOD)},
        {"error_csv": write_artifact(tmp_path / "b.csv", [forecast + 2 for forecast in HIGH])},
    )
    words = "the contract weights do not beat the best single model so far"
    assert words in policy["evaluation"]["verdict"]
    assert words in printed.splitlines()


def test_the_same_data_gives_an_equal_policy(tmp_path, integrate):
    sources = [
        {"error_csv": write_artifact(tmp_path / f"{name}.csv", pred)}
        for name, pred in (("a", HIGH), ("b", LOW))
    ]
    first, second = (integrate(*sources)[0] for _ in range(2))
    assert first["evaluation"] is not None
    assert first.pop("created_at") <= second.pop("created_at")
    assert first == second


@pytest.mark.parametrize(
    "other",
    [
        {"ewma_score": 1.0},
        {"error_values": [1.0, 2.0]},
        {"text": "abs_error\n" + "1\n" * ROWS},
        {"y_true": [actual + 0.5 for actual in ACTUALS]},
        {"text": "y_true,pred\n1,2\n"},
        {"text": "abs_error,y_true,pred\n" + "1,x,2\n" * ROWS},
        {"y_true": [1e200] * ROWS, "of_both": True},
    ],
    ids=["score", "values", "no forecasts", "other actuals", "one row", "no numbers", "too large"],
)
def test_without_common_forecasts_there_is_no_evaluation(tmp_path, integrate, other):
    y_true = other.pop("y_true", ACTUALS)
    first = write_artifact(tmp_path / "a.csv", HIGH, y_true if other.pop("of_both", False) else ACTUALS)
    if "text" in other:
        (tmp_path / "b.csv").write_text(other.pop("text"))
        other["error_csv"] = str(tmp_path / "b.csv")
    elif not other:
        other["error_csv"] = write_artifact(tmp_path / "b.csv", LOW, y_true)
    policy, printed = integrate({"error_csv": first}, other)
    assert (policy["routing"], policy["evaluation"]) == (None, None)
    assert "mean absolute error" not in printed


def test_the_contract_fields_do_not_depend_on_the_evaluation(tmp_path, integrate):
    errors = [abs(y - f) for y, f in zip(ACTUALS, LOW, strict=True)]
    online = {"error_csv": write_artifact(tmp_path / "a.csv", HIGH)}
    with_forecasts, _ = integrate(online, {"error_csv": write_artifact(tmp_path / "b.csv", LOW)})
    without, _ = integrate(online, {"error_values": errors})
    for name in ("scores", "online_weights", "offline_weights", "best_online_model", "best_offline_model"):
        assert with_forecasts[name] == without[name], name


@pytest.fixture
def run_policy(tmp_path, elpa, write_json):
    """The policy of a run whose commands leave forecasts of blocks of six steps."""
    for name, pred in (("a", HIGH), ("b", LOW)):
        write_artifact(tmp_path / f"{name}.csv", pred)
    blocks = [
        block(name, group, f"cp '{tmp_path}/{name}.csv' errors.csv")
        for name, group in (("a", "online"), ("b", "offline"))
    ]
    config = write_json(pool(*blocks, horizon=6))
    assert elpa("train", "--config", config, "--execute", "--run-dir", "run").returncode == 0
    done = elpa("integrate", "--run-dir", "run", "--output", "policy.json")
    assert done.returncode == 0, done.stderr
    return tmp_path / "policy.json"


def test_a_run_is_evaluated_in_blocks_of_its_horizon(run_policy):
    policy = json.loads(run_policy.read_bytes())
    assert policy["routing"]["horizon"] == 6
    assert policy["evaluation"]["holdout"]["rows"] == 36  # of 60: from the first block after a third on
    assert policy["evaluation"]["gain_over_best_single"]["router"]["no_interval"].startswith("36 rows")
    assert Router(policy).policy.horizon == 6
    assert Policy.model_validate(policy).to_json() == policy


def test_a_published_policy_keeps_its_evaluation_and_routes(tmp_path, run_policy, elpa):
    policy = json.loads(run_policy.read_bytes())
    store = PolicyStore(tmp_path / "store", "d")
    recorded = store.record("r", "2026-01-01T00:00:00+00:00", policy)
    store.publish("r", recorded.number)
    current = store.current()
    assert current.raw["evaluation"] == policy["evaluation"]
    assert current.raw["routing"] == policy["routing"]
    forecasts = tmp_path / "forecasts.csv"
    forecasts.write_text("block,row,online:a,offline:b\n0,0,12,10\n0,1,13,11\n")
    done = elpa("route", "--policy", current.path, "--forecasts", forecasts)
    assert done.returncode == 0, done.stderr
    expected = Router(policy).predict({"a": [12, 13], "b": [10, 11]}).tolist()
    assert done.stdout.splitlines() == ["block,row,served", f"0,0,{expected[0]!r}", f"0,1,{expected[1]!r}"]
