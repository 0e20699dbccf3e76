"""What a run decided, from real stores: as far as there is something, whoever wrote it."""

import hashlib
import json
import shutil

import pytest
from support.stores import day, leave_rows, policy, run

from elpa_core.errors import InputError
from elpa_core.runs.folder import RunFolder
from elpa_core.store import PolicyStore
from elpa_core.views import Books, run_view
from elpa_core.views.book import read_current
from elpa_core.views.changes import change, side_by_side
from elpa_core.views.run_view import router_state
from elpa_core.views.validation_rows import validation_rows


@pytest.fixture
def store(tmp_path):
    made = PolicyStore(tmp_path, "pool")
    run(made, 1, policy({"ets": 1.0, "naive": 3.0}))
    run(made, 2, policy({"ets": 2.0, "naive": 2.0}))
    return made


def view(store, run_id, number=None):
    return run_view(Books().read(store.folder), run_id, number)


def test_a_run_stands_beside_the_current_policy(store):
    found = view(store, "day1")
    (ets,) = [model for model in found.models if model.name == "ets"]
    assert (ets.score, ets.current_score, ets.weight, ets.current_weight) == (1.0, 2.0, 0.75, 0.5)
    assert (found.is_current, found.can_promote, found.current_run) == (False, True, "day2")
    assert any("weight of ets" in words for words in found.moves)


def test_the_current_policy_has_nothing_to_promote(store):
    found = view(store, "day2")
    assert (found.is_current, found.can_promote, found.moves) == (True, False, [])


def test_a_run_without_a_policy_shows_what_became_of_its_models(store):
    manifest = {"models": [{"name": "ets", "group": "online", "status": "failed", "reason": "exit code 3"}]}
    path = store.folder.run("broken") / "train_manifest.json"
    path.parent.mkdir()
    path.write_text(json.dumps(manifest))
    found = view(store, "broken")
    assert found.number is None
    (ets,) = [model for model in found.models if model.name == "ets"]
    assert (ets.state, ets.reason) == ("failed", "exit code 3")
    assert found.no_policy is not None
    assert "Mend the failed models" in found.no_policy


def test_a_dry_run_says_so(store):
    models = [{"name": "ets", "group": "online", "status": "planned"}]
    path = store.folder.run("dry") / "train_manifest.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"models": models}))
    assert (
        view(store, "dry").no_policy
        == "This was a dry run: its manifest says which commands it would have run."
    )


def test_of_a_run_whose_files_were_removed_scores_and_weights_stay(store):
    before = view(store, "day1")
    shutil.rmtree(store.folder.run("day1"))
    found = view(store, "day1")
    assert (found.number, found.can_promote) == (None, False)
    assert found.no_policy is not None
    assert "were removed" in found.no_policy
    numbers = [
        [(m.name, m.score, m.weight, m.current_weight, m.best) for m in one.models] for one in (before, found)
    ]
    assert numbers[1] == numbers[0]
    assert [one.action for one in found.decisions] == ["published"]


def test_an_unknown_run_says_what_to_wait_for(store):
    with pytest.raises(InputError, match=r"nothing of this run yet.*when its task integrate"):
        view(store, "never")


@pytest.mark.parametrize("run_id", ["../../etc", "..", "/etc/passwd", "a/../../b", "."])
def test_a_run_id_that_is_a_path_leads_nowhere(store, run_id):
    with pytest.raises(InputError, match="nothing of this run yet"):
        view(store, run_id)


def test_fields_of_another_version_are_passed_over_with_a_word(store):
    run(store, 3, {**policy(), "evaluation": {"rows": "many"}, "of_later": 1})
    found = view(store, "day3")
    assert found.evaluation is None
    assert "The field evaluation of this policy, which another version wrote, is not shown" in found.notes[0]
    assert found.number == 1


def test_a_preview_says_what_the_decision_does(store):
    book = Books().read(store.folder)
    ahead = change(book, "rollback")
    assert (ahead.to_run, ahead.from_run, ahead.token) == ("day1", "day2", "2-1")
    assert change(book, "promote", "day1").moves == side_by_side(book, ("day2", None), ("day1", None))
    with pytest.raises(InputError, match="nothing that is ruled out"):
        change(book, "lift")
    outcome = store.rollback(reason="x", actor="me")
    assert outcome.entry.run_id == ahead.to_run
    assert "2026-01-02" in change(Books().read(store.folder), "lift").words


def test_the_state_that_the_current_policy_names_is_handed_out_whole_or_not_at_all(store):
    data = b'{"version": 1}'
    digest = hashlib.sha256(data).hexdigest()
    run(store, 3, {**policy(), "routing": {"state": {"sha256": digest}}})
    path = RunFolder(store.folder.run("day3")).router_state(digest)
    path.parent.mkdir()
    with pytest.raises(InputError, match="no such file"):
        router_state(store.folder, read_current(store.folder))
    path.write_bytes(data)
    assert router_state(store.folder, read_current(store.folder)) == (data, digest)
    path.write_bytes(data + b" ")
    with pytest.raises(InputError, match="another content"):
        router_state(store.folder, read_current(store.folder))
    store.promote("day1", reason="x", actor="me")
    for current in (read_current(store.folder), None):
        with pytest.raises(InputError, match="a current policy that names a state"):
            router_state(store.folder, current)


@pytest.mark.parametrize("name", ["../../secret", "0" * 63, "G" * 64, 5, None])
def test_a_state_whose_name_is_no_digest_is_not_looked_for(store, name):
    run(store, 3, {**policy(), "routing": {"state": {"sha256": name}}})
    with pytest.raises(InputError, match="a current policy that names a state"):
        router_state(store.folder, read_current(store.folder))


def with_rows(store, **options):
    """Record a run whose models left validation rows."""
    errors = leave_rows(store, "rows", {"ets": "online", "tide": "offline"}, **options)
    store.record("rows", day(5), {**policy({"ets": 1.0}, {"tide": 1.0}), "errors": errors})
    return validation_rows(Books().read(store.folder), "rows")


def test_the_rows_are_those_behind_the_scores(store):
    found = with_rows(store)
    assert (found.reason, found.total, found.first) == (None, 30, 1)
    assert found.actuals == [float(i) for i in range(30)]
    assert found.forecasts["ets"] == [i + 1.0 for i in range(30)]
    assert found.router is not None
    assert len(found.router) == 30


def test_rows_have_their_times_where_the_errors_have_them(store):
    assert with_rows(store).times is None
    times = [f"2026-01-{day:02}" for day in range(1, 31)]
    found = with_rows(store, time=lambda i: times[i])
    assert (found.by, found.times) == ("time", times)
    assert validation_rows(Books().read(store.folder), "rows", most=2).times == times[-2:]


@pytest.mark.parametrize("path", ["/etc/passwd", "/x/rows/models/ets/../../../../current.json"])
def test_an_artifact_outside_the_run_is_not_read(store, path):
    assert "outside the policy store" in (with_rows(store, path_of=lambda _: path).reason or "")


def test_an_artifact_that_was_changed_is_not_shown(store):
    with_rows(store)
    path = store.folder.run("rows") / "models" / "ets" / "errors.csv"
    path.write_text(path.read_text() + "1,1\n")
    found = validation_rows(Books().read(store.folder), "rows")
    assert "expected that of the training of ets" in (found.reason or "")
