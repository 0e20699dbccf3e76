"""A notifier that a config names: refused at parse if Airflow could not call it. Under 2 s."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import structlog
from airflow.callbacks.callback_requests import DagCallbackRequest, TaskCallbackRequest
from airflow.dag_processing.dagbag import DagBag
from airflow.dag_processing.processor import _execute_dag_callbacks, _execute_task_callbacks
from support.airflow_site import DagsFolder
from support.notifiers import NOTIFIERS, TEXT, noted, notes

from elpa_airflow.dag.builder import build_dag
from elpa_core.config.loading import load_training_config
from elpa_core.errors import ConfigError

SMTP = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"
PAGER = """
from airflow.sdk import BaseNotifier


class Pager(BaseNotifier):
    template_fields = ("text",)

    def __init__(self, text, *, level=1):
        super().__init__()
        self.text = text
        if level > 9:
            raise ValueError("at most 9")

    def notify(self, context):
        pass


class Later(BaseNotifier):
    async def async_notify(self, context):
        pass
"""
IMPORTABLE = "a class that can be imported wherever Dags are parsed and tasks run"


def build(folder: DagsFolder, *blocks: dict[str, Any]) -> Any:
    path = folder.config("told", airflow={"notify": [{"on": ["failed"], **block} for block in blocks]})
    return build_dag(load_training_config(path), None)


@pytest.fixture(autouse=True)
def alerts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alerts_of_a_test.py").write_text(PAGER, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def test_a_notifier_of_airflow_and_one_of_ones_own_are_taken(folder: DagsFolder) -> None:
    mail = {"notifier": SMTP, "to": "ops@example.org", "subject": "{{ dag.dag_id }}: {{ verdict }}"}
    dag = build(folder, mail, {"notifier": "alerts_of_a_test.Pager", "text": "{{ reason }}", "level": 2})
    assert len(dag.get_task("integrate").on_failure_callback) == 1


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ({"notifier": "json.JSONDecoder"},
         '.notifier: found "json.JSONDecoder"; expected a subclass of airflow.sdk.BaseNotifier'),
        ({"notifier": "alerts_of_nobody.Pager"},
         '.notifier: found "alerts_of_nobody.Pager" (ModuleNotFoundError: No module named'
         f" 'alerts_of_nobody'); expected {IMPORTABLE}"),
        ({"notifier": "alerts_of_a_test.Pagr", "text": ""},
         '.notifier: found "alerts_of_a_test.Pagr": alerts_of_a_test has no Pagr;'
         f' expected {IMPORTABLE}; did you mean "Pager"?'),
        ({"notifier": "alerts_of_a_test.Later"},
         '.notifier: found "alerts_of_a_test.Later", without notify; expected a notifier with that method'),
        ({"notifier": "alerts_of_a_test.Pager"},
         ".text: found nothing; expected a value: alerts_of_a_test.Pager requires it"),
        ({"notifier": "alerts_of_a_test.Pager", "text": "", "levl": 3},
         ".levl: found an unknown argument; expected one of on, notifier, text, level;"
         ' did you mean "level"?'),
        ({"notifier": "alerts_of_a_test.Pager", "text": "", "level": 10},
         ": found alerts_of_a_test.Pager, which raises ValueError: at most 9; expected arguments that it"
         " accepts"),
        ({"notifier": SMTP, "to": "ops@example.org", "sbject": "x"},
         f": found {SMTP}, which raises TypeError: BaseNotifier.__init__() got an unexpected keyword argument"
         " 'sbject'; expected arguments that it accepts"),
    ],
)  # fmt: skip
def test_one_that_airflow_could_not_call_is_refused(
    folder: DagsFolder, block: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        build(folder, block)
    assert str(caught.value) == f"{folder.configs}/told.json: $.airflow.notify[0]{problem}"


def test_of_a_lost_worker_the_dag_processor_tells_when_the_run_has_failed_and_not_before(
    folder: DagsFolder, tmp_path: Path
) -> None:
    (tmp_path / "notifiers_of_tests.py").write_text(NOTIFIERS, encoding="utf-8")
    told, moment = tmp_path / "told", "2026-01-02T00:00:00Z"
    text = TEXT + "|{{ dag.dag_id }}|{{ reason }}|{{ verdict }}"
    folder.config("told", airflow={"notify": notes(told, "failed", text=text)})
    bag = DagBag(folder.dags)
    names = {"dag_id": "elpa_told", "run_id": "late"}
    run = dict.fromkeys(["logical_date", "data_interval_start", "data_interval_end", "end_date"])
    run |= {**names, "run_after": moment, "start_date": moment, "run_type": "manual", "state": "running"}
    run |= {"consumed_asset_events": [], "partition_key": None}
    key = {"id": uuid.uuid4(), "dag_version_id": uuid.uuid4()}
    place = {"filepath": "pools.py", "bundle_name": "dags-folder", "bundle_version": None, "msg": "x"}
    integrate = {**names, **key, "task_id": "integrate", "try_number": 2}
    of_task = {**place, "ti": integrate, "context_from_server": {"dag_run": run, "max_tries": 1}}
    _execute_task_callbacks(bag, TaskCallbackRequest.model_validate(of_task), structlog.get_logger())
    assert noted(told) == []
    _execute_dag_callbacks(bag, DagCallbackRequest.model_validate(place | names), structlog.get_logger())
    reason = "the process of integrate was killed, or somebody has marked it failed"
    assert noted(told) == [["late", "failed", "", "elpa_told", reason, "no policy"]]


def test_a_task_loads_none(folder: DagsFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is loaded when it is called: a module that went away must not fail the models."""
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "elpa_told")
    with pytest.raises(ConfigError):  # as airflow dags test, which writes what it has parsed
        build(folder, {"notifier": "alerts_of_nobody.Pager"})
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_TASK_ID", "integrate")
    assert build(folder, {"notifier": "alerts_of_nobody.Pager"}).task_ids
