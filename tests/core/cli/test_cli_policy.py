"""``elpa policy`` and ``elpa runs``: what people and programs read. Runs in about 2 seconds."""

import getpass
import json
from hashlib import sha256

import pytest
from support.stores import day, policy, record, run

from elpa_core.schema.policy import MissingModel, Policy
from elpa_core.schema.trained_file import TrainedFile
from elpa_core.store.comparison import moves

MISSING = [MissingModel(name="tide", group="offline", reason="the task failed", intended=False)]


@pytest.fixture
def filled(store):
    run(store, 2, policy({"ets": 2.0, "naive": 4.0}, {"tide": 1.0, "rnn": 4.0}))
    run(store, 1, policy({"ets": 1.0}))
    run(store, 3, policy({"ets": 3.0, "arima": 1.0}, {"rnn": 2.0}, missing=MISSING, dirty_interval=5))
    store.rollback(reason="tide is gone", actor="user ada")
    return store


def test_list_is_a_table_of_all_decisions(filled, command):
    status, out, err = command("policy", "list")
    when = [entry.when[:19] + "Z" for entry in filled.history()]
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        f"no  {'when':<20}  action       run   policy  {'as_of':<20}  best online  best offline"
        "           why",
        f"1   {when[0]}  published    day2  1       2026-01-02T00:00:00Z  ets          tide{'':19}"
        "the first policy",
        f"-   {when[1]}  recorded     day1  1       2026-01-01T00:00:00Z  ets          tide{'':19}"
        "older than the current policy, which is as of 2026-01-02T00:00:00Z (publication 1)",
        f"2   {when[2]}  published    day3  1       2026-01-03T00:00:00Z  arima        rnn{'':20}"
        "later than publication 1, which is as of 2026-01-02T00:00:00Z",
        f"3   {when[3]}  rolled back  day2  1       2026-01-02T00:00:00Z  ets          tide"
        "          current  tide is gone",
    ]


def test_list_for_programs(filled, command):
    entries = json.loads(command("policy", "list", "--json")[1])
    assert [(e["number"], e["action"], e["run_id"], e["current"]) for e in entries] == [
        (1, "published", "day2", False),
        (None, "recorded", "day1", False),
        (2, "published", "day3", False),
        (3, "rolled_back", "day2", True),
    ]
    assert entries[3] | {"when": ""} == {
        "number": 3,
        "when": "",
        "action": "rolled_back",
        "actor": "user ada",
        "run_id": "day2",
        "policy_number": 1,
        "as_of": "2026-01-02T00:00:00Z",
        "reason": "tide is gone",
        "best": {"online": "ets", "offline": "tide"},
        "restores": 1,
        "lifts": None,
        "clock": None,
        "current": True,
    }


def test_current_says_which_policy_who_and_why(filled, command):
    status, out, err = command("policy", "current")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "run day2, policy 1, as of 2026-01-02T00:00:00Z (current, publication 3)",
        f"file {filled.folder.current}",
        f"rolled back at {filled.history()[-1].when} by user ada: tide is gone",
        "group    model          score   weight",
        "online   ets                2   0.6667  best",
        "online   naive              4   0.3333",
        "offline  tide               1   0.8000  best",
        "offline  rnn                4   0.2000",
    ]
    assert command("policy", "show", "current")[1] == out
    assert json.loads(command("policy", "current", "--json")[1]) == json.loads(
        filled.folder.current.read_bytes()
    )


def test_show_a_run_and_one_of_its_policies(filled, command):
    assert command("policy", "show", "day3")[1].splitlines()[-2:] == [
        "offline  rnn                2   1.0000  best",
        "offline  tide         missing           the task failed",
    ]
    record(filled, 3, policy({"late": 1.0}))
    assert "late" in command("policy", "show", "day3")[1]
    assert "arima" in command("policy", "show", "day3", "--number", 1)[1]


def test_show_says_what_was_carried(store, command):
    content = policy()
    content["errors"]["tide"]["carried_from"] = "day1"
    record(store, 2, content)
    assert "1.0000  best  carried from day1" in command("policy", "show", "day2")[1]


@pytest.fixture
def with_files(store, tmp_path):
    """A current policy of day2 whose model tide was carried from day1, with files."""
    folder = store.folder.run("day1") / "models" / "tide"
    (folder / "best").mkdir(parents=True)
    (folder / "model.pt").write_bytes(b"weights")
    (folder / "best" / "1.ckpt").write_bytes(b"more than ten")
    content = policy()
    content["errors"]["tide"] |= {
        "artifacts": [TrainedFile.of(folder / name).to_json() for name in ("model.pt", "best/1.ckpt")],
        "carried_from": "day1",
        "warm_started_from": "day0",
    }
    run(store, 2, content)
    return folder


def files_as_lines(folder):
    return [
        f" 7  {sha256(b'weights').hexdigest()}  {folder}/model.pt",
        f"13  {sha256(b'more than ten').hexdigest()}  {folder}/best/1.ckpt",
    ]


def test_show_says_which_files_a_trained_model_has_and_where_it_started(with_files, command):
    assert command("policy", "show", "day2")[1].splitlines()[-3:] == [
        "files of tide, started from day0:",
        *(f"  {line}" for line in files_as_lines(with_files)),
    ]


def test_files_of_a_trained_model_are_printed_and_copied(with_files, command, tmp_path):
    status, out, err = command("policy", "files", "--model", "tide")
    assert (status, out.splitlines(), err) == (0, files_as_lines(with_files), "")
    target = tmp_path / "copies"
    status, out, _ = command("policy", "files", "day2", "--number", 1, "--model", "tide", "--copy", target)
    copies = [target / "model.pt", target / "best" / "1.ckpt"]
    assert (status, out.splitlines()[2:]) == (0, [f"copied: {path}" for path in copies])
    assert [path.read_bytes() for path in copies] == [b"weights", b"more than ten"]
    shown = json.loads(command("policy", "files", "--model", "tide", "--copy", target, "--json")[1])
    assert shown[1] == {
        "name": "best/1.ckpt",
        "path": str(with_files / "best" / "1.ckpt"),
        "bytes": 13,
        "sha256": sha256(b"more than ten").hexdigest(),
        "copy": str(copies[1]),
    }


def test_files_that_are_not_what_was_trained_are_refused(with_files, command, tmp_path):
    (with_files / "model.pt").write_bytes(b"spoilt!")
    status, out, err = command("policy", "files", "--model", "tide", "--copy", tmp_path / "copies")
    assert (status, out) == (2, "")
    assert err == (
        f"error: {with_files}/model.pt: found 7 bytes with SHA-256 {sha256(b'spoilt!').hexdigest()};"
        " expected the file that the training left, of 7 bytes with SHA-256"
        f" {sha256(b'weights').hexdigest()}; the folder of its run was removed, or the model was trained"
        " again there\n"
    )
    assert list((tmp_path / "copies").iterdir()) == []
    assert command("policy", "files", "--model", "ets")[0] == 2


def test_diff_says_in_words_what_would_move(filled, command):
    status, out, err = command("policy", "diff", "day3")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "from  run day2, policy 1, as of 2026-01-02T00:00:00Z (current, publication 3)",
        "to    run day3, policy 1, as of 2026-01-03T00:00:00Z",
        "online: best model was ets, is arima",
        "online: weight of ets 0.6667 -> 0.2500, score 2 -> 3",
        "online: naive went, it had weight 0.3333",
        "online: arima came, weight 0.7500, score 1",
        "offline: best model was tide, is rnn",
        "offline: tide went, it had weight 0.8000 (the task failed)",
        "offline: weight of rnn 0.2000 -> 1.0000, score 4 -> 2",
        "dirty_interval 3 -> 5",
        "degraded false -> true",
    ]


def test_diff_between_two_runs_and_for_programs(filled, command):
    answer = json.loads(command("policy", "diff", "day3", "day1", "--json")[1])
    assert (answer["from"]["run_id"], answer["to"]["run_id"]) == ("day3", "day1")
    assert answer["moves"][0] == {
        "kind": "best_model",
        "group": "online",
        "name": "ets",
        "old": "arima",
        "new": "ets",
        "words": "online: best model was arima, is ets",
    }
    assert {move["kind"] for move in answer["moves"]} == {
        "best_model",
        "weight",
        "model_came",
        "model_went",
        "field",
    }


def test_diff_of_the_same_says_so(filled, command):
    assert command("policy", "diff", "day2")[1].splitlines()[-1] == "nothing moved"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("beta", 0.5, "beta 0.7 -> 0.5"),
        ("amplitude_window", 9, "amplitude_window 6 -> 9"),
        ("mutant_epsilon", 0.3, "mutant_epsilon null -> 0.3"),
    ],
)
def test_diff_names_each_control_field(field, value, words):
    old, new = Policy.model_validate(policy()), Policy.model_validate(policy(**{field: value}))
    assert [move.words for move in moves(old, new)] == [words]


def test_a_model_that_changes_its_group_goes_and_comes():
    old = Policy.model_validate(policy({"a": 1.0, "b": 2.0}, {"c": 1.0}))
    new = Policy.model_validate(policy({"a": 1.0}, {"c": 1.0, "b": 2.0}))
    assert [(m.kind, m.group, m.name) for m in moves(old, new)] == [
        ("weight", "online", "a"),
        ("model_went", "online", "b"),
        ("weight", "offline", "c"),
        ("model_came", "offline", "b"),
    ]


def test_promote_says_what_is_current_now_and_that_no_asset_event_is_sent(filled, command):
    status, out, err = command("policy", "promote", "day1", "--reason", "quiet month")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "current: policy 1 of run day1, as of 2026-01-01T00:00:00Z, as publication 4",
        "before:  policy 1 of run day2",
        "no asset event: Dags that wait for elpa://pool/policy are not started by this command",
    ]
    publication = filled.current().publication
    assert (publication.actor, publication.reason) == (getpass.getuser(), "quiet month")
    again = command("policy", "promote", "day1", "--reason", "quiet month")
    assert again[:2] == (
        0,
        "nothing to do: current is policy 1 of run day1, as of 2026-01-01T00:00:00Z, as publication 4\n",
    )


def test_rollback_for_programs(filled, command):
    run(filled, 5)
    status, out, _ = command("policy", "rollback", "--reason", "bad", "--json")
    answer = json.loads(out)
    assert status == 0
    assert (answer["action"], answer["run_id"], answer["number"]) == ("rolled_back", "day2", 5)
    assert (answer["restores"], answer["replaced"], answer["changed"]) == (3, 4, True)


@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_a_reason_is_needed(filled, command, action, snapshot):
    run_id = ["day1"] if action == "promote" else []
    before = snapshot()
    assert command("policy", action, *run_id, "--reason", " ") == (
        2,
        "",
        'error: reason: found " "; expected why, in a few words, for those who come after\n',
    )
    assert snapshot() == before


LOOKING = [["list"], ["current"], ["show", "day1"], ["diff", "day1"]]


@pytest.mark.parametrize("run_id", ["-x", "-hourly", "-1"])
def test_an_id_that_looks_like_an_option_is_one_of_a_run(store, command, run_id):
    for name in ("day1", run_id):
        store.record(name, day(1), policy({"ets": 1.0}))
    assert command("policy", "promote", "--reason", "r", run_id)[0] == 0
    assert store.current().record.run_id == run_id
    assert command("policy", "show", run_id)[0] == 0
    assert command("policy", "diff", run_id, "day1")[0] == 0
    assert command("policy", "diff", "day1", run_id)[0] == 0


CHANGING = [["promote", "day1", "--reason", "r"], ["rollback", "--reason", "r"]]


@pytest.mark.parametrize("action", LOOKING + CHANGING, ids=" ".join)
class TestRefused:
    def test_an_unknown_dag_names_the_nearest(self, filled, command, action):
        assert command("policy", *action, dag="pol") == (
            2,
            "",
            f"error: {filled.folder.root}/pol: found no such folder; expected what runs of Dag pol have left;"
            ' did you mean "pool"?\n',
        )
        assert not (filled.folder.root / "pol").exists()

    def test_a_store_that_is_none(self, tmp_path, command, action):
        assert command("policy", *action, root=tmp_path / "no") == (
            2,
            "",
            f"error: {tmp_path}/no: found no such folder; expected a policy store; {tmp_path} is empty\n",
        )

    def test_a_dag_id_that_leads_elsewhere(self, filled, command, action):
        status, _, err = command("policy", *action, dag="../x")
        assert (status, err) == (
            2,
            f'error: {filled.folder.root}: found the Dag id "../x"; expected the id of a Dag\n',
        )

    def test_a_damaged_history_names_the_line(self, filled, command, action):
        lines = filled.folder.history.read_bytes().splitlines(keepends=True)
        filled.folder.history.write_bytes(b"".join([lines[0], b"oops\n", *lines[1:]]))
        if action[0] in {"current", "show", "diff"}:
            assert command("policy", *action)[0] == 0
            return
        status, out, err = command("policy", *action)
        assert (status, out) == (2, "")
        assert err.startswith(f'error: {filled.folder.history}, line 2: found "oops"; expected one decision')


def test_nothing_published_yet(store, command):
    record(store, 1)
    assert command("policy", "list")[:2] == (
        0,
        "no  when  action  run  policy  as_of  best online  best offline    why\n",
    )
    assert command("policy", "current")[2] == (
        f"error: {store.folder.current}: found no such file; expected a published policy;"
        " a run publishes one, or elpa policy promote does\n"
    )


def test_a_current_file_that_is_no_policy(filled, command):
    filled.folder.current.write_text('{"a": 1}')
    status, out, err = command("policy", "current")
    assert (status, out) == (2, "")
    assert f"error: {filled.folder.current}: $.skill: found nothing; expected a value" in err


@pytest.mark.parametrize("content", [None, "{", "older"])
def test_list_says_if_current_lags_behind_the_history(filled, command, content):
    if content is None:
        filled.folder.current.unlink()
    else:
        older = filled.policy("day3").published_by(filled.history()[2])
        filled.folder.current.write_text(json.dumps(older) if content == "older" else content)
    status, out, err = command("policy", "list")
    assert status == 0
    assert out.splitlines()[-1].endswith("current  tide is gone")
    assert err == (
        f"warning: {filled.folder.current}: not publication 3 yet, because a process has died or somebody has"
        " changed the file; the next change of the store puts it there\n"
    )
    record(filled, 4)
    assert command("policy", "list")[2] == ""


def test_prune_says_what_goes_and_why_the_rest_stays(store, command):
    for number in (1, 2, 3, 4):
        run(store, number)
        (store.folder.run(f"day{number}") / "train_manifest.json").write_text("{}")
    store.promote("day1", reason="good", actor="me")
    dry = command("runs", "prune", "--keep", 1, "--dry-run")
    assert dry == (
        0,
        "kept: day1 (current)\n"
        "would remove: day2\nwould remove: day3\n2 runs would be removed; kept: the newest 1 and 1 more\n",
        "",
    )
    answer = json.loads(command("runs", "prune", "--keep", 1, "--json")[1])
    assert answer == {"dry_run": False, "removed": ["day2", "day3"], "kept": {"day1": "current"}, "newest": 1}
    assert sorted(path.name for path in store.folder.runs.iterdir()) == ["day1", "day4"]


def test_prune_without_a_number(store, command):
    run(store, 1)
    assert command("runs", "prune") == (
        2,
        "",
        f"error: {store.folder.runs}: found no run with a config; expected how many to keep; give --keep N\n",
    )


def test_a_hostile_reason_is_one_line(filled, command):
    text = 'x\n{"action": "published"}\n\x1b[31m'
    assert command("policy", "promote", "day1", "--reason", text)[0] == 0
    assert filled.current().publication.reason == text
    assert len(filled.history()) == 5
    assert "\x1b" not in command("policy", "current")[1]
