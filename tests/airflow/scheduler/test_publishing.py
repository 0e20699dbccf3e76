"""Runs of one Dag with other dates, together and again: what is published. About half a minute."""

from __future__ import annotations

import datetime as dt

import pytest
from support.airflow_runs import eventually, numbers, read_json
from support.airflow_site import model
from support.notifiers import noted, notes
from support.standalone_airflow import Standalone

pytestmark = pytest.mark.slow

PUBLISHED = "elpa_published"


@pytest.fixture(scope="module")
def run_ids(standalone: Standalone) -> list[str]:
    """Three runs at the same time; the second one has the latest date, the third one the earliest."""
    airflow = {"retries": 0, "notify": notes(standalone.home / "told_of_published", "recorded", "published")}
    standalone.config("published", [model("on"), model("off", "offline")], airflow=airflow)
    dates = [f"2026-02-0{day}T00:00:00Z" for day in (2, 3, 1)]
    found = standalone.start_together(PUBLISHED, *({"logical_date": date} for date in dates))
    for run_id in found:
        assert standalone.wait(PUBLISHED, run_id) == "success"
    return found


class TestPublishing:
    """Runs of one Dag with other dates, together and again."""

    DAG_ID = PUBLISHED

    def moments(self, standalone: Standalone, *, published: bool) -> list[dt.datetime]:
        return [
            dt.datetime.fromisoformat(line["as_of"])
            for line in standalone.history(self.DAG_ID)
            if line["number"] is not None or not published
        ]

    def test_runs_that_end_together_leave_the_latest_date_in_order(
        self, standalone: Standalone, run_ids: list[str]
    ) -> None:
        published = self.moments(standalone, published=True)
        assert published == sorted(published)
        assert len(self.moments(standalone, published=False)) == 3
        assert standalone.current(self.DAG_ID)["record"]["run_id"] == run_ids[1]
        assert len(standalone.asset_events(self.DAG_ID)) == len(published)
        decided = {line["run_id"]: line["action"] for line in standalone.history(self.DAG_ID)}
        told = noted(standalone.home / "told_of_published")
        assert sorted(line[:2] for line in told) == sorted([*one] for one in decided.items())

    def test_an_old_run_done_again_is_recorded_and_not_published(
        self, standalone: Standalone, run_ids: list[str]
    ) -> None:
        before = standalone.current(self.DAG_ID)
        events = len(standalone.asset_events(self.DAG_ID))
        count = len(standalone.history(self.DAG_ID))
        standalone.clear(self.DAG_ID, run_ids[2], ["online.on"])
        eventually(lambda: len(standalone.history(self.DAG_ID)) > count, "the policy is in the history")
        assert standalone.wait(self.DAG_ID, run_ids[2]) == "success"
        last = standalone.history(self.DAG_ID)[-1]
        assert (last["run_id"], last["policy_number"], last["action"]) == (run_ids[2], 2, "recorded")
        assert "older than the current policy" in last["reason"]
        assert standalone.current(self.DAG_ID) == before
        assert len(standalone.asset_events(self.DAG_ID)) == events
        assert noted(standalone.home / "told_of_published")[-1] == [run_ids[2], "recorded", ""]

    def test_the_current_run_done_again_is_published_again(
        self, standalone: Standalone, run_ids: list[str]
    ) -> None:
        before = standalone.current(self.DAG_ID)
        events = len(standalone.asset_events(self.DAG_ID))
        count = len(standalone.history(self.DAG_ID))
        standalone.clear(self.DAG_ID, run_ids[1], ["online.on"])
        eventually(lambda: len(standalone.history(self.DAG_ID)) > count, "the policy is in the history")
        assert standalone.wait(self.DAG_ID, run_ids[1]) == "success"
        current = standalone.current(self.DAG_ID)
        assert (current["record"]["run_id"], current["record"]["number"]) == (run_ids[1], 2)
        assert numbers(current) == numbers(before)
        assert len(standalone.asset_events(self.DAG_ID)) == events + 1
        first = standalone.run_dir(self.DAG_ID, run_ids[1]) / "policies"
        assert len([read_json(path) for path in first.iterdir()]) == 2
