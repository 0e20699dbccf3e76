"""Take the pictures of the UI that the pages show, from an Airflow on which the demo has run.

PYTHONPATH=tests:dags/demo .venv/bin/python tests/pages/take_pictures.py http://127.0.0.1:8080 USER PASSWORD
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import quote

import httpx
from support.browser import chromium, drawn, new_context, new_page, token

DAG = "elpa_water_flow"
FOLDER = Path(__file__).parents[2] / "plugins" / "elpa_airflow" / "ui" / "pictures"


def main(url: str, user: str, password: str) -> None:
    mine = token(url, user, password)
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {mine}"}, timeout=60) as client:
        run_id = client.get(f"/elpa/api/v1/dags/{DAG}/policies").json()["policies"][0]["run_id"]
    run = f"/dags/{DAG}/runs/{quote(run_id, safe='')}/plugin/elpa-run-policy"
    pages = [("dag", "light", f"/dags/{DAG}/plugin/elpa-policy"), ("run", "dark", run)]
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser:
        for name, theme, path in pages:
            page = new_page(new_context(browser, 1440, theme), url, mine)
            page.goto(f"{url}{path}")
            frame = page.frame_locator("iframe")
            frame.locator("main:not([aria-busy])").wait_for()
            drawn(frame)
            page.screenshot(path=FOLDER / f"{name}-{theme}.png")
            page.context.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
