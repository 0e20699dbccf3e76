"""The summaries say of each policy what the policy says, whoever died, and outlive its removal."""

import json
import shutil

import pytest
from support.stores import day, policy, record, run

from elpa_core import files
from elpa_core.store import PolicyStore
from elpa_core.store.history import read_history
from elpa_core.store.pruning import prune
from elpa_core.store.summaries import read_summaries
from elpa_core.views import Books


def summaries(store):
    return read_summaries(store.folder, read_history(store.folder.history))


def in_file(store):
    return [json.loads(line) for line in files.read(store.folder.summaries).splitlines()]


def test_each_recorded_policy_has_a_line_with_its_scores_and_weights(any_store):
    run(any_store, 1, policy({"ets": 1.0, "naive": 3.0}))
    record(any_store, 2)
    assert [(one["run_id"], one["number"]) for one in in_file(any_store)] == [("day1", 1), ("day2", 1)]
    (first, second) = summaries(any_store)
    assert first.model("ets").weight == 0.75
    assert (first.model("naive").score, first.model("naive").group) == (3.0, "online")
    assert first.best == {"online": "ets", "offline": "tide"}
    assert second.key == ("day2", 1)


def test_they_are_in_the_order_of_as_of(any_store):
    for number in (3, 1, 2):
        record(any_store, number)
    assert [one.run_id for one in summaries(any_store)] == ["day1", "day2", "day3"]


def test_a_store_of_an_earlier_version_is_read_at_once_and_gets_its_lines_with_the_next_policy(any_store):
    for number in (1, 2):
        run(any_store, number, policy({"ets": float(number)}))
    before = summaries(any_store)
    files.remove(any_store.folder.summaries)
    assert summaries(any_store) == before
    assert not files.exists(any_store.folder.summaries)
    record(any_store, 3)
    assert [one["run_id"] for one in in_file(any_store)] == ["day3", "day1", "day2"]
    assert summaries(any_store)[:2] == before


def test_a_torn_last_line_is_passed_over_and_cut_off(any_store):
    run(any_store, 1)
    run(any_store, 2)
    whole = files.read(any_store.folder.summaries)
    files.write(any_store.folder.summaries, whole[:-20])
    assert [one.run_id for one in summaries(any_store)] == ["day1", "day2"]
    record(any_store, 3)
    assert sorted(one["run_id"] for one in in_file(any_store)) == ["day1", "day2", "day3"]


@pytest.mark.parametrize("line", [b"{}\n", b"no json\n", b'{"run_id": "day1"}\n', b"\xff\n", b"[]\n", b"\n"])
def test_a_line_that_is_no_summary_is_made_anew(tmp_path, line):
    store = PolicyStore(tmp_path, "pool")
    run(store, 1)
    before = summaries(store)
    store.folder.summaries.write_bytes(line)
    assert summaries(store) == before


def test_a_line_that_does_not_go_with_the_history_is_made_anew(tmp_path):
    store = PolicyStore(tmp_path, "pool")
    run(store, 1)
    before = summaries(store)
    text = store.folder.summaries.read_text()
    for old, new in ((day(1)[:10], day(2)[:10]), ('"online": "ets"', '"online": "naive"')):
        assert old in text
        store.folder.summaries.write_text(text.replace(old, new))
        assert summaries(store) == before


def test_a_policy_whose_writer_died_before_its_line_gets_it_with_the_next_policy_of_its_run(tmp_path):
    store = PolicyStore(tmp_path, "pool")
    record(store, 1)
    store.folder.summaries.unlink()
    record(store, 1)
    assert sorted(one.number for one in summaries(store)) == [1, 2]


def test_pruning_leaves_them_alone(any_store):
    for number in (1, 2, 3, 4):
        run(any_store, number)
        files.write(any_store.folder.run(f"day{number}") / "train_manifest.json", b'{"models": []}')
    before = summaries(any_store)
    prune(any_store.folder, 1)
    assert any_store.folder.run_ids() == ["day3", "day4"]
    assert summaries(any_store) == before


def test_of_a_pruned_policy_of_an_earlier_version_they_say_what_the_history_does(tmp_path):
    store = PolicyStore(tmp_path, "pool")
    for number in (1, 2):
        run(store, number)
    store.folder.summaries.unlink()
    shutil.rmtree(store.folder.run("day1"))
    first, second = summaries(store)
    assert (first.run_id, first.best, first.models) == ("day1", {"online": "ets", "offline": "tide"}, {})
    assert second.models
    record(store, 3)
    assert sorted(one["run_id"] for one in in_file(store)) == ["day1", "day2", "day3"]


def test_a_policy_that_cannot_be_read_now_may_be_read_later(tmp_path):
    store = PolicyStore(tmp_path, "pool")
    run(store, 1)
    before = summaries(store)
    store.folder.summaries.unlink()
    path = store.folder.policy("day1", 1)
    content = path.read_bytes()
    path.write_bytes(b"{")
    record(store, 2)
    assert [one["run_id"] for one in in_file(store)] == ["day2"]
    path.write_bytes(content)
    assert summaries(store)[:1] == before


def test_the_training_time_comes_from_the_manifest(tmp_path):
    store = PolicyStore(tmp_path, "pool")
    entry = {"status": "ok", "started_at": "2026-01-01T00:00:00Z", "finished_at": "2026-01-01T00:00:02.5Z"}
    manifest = {"models": [{"name": "ets", **entry}, {"name": "naive", **entry, "status": "failed"}, 3]}
    path = store.folder.run("day1") / "train_manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(manifest))
    run(store, 1)
    (one,) = summaries(store)
    assert (one.model("ets").seconds, one.model("naive").seconds) == (2.5, None)


def test_gain_and_verdict_come_from_the_evaluation(tmp_path):
    store = PolicyStore(tmp_path, "pool")
    gain = {"gain": 0.25, "low": 0.125, "high": 0.5, "no_interval": None}
    evaluation = {
        "gain_over_best_single": {"router": gain},
        "best_single": {"model": "ets", "mae": 2.0},
        "verdict": ["the router beats the best single model, ets"],
    }
    run(store, 1, {**policy(), "evaluation": evaluation})
    run(store, 2, {**policy(), "evaluation": {"gain_over_best_single": {"router": {"gain": "?"}}}})
    first, second = summaries(store)
    assert first.router is not None
    assert first.router.to_json() == gain
    assert first.verdict == evaluation["verdict"]
    assert (second.router, second.best_single, second.verdict) == (None, None, [])


@pytest.mark.slow
def test_all_that_the_pages_need_of_a_dag_is_read_in_three_requests(s3, s3_store):
    for number in (1, 2, 3):
        run(s3_store, number)
    s3.faults()
    book = Books().read(s3_store.folder)
    assert (len(book.summaries), book.ledger.last_number) == (3, 3)
    requests, _ = s3.requests()
    assert [method for method, _ in requests] == ["GET", "GET", "GET"]


@pytest.mark.slow
def test_a_line_of_the_list_is_read_in_three_requests(s3, s3_store):
    for number in (1, 2, 3):
        run(s3_store, number)
    s3.faults()
    assert [one.run_id for one in Books().glance(s3_store.folder).summaries] == ["day1", "day2", "day3"]
    requests, _ = s3.requests()
    assert [method for method, _ in requests] == ["GET", "GET", "GET"]
