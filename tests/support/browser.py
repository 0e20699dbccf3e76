"""A real browser: Debian's Chromium, by playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx

CHROMIUM = os.environ.get("ELPA_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 60_000
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Chromium, and end it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield opened
        finally:
            opened.close()


def token(url: str, user: str, password: str) -> str:
    """Return what Airflow gives who signs in."""
    login = {"username": user, "password": password}
    answer = httpx.post(f"{url}/auth/token", json=login, timeout=60)
    return str(answer.raise_for_status().json()["access_token"])


def new_context(browser: Any, width: int, theme: str = "light") -> Any:
    """Return a browser that remembers nothing of others; its pages share what they have loaded."""
    return browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=theme)


def new_page(context: Any, url: str, token: str) -> Any:
    """Return a page of somebody who has signed in with a token."""
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    context.add_cookies([{"name": "_token", "value": token, "url": origin}])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    return page


def drawn(frame: Any) -> None:
    """Wait until each chart is drawn, or says what to install."""
    frame.locator("section.chart").first.wait_for()
    frame.locator("main:not(:has(section.chart:not([data-drawn])))").wait_for()
