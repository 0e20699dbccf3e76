"""How long the tab of a Dag with 2,000 policies of 20 models takes, from navigation to the last chart drawn.

It starts an API server and Chromium. The first visit loads plotly's script, the others have it cached.
"""

from __future__ import annotations

import datetime as dt
import math
import random
import tempfile
import time
from pathlib import Path

from support.airflow_home import AirflowHome
from support.airflow_site import Site
from support.browser import chromium, drawn, new_page
from support.ui_server import EDITOR, UiServer

from elpa_core.schema.policy import Gain
from elpa_core.store import DagFolder
from elpa_core.store.history import Entry
from elpa_core.store.summaries import ModelSummary, Summary

POLICIES, MODELS, VISITS = 2_000, 20, 5


def lay_summaries(folder: DagFolder[Path]) -> None:
    """Write a history and summaries of policies whose scores wander."""
    generator, names = random.Random(1), [f"model_{number:02}" for number in range(MODELS)]
    groups = {"online": names[: MODELS // 2], "offline": names[MODELS // 2 :]}
    scores = {name: 1 + 5 * generator.random() for name in names}
    folder.runs.mkdir(parents=True)
    with folder.history.open("wb") as history, folder.summaries.open("wb") as summaries:
        for hour in range(POLICIES):
            as_of = (dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hour)).isoformat()
            scores = {name: score * math.exp(generator.gauss(0, 0.03)) for name, score in scores.items()}
            models, best, key = {}, {}, {"run_id": f"scheduled__{as_of}", "as_of": as_of, "when": as_of}
            for group, own in groups.items():
                total = sum(1 / scores[name] for name in own)
                best[group] = min(own, key=scores.__getitem__)
                for name in own:
                    weight = 1 / scores[name] / total
                    models[name] = ModelSummary(
                        group=group, score=scores[name], weight=weight, rows=500, seconds=3.5
                    )
            gain = Gain(gain=0.1, low=-0.1, high=0.3)
            summaries.write(Summary(**key, number=1, best=best, models=models, router=gain).line())
            more = {"action": "recorded", "actor": "dag run", "reason": "for the benchmark"}
            history.write(Entry(**key, policy_number=1, best=best, **more).line())


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="elpa-bench-") as name:
        home = AirflowHome(Path(name, "first"))
        home.migrate(Site(Path(name), home).env)
        Path(name, "ui").mkdir()
        server = UiServer(Path(name, "ui"), home.migrated)
        try:
            server.start()
            lay_summaries(server.store("empty").folder)
            with server.client(EDITOR) as client:
                for words in ("cold", "warm"):
                    begin = time.perf_counter()
                    client.get("/api/v1/dags/empty").raise_for_status()
                    print(f"JSON of {POLICIES} policies of {MODELS} models, {words}: {_since(begin)}")
            with chromium() as browser:
                page = new_page(browser, server.url, server.token(EDITOR), width=1280)
                for visit in range(VISITS):
                    page.goto("about:blank")
                    begin = time.perf_counter()
                    page.goto(f"{server.url}/elpa/pages/dag?dag_id=empty")
                    drawn(page)
                    words = "script cached" if visit else "first visit"
                    print(f"from navigation to the last chart, {words}: {_since(begin)}")
        finally:
            server.stop()
            home.stop()


def _since(begin: float) -> str:
    return f"{time.perf_counter() - begin:.2f} s"


if __name__ == "__main__":
    main()
