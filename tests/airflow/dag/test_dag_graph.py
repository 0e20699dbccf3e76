"""The Dag that a config becomes: ids, groups, edges, options, schedule, texts. About 3 seconds."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from support.airflow_site import DagsFolder, model, pair

UTC = dt.UTC


def seconds(value: dt.timedelta | None) -> float | None:
    return None if value is None else value.total_seconds()


def pool() -> list[dict[str, Any]]:
    return [
        model("ridge"),
        model("naive"),
        model("ets.v2", "offline"),
        model("idle", enabled=False),
        model("tft", "offline"),
    ]


class TestGraph:
    @pytest.fixture
    def dag(self, folder: DagsFolder) -> Any:
        folder.config("water-flow.v1", pool())
        return folder.parse()["elpa_water-flow.v1"]

    def test_one_dag_a_config(self, folder: DagsFolder) -> None:
        configs = {"a", "b_2", "C-3"}
        for name in configs:
            folder.config(name)
        folder.config("d", airflow={"dag_id": "forecasts.of-d"})
        assert set(folder.parse()) == {f"elpa_{name}" for name in configs} | {"forecasts.of-d"}

    def test_one_task_a_model_and_integrate(self, dag: Any) -> None:
        expected = {f"{m['group']}.{m['name']}" for m in pool()}
        assert set(dag.task_dict) == {*expected, "integrate"}

    def test_two_task_groups_hold_the_models(self, dag: Any) -> None:
        groups = dag.task_group.get_task_group_dict()
        assert set(groups) == {None, "online", "offline"}
        for group in ("online", "offline"):
            members = {f"{group}.{m['name']}" for m in pool() if m["group"] == group}
            assert set(groups[group].children) == members
        assert set(dag.task_group.children) == {"online", "offline", "integrate"}

    def test_every_model_feeds_integrate_and_nothing_else(self, dag: Any) -> None:
        models = set(dag.task_dict) - {"integrate"}
        assert dag.get_task("integrate").upstream_task_ids == models
        for task_id in models:
            task = dag.get_task(task_id)
            assert (task.upstream_task_ids, task.downstream_task_ids) == (set(), {"integrate"})

    def test_integrate_runs_when_all_have_ended(self, dag: Any) -> None:
        task = dag.get_task("integrate")
        assert (task.task_type, task.trigger_rule, task.retries) == ("IntegrateOperator", "all_done", 1)

    def test_a_model_is_trained_by_a_bash_operator(self, dag: Any) -> None:
        from airflow.providers.standard.operators.bash import BashOperator

        task = dag.get_task("online.ridge")
        assert isinstance(task, BashOperator)
        assert task.task_type == "TrainModelOperator"
        assert task.bash_command == pool()[0]["train_cmd"]
        assert (task.append_env, task.template_ext, task.skip_on_exit_code) == (True, (), [])

    def test_a_disabled_model_is_marked(self, dag: Any) -> None:
        shown = {task.task_id: task.task_display_name for task in dag.tasks}
        for block in pool():
            mark = "" if block.get("enabled", True) else " (disabled)"
            assert shown[f"{block['group']}.{block['name']}"] == block["name"] + mark
        assert "Disabled" in dag.get_task("online.idle").doc_md

    def test_commands_with_secrets_are_masked_at_parse(self, folder: DagsFolder) -> None:
        env = {"API_TOKEN": "hunter2hunter2", "URL": "x://hunter2hunter2", "LEVEL": 1}
        folder.config("s", [model("on", cmd="echo hunter2hunter2", env=env), model("off", "offline")])
        task = folder.parse()["elpa_s"].get_task("online.on")
        assert task.bash_command == "echo ***"
        assert task.env == {"API_TOKEN": "***", "URL": "x://***", "LEVEL": "1"}
        assert "hunter2" not in task.doc_md


# Field of the config, attribute of the task, its default, and how the attribute reads as the field.
TASK_OPTIONS = [
    ("retries", lambda task: task.retries, 1),
    ("retry_delay", lambda task: seconds(task.retry_delay), 300),
    ("execution_timeout", lambda task: seconds(task.execution_timeout), None),
    ("pool", lambda task: task.pool, "default_pool"),
    ("pool_slots", lambda task: task.pool_slots, 1),
    ("max_active_tis_per_dag", lambda task: task.max_active_tis_per_dag, None),
    ("queue", lambda task: task.queue, "default"),
    ("priority_weight", lambda task: task.priority_weight, 1),
]
TEXTS = {"pool": ("gpu", "cpu"), "queue": ("fast", "slow")}


class TestTaskOptions:
    @pytest.mark.parametrize(("field", "read", "default"), TASK_OPTIONS, ids=[row[0] for row in TASK_OPTIONS])
    def test_the_model_wins_over_the_top_over_the_default(
        self, field: str, read: Any, default: object, folder: DagsFolder
    ) -> None:
        own, top = TEXTS.get(field, (7, 3))
        folder.config("both", [model("on", airflow={field: own}), *pair()[1:]], airflow={field: top})
        folder.config("neither")
        dags = folder.parse()
        assert read(dags["elpa_both"].get_task("online.on")) == own
        assert read(dags["elpa_both"].get_task("offline.off")) == top
        assert read(dags["elpa_neither"].get_task("online.on")) == default

    def test_zero_is_a_value(self, folder: DagsFolder) -> None:
        zero = {"retries": 0, "retry_delay": 0, "priority_weight": 0}
        models = [model("on", airflow=zero), *pair()[1:]]
        folder.config("zero", models, airflow={"retries": 4, "retry_delay": 9, "priority_weight": 5})
        task = folder.parse()["elpa_zero"].get_task("online.on")
        assert (task.retries, seconds(task.retry_delay), task.priority_weight) == (0, 0, 0)

    def test_integrate_takes_retries_and_keeps_its_own_pool(self, folder: DagsFolder) -> None:
        airflow = {"retries": 5, "retry_delay": 7, "pool": "gpu", "queue": "gpu", "execution_timeout": 1}
        folder.config("top", airflow=airflow)
        task = folder.parse()["elpa_top"].get_task("integrate")
        assert (task.retries, seconds(task.retry_delay)) == (5, 7)
        assert (task.pool, task.queue) == ("default_pool", "default")
        assert task.execution_timeout is None


class TestDagOptions:
    def test_defaults(self, folder: DagsFolder) -> None:
        folder.config("plain")
        dag = folder.parse()["elpa_plain"]
        assert dag.tags == {"elpa"}
        assert dag.description == "Train 2 models and build their policy"
        assert (dag.catchup, dag.schedule, dag.start_date, dag.end_date) == (False, None, None, None)
        assert dag.get_task("online.on").owner == "airflow"

    def test_given(self, folder: DagsFolder) -> None:
        options = {
            "tags": ["demo", "water"],
            "description": "Flow of water",
            "owner": "ana",
            "start_date": "2026-01-31",
            "end_date": "2026-03-01T12:00:00+00:00",
            "timezone": "Europe/Berlin",
            "schedule": "@daily",
            "catchup": True,
            "max_active_runs": 2,
            "max_active_tasks": 3,
        }
        folder.config("full", airflow=options)
        dag = folder.parse()["elpa_full"]
        assert dag.tags == {"elpa", "demo", "water"}
        assert dag.description == "Flow of water"
        assert {task.owner for task in dag.tasks} == {"ana"}
        # Midnight in Berlin.
        assert dag.start_date == dt.datetime(2026, 1, 30, 23, tzinfo=UTC)
        assert dag.end_date == dt.datetime(2026, 3, 1, 12, tzinfo=UTC)
        assert (dag.catchup, dag.max_active_runs, dag.max_active_tasks) == (True, 2, 3)


def intervals(dag: Any, count: int) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return the first data intervals of a Dag, as the scheduler makes them."""
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    timetable = coerce_to_core_timetable(dag.timetable)
    restriction = TimeRestriction(earliest=dag.start_date, latest=None, catchup=True)
    found: list[tuple[dt.datetime, dt.datetime]] = []
    last = None
    for _ in range(count):
        info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
        last = info.data_interval
        found.append((last.start, last.end))
    return found


class TestSchedule:
    @pytest.mark.parametrize("schedule", ["0 6 * * *", "@daily", "@hourly", "30 */6 * * 1-5"])
    def test_intervals_join_without_a_gap(self, schedule: str, folder: DagsFolder) -> None:
        options = {"schedule": schedule, "start_date": "2026-01-01"}
        folder.config("cron", airflow=options)
        dag = folder.parse()["elpa_cron"]
        assert type(dag.timetable).__name__ == "CronDataIntervalTimetable"
        assert set(dag.params.validate()) == set(dag.params)  # no constructor has checked the defaults
        found = intervals(dag, 5)
        assert [end for _, end in found[:-1]] == [start for start, _ in found[1:]]
        assert all(start < end for start, end in found)

    def test_a_run_for_a_day_sees_that_day(self, folder: DagsFolder) -> None:
        options = {"schedule": "0 0 * * *", "timezone": "Europe/Berlin", "start_date": "2026-03-28"}
        folder.config("daily", airflow=options)
        days = intervals(folder.parse()["elpa_daily"], 3)
        # The 29th has 23 hours: summer time begins.
        hours = [23, 23, 22, 22]
        marks = [dt.datetime(2026, 3, 27 + day, hour, tzinfo=UTC) for day, hour in enumerate(hours)]
        assert days == list(itertools.pairwise(marks))

    def test_once(self, folder: DagsFolder) -> None:
        folder.config("once", airflow={"schedule": "@once", "start_date": "2026-01-01"})
        assert type(folder.parse()["elpa_once"].timetable).__name__ == "OnceTimetable"

    def test_a_schedule_without_a_start_date_can_run(self, folder: DagsFolder) -> None:
        folder.config("cron", airflow={"schedule": "@daily"})
        dag = folder.parse()["elpa_cron"]
        assert dag.start_date is not None
        assert dag.start_date < dt.datetime(2001, 1, 1, tzinfo=UTC)


class TestDocs:
    def test_the_dag_says_what_is_trained_where(self, folder: DagsFolder) -> None:
        models = [
            model(
                "ridge",
                airflow={"executor": "LocalExecutor", "pool": "gpu", "pool_slots": 2, "queue": "big"},
            ),
            model("idle", enabled=False),
            model("tft", "offline"),
        ]
        columns = {"time": "ds", "y_true": "y"}
        folder.config(
            "docs", models, dataset="data/flow.csv", horizon=6, error_columns=columns, airflow={"pool": "cpu"}
        )
        text = folder.parse()["elpa_docs"].doc_md
        assert "`docs.json`" in text
        assert "When they cannot be compared: warn." in text
        assert f'* {models[0]["name"]} reads y_true from the column "y", time from the column "ds"' in text
        assert "data/flow.csv" in text
        assert "horizon 6" in text
        assert "Trigger" in text
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
        cells = {row[0]: row[1:] for row in rows}
        assert cells["ridge"] == ["online", "LocalExecutor", "gpu (2 slots)", "big"]
        assert cells["idle (disabled)"] == ["online", "default", "cpu", "default"]
        assert cells["tft"] == ["offline", "default", "cpu", "default"]

    def test_the_dag_says_where_its_store_is(
        self, folder: DagsFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder.config("docs")
        folder.config("own", airflow={"store": "../mine"})
        monkeypatch.setenv("AIRFLOW__ELPA__STORE", "s3://minio@bucket/elpa")
        dags = folder.parse()
        assert "`s3://minio@bucket/elpa/elpa_docs`" in dags["elpa_docs"].doc_md
        assert f"`{folder.configs.parent}/mine/elpa_own`" in dags["elpa_own"].doc_md
        monkeypatch.setenv("AIRFLOW__ELPA__STORE", "s3://key:hunter2@bucket")
        assert "hunter2" not in folder.parse()["elpa_docs"].doc_md

    def test_the_dag_shows_the_configs_warnings(self, folder: DagsFolder) -> None:
        folder.config("warned", [model("on", "Online"), model("off", "offline")], horizn=3)
        text = folder.parse()["elpa_warned"].doc_md
        assert '* $.models[0].group: found "Online", taken as online; write online' in text.replace("'", '"')
        assert '* $.horizn: no command uses this value; did you mean "horizon"?' in text

    def test_no_value_breaks_the_table(self, folder: DagsFolder) -> None:
        hostile = "a | b\n\n# <b>`x`"
        folder.config("hostile", dataset=hostile, airflow={"pool": hostile, "queue": hostile})
        text = folder.parse()["elpa_hostile"].doc_md
        rows = [line for line in text.splitlines() if line.startswith("| on ")]
        assert rows == [r"| on | online | default | a \| b # &lt;b>'x' | a \| b # &lt;b>'x' |"]
        assert "<b>" not in text

    def test_a_task_shows_its_description_and_the_template_of_its_command(self, folder: DagsFolder) -> None:
        described = model("on", cmd="cat <<E\n{horizon}\nE", description="The level of *last week*.")
        folder.config("docs", [described, model("off", "offline")])
        text = folder.parse()["elpa_docs"].get_task("online.on").doc_md
        assert "\n    cat <<E\n    {horizon}\n    E\n" in text
        assert "**on**.\n\nThe level of *last week*.\n\nThe template" in text
        assert "policy" in folder.parse()["elpa_docs"].get_task("integrate").doc_md
