"""Schedules and backfills: some days forwards, backwards, again; runs that new data starts.

Three days are nine runs. The offline models train more rarely than the online ones.
"""

from __future__ import annotations

import datetime as dt
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.airflow_runs import eventually, read_json
from support.airflow_site import training
from support.backfills import backfill, backfill_by_command, runs
from support.notifiers import noted, notes
from support.programs.write_errors import errors
from support.standalone_airflow import Standalone

from elpa_core.scores.ewma import ewma_score
from elpa_core.times import utc_text

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Days:
    """The first days of 2026, run daily, and as of when the offline models are trained for each.

    There is no tick between the start and the second run, so that the end of the first interval counts.
    """

    number: int
    offline_schedule: str
    ticks: tuple[int, ...]

    @property
    def as_ofs(self) -> list[str]:
        return [midnight(day) for day in range(2, self.number + 2)]

    @property
    def last(self) -> str:
        return midnight(self.number).removesuffix("T00:00:00Z")

    @property
    def ticks_of(self) -> dict[str, str]:
        """Return the tick of each as_of."""
        return {
            midnight(day): midnight(max(tick for tick in self.ticks if tick <= day))
            for day in range(2, self.number + 2)
        }

    @property
    def forwards(self) -> str:
        return f"elpa_forwards_{self.number}"

    @property
    def backwards(self) -> str:
        return f"elpa_backwards_{self.number}"


def midnight(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00Z"


THREE_DAYS = Days(3, "0 0 4 * *", (2, 4))
# 2026-01-04 and 2026-01-11 are Sundays.
TEN_DAYS = Days(10, "@weekly", (2, 4, 11))
SCHEDULE = {"schedule": "@daily", "start_date": "2026-01-01", "max_active_runs": 3, "retry_delay": 0}


# It leaves its own as_of behind those of all trainings from which it starts.
STARTS_WARM = "cat {previous_dir}/model.pt > model.pt; echo {as_of} >> model.pt; "


@dataclass
class Pass:
    """What a backfill left: types and states of the runs, policies by as_of, publications, asset events.

    Of the model that starts warm also its entries in the manifests, and what it trained on, by as_of.
    """

    states: list[tuple[str, str]]
    policies: dict[str, dict[str, Any]]
    warm_entries: dict[str, dict[str, Any]]
    trained: dict[str, list[str]]
    published: int
    events: int


def look(standalone: Standalone, dag_id: str) -> Pass:
    found = runs(standalone, dag_id)
    policies, warm_entries, trained = {}, {}, {}
    for run in found:
        run_id, as_of = run["dag_run_id"], run["data_interval_end"]
        policies[as_of] = standalone.policy(dag_id, run_id)
        warm_entries[as_of] = standalone.entry(dag_id, run_id, "deep")
        model = standalone.run_dir(dag_id, run_id) / "models" / "deep" / "model.pt"
        trained[as_of] = model.read_text(encoding="utf-8").split()
    return Pass(
        [(run["run_type"], run["state"]) for run in found],
        dict(sorted(policies.items())),
        warm_entries,
        trained,
        sum(line["number"] is not None for line in standalone.history(dag_id)),
        len(standalone.asset_events(dag_id)),
    )


def lasting(policy: dict[str, Any]) -> dict[str, Any]:
    """Return a policy without what says when, where and by which run it was made."""
    sources = {
        name: {field: source[field] for field in ("rows", "sha256", "as_of", "fallback_reason")}
        for name, source in policy["errors"].items()
    }
    passing = {"created_at", "record", "run"}
    return {**{name: policy[name] for name in policy.keys() - passing}, "errors": sources}


@dataclass(frozen=True)
class Backfilled:
    """What three backfills of the same days left."""

    days: Days
    passes: dict[str, Pass]


@pytest.fixture(
    scope="module", params=[THREE_DAYS, pytest.param(TEN_DAYS, marks=pytest.mark.sweep)], ids=["three", "ten"]
)
def backfilled(request: pytest.FixtureRequest, standalone: Standalone) -> Backfilled:
    days: Days = request.param
    for dag_id in (days.forwards, days.backwards):
        airflow = {**SCHEDULE, "offline_schedule": days.offline_schedule, "end_date": days.last}
        told = notes(standalone.home / f"told_of_{dag_id}", "recorded", "published")
        deep = training("deep", first=STARTS_WARM, artifacts=["model.pt"])
        models = [training("ridge"), deep, training("tide", "offline")]
        standalone.config(dag_id, models, airflow={**airflow, "dag_id": dag_id, "notify": told})
    for dag_id in (days.forwards, days.backwards):
        standalone.airflow.wait_for_dag(dag_id)
    backfill(standalone, days.forwards, days.last, max_active_runs=1)
    forwards = look(standalone, days.forwards)
    backfill(standalone, days.backwards, days.last, max_active_runs=1, run_backwards=True)
    backwards = look(standalone, days.backwards)
    backfill(standalone, days.forwards, days.last, max_active_runs=3, reprocess_behavior="completed")
    return Backfilled(
        days, {"forwards": forwards, "backwards": backwards, "again": look(standalone, days.forwards)}
    )


class TestBackfills:
    def test_every_run_of_every_pass_ends_well(self, backfilled: Backfilled) -> None:
        for name, found in backfilled.passes.items():
            assert list(found.policies) == backfilled.days.as_ofs, name
            assert found.states == [("backfill", "success")] * backfilled.days.number, name

    def test_policies_differ_as_the_data_do(self, backfilled: Backfilled) -> None:
        for as_of, policy in backfilled.passes["forwards"].policies.items():
            expected = {
                name: ewma_score(errors(moment.removesuffix("Z") + "+00:00", "42", name), policy["beta"])
                for name, moment in (
                    ("ridge", as_of),
                    ("deep", as_of),
                    ("tide", backfilled.days.ticks_of[as_of]),
                )
            }
            assert policy["scores"] == pytest.approx(expected, rel=1e-12)
            assert (policy["degraded"], policy["missing"]) == (False, [])
        assert (
            len({policy["scores"]["ridge"] for policy in backfilled.passes["forwards"].policies.values()})
            == backfilled.days.number
        )

    @pytest.mark.parametrize("name", ["backwards", "again"])
    def test_policies_are_equal_in_any_order_of_runs(self, backfilled: Backfilled, name: str) -> None:
        found = {as_of: lasting(policy) for as_of, policy in backfilled.passes[name].policies.items()}
        assert found == {
            as_of: lasting(policy) for as_of, policy in backfilled.passes["forwards"].policies.items()
        }

    @pytest.mark.parametrize("name", ["forwards", "backwards"])
    def test_forwards_each_run_starts_from_its_predecessor_and_backwards_cold(
        self, backfilled: Backfilled, name: str
    ) -> None:
        days, found = backfilled.days.as_ofs, backfilled.passes[name]
        before: list[str | None] = [None] * len(days)
        trained = [[day] for day in days]
        if name == "forwards":
            before[1:] = [found.policies[day]["run"]["run_id"] for day in days[:-1]]
            trained = [days[: number + 1] for number in range(len(days))]
        assert [found.policies[day]["errors"]["deep"]["warm_started_from"] for day in days] == before
        assert [found.warm_entries[day]["warm_started_from"] for day in days] == before
        assert [[moment(one) for one in found.trained[day]] for day in days] == [
            list(map(moment, one)) for one in trained
        ]

    @pytest.mark.parametrize("name", ["forwards", "backwards", "again"])
    def test_a_policy_says_as_of_when_its_offline_models_were_trained(
        self, backfilled: Backfilled, name: str
    ) -> None:
        for as_of, policy in backfilled.passes[name].policies.items():
            source = policy["errors"]["tide"]
            found = source["as_of"] and utc_text(dt.datetime.fromisoformat(source["as_of"]))
            tick = backfilled.days.ticks_of[as_of]
            assert found == (tick if tick != as_of else None)
            assert (source["trained_at"] is None) == (source["carried_from"] is None)

    def test_each_run_has_a_folder_of_its_own_and_its_own_dates(
        self, standalone: Standalone, backfilled: Backfilled
    ) -> None:
        for dag_id in (backfilled.days.forwards, backfilled.days.backwards):
            ends = {run["dag_run_id"]: run["data_interval_end"] for run in runs(standalone, dag_id)}
            assert sorted(ends.values()) == backfilled.days.as_ofs
            seen = standalone.seen(dag_id)
            online = {
                run_id: {
                    line["as_of"] for line in seen if line["run_id"] == run_id and line["name"] == "ridge"
                }
                for run_id in ends
            }
            assert online == {run_id: {end.replace("Z", "+00:00")} for run_id, end in ends.items()}
            for line in seen:
                assert moment(line["as_of"]) <= moment(ends[line["run_id"]])
                assert (
                    Path(line["cwd"]) == standalone.run_dir(dag_id, line["run_id"]) / "models" / line["name"]
                )

    def test_offline_models_train_rarely_when_days_come_in_order(
        self, standalone: Standalone, backfilled: Backfilled
    ) -> None:
        for run in runs(standalone, backfilled.days.forwards):
            entry = standalone.entry(backfilled.days.forwards, run["dag_run_id"], "tide")
            if run["data_interval_end"] in backfilled.days.ticks_of.values():
                assert entry["status"] == "ok"
            elif entry["status"] == "planned":
                assert entry["reason"].startswith("not due: offline_schedule had its last tick at 2026-01-")
                assert entry["task_state"] == "skipped"

    def test_none_is_lost_and_current_never_moves_backwards(
        self, standalone: Standalone, backfilled: Backfilled
    ) -> None:
        days = backfilled.days
        for dag_id, times in ((days.forwards, 2), (days.backwards, 1)):
            history = standalone.history(dag_id)
            assert sorted(moment(line["as_of"]) for line in history) == sorted(
                map(moment, days.as_ofs * times)
            )
            published = [moment(line["as_of"]) for line in history if line["number"] is not None]
            assert published == sorted(published)
            assert moment(standalone.current(dag_id)["record"]["as_of"]) == moment(days.as_ofs[-1])

    def test_nobody_is_told_of_policies_that_a_backfill_records(
        self, standalone: Standalone, backfilled: Backfilled
    ) -> None:
        days = backfilled.days
        recorded = 0
        for dag_id in (days.forwards, days.backwards):
            history = standalone.history(dag_id)
            recorded += sum(line["action"] == "recorded" for line in history)
            published = [line["run_id"] for line in history if line["action"] == "published"]
            told = noted(standalone.home / f"told_of_{dag_id}")
            assert sorted(told) == sorted([run_id, "published", ""] for run_id in published)
        assert recorded > 0

    @pytest.mark.parametrize("name", ["forwards", "backwards", "again"])
    def test_each_publication_and_nothing_else_is_an_asset_event(
        self, backfilled: Backfilled, name: str
    ) -> None:
        assert backfilled.passes[name].events == backfilled.passes[name].published > 0

    def test_a_second_pass_adds_policies_and_changes_none(
        self, standalone: Standalone, backfilled: Backfilled
    ) -> None:
        for as_of, policy in backfilled.passes["forwards"].policies.items():
            path = standalone.run_dir(backfilled.days.forwards, policy["run"]["run_id"]) / "policies"
            kept = [read_json(one) for one in sorted(path.iterdir())]
            assert [one.pop("record")["number"] for one in kept] == [1, 2]
            assert kept == [policy, backfilled.passes["again"].policies[as_of]]


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def test_a_failed_training_is_replaced_by_the_newest_earlier_artifact_and_said(
    standalone: Standalone,
) -> None:
    broken = standalone.configs / "broken_since"
    models = [
        training("ridge"),
        training("tide", "offline", first="[ ! -e {config_dir}/broken_since ] || exit 3; "),
    ]
    told = standalone.home / "told_of_falls_back"
    airflow = {
        **SCHEDULE,
        "dag_id": "elpa_falls_back",
        "retries": 0,
        "offline_schedule": "@daily",
        "notify": notes(told, "degraded"),
    }
    standalone.config("falls_back", models, airflow=airflow)
    standalone.airflow.wait_for_dag("elpa_falls_back")
    first, state = standalone.run("elpa_falls_back", logical_date="2026-01-02T00:00:00Z")
    assert state == "success", standalone.states("elpa_falls_back", first)
    broken.touch()
    run_id, state = standalone.run("elpa_falls_back", logical_date="2026-01-05T00:00:00Z")
    policy = standalone.policy("elpa_falls_back", run_id)
    assert (state, policy["degraded"], policy["missing"]) == ("success", True, [])
    source = policy["errors"]["tide"]
    assert source["carried_from"] == first
    assert "exit code 3" in source["fallback_reason"]
    assert noted(told) == [[run_id, "degraded", ""]]
    # What was carried once is not passed on as if this run had trained it.
    assert standalone.entry("elpa_falls_back", run_id, "tide")["status"] == "failed"


class TestNewData:
    def test_an_event_of_an_asset_starts_a_run_without_dates(self, standalone: Standalone) -> None:
        airflow = {"assets": ["s3://lake/loads"], "offline_schedule": "@weekly", "retry_delay": 0}
        standalone.config("on_data", [training("ridge"), training("tide", "offline")], airflow=airflow)
        dag_id = "elpa_on_data"
        standalone.airflow.wait_for_dag(dag_id)
        standalone.airflow.call("PATCH", f"/dags/{dag_id}", is_paused=False)
        found = standalone.airflow.call("GET", "/assets?uri_pattern=s3://lake/loads")["assets"]
        (asset,) = [one for one in found if one["uri"] == "s3://lake/loads"]
        standalone.airflow.call("POST", "/assets/events", asset_id=asset["id"], extra={"rows": 3})
        eventually(lambda: runs(standalone, dag_id), "the event starts a run")
        (run,) = runs(standalone, dag_id)
        run_id = run["dag_run_id"]
        assert standalone.wait(dag_id, run_id) == "success", standalone.states(dag_id, run_id)
        dates = (run["run_type"], run["logical_date"], run["data_interval_end"])
        assert dates == ("asset_triggered", None, None)
        policy = standalone.policy(dag_id, run_id)
        assert moment(policy["run"]["as_of"]) == moment(run["run_after"])
        tick = moment(policy["errors"]["tide"]["as_of"])
        assert tick <= moment(run["run_after"]) < tick + dt.timedelta(days=7)
        assert tick.strftime("%a %H:%M:%S") == "Sun 00:00:00"
        assert standalone.current(dag_id)["record"]["run_id"] == run_id


def every_character() -> str:
    """Return all characters that a config can hold of scripts in wide use, and some of each other kind."""
    blocks = [range(1, 0x800), range(0x2000, 0x2070), range(0xFF00, 0xFF10), range(0xFFF9, 0x10000)]
    first: dict[str, int] = {}
    for code in range(0x800, 0x110000):
        first.setdefault(unicodedata.category(chr(code)), code)
    del first["Cs"]  # half a character
    return "".join(map(chr, [*(code for block in blocks for code in block), *first.values()]))


def test_a_config_may_hold_every_character_and_still_be_triggered_and_backfilled(
    standalone: Standalone,
) -> None:
    own, days = every_character(), Days(1, "@weekly", (2,))
    values = '"$ELPA_DATASET" "$ELPA_VAL_DATASET" "$ELPA_TEST_DATASET" "$ELPA_NOTE"'
    show = f"printf '%s\\0' {values} > own; "
    given = {"dataset": own, "val_dataset": own[::-1], "test_dataset": f"-{own}", "context": {"note": own}}
    standalone.config(
        "own",
        [training("ridge", first=show), training("tide", "offline")],
        airflow={**SCHEDULE, "end_date": days.last},
        **given,
    )
    standalone.airflow.wait_for_dag("elpa_own")
    found = standalone.airflow.call("GET", "/dags/elpa_own/details")["params"]
    form = {name: param["value"] for name, param in found.items()}
    assert given.items() <= form.items()
    backfill_by_command(standalone, "elpa_own", days.last, form)
    standalone.run("elpa_own", form)
    ended = {run["run_type"]: (run["state"], run["dag_run_id"]) for run in runs(standalone, "elpa_own")}
    assert sorted(ended) == ["backfill", "manual"]
    for state, run_id in ended.values():
        assert state == "success"
        assert standalone.manifest("elpa_own", run_id)["chosen"] == {}
        seen = standalone.run_dir("elpa_own", run_id) / "models" / "ridge" / "own"
        assert seen.read_bytes().decode().split("\0") == [own, own[::-1], f"-{own}", own, ""]
