"""How long the pages take: a Dag with 2,000 policies of 20 models, the list of 200 such Dags, and the import.

It starts an API server and Chromium. Of the JSON it prints elapsed and CPU seconds of the server; of pages
the time from navigation to what was drawn last, as the pages mark it. The first visit loads plotly's script,
and the server has not read the Dag before; the others have the script cached. To start it, in the clone:
PYTHONPATH=tests:dags/demo .venv/bin/python tests/bench/bench_pages.py
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Playwright, sync_playwright
from support.airflow_home import AirflowHome
from support.airflow_site import Site, model
from support.browser import ARGUMENTS, CHROMIUM
from support.stores import policy
from support.ui_server import EDITOR, UiServer

from elpa_core.schema.policy import Gain
from elpa_core.store import PolicyStore
from elpa_core.store.history import Entry
from elpa_core.store.summaries import ModelSummary, Summary

DAGS, POLICIES, MODELS, VISITS = 200, 2_000, 20, 5
LONGEST_VISIT = 8
IMPORTS = "import airflow.sdk, airflow.plugins_manager; import elpa_airflow.plugin"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="elpa-bench-") as name:
        home = AirflowHome(Path(name, "first"))
        home.migrate(Site(Path(name), home).env)
        Path(name, "ui").mkdir()
        server = UiServer(Path(name, "ui"), home.migrated)
        print(f"import of the pages where nobody serves them: {import_milliseconds(server):.1f} ms")
        ids = [f"load_{number:03}" for number in range(DAGS)]
        for dag_id in ids:
            server.site.config(dag_id, [model("on"), model("off", "offline")], airflow={"dag_id": dag_id})
        try:
            server.start()
            lay_policies(server, ids)
            measure(server, *ids[:2])
        finally:
            server.stop()
            home.stop()


def import_milliseconds(server: UiServer) -> float:
    """Return how long the import of all that the plugin knows of the pages takes, the median of several."""
    command = [sys.executable, "-X", "importtime", "-c", IMPORTS]
    found = []
    for _ in range(VISITS):
        told = subprocess.run(command, env=server.site.env, capture_output=True, text=True, check=True).stderr
        (line,) = [line for line in told.splitlines() if line.endswith(" elpa_airflow.ui.entry")]
        found.append(int(line.split("|")[1]) / 1000)
    return statistics.median(found)


def lay_policies(server: UiServer, ids: list[str]) -> None:
    """Give each Dag policies whose scores wander, all of them published."""
    first = server.store(ids[0])
    names = [f"model_{number:02}" for number in range(MODELS)]
    groups = {"online": names[: MODELS // 2], "offline": names[MODELS // 2 :]}
    own = [dict.fromkeys(group, 2.0) for group in groups.values()]
    recorded = first.record("last", "2026-04-01T00:00:00Z", policy(*own))
    first.publish(recorded.run_id, recorded.number)
    lay_earlier(first, groups)
    for dag_id in ids[1:]:
        shutil.copytree(first.folder.path, server.store(dag_id).folder.path, copy_function=os.link)


def lay_earlier(store: PolicyStore, groups: dict[str, list[str]]) -> None:
    """Put earlier publications before the only one."""
    generator, folder = random.Random(1), store.folder
    scores = {name: 1 + 5 * generator.random() for own in groups.values() for name in own}
    (last,), summary = store.history(), folder.summaries.read_bytes()
    current = json.loads(folder.current.read_bytes())
    current["publication"]["number"] = POLICIES
    folder.current.write_text(json.dumps(current))
    with folder.history.open("wb") as history, folder.summaries.open("wb") as summaries:
        for hour in range(POLICIES - 1):
            as_of = (dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hour)).isoformat()
            scores = {name: score * math.exp(generator.gauss(0, 0.03)) for name, score in scores.items()}
            best = {group: min(own, key=scores.__getitem__) for group, own in groups.items()}
            key: dict[str, Any] = {"run_id": f"scheduled__{as_of}", "as_of": as_of, "when": as_of}
            models = {}
            for group, own in groups.items():
                total = sum(1 / scores[name] for name in own)
                for name in own:
                    facts = (500, 3.5, None, None, None, None)
                    models[name] = ModelSummary(group, scores[name], 1 / scores[name] / total, *facts)
            gain = Gain(gain=0.1, low=-0.1, high=0.3)
            summaries.write(Summary(**key, number=1, best=best, models=models, router=gain).line())
            more = {"action": "published", "actor": "dag run", "reason": "for the benchmark"}
            history.write(Entry(**key, policy_number=1, number=hour + 1, best=best, **more).line())
        history.write(last.model_copy(update={"number": POLICIES}).line())
        summaries.write(summary)


def measure(server: UiServer, dag_id: str, other: str) -> None:
    with server.client(EDITOR) as client:
        client.get("/pages/dag").raise_for_status()
        parts = {f"{POLICIES} policies of {MODELS} models": f"dags/{dag_id}", f"{DAGS} Dags": "dags"}
        for what, path in parts.items():
            for words in ("cold", "warm"):
                begin, used = time.perf_counter(), server.cpu_seconds()
                answer = client.get(f"/api/v1/{path}").raise_for_status().json()
                took, used = time.perf_counter() - begin, server.cpu_seconds() - used
                late = sum(line.get("pending", False) for line in answer.get("dags", []))
                note = f", {late} Dags late" if late else ""
                print(f"JSON of {what}, {words}: {took:.2f} s, CPU {used:.2f} s{note}")
    with sync_playwright() as driver, Unwatched(driver, server) as browser:
        pages = {"tab of the Dag": (f"dag?dag_id={other}", 4), "list": ("policies", 0)}
        for what, (path, charts) in pages.items():
            for visit in range(VISITS + 1):
                words = "scripts cached" if visit else "first visit"
                took = browser.visit(f"{server.url}/elpa/pages/{path}", charts)
                print(f"{what}, from navigation to all that is drawn, {words}: {took:.2f} s")


class Unwatched:
    """A Chromium that nobody inspects while it loads a page: for inspectors V8 reads scripts again."""

    def __init__(self, driver: Playwright, server: UiServer) -> None:
        self._driver, self._server, self._profile = driver, server, tempfile.mkdtemp(prefix="elpa-bench-")

    def __enter__(self) -> Unwatched:
        assert CHROMIUM is not None
        options = ["--headless=new", "--remote-debugging-port=0", "--window-size=1280,1000"]
        command = [CHROMIUM, *options, *ARGUMENTS, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        told = Path(self._profile, "DevToolsActivePort")
        while not told.exists():
            time.sleep(0.1)
        self._address = f"http://127.0.0.1:{told.read_text().split()[0]}"
        with self._page() as page:
            cookie = {"name": "_token", "value": self._server.token(EDITOR), "url": self._server.url}
            page.context.add_cookies([cookie])
            page.goto(f"{self._server.url}/api/v2/version")
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def visit(self, address: str, charts: int) -> float:
        """Return the seconds from the navigation to what was drawn last: a table and so many charts."""
        with self._page() as page:
            page.evaluate("address => void setTimeout(() => location.assign(address), 500)", address)
        time.sleep(LONGEST_VISIT)
        with self._page() as page:
            last = page.evaluate(
                "Math.max(...performance.getEntriesByName('drawn').map(mark => mark.startTime))"
            )
            assert page.locator("section.chart[data-drawn=chart]").count() == charts
            assert page.locator("tbody tr").count() > 0
        return float(last) / 1000

    @contextmanager
    def _page(self) -> Iterator[Page]:
        browser = self._driver.chromium.connect_over_cdp(self._address)
        yield browser.contexts[0].pages[0]
        browser.close()


if __name__ == "__main__":
    main()
