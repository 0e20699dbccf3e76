"""A history that is read from its end says what the whole one says, at each length, on each kind of store."""

import random
import shutil

import pytest
from support.stores import actions, check_repaired, put_before, record, run

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.store import PolicyStore, ledger, lines
from elpa_core.store.history import entries_behind, read_history
from elpa_core.store.ledger import Ledger
from elpa_core.store.lines import SEGMENT, Head, parse_lines, read_end
from elpa_core.views import Books


@pytest.fixture
def short(monkeypatch):
    """A head after each three lines, with the last two publications."""
    monkeypatch.setattr(lines, "SEGMENT", 3)
    monkeypatch.setattr(ledger, "_MOST_ON_THE_WAY_BACK", 2)


def live(store, rng, steps):
    """Do what runs and people do; return what came of it."""
    known, told = [(run(store, 9).entry.run_id, 1)], []
    for step in range(steps):
        number = rng.randint(1, 9) if rng.random() < 0.3 else min(28, 9 + step // 2)
        try:
            match rng.choice(["run"] * 5 + ["again", "promote", "roll back", "roll back", "lift", "remove"]):
                case "run":
                    recorded = record(store, number)
                    known.append((recorded.run_id, recorded.number))
                    told.append((known[-1], store.publish(*known[-1]).to_json()))
                case "again" if known:
                    told.append(store.publish(*rng.choice(known)).to_json())
                case "promote" if known:
                    told.append(store.promote(*rng.choice(known), reason="r", actor="me").to_json())
                case "roll back":
                    told.append(store.rollback(reason="r", actor="me").to_json())
                case "lift":
                    told.append(store.lift(reason="r", actor="me").to_json())
                case "remove" if known:
                    gone = rng.choice(known)[0]
                    current = store.folder.current
                    if not current.exists() or store.current().record.run_id != gone:
                        shutil.rmtree(store.folder.run(gone), ignore_errors=True)
        except InputError as error:
            told.append(str(error).replace(str(store.folder.root), ""))
    return told


def without_times(told):
    if isinstance(told, dict):
        return {name: without_times(value) for name, value in told.items() if name not in {"when", "clock"}}
    return [without_times(one) for one in told] if isinstance(told, list | tuple) else told


@pytest.mark.parametrize(
    "seeds",
    [
        range(1),
        pytest.param(range(1, 3), marks=pytest.mark.slow),
        pytest.param(range(3, 400), marks=pytest.mark.sweep),
    ],
    ids=["one", "some", "many"],
)
def test_decisions_do_not_depend_on_where_heads_stand(quick_path, monkeypatch, seeds):
    for seed in seeds:
        plain = PolicyStore(quick_path / f"plain{seed}", "pool")
        told = live(plain, random.Random(seed), 60)
        with monkeypatch.context() as patch:
            patch.setattr(lines, "SEGMENT", random.Random(seed).randint(1, 7))
            patch.setattr(ledger, "_MOST_ON_THE_WAY_BACK", random.Random(-seed).randint(1, 4))
            cut = PolicyStore(quick_path / f"cut{seed}", "pool")
            assert without_times(live(cut, random.Random(seed), 60)) == without_times(told), seed
        assert actions(cut) == actions(plain)
        assert lines._MARK in cut.folder.history.read_bytes()
        check_repaired(cut)


def test_an_old_store_is_read_as_it_is_and_goes_on(any_store):
    run(any_store, 1)
    put_before(any_store, 2 * SEGMENT + 300)
    before, data = actions(any_store), files.read(any_store.folder.history)
    assert lines._MARK not in data
    assert run(any_store, 2).entry.number == 2
    assert actions(any_store) == [*before, "published day2 1"]
    check_repaired(any_store)
    assert run(any_store, 3).entry.number == 3
    assert len(Books().read(any_store.folder).summaries) == 2 * SEGMENT + 303
    assert [one.run_id for one in Books().glance(any_store.folder).summaries[-3:]] == ["day1", "day2", "day3"]


def test_a_local_history_stays_one_file_that_is_only_added_to(tmp_path):
    store = PolicyStore(tmp_path, "pool")
    run(store, 1)
    put_before(store, SEGMENT)
    before = store.folder.history.read_bytes()
    run(store, 2)
    after = store.folder.history.read_bytes()
    assert after.startswith(before)
    head, entry = after[len(before) :].splitlines()
    assert (Head.model_validate_json(head).lines, Head.model_validate_json(head).segments) == (SEGMENT + 1, 0)
    assert b'"run_id": "day2"' in entry
    end = read_end(store.folder.history)
    assert (end.count, len(end.lines), end.size) == (SEGMENT + 2, 1, len(after))


@pytest.mark.parametrize("keep", ["its folder", "nothing"])
def test_a_number_is_never_used_twice_however_long_ago(any_store, short, keep):
    for number in (1, 1, 2, 3, 4):
        run(any_store, number)
    files.remove_tree(any_store.folder.run("day1") / ("policies" if keep == "its folder" else ""))
    assert record(any_store, 1).number == 3
    assert any_store.publish("day1").entry.action == "recorded"


def test_what_was_decided_long_ago_stands(any_store, short):
    for number in range(1, 8):
        run(any_store, number)
    before = actions(any_store)
    outcome = any_store.publish("day2")
    assert (outcome.changed, outcome.entry.number) == (False, 2)
    assert actions(any_store) == before


def test_a_rollback_goes_back_further_than_a_head_tells(any_store, short):
    for number in range(1, 8):
        run(any_store, number)
    for number in range(2, 7):
        files.remove_tree(any_store.folder.run(f"day{number}"))
    assert any_store.rollback(reason="r", actor="me").entry.run_id == "day1"
    assert run(any_store, 9).entry.action == "published"
    assert any_store.rollback(reason="r", actor="me").entry.restores == 8


@pytest.mark.parametrize("lost", ["history/000001.jsonl", "history/000002.numbers.json"])
@pytest.mark.slow
def test_a_closed_segment_that_is_lost_is_missed_and_its_numbers_are_made_anew(s3_store, short, lost):
    for number in range(1, 8):
        run(s3_store, number)
    place = s3_store.folder.path / lost.partition("/")[0] / lost.partition("/")[2]
    assert files.exists(place)
    files.remove(place)
    if "numbers" in lost:
        files.remove_tree(s3_store.folder.run("day1"))
        assert record(s3_store, 1).number == 2
        return
    with pytest.raises(InputError) as refused:
        s3_store.history()
    assert str(refused.value) == (
        f"{s3_store.folder.history}: found 0 lines before a head; expected 3 lines, as the head says; restore"
        " the file, and the folder of its closed segments, from one backup"
    )


@pytest.mark.slow
def test_only_the_open_segment_is_sent_again(s3, s3_store):
    run(s3_store, 1)
    put_before(s3_store, SEGMENT)
    run(s3_store, 2)
    s3.faults()
    run(s3_store, 3)
    written = [path.partition("/pool/")[2] for method, path in s3.requests()[0] if method == "PUT"]
    assert written == [
        "runs/day3/policies/0001.json",
        "runs/day3/elpa_policy.json",
        "summaries.jsonl",
        "upcoming/day3/0001.json",
        "history.jsonl",
        "current.json",
    ]
    for name in ("history", "summaries"):
        data = files.read(s3_store.folder.path / f"{name}.jsonl")
        assert parse_lines(data, name).head.lines == SEGMENT
        assert data.count(b"\n") < 5
        assert files.read(s3_store.folder.path / name / "000001.jsonl").count(b"\n") == SEGMENT


@pytest.mark.slow
def test_recording_and_publishing_takes_the_same_requests_at_each_length(s3, new_store):
    counts = []
    for length in (1, 7):
        store = new_store()
        run(store, 1)
        put_before(store, length * SEGMENT)
        run(store, 2)
        s3.faults()
        run(store, 3)
        counts.append([method for method, _ in s3.requests()[0]])
    assert counts[0] == counts[1]
    assert len(counts[0]) == 35


def test_an_earlier_version_refuses_a_head_before_it_changes_anything():
    """It takes each line for a decision."""
    from elpa_core.store.history import Entry

    with pytest.raises(ValueError, match="7 validation errors for Entry"):
        Entry.model_validate_json(Head(lines=SEGMENT, state=Ledger().state()).line())


@pytest.mark.parametrize("change", ["record", "publish", "list"])
def test_a_later_layout_is_refused(tmp_path, change):
    store = PolicyStore(tmp_path, "pool")
    run(store, 1)
    record(store, 2)
    with store.folder.history.open("ab") as history:
        history.write(Head(layout=3, lines=1).line())
    before = store.folder.history.read_bytes()
    with pytest.raises(InputError) as refused:
        {"record": lambda: record(store, 2), "publish": lambda: store.publish("day2"), "list": store.history}[
            change
        ]()
    assert str(refused.value) == (
        f"{store.folder.history}: found layout 3; expected layout 2, or lines without one; a later version of"
        " ELPA wrote this store: use that one"
    )
    assert store.folder.history.read_bytes() == before


def test_a_damaged_head_is_refused(tmp_path, short):
    store = PolicyStore(tmp_path, "pool")
    for number in range(1, 5):
        run(store, number)
    text = store.folder.history.read_text()
    store.folder.history.write_text(text.replace('"last_number": 3', '"last_numbr": 3'))
    with pytest.raises(InputError, match="a head of 3 lines that is damaged"):
        run(store, 7)
    store.folder.history.write_text(text.replace('{"layout": 2,', '{"layout": '))
    with pytest.raises(InputError, match="expected one decision as JSON"):
        run(store, 7)


def test_a_head_says_what_the_lines_before_it_add_up_to(quick_path, short):
    store = PolicyStore(quick_path, "pool")
    live(store, random.Random(4), 80)
    entries, source = read_history(store.folder.history), "history"
    data = store.folder.history.read_bytes()
    begin = data.find(lines._MARK)
    while begin >= 0:
        end = parse_lines(data[begin:], source)
        known = Ledger.of(
            entries_behind(parse_lines(data[begin : data.find(b"\n", begin) + 1], source), source),
            source,
            end.head,
        )
        whole = Ledger.of(entries[: end.head.lines], source)
        assert known.way_back == whole.way_back[-len(known.way_back) :]
        assert (known.taken_back, known.promoted, known.lift) == (
            whole.taken_back,
            whole.promoted,
            whole.lift,
        )
        assert (known.last_number, known.count) == (whole.last_number, whole.count)
        begin = data.find(lines._MARK, begin + 1)
