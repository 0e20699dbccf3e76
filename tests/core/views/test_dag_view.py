"""What a Dag's policies did over time, from real stores."""

import datetime as dt
import json

import pytest
from support.stores import day, policy, record, run

from elpa_core.errors import InputError
from elpa_core.schema.policy import MissingModel
from elpa_core.store import PolicyStore, Start
from elpa_core.views import Books, dag_view, overview, policy_rows
from elpa_core.views.book import LAST
from elpa_core.views.changes import change
from elpa_core.views.dag_view import FailedRun
from elpa_core.views.thinning import thinned


@pytest.fixture
def store(tmp_path):
    return PolicyStore(tmp_path, "pool")


def view(store, **options):
    return dag_view(Books().read(store.folder), **options)


def test_the_series_have_each_models_scores_and_weights_by_as_of(store):
    run(store, 2, policy({"ets": 2.0, "naive": 2.0}))
    run(store, 1, policy({"ets": 1.0, "naive": 3.0}))
    found = view(store)
    assert [point.run_id for point in found.points] == ["day1", "day2"]
    (ets,) = [one for one in found.series if one.name == "ets"]
    assert (ets.score, ets.weight, ets.group) == ([1.0, 2.0], [0.75, 0.5], "online")


def test_a_model_that_a_policy_lacks_has_a_gap(store):
    lost = MissingModel(name="naive", group="online", reason="exit code 3", intended=False)
    run(store, 1, policy({"ets": 1.0, "naive": 3.0}))
    run(store, 2, policy({"ets": 1.0}, missing=[lost]))
    found = view(store)
    (naive,) = [one for one in found.series if one.name == "naive"]
    assert naive.score == [3.0, None]
    (row,) = [one for one in found.league if one.name == "naive"]
    assert (row.failures, row.policies, row.reason, row.score, row.score_before) == (
        1,
        2,
        "exit code 3",
        None,
        3.0,
    )
    assert (found.state, found.state_reason) == ("degraded", "naive failed")


def test_a_model_keeps_its_place_when_others_come(store):
    run(store, 1, policy({"ets": 1.0}))
    before = {one.name: one.place for one in view(store).series}
    run(store, 2, policy({"arima": 0.5, "ets": 1.0}))
    after = {one.name: one.place for one in view(store).series}
    assert before.items() < after.items()
    assert sorted(after.values()) == [0, 1, 2]


@pytest.mark.parametrize(
    ("decide", "state"),
    [
        (lambda s: run(s, 2), "fine"),
        (lambda s: run(s, 2, policy({"ets": 9.0}), max_score_increase=0.1), "held"),
        (lambda s: run(s, 2, start=Start("an experiment: horizon")), "experiment"),
    ],
)
def test_the_state_is_that_of_the_newest_policy(store, decide, state):
    run(store, 1)
    decide(store)
    assert view(store).state == state


def test_a_current_policy_that_is_older_than_promised_is_late(store):
    run(store, 1)
    book = Books().read(store.folder)
    assert dag_view(book, due=dt.datetime(2026, 1, 2, tzinfo=dt.UTC)).state == "late"
    assert dag_view(book, due=dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).state == "fine"


def test_a_dag_without_policies_has_an_empty_view(store):
    found = view(store)
    assert (found.state, found.points, found.current, found.league) == ("none", [], None, [])
    assert overview(Books().glance(store.folder)).strip == []


def test_decisions_by_hand_and_the_gate_are_marks(store):
    for number in (1, 2):
        run(store, number)
    run(store, 3, policy({"ets": 9.0}), max_score_increase=0.1)
    store.promote("day3", reason="looked at", actor="me")
    store.rollback(reason="worse", actor="me")
    found = view(store)
    assert [mark.action for mark in found.marks] == ["held", "promoted", "rolled_back"]
    assert found.can_roll_back
    assert found.can_lift


def test_filters_leave_policies_of_a_kind_and_a_time(store):
    for number, kind in ((1, "scheduled"), (2, "manual"), (3, "scheduled")):
        store.record(f"{kind}__{number}", day(number), policy())
    assert [point.kind for point in view(store, kind="scheduled").points] == ["scheduled", "scheduled"]
    assert [point.run_id for point in view(store, since=day(2), until=day(2)).points] == ["manual__2"]
    assert view(store).kinds == ["manual", "scheduled"]


def test_a_current_policy_that_its_folder_has_lost_is_still_shown(store):
    run(store, 1)
    current = json.loads(store.folder.current.read_text())
    store.folder.summaries.unlink()
    store.folder.policy("day1", 1).unlink()
    shown = view(store).current
    assert shown is not None
    assert (shown.run_id, shown.number, shown.reason) == ("day1", 1, current["publication"]["reason"])


def test_a_current_policy_of_another_version_hides_nothing_else(store):
    run(store, 1, policy({"ets": 1.0}))
    run(store, 2, policy({"ets": 2.0}))
    raw = json.loads(store.folder.current.read_text())
    store.folder.current.write_text(json.dumps({**raw, "errors": ["another shape"]}))
    found = view(store)
    assert (found.state, found.current) == ("unreadable", None)
    assert "current.json: $.errors" in found.state_reason
    assert [row.score for row in found.league if row.name == "ets"] == [2.0]
    assert overview(Books().glance(store.folder)).state == "unreadable"
    assert "cannot be read here" in change(Books().read(store.folder), "promote", "day1").words


def test_the_policies_come_page_by_page_newest_first(store):
    for number in (1, 2, 3):
        record(store, number)
    total, rows = policy_rows(Books().read(store.folder), 1, 1)
    assert (total, [row.run_id for row in rows]) == (3, ["day2"])


def test_what_changed_is_read_again(store):
    books = Books()
    run(store, 1)
    first = books.read(store.folder)
    assert books.read(store.folder) is first
    run(store, 2)
    assert books.read(store.folder).ledger.last_number == 2


def test_a_bin_keeps_the_extremes_and_a_gap_of_each_curve_and_marks_stay():
    steady, spiked = [float(i % 97) for i in range(2_000)], [1.0] * 2_000
    spiked[777], spiked[1_300], spiked[55] = 99.0, 0.5, None
    kept = thinned([steady, spiked], 400, marks=[5, 1_001])
    assert len(kept) < 450
    assert {0, 5, 55, 777, 1_001, 1_300, 1_999} <= {*kept}
    assert {steady[i] for i in kept} >= {0.0, 96.0}


def test_marks_and_the_asked_run_stay_in_charts_that_have_little_room(store):
    for number in range(1, 12):
        run(store, number)
    for number in (5, 11):
        store.promote(f"day{number}", reason="looked at", actor="me")
    shown = [point.run_id for point in view(store, width=2).points]
    assert "day5" in shown
    assert "day7" not in shown
    assert "day7" in [point.run_id for point in view(store, width=2, run_id="day7").points]
    assert [tick.run_id for tick in view(store, width=4).published] == ["day1", "day4", "day7", "day10"]
    assert len(view(store, width=11).published) == 11


def test_a_glance_says_of_the_last_policies_what_the_book_says(store):
    for number in range(1, 29):
        run(store, number, policy({"ets": float(number)}), max_score_increase=0.5)
    store.promote("day2", reason="looked at", actor="me")
    books = Books()
    glance, book = books.glance(store.folder), books.read(store.folder)
    assert overview(glance).model_dump() == overview(book).model_dump()
    assert books.glance(store.folder) is glance


def test_the_strip_tells_of_runs_that_failed_without_a_policy(store):
    for number in (1, 3):
        run(store, number)
    failed = [FailedRun("day3", day(3)), FailedRun("lost", day(2))]
    strip = overview(Books().glance(store.folder), failed=failed).strip
    assert [(one.run_id, one.action) for one in strip] == [
        ("day1", "published"),
        ("lost", "failed"),
        ("day3", "published"),
    ]
    many = [FailedRun(f"lost{number}", day(2)) for number in range(LAST)]
    strip = overview(Books().glance(store.folder), failed=many).strip
    assert (len(strip), strip[-1].run_id) == (LAST, "day3")


def test_a_glance_reads_the_ends_of_long_files_alone(store, monkeypatch):
    for number in (1, 2):
        run(store, number)
    line = store.folder.history.read_bytes().splitlines(keepends=True)[-1]
    padding = json.dumps({**json.loads(line), "number": None, "action": "recorded"}) + "\n"
    store.folder.history.write_bytes(b"no decision\n" + padding.encode() * 500 + line)
    with pytest.raises(InputError, match="line 1"):
        Books().read(store.folder)
    glance = Books().glance(store.folder)
    assert (len(glance.entries), glance.summaries[-1].run_id) == (40, "day2")


def test_a_glance_makes_up_for_what_an_earlier_version_left_out(store):
    for number in (1, 2):
        run(store, number)
    store.folder.summaries.unlink()
    assert [one.run_id for one in overview(Books().glance(store.folder)).strip] == ["day1", "day2"]


def test_the_policies_of_a_time_come_page_by_page(store):
    for number in (1, 2, 3):
        record(store, number)
    total, rows = policy_rows(Books().read(store.folder), 0, 5, since=day(2))
    assert (total, [row.run_id for row in rows]) == (2, ["day3", "day2"])
