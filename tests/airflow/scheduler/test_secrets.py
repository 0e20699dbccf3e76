"""Secrets of connections and variables: they reach the command, and nothing that anyone looks at.

About 40 seconds.
"""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from support.airflow_site import model, train_cmd
from support.standalone_airflow import Standalone

pytestmark = pytest.mark.slow

DAG_ID = "elpa_secretive"
PASSWORD = "correct-horse:battery/staple's \"$x"
TOKEN = "tok-5bd1e995-of-the-variable"
SECRETS = (PASSWORD, TOKEN)
# Only the digests are written down; the log gets the values themselves.
SAY = (
    'for value in "$PASSWORD" "$AUTH"; do printf %s "$value" | sha256sum >> digests; done; '
    'echo "token $AUTH, password $PASSWORD"; echo "again: $PASSWORD" >&2; env | grep PASSWORD'
)


@pytest.fixture(scope="module")
def run_id(standalone: Standalone) -> str:
    connection = {"connection_id": "warehouse", "conn_type": "generic", "login": "elpa"}
    standalone.airflow.call("POST", "/connections", **connection, password=PASSWORD)
    standalone.airflow.call("POST", "/variables", key="lake_entry", value=TOKEN)
    env = {"PASSWORD": "{{ conn.warehouse.password }}", "AUTH": "Bearer {{ var.value.lake_entry }}"}
    models = [
        model("on", env=env, cmd=train_cmd(1, 2, first=SAY)),
        model("crash", env=env, cmd=SAY + "; exit 3"),
        model("off", "offline"),
    ]
    standalone.config("secretive", models, airflow={"retries": 0, "on_model_failure": "continue"})
    run_id, state = standalone.run(DAG_ID)
    assert state == "success", standalone.states(DAG_ID, run_id)
    return run_id


def test_the_command_gets_the_values(standalone: Standalone, run_id: str) -> None:
    digests = standalone.run_dir(DAG_ID, run_id) / "models" / "on" / "digests"
    expected = [hashlib.sha256(text.encode()).hexdigest() for text in (PASSWORD, f"Bearer {TOKEN}")]
    assert [line.split()[0] for line in digests.read_text(encoding="ascii").splitlines()] == expected


def test_logs_and_rendered_templates_are_masked(standalone: Standalone, run_id: str) -> None:
    log = standalone.log(DAG_ID, run_id, "online.on")
    assert "password ***" in log
    assert "again: ***" in log
    fields = standalone.task(DAG_ID, run_id, "online.on")["rendered_fields"]
    assert fields["env"] == {"PASSWORD": "***", "AUTH": "***"}
    assert standalone.entry(DAG_ID, run_id, "on")["env"] == {"PASSWORD": "***", "AUTH": "***"}


@pytest.mark.parametrize("secret", SECRETS, ids=["connection", "variable"])
def test_no_file_holds_a_secret(standalone: Standalone, run_id: str, secret: str) -> None:
    everything = [path for path in standalone.home.rglob("*") if path.is_file()]
    paths = [path for path in everything if not path.name.startswith("airflow.db")]
    assert len([path for path in paths if path.suffix == ".log"]) > 3
    assert standalone.run_dir(DAG_ID, run_id) / "elpa_policy.json" in paths
    assert [path for path in paths if holds(path.read_bytes(), secret)] == []


@pytest.mark.parametrize("secret", SECRETS, ids=["connection", "variable"])
def test_no_table_holds_a_secret(standalone: Standalone, run_id: str, secret: str) -> None:
    tables = rows(standalone.home / "airflow.db")
    for table in ("rendered_task_instance_fields", "xcom", "serialized_dag", "dag_run", "log"):
        assert tables[table]
    assert {name for name, found in tables.items() if holds(str(found).encode(), secret)} <= {
        "connection",
        "variable",
    }


def rows(database: Path) -> dict[str, list[Any]]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}
    connection.close()
    return found


def holds(data: bytes, secret: str) -> bool:
    """Tell whether data holds a secret as it is, in JSON, or the part of it that no quoting changes."""
    return any(part.encode() in data for part in (secret, secret.split("'", maxsplit=1)[0]))
