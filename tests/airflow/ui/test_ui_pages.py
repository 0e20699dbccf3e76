"""The pages in a real browser, in the frames in which Airflow shows them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any
from urllib.parse import quote

import pytest
from support.browser import drawn, new_context, new_page
from support.ui_server import EDITOR, HOSTILE, VIEWER, WITH_ROWS, UiServer

pytestmark = pytest.mark.slow


ALONE = "/elpa/pages/"


@pytest.fixture(scope="module")
def context_of(browser: Any) -> Callable[[int, str], Any]:
    """Return the browser of each width and theme: what it has loaded once it need not load again."""
    return cache(partial(new_context, browser))


@pytest.fixture
def visit(context_of: Callable[[int, str], Any], server: UiServer) -> Iterator[Callable[..., Any]]:
    """Return how to open a page of Airflow, then what comes is the frame in it, or ELPA's page alone."""
    pages: list[Any] = []

    def open_page(
        path: str, user: str = EDITOR, *, page: Any = None, width: int = 1280, theme: str = "light"
    ) -> Any:
        if page is None:
            page = new_page(context_of(width, theme), server.url, server.token(user))
            pages.append(page)
            page.faults = []
            page.on("pageerror", lambda error: page.faults.append(str(error)))
        page.goto(f"{server.url}{path}")
        shown = page if path.startswith(ALONE) else page.frame_locator("iframe")
        shown.locator("main:not([aria-busy])").wait_for()
        return page, shown

    yield open_page
    for page in pages:
        page.close()


DAG = "/dags/pool/plugin/elpa-policy"
RUN = f"/dags/pool/runs/{WITH_ROWS}/plugin/elpa-run-policy"
MODEL = f"/dags/pool/runs/{WITH_ROWS}/tasks/online.ets/plugin/elpa-model"
DAG_ALONE = f"{ALONE}dag?dag_id=pool"
RUN_ALONE = f"{ALONE}run?dag_id=pool&run_id={WITH_ROWS}"


TITLES = {DAG: "Publication 4", RUN: "Serving does not read this policy", MODEL: "ets"}


@pytest.mark.parametrize(
    ("width", "theme", "paths"),
    [
        (1280, "light", [DAG, RUN, MODEL]),
        pytest.param(1920, "dark", [DAG, RUN, MODEL], marks=pytest.mark.sweep),
    ],
    ids=["light", "dark"],
)
def test_each_page_shows_its_policies_in_both_themes(visit, width, theme, paths):
    page, frame = visit("/plugin/elpa-policies", width=width, theme=theme)
    frame.get_by_role("link", name="pool", exact=True).wait_for()
    for path in paths:
        page, frame = visit(path, page=page)
        frame.get_by_role("heading", name=TITLES[path], exact=True).wait_for()
        frame.locator("section.chart").nth(3).wait_for()
        drawn(frame)
        assert frame.locator("section.chart[data-drawn=chart]").count() >= 4
        for words in frame.get_by_text("The same numbers as a table").all():
            words.click()
        frame.locator("details[open] table").nth(3).wait_for()
        for dark in (theme != "dark", theme == "dark"):
            page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", dark)
            frame.locator("html.dark" if dark else "html:not(.dark)").wait_for(state="attached")
    assert page.faults == []


def test_the_rows_of_a_run_stand_at_their_times_and_models_can_be_left_out(visit):
    _, frame = visit(RUN_ALONE)
    frame.get_by_role("heading", name="Forecasts").wait_for()
    drawn(frame)
    chart = frame.locator("section.chart", has=frame.get_by_role("heading", name="Forecasts"))
    assert chart.locator("g.xaxislayer-above text", has_text="Jan 2, 2026").count() > 0
    lines = chart.locator("g.trace.scatter")
    before = lines.count()
    frame.get_by_role("checkbox", name="naive").uncheck()
    frame.locator("main").evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    assert lines.count() == before - 1


def test_marks_say_what_was_decided(visit):
    _, frame = visit(DAG_ALONE)
    drawn(frame)
    for chart in frame.locator("section.chart").all():
        # Four policies that were published, one that was held back.
        heights = re.findall(r"[\d.]+,([\d.]+)", chart.locator("g.xy2 path.js-line").get_attribute("d"))
        assert heights.count(min(heights, key=float)) == 4
        assert chart.locator("g.xy2 path.point").count() == 1


def test_after_a_choice_charts_fit_their_places_and_who_chose_stays_there(visit):
    _, frame = visit(DAG_ALONE)
    drawn(frame)
    group = frame.get_by_label("Group")
    group.focus()
    group.select_option("online")
    frame.locator("section.chart").nth(2).wait_for(state="detached")
    drawn(frame)
    for chart in frame.locator("section.chart").all():
        around, drawing = chart.bounding_box(), chart.locator("svg.main-svg").first.bounding_box()
        assert around["width"] * 0.8 < drawing["width"] < around["width"]
    assert group.evaluate("select => select === document.activeElement")
    frame.get_by_label("Time").select_option("1")
    frame.get_by_text("No policy is of such runs and of this time").wait_for()


def test_lines_of_a_slow_store_come_later(visit, server):
    with server.s3.halted():
        _, frame = visit("/plugin/elpa-policies")
        row = frame.locator("tr", has=frame.get_by_role("link", name="cloud", exact=True))
        row.get_by_text("reading").wait_for()
        assert frame.get_by_role("link", name="pool", exact=True).count() == 1
        frame.get_by_role("button", name="State").click()
    row.get_by_text("never published").or_(row.get_by_text("fine")).wait_for()
    assert frame.locator("th[aria-sort=ascending]").inner_text() == "State"


def test_the_theme_follows_airflow_at_once(visit):
    page, frame = visit("/plugin/elpa-policies")
    for dark in (True, False):
        page.evaluate("dark => document.documentElement.classList.toggle('dark', dark)", dark)
        frame.locator("html.dark" if dark else "html:not(.dark)").wait_for(state="attached")


def test_hostile_texts_are_texts(visit, server):
    page, frame = visit(DAG)
    drawn(frame)
    assert frame.get_by_text(HOSTILE).count() >= 4
    assert frame.locator("img").count() == 0
    page.goto(f"{server.url}/elpa/pages/run?dag_id=pool&run_id={quote(HOSTILE)}")
    drawn(page)
    assert page.get_by_text(HOSTILE).count() >= 4
    assert page.locator("img").count() == 0
    assert page.evaluate("window.hacked") is None
    assert page.faults == []


def test_a_rollback_asks_for_a_reason_and_is_done(visit, server):
    _, frame = visit(DAG)
    frame.get_by_role("button", name="Roll back", exact=True).click()
    dialog = frame.locator("dialog")
    dialog.get_by_text("Serving will read the policy of run day3").wait_for()
    go = dialog.get_by_role("button", name="Roll back")
    assert go.is_disabled()
    dialog.locator("textarea").fill("peaks missed since noon")
    go.click()
    frame.get_by_role("heading", name="Publication 5").wait_for()
    store = server.store("pool")
    last = store.history()[-1]
    assert (last.action, last.actor, last.reason) == ("rolled_back", EDITOR, "peaks missed since noon")
    assert store.current().record.run_id == "day3"


def test_a_run_is_promoted_from_the_table_of_policies(visit, server):
    _, frame = visit(DAG_ALONE)
    row = frame.locator("tr", has=frame.get_by_label("compare day1"))
    row.get_by_role("button", name="Promote").click()
    frame.locator("dialog textarea").fill("looked at")
    frame.locator("dialog").get_by_role("button", name="Promote this policy").click()
    frame.get_by_role("heading", name="Publication 5").wait_for()
    assert server.store("pool").current().record.run_id == "day1"


def test_two_policies_stand_side_by_side(visit):
    _, frame = visit(DAG_ALONE)
    for run_id in ("day1", "day3"):
        frame.get_by_label(f"compare {run_id}").check()
    frame.get_by_role("button", name="Compare the two that are ticked").click()
    frame.get_by_role("heading", name="Side by side").wait_for()
    assert "weight of ets" in frame.locator("#beside").inner_text()


def test_a_viewer_is_told_that_editors_decide(visit):
    for path in (DAG_ALONE, RUN_ALONE):
        _, frame = visit(path, VIEWER)
        frame.get_by_text("Who may edit this Dag promotes and rolls back").wait_for()
        frame.get_by_role("heading", name="Models", exact=True).wait_for()
        assert frame.get_by_role("button", name=re.compile("Promote|Roll back|Lift")).count() == 0


def test_a_session_that_has_ended_is_said(visit):
    # Around the page Airflow goes to its own login as soon as it notices.
    page, _ = visit(DAG_ALONE)
    group = page.get_by_label("Group")
    group.wait_for()
    page.context.clear_cookies()
    group.select_option("online")
    page.get_by_role("heading", name="Your session has ended").wait_for()


@pytest.mark.parametrize(
    ("dag_id", "words"),
    [
        ("empty", "when its task integrate has ended"),
        ("torn", "restore the file from a backup"),
        ("plain", "ELPA has not made this Dag"),
    ],
)
def test_where_there_is_nothing_the_page_says_why(visit, dag_id, words):
    _, frame = visit(f"{ALONE}dag?dag_id={dag_id}")
    frame.get_by_text(words).first.wait_for()
