"""``elpa integrate``: are the errors of the models comparable, and what is said of it. About 3 s."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from elpa_core.cli import main

ACTUALS = [round(100 + 9 * math.sin(row / 3) + (row * 7919 % 13) / 5, 3) for row in range(60)]
FIELDS = ("scores", "online_weights", "offline_weights")


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., str]:
    """Write a CSV from its columns, and return its name."""

    def write(name: str, columns: Mapping[str, Sequence[object]]) -> str:
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return name

    return write


@pytest.fixture
def integrate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[Any, list[str], list[str]]]:
    """Integrate the error CSVs of models; return the policy (None if refused) and what was said."""
    monkeypatch.chdir(tmp_path)

    def run(*files: str | dict[str, Any], **fields: Any) -> tuple[Any, list[str], list[str]]:
        models = [
            {"name": "abcdef"[index], "group": "offline" if index else "online"}
            | ({"error_csv": one} if isinstance(one, str) else one)
            for index, one in enumerate(files)
        ]
        Path("config.json").write_text(json.dumps({**fields, "models": models}))
        Path("policy.json").unlink(missing_ok=True)
        status = main(["integrate", "--config=config.json", "--output=policy.json"])
        said = capsys.readouterr()
        policy = json.loads(Path("policy.json").read_bytes()) if status == 0 else None
        assert (status, policy is None) in {(0, False), (2, True)}
        return policy, said.out.splitlines(), said.err.splitlines()

    return run


def off(by: float, actuals: Sequence[float] = ACTUALS) -> list[float]:
    return [round(actual + by * (1 + row % 3), 3) for row, actual in enumerate(actuals)]


def days(count: int = 60, first: int = 1) -> list[str]:
    return [f"2026-{1 + (first + day - 1) // 28:02}-{1 + (first + day - 1) % 28:02}" for day in range(count)]


def ewma(errors: Sequence[float], beta: float = 0.7) -> float:
    score = abs(errors[0])
    for error in errors[1:]:
        score = beta * score + (1 - beta) * abs(error)
    return score


def test_the_policy_is_shown_as_a_table(integrate: Callable[..., Any]) -> None:
    models = [{"ewma_score": 1}, {"ewma_score": 3, "name": "long_name"}, {"ewma_score": 2}]
    _, out, err = integrate(*models, betta=1)
    names = "a, long_name, c"
    assert out == [
        "group    model              score   weight",
        "online   a                      1   1.0000  best",
        "offline  long_name              3   0.4000",
        "offline  c                      2   0.6000  best",
        f"scores may not compare: no actuals: {names}: nothing says that the scores come from the same steps",
        f"no evaluation: no y_true and pred: {names}",
        "policy: policy.json",
    ]
    assert err == ['warning: config.json: $.betta: not used; did you mean "beta"?']


class TestTheSameSteps:
    def test_times_tell_which_steps_are_the_same_and_change_no_score(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        old = {"ds": days(40), "y_true": ACTUALS[:40], "pred": off(0.5, ACTUALS[:40])}
        new = {"ds": days(40, 21), "y_true": ACTUALS[20:], "pred": off(1, ACTUALS[20:])}
        policy, out, err = integrate(table("a.csv", new), table("b.csv", old))
        assert policy["comparison"] == {
            "by": "time",
            "models": {
                "a": {"rows": 40, "shared": 20, "first": days(40, 21)[0], "last": days(40, 21)[-1]},
                "b": {"rows": 40, "shared": 20, "first": days(40)[0], "last": days(40)[-1]},
            },
            "reasons": [],
        }
        assert policy["evaluation"]["rows"] == 20
        assert policy["evaluation_reason"] is None
        assert policy["scores"]["b"] == ewma([f - y for f, y in zip(old["pred"], old["y_true"], strict=True)])
        assert "b: 20 of its 40 rows, 2026-01-01 to 2026-02-12, are of steps that all models share" in out
        assert err == []

    def test_a_gap_in_one_file_moves_no_position(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        gap: list[object] = list(off(2))
        gap[17] = ""
        whole = table("a.csv", {"y_true": ACTUALS, "pred": off(1)})
        policy, _, _ = integrate(whole, table("b.csv", {"y_true": ACTUALS, "pred": gap}))
        assert policy["comparison"]["reasons"] == []
        assert policy["evaluation"]["rows"] == 59

    def test_actuals_of_float32_are_the_same(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        rounded = [round(actual * (1 + 3e-8), 6) + 0.0004 for actual in ACTUALS]
        files = [
            table(f"{n}.csv", {"y_true": y, "pred": off(1)}) for n, y in (("a", ACTUALS), ("b", rounded))
        ]
        policy, _, _ = integrate(*files)
        assert (policy["comparison"]["reasons"], policy["evaluation"]["rows"]) == ([], 60)

    @pytest.mark.parametrize(
        ("other", "said"),
        [
            ({"y_true": ACTUALS[:6], "pred": off(1)[:6]}, "b has 6 of the 60 steps that models have"),
            (
                {"y_true": [a * 1000 for a in ACTUALS], "pred": off(1)},
                "another unit: the actuals of b are 1000 times those of a",
            ),
            (
                {"abs_error": [1.0] * 60},
                "no actuals: b: nothing says that the scores come from the same steps",
            ),
            (
                {"y_true": [*ACTUALS[1:], 99.0], "pred": off(1)},
                "another window, unit or order: 60 of 60 actuals",
            ),
        ],
        ids=["few", "unit", "no actuals", "shifted"],
    )
    def test_what_cannot_be_compared_is_said_and_may_refuse_the_policy(
        self,
        table: Callable[..., str],
        integrate: Callable[..., Any],
        other: dict[str, list[float]],
        said: str,
    ) -> None:
        files = [table("a.csv", {"y_true": ACTUALS, "pred": off(2)}), table("b.csv", other)]
        policy, out, _ = integrate(*files)
        assert any(reason.startswith(said) for reason in policy["comparison"]["reasons"])
        assert any(line.startswith(f"scores may not compare: {said}") for line in out)
        assert policy["evaluation"] is policy["routing"] is None
        assert policy["evaluation_reason"]
        policy, _, err = integrate(*files, on_incomparable="fail")
        assert policy is None
        assert any(f'$.on_incomparable: found "fail", and {said}' in line for line in err)

    def test_windows_that_hardly_overlap_are_named(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        first = {"ds": days(30), "y_true": ACTUALS[:30], "pred": off(1)[:30]}
        second = {"ds": days(30, 29), "y_true": ACTUALS[28:58], "pred": off(2)[28:58]}
        policy, _, _ = integrate(table("a.csv", first), table("b.csv", second))
        (reason,) = policy["comparison"]["reasons"]
        assert reason.startswith("another window: the models share 2 steps: a 2026-01-01 to 2026-02-02; b ")

    def test_times_with_and_without_an_offset_are_not_compared(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        aware = [f"{day}T00:00:00Z" for day in days()]
        files = [
            table(f"{name}.csv", {"ds": ds, "y_true": ACTUALS, "pred": off(1)})
            for name, ds in (("a", days()), ("b", aware))
        ]
        policy, _, err = integrate(*files)
        assert policy["comparison"]["by"] == "position"
        assert "warning: the times of the models cannot be compared" in err[0]


class TestColumnsByName:
    NIXTLA: ClassVar = {"y_true": "y", "time": "ds", "origin": "cutoff"}

    def cross_validation(self) -> dict[str, list[object]]:
        """Four windows of 15 steps of two models, as Nixtla's cross_validation writes them."""
        return {
            "ds": list(days()),
            "cutoff": [["2025-12-31", *days()][row - row % 15] for row in range(60)],
            "y": list(ACTUALS),
            "NHITS": list(off(1)),
            "Naive": list(off(3)),
        }

    def test_models_may_read_one_file_each_its_own_column(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        name = table("cv.csv", self.cross_validation())
        models = [{"error_csv": name, "error_columns": {"pred": pred}} for pred in ("Naive", "NHITS")]
        policy, _, err = integrate(*models, error_columns=self.NIXTLA, horizon=15)
        assert err == []
        assert policy["scores"]["b"] == ewma([f - y for f, y in zip(off(1), ACTUALS, strict=True)])
        assert (policy["comparison"]["by"], policy["evaluation"]["rows"]) == ("time", 60)

    def test_named_times_set_the_order_of_the_score(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        columns = {"when": days(), "y_true": ACTUALS, "pred": off(1)}
        backwards = {name: [*reversed(values)] for name, values in columns.items()}
        files = table("a.csv", columns), table("b.csv", backwards)
        policy, _, err = integrate(*files, error_columns={"time": "when"})
        assert policy["scores"]["a"] == policy["scores"]["b"]
        assert (policy["evaluation"]["rows"], err) == (60, [])

    def test_a_found_time_that_goes_back_is_a_warning_that_names_the_row(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        columns = {"ds": days(), "y_true": ACTUALS, "pred": off(1)}
        backwards = {name: [*reversed(values)] for name, values in columns.items()}
        policy, _, err = integrate(table("a.csv", columns), table("b.csv", backwards))
        assert policy["scores"]["b"] == ewma([f - y for f, y in zip(off(1), ACTUALS, strict=True)][::-1])
        assert err == [f"warning: {line}" for line in policy["warnings"]]
        assert policy["warnings"][0].startswith("b: row 2 (line 3): its time is before that of the row above")

    @pytest.mark.parametrize(
        ("columns", "change", "said"),
        [
            ({"time": "when"}, {}, 'found columns "ds", "y_true", "pred"; expected a column "when"'),
            ({"time": "ds"}, {5: "yesterday"}, 'row 6 (line 7), the column of time: found "yesterday"'),
            ({"time": "ds"}, {5: ""}, "row 6 (line 7), the column of time: found a blank cell"),
            (
                {"time": "ds"},
                {5: "2026-01-06T00:00:00Z"},
                "a time with a UTC offset; expected one without it",
            ),
            (
                {"time": "ds"},
                {5: "2026-01-05"},
                "found the step of row 5 (line 6) once more; expected each step",
            ),
        ],
        ids=["missing", "no time", "blank", "mixed", "doubled"],
    )
    def test_what_cannot_be_read_or_compared_is_refused_where_it_was_named(
        self,
        table: Callable[..., str],
        integrate: Callable[..., Any],
        columns: dict[str, str],
        change: dict[int, str],
        said: str,
    ) -> None:
        times = [change.get(row, day) for row, day in enumerate(days())]
        name = table("a.csv", {"ds": times, "y_true": ACTUALS, "pred": off(1)})
        other = table("b.csv", {"ds": days(), "y_true": ACTUALS, "pred": off(2)})
        policy, _, err = integrate({"error_csv": name, "error_columns": columns}, other)
        assert policy is None
        assert any("a.csv" in line and said in line for line in err), err
        if "when" not in columns.values():
            policy, _, _ = integrate(name, other)
            assert policy is not None


class TestSeveralSeries:
    def columns(self, by: float) -> dict[str, list[object]]:
        """A large and a small series, one after the other, each with ten steps."""
        large, small = [a * 1e4 for a in ACTUALS[:10]], ACTUALS[10:20]
        return {
            "unique_id": ["shop 2"] * 10 + ["shop 1"] * 10,
            "ds": days(10) * 2,
            "y_true": [*large, *small],
            "pred": [*off(by * 1e4, large), *off(by, small)],
        }

    def test_each_is_scored_by_itself_relative_to_its_scale(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        files = [table(f"{name}.csv", self.columns(by)) for name, by in (("a", 1), ("b", 2))]
        policy, _, err = integrate(*files, error_columns={"series": "unique_id", "time": "ds"})
        y, pred = (self.columns(2)[name] for name in ("y_true", "pred"))
        expected = 0.0
        for rows in (slice(10, 20), slice(0, 10)):  # "shop 1" comes before "shop 2"
            scale = 0.0
            for actual in y[rows]:
                scale += abs(actual)  # type: ignore[arg-type]
            scale /= 10
            expected += ewma([f - a for f, a in zip(pred[rows], y[rows], strict=True)]) / scale  # type: ignore[operator]
        assert policy["scores"]["b"] == expected / 2
        assert err == []
        assert policy["evaluation_reason"] == "the rows are of 2 series: a router is replayed on one"

    def test_series_that_no_one_named_are_a_warning(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        files = [table(f"{name}.csv", self.columns(by)) for name, by in (("a", 1), ("b", 2))]
        policy, _, err = integrate(*files)
        assert (
            "a: it holds 2 series, scored as one; name their column in error_columns: series"
            in policy["warnings"]
        )
        assert len(err) == 2

    def test_series_in_one_file_without_a_name_at_all_are_guessed(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        columns = {name: self.columns(1)[name] for name in ("y_true", "pred")}
        policy, _, _ = integrate(table("a.csv", columns), table("b.csv", columns))
        assert policy["warnings"][0].startswith(
            "a: row 11 (line 12): from here on the actuals are of another size"
        )

    def test_a_series_of_zeros_is_left_out(
        self, table: Callable[..., str], integrate: Callable[..., Any]
    ) -> None:
        columns = self.columns(1)
        columns["y_true"][10:] = [0.0] * 10
        name = table("a.csv", columns)
        policy, _, err = integrate(name, name, error_columns={"series": "unique_id"})
        assert err == ['warning: series of zeros only are left out of the scores: "shop 1"']
        assert policy["scores"]["a"] > 0

    @pytest.mark.parametrize(
        ("other", "said"),
        [
            ({"unique_id": ["shop 1"] * 20}, 'found 1 series that only a or b has: b lacks "shop 2"'),
            ({"y_true": None, "pred": None, "abs_error": [1] * 20}, 'expected a column "y_true"'),
            ({"unique_id": ["", *["shop 1"] * 19]}, 'row 1 (line 2), column "unique_id": found a blank cell'),
        ],
        ids=["other series", "no actuals", "blank"],
    )
    def test_what_gives_no_score_is_refused(
        self, table: Callable[..., str], integrate: Callable[..., Any], other: dict[str, Any], said: str
    ) -> None:
        columns = {
            name: values for name, values in {**self.columns(1), **other}.items() if values is not None
        }
        files = table("a.csv", self.columns(1)), table("b.csv", columns)
        policy, _, err = integrate(*files, error_columns={"series": "unique_id"})
        assert policy is None
        assert any(said in line for line in err), err


def test_the_columns_of_a_policy_without_names_change_nothing(
    table: Callable[..., str], integrate: Callable[..., Any]
) -> None:
    bare = {"y_true": ACTUALS, "pred": off(1)}
    dated = {"ds": days(), "cutoff": days(), "unique_id": ["x"] * 60, **bare}
    without, _, _ = integrate(*[table(f"{name}.csv", bare) for name in "ab"])
    found, _, _ = integrate(*[table(f"{name}.csv", dated) for name in "ab"])
    for field in FIELDS:
        assert found[field] == without[field]


TOOLS = Path(__file__).parents[2] / "support" / "cross_validation"


@pytest.mark.parametrize(
    ("tool", "columns", "horizon"),
    [
        ("nixtla", {"series": "unique_id", "time": "ds", "origin": "cutoff", "y_true": "y"}, 6),
        ("prophet", {"time": "ds", "origin": "cutoff", "y_true": "y", "pred": "yhat"}, 6),
        ("autogluon", {"series": "item_id", "time": "timestamp", "y_true": "target", "pred": "mean"}, 1),
        ("sktime", {"time": "time", "origin": "cutoff", "y_true": "actual", "pred": "forecast"}, 6),
        ("darts", {"time": "", "y_true": "load", "pred": "forecast"}, 6),
    ],
)
def test_what_public_tools_write_is_read_as_they_write_it(
    integrate: Callable[..., Any], tool: str, columns: dict[str, str], horizon: int
) -> None:
    path = TOOLS / f"{tool}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    preds = ["Naive", "SeasonalNaive", "HistoricAverage"] if tool == "nixtla" else [columns["pred"]] * 2
    models = [{"error_csv": str(path), "error_columns": {"pred": pred}} for pred in preds]
    policy, _, err = integrate(*models, error_columns=columns, horizon=horizon)
    assert err == []
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row[columns["series"]] if "series" in columns else "", []).append(row)
    expected = 0.0
    for name in sorted(groups):
        own = sorted(
            groups[name], key=lambda row: (row.get(columns.get("origin", "-"), ""), row[columns["time"]])
        )
        actuals = [float(row[columns["y_true"]]) for row in own]
        errors = [float(row[preds[0]]) - actual for row, actual in zip(own, actuals, strict=True)]
        scale = sum(map(abs, actuals)) / len(actuals) if "series" in columns else 1.0
        expected += ewma(errors) / scale
    assert policy["scores"]["a"] == pytest.approx(expected / len(groups), rel=1e-12)
    assert (policy["comparison"]["by"], policy["comparison"]["reasons"]) == ("time", [])
    assert (policy["evaluation"] is None) == ("series" in columns)
