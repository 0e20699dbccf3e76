"""The JSON of the pages, from a real API server: who may have it, and what decisions by hand do."""

from __future__ import annotations

import hashlib
import json
import re

import httpx
import pytest
from support.airflow_runs import eventually
from support.rights_per_dag import GUEST
from support.stores import policy, run
from support.ui_server import EDITOR, HOSTILE, STORE_IN_A_BUCKET, VIEWER, UiServer

from elpa_core.files import exists, open_location
from elpa_core.runs.folder import RunFolder
from elpa_core.store import PolicyStore

pytestmark = pytest.mark.slow

_BODIES = {"promote": {"reason": "x", "run_id": "day1"}, "rollback": {"reason": "x"}, "lift": {"reason": "x"}}


def routes(dag_id: str = "pool") -> list[tuple[str, str]]:
    """Return each method and path that the application has."""
    from elpa_airflow.ui.application import make_application

    found = []
    for route in make_application().routes:
        path = route.path.format(dag_id=dag_id, name="dag", stamp="x")
        found += [(method, path) for method in sorted(route.methods)]
    return found


def body_of(path: str) -> dict[str, object] | None:
    return _BODIES.get(path.rpartition("/")[2])


def test_without_a_session_each_route_answers_401(server):
    asked = routes()
    assert len(asked) > 12
    with server.client() as nobody:
        answers = {(m, p): nobody.request(m, p, json=body_of(p)).status_code for m, p in asked}
    assert {*answers.values()} == {401}, answers


def test_no_page_tells_the_routes(server):
    with server.client(EDITOR) as editor:
        assert [editor.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404] * 3


def test_a_viewer_reads_and_decides_nothing(server):
    changing = [path for method, path in routes() if method not in {"GET", "HEAD"}]
    assert len(changing) == 3
    history = server.store("pool").folder.history.read_bytes()
    with server.client(VIEWER) as viewer:
        seen = [
            viewer.get(path).json() for path in ("/api/v1/dags/pool", "/api/v1/dags/pool/run?run_id=day1")
        ]
        assert [view["may_decide"] for view in seen] == [False, False]
        assert [viewer.post(path, json=body_of(path)).status_code for path in changing] == [403] * 3
    assert server.store("pool").folder.history.read_bytes() == history


def test_without_the_right_to_a_dag_each_of_its_routes_answers_403(server):
    of_a_dag = [one for one in routes("torn") if one not in routes("pool")]
    assert len(of_a_dag) > 12
    history = server.store("torn").folder.history.read_bytes()
    with server.client(GUEST) as guest:
        answers = {(m, p): guest.request(m, p, json=body_of(p)).status_code for m, p in of_a_dag}
        lines = guest.get("/api/v1/dags").json()["dags"]
    assert {*answers.values()} == {403}, answers
    assert [line["dag_id"] for line in lines] == ["empty", "pool"]
    assert server.store("torn").folder.history.read_bytes() == history


def test_who_may_edit_some_dags_decides_on_those_alone(server):
    changing = [path for method, path in routes() if method not in {"GET", "HEAD"}]
    with server.client(GUEST) as guest:
        seen = [guest.get(f"/api/v1/dags/{dag_id}").json() for dag_id in ("pool", "empty")]
        assert [view["may_decide"] for view in seen] == [False, True]
        assert [guest.post(path, json=body_of(path)).status_code for path in changing] == [403] * 3
        run(server.store("empty"), 1)
        wish = {"run_id": "day1", "reason": "again"}
        assert guest.post("/api/v1/dags/empty/promote", json=wish).status_code == 200


def test_the_list_has_a_line_per_dag_of_elpa(server):
    run_id = server.airflow_api("POST", "/dags/empty/dagRuns", logical_date=None)["dag_run_id"]
    server.airflow_api("PATCH", f"/dags/empty/dagRuns/{run_id}", state="failed")
    with server.client(VIEWER) as viewer:
        lines = {line["dag_id"]: line for line in viewer.get("/api/v1/dags").json()["dags"]}
    assert sorted(lines) == ["cloud", "empty", "lost", "pool", "torn"]
    assert lines["pool"]["current"]["run_id"] == HOSTILE
    assert lines["empty"]["state"] == "none"
    assert [(one["run_id"], one["action"]) for one in lines["empty"]["strip"]] == [(run_id, "failed")]
    assert "restore the file from a backup" in lines["torn"]["problem"]


def test_a_promotion_does_what_the_command_does_and_emits_the_event(server):
    with server.client(EDITOR) as editor:
        ahead = editor.get("/api/v1/dags/pool/change", params={"action": "promote", "run_id": "day1"}).json()
        wish = {"run_id": "day1", "reason": "looked at the peaks", "token": ahead["token"]}
        done = editor.post("/api/v1/dags/pool/promote", json=wish)
    assert (done.status_code, done.json()["action"]) == (200, "promoted")
    last = server.store("pool").history()[-1]
    assert (last.action, last.actor, last.reason) == ("promoted", EDITOR, "looked at the peaks")
    assert server.store("pool").current().record.run_id == "day1"
    (owner, extra), *_ = server.query(
        "select owner, extra from log where event = 'elpa_policy_promote' order by id desc"
    )
    assert (owner, json.loads(extra)["reason"]) == (EDITOR, "looked at the peaks")
    *_, (event,) = server.query(
        "select e.extra from asset_event e join asset a on a.id = e.asset_id where a.uri = ? order by e.id",
        "elpa://pool/policy",
    )
    extra = json.loads(event)
    assert (extra["run_id"], extra["degraded"], extra["gain_over_best_single"]) == ("day1", False, None)
    assert extra["best_online_model"] == server.store("pool").current().contents.best("online")


def test_a_rollback_and_a_lift(server):
    with server.client(EDITOR) as editor:
        back = editor.post("/api/v1/dags/pool/rollback", json={"reason": "peaks missed"})
        assert back.json()["run_id"] == "day3"
        assert editor.get("/api/v1/dags/pool").json()["can_lift"]
        lifted = editor.post("/api/v1/dags/pool/lift", json={"reason": "mended"})
    assert lifted.json()["action"] == "lifted"
    assert [entry.action for entry in server.store("pool").history()[-2:]] == ["rolled_back", "lifted"]


def test_who_decided_on_what_another_has_changed_meanwhile_is_refused(server):
    with server.client(EDITOR) as editor:
        ahead = editor.get("/api/v1/dags/pool/change", params={"action": "rollback"}).json()
        server.store("pool").promote("day1", reason="by another", actor="me")
        late = editor.post("/api/v1/dags/pool/rollback", json={"reason": "x", "token": ahead["token"]})
    assert late.status_code == 409
    assert server.store("pool").current().record.run_id == "day1"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json", "Origin": "https://elsewhere.example"}, 403),
        ({"Content-Type": "application/json", "Origin": "null"}, 403),
        ({"Content-Type": "application/json"}, 403),
    ],
)
def test_another_site_can_make_a_browser_decide_nothing(server, headers, code):
    history = server.store("pool").folder.history.read_bytes()
    cookies = {"_token": server.token(EDITOR)}
    url, body = f"{server.url}/elpa/api/v1/dags/pool/rollback", json.dumps({"reason": "x"})
    answer = httpx.post(url, content=body, headers=headers, cookies=cookies, timeout=60)
    assert answer.status_code == code
    assert server.store("pool").folder.history.read_bytes() == history


def test_the_own_origin_may_decide(server):
    headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{server.port}"}
    url = f"{server.url}/elpa/api/v1/dags/pool/rollback"
    cookies = {"_token": server.token(EDITOR)}
    assert (
        httpx.post(url, json={"reason": "x"}, headers=headers, cookies=cookies, timeout=60).status_code == 200
    )


@pytest.mark.parametrize(
    "wish", [{}, {"reason": ""}, {"reason": "  "}, {"reason": 1}, {"reason": "x", "more": 1}]
)
def test_a_decision_without_a_reason_is_refused(server, wish):
    with server.client(EDITOR) as editor:
        assert editor.post("/api/v1/dags/pool/rollback", json=wish).status_code in {409, 422}
    assert len(server.store("pool").history()) == 5


def test_a_program_gets_the_current_policy_once(server):
    with server.client(VIEWER) as program:
        first = program.get("/api/v1/dags/pool/current")
        assert first.json() == json.loads(server.store("pool").folder.current.read_text())
        known = {"If-None-Match": first.headers["ETag"]}
        assert program.get("/api/v1/dags/pool/current", headers=known).status_code == 304
        server.store("pool").promote("day1", reason="x", actor="me")
        assert program.get("/api/v1/dags/pool/current", headers=known).json()["record"]["run_id"] == "day1"


def test_a_program_gets_the_state_of_the_router_once(server):
    data = b'{"version": 1}'
    digest = hashlib.sha256(data).hexdigest()
    store = server.store("pool")
    path = RunFolder(store.folder.run("day6")).router_state(digest)
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    run(store, 6, {**policy({"ets": 1.0}), "routing": {"state": {"sha256": digest}}})
    with server.client(VIEWER) as program:
        first = program.get("/api/v1/dags/pool/state")
        assert first.content == data
        known = {"If-None-Match": first.headers["ETag"]}
        assert program.get("/api/v1/dags/pool/state", headers=known).status_code == 304


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("/api/v1/dags/plain", 404, "ELPA has not made this Dag"),
        ("/api/v1/dags/..%2F..%2Fetc", 404, ""),
        ("/api/v1/dags/pool/run?run_id=../../../etc", 404, "nothing of this run yet"),
        ("/api/v1/dags/pool/policy?run_id=..", 404, "no such run"),
        ("/api/v1/dags/torn", 503, "restore the file from a backup"),
        ("/assets/x/..%2Fapplication.py", 404, ""),
        ("/assets/x/..%2F..%2Fapplication.py", 404, ""),
        ("/pages/..%2F..%2Fplugin", 404, ""),
    ],
)
def test_what_is_not_there_is_said(server, path, code, words):
    with server.client(EDITOR) as editor:
        answer = editor.get(path)
    assert answer.status_code == code
    assert words in answer.text


def test_a_store_that_this_server_lacks_is_named_once_a_run_has_made_a_policy(server):
    words = f"this server cannot read {server.store_root}/nowhere: no such folder here"
    with server.client(EDITOR) as editor:
        assert editor.get("/api/v1/dags/lost").json()["state"] == "none"
        made = server.airflow_api("POST", "/dags/lost/dagRuns", logical_date=None)
        path = f"/dags/lost/dagRuns/{made['dag_run_id']}/taskInstances/integrate"
        server.airflow_api("PATCH", path, new_state="success")
        answer = editor.get("/api/v1/dags/lost")
        (line,) = [one for one in editor.get("/api/v1/dags").json()["dags"] if one["dag_id"] == "lost"]
    assert (answer.status_code, answer.json()["kind"]) == (503, "store")
    assert answer.json()["detail"].startswith(words)
    assert "mount it on the API server" in answer.json()["detail"]
    assert line["problem"] == answer.json()["detail"]


@pytest.fixture
def bucket(server, monkeypatch):
    """Two days of policies in the bucket of the Dag `cloud`."""
    for name, value in server.s3.env.items():
        monkeypatch.setenv(name, value)
    store = PolicyStore(open_location("s3://policies/elpa"), "cloud")
    if not exists(store.folder.history):
        for number in (1, 2):
            run(store, number)
    return store


def test_a_bucket_that_does_not_answer_keeps_nobody_waiting(server, bucket):
    with server.client(EDITOR) as editor:

        def now() -> list[dict[str, object]]:
            found: list[dict[str, object]] = editor.get("/api/v1/dags?dag_id=cloud").json()["dags"]
            return found

        eventually(lambda: "pending" not in now()[0], "the bucket is read")
        with server.s3.halted():
            lines = {line["dag_id"]: line for line in editor.get("/api/v1/dags").json()["dags"]}
        late = f"{STORE_IN_A_BUCKET} has not answered within 1 s"
        assert lines["cloud"] == {"dag_id": "cloud", "problem": late, "pending": True}
        assert lines["pool"]["current"]["run_id"] == HOSTILE
        eventually(lambda: "pending" not in now()[0], "the bucket is read again")
        assert [line["state"] for line in now()] == ["fine"]


def test_policies_in_a_bucket_are_shown_and_rolled_back_by_the_connection(server, bucket):
    with server.client(EDITOR) as editor:
        (line,) = [one for one in editor.get("/api/v1/dags").json()["dags"] if one["dag_id"] == "cloud"]
        assert line["current"]["run_id"] == "day2"
        assert len(editor.get("/api/v1/dags/cloud").json()["points"]) == 2
        ahead = editor.get("/api/v1/dags/cloud/change", params={"action": "rollback"}).json()
        wish = {"reason": "peaks missed", "token": ahead["token"]}
        assert editor.post("/api/v1/dags/cloud/rollback", json=wish).status_code == 200
    last = bucket.history()[-1]
    assert (last.action, last.actor, last.reason) == ("rolled_back", EDITOR, "peaks missed")
    assert bucket.current().record.run_id == "day1"


def test_every_answer_forbids_foreign_scripts(server):
    with server.client(EDITOR) as editor:
        answers = [
            editor.get(path) for path in ("/pages/dag", "/assets/x/dag.js", "/api/v1/dags", "/nothing")
        ]
    for answer in answers:
        rules = dict(
            part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")
        )
        assert (rules["default-src"], rules["script-src"]) == ("'none'", "'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_browser_keeps_scripts_for_as_long_as_pages_name_them(server):
    with server.client(VIEWER) as reader:
        page = reader.get("/pages/dag")
        (stamp,) = set(re.findall(r"\.\./assets/(\w+)/", page.text))
        assert reader.get("/pages/dag", headers={"If-None-Match": page.headers["ETag"]}).status_code == 304
        for name in ("dag.js", "plotly.min.js", "style.css"):
            kept = reader.get(f"/assets/{stamp}/{name}")
            assert "immutable" in kept.headers["Cache-Control"]
            other = reader.get(f"/assets/of-another-version/{name}")
            assert (other.content, other.headers["Cache-Control"]) == (kept.content, "no-store")


def test_the_plugin_loads_no_web_framework(running_server: UiServer):
    code = (
        "import sys, elpa_airflow.ui.entry as e; assert e.VIEWS;"
        " sys.exit(bool({'fastapi', 'starlette', 'airflow'} & {*sys.modules}))"
    )
    assert running_server.site.python("-c", code, check=False).returncode == 0
