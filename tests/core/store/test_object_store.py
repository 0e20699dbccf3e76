"""A store on object storage does as one in a folder does, against a real S3 server."""

import json
import os

import pytest
from support.stores import check_repaired, current_run, day, policy, record, run

from elpa_core import files
from elpa_core.errors import InputError
from elpa_core.files.location import open_location
from elpa_core.runs.folder import MANIFEST_NAME
from elpa_core.store import PolicyStore, StoreWriteError


def contents(store, name):
    return json.loads(files.read(getattr(store.folder, name)))


def without_times(value):
    """Return JSON without the moments at which it was written."""
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key != "when"}
    return value


def decide(store):
    """Make decisions of each kind."""
    run(store, 2, policy({"ets": 2.0, "naive": 4.0}))
    run(store, 1)
    run(store, 3, policy({"ets": 9.0, "naive": 9.0}), max_score_increase=0.1)
    run(store, 3, policy({"ets": 1.0}))
    store.promote("day1", reason="ein ruhiger Monat, schön", actor="ada")
    run(store, 4)
    store.rollback(reason="bad", actor="ada")
    store.rollback(reason="bad too", actor="ada")
    run(store, 4)
    run(store, 5, policy({"ets": 5.0}))
    store.publish("day5")
    store.promote("day5", reason="it is", actor="ada")
    record(store, 6)


def test_the_same_decisions_come_to_the_same_end_as_in_a_folder(store, s3_store):
    for one in (store, s3_store):
        decide(one)
        check_repaired(one)
    local, remote = ([without_times(e.to_json()) for e in one.history()] for one in (store, s3_store))
    assert remote == local
    kinds = [entry["action"] for entry in local]
    assert {*kinds} == {"published", "recorded", "held", "promoted", "rolled_back"}, kinds
    assert without_times(contents(s3_store, "current")) == without_times(contents(store, "current"))
    assert current_run(s3_store) == "day5"
    assert without_times(s3_store.policy("day3", 1).raw) == without_times(store.policy("day3", 1).raw)
    assert s3_store.folder.run_folders() == store.folder.run_folders()


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.policy("dya5"),
        lambda store: store.policy("day5", 3),
        lambda store: store.publish("never"),
        lambda store: PolicyStore(store.folder.root, "pol").current(),
        lambda store: PolicyStore(store.folder.root / "no", "pool").history(),
        lambda store: store.rollback(reason="bad", actor="me"),
        lambda store: store.promote("day6", reason=" ", actor="me"),
    ],
)
def test_what_is_refused_is_refused_in_the_same_words(store, s3_store, read):
    words = []
    for one in (store, s3_store):
        run(one, 5)
        with pytest.raises(InputError) as refused:
            read(one)
        said = str(refused.value).replace(str(one.folder.root), "STORE")
        words.append(said.partition("; STORE holds")[0])  # only a folder is listed
    assert words[0] == words[1]
    assert "STORE" in words[0] or "reason" in words[0]


COMMANDS = [
    ["policy", "list"],
    ["policy", "list", "--json"],
    ["policy", "current"],
    ["policy", "show", "day3", "--number", "1"],
    ["policy", "diff", "day3"],
    ["policy", "promote", "day3", "--reason", "by hand"],
    ["policy", "rollback", "--reason", "no", "--json"],
    ["policy", "show", "dya5"],
    ["runs", "prune"],
    ["runs", "prune", "--keep", "2", "--dry-run"],
    ["runs", "prune", "--keep", "2", "--json"],
    ["policy", "show", "day1"],
]


@pytest.mark.slow
def test_the_command_line_says_the_same(store, s3_store, command):
    roots = []
    for one in (store, s3_store):
        decide(one)
        for name in one.folder.run_folders():
            files.write(one.folder.run(name) / MANIFEST_NAME, b"{}")
        roots.append(str(one.folder.root))
    for arguments in COMMANDS:
        local, remote = (
            [str(part).replace(root, "STORE") for part in command(*arguments, root=root)] for root in roots
        )
        whens = [entry.when for one in (store, s3_store) for entry in one.history()]
        assert without(whens, remote) == without(whens, local), arguments


def without(whens, texts):
    """Return texts without the moments of decisions, whole or to the second."""
    for moment in (*whens, *(when[:19] for when in whens)):
        texts = [text.replace(moment, "WHEN") for text in texts]
    return texts


HOSTILE = [
    "a b",
    "a+b",
    "a%20b",
    "a%b",
    "ä",
    "e\u0301",
    "é",
    "../x",
    ".",
    "a/b",
    "日本",
    "x" * 300,
    "x" * 301,
    "a~b",
]


@pytest.mark.slow
def test_hostile_run_ids_have_keys_of_their_own(s3_store):
    for number, run_id in enumerate(HOSTILE):
        recorded = s3_store.record(run_id, day(1), policy({"ets": float(number + 1)}))
        s3_store.publish(run_id)
        assert json.loads(files.read(recorded.path))["record"]["run_id"] == run_id
    for number, run_id in enumerate(HOSTILE):
        assert s3_store.policy(run_id).contents.scores["ets"] == number + 1
    assert len(s3_store.folder.run_folders()) == len(HOSTILE)
    assert set(s3_store.folder.run_ids()) == {run_id for run_id in HOSTILE if len(run_id) < 300}
    check_repaired(s3_store)


@pytest.mark.parametrize("prefix", [" a b+%20%", "ä日=:@,'\"&;$~", "x" * 300, "/deep/er"])
def test_hostile_prefixes_are_what_they_say(new_store, s3, prefix):
    store = new_store(prefix)
    assert run(store, 1).published
    assert current_run(store) == "day1"
    place = str(store.folder.root).removeprefix("s3://")
    assert place.endswith(prefix)
    assert "pool/current.json" in s3.below(place)
    check_repaired(store)


EXPECTED = "expected a folder, file:///folder, s3://bucket/prefix or gs://bucket/prefix"
SIGNS = "expected no * ? [ ] # and no control character in the URI of a store"
BUCKET = "expected the name of a bucket, such as s3://bucket/prefix"
PARTS = "expected a prefix without . and .. and empty parts"
KEY = "expected the id of an Airflow connection before the @, which holds the credentials"
REFUSED = {
    "ftp://host/x": f'found "ftp://"; {EXPECTED}',
    "S3://bucket": f'found "S3://"; {EXPECTED}',
    "://bucket": f'found "://"; {EXPECTED}',
    "http://[bucket": f'found "http://[bucket"; {EXPECTED}',
    "s3://": f'found "s3://"; {BUCKET}',
    "s3:///prefix": f'found "s3:///prefix"; {BUCKET}',
    "s3://conn@": f'found "s3://conn@"; {BUCKET}',
    "s3://host:9000/bucket": f'found "s3://host:9000/bucket"; {BUCKET}',
    "s3://key:secret@bucket/x": f'found "s3://***@bucket/x"; {KEY}',
    "s3://key:sec/ret@bucket/x": f'found "s3://***@bucket/x"; {KEY}',
    "s3://key:sec@ret@bucket/x": f'found "s3://***@bucket/x"; {KEY}',
    "s3://key:sec?ret@bucket/x": f'found "s3://***@bucket/x"; {SIGNS}',
    "s3://[key:secret@bucket/x": f'found "s3://***@bucket/x"; {EXPECTED}',
    "s3://bucket/a?b": f'found "s3://bucket/a?b"; {SIGNS}',
    "s3://bucket/a#b": f'found "s3://bucket/a#b"; {SIGNS}',
    "s3://bucket/*": f'found "s3://bucket/*"; {SIGNS}',
    "s3://bucket/[a]": f'found "s3://bucket/[a]"; {SIGNS}',
    "s3://bucket/a\nb": f'found "s3://bucket/a\\nb"; {SIGNS}',
    "s3://bucket/../x": f'found "s3://bucket/../x"; {PARTS}',
    "s3://bucket/./x": f'found "s3://bucket/./x"; {PARTS}',
    "s3://bucket//x": f'found "s3://bucket//x"; {PARTS}',
    "s3://bucket/x//": f'found "s3://bucket/x//"; {PARTS}',
    "file://host/x": 'found "file://host/x"; expected file:/// and an absolute path',
    "file://x": 'found "file://x"; expected file:/// and an absolute path',
}


@pytest.mark.parametrize("location", REFUSED)
def test_a_location_where_no_store_can_be_is_refused(location):
    with pytest.raises(InputError) as refused:
        open_location(location)
    assert str(refused.value) == f"the policy store: {REFUSED[location]}"


def test_a_connection_is_for_airflow_only():
    with pytest.raises(InputError) as refused:
        open_location("s3://minio@bucket/x")
    assert str(refused.value) == (
        "s3://minio@bucket/x: found the id of an Airflow connection; expected a bucket alone;"
        " outside Airflow the credentials come from the environment, such as AWS_ACCESS_KEY_ID"
    )


@pytest.mark.parametrize(
    ("hidden", "scheme", "extra"), [("s3fs", "s3", "s3"), ("gcsfs", "gs", "gcs"), ("upath", "s3", "s3")]
)
def test_a_missing_package_is_named_with_its_extra(elpa_alone, tmp_path, hidden, scheme, extra):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / f"{hidden}.py").write_text(
        f'raise ModuleNotFoundError("No module named {hidden!r}")'
    )
    path = os.pathsep.join([str(tmp_path / "hidden"), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = elpa_alone(
        "policy", "list", "--store", f"{scheme}://bucket/x", "--dag", "pool", env={"PYTHONPATH": path}
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {scheme}://bucket/x: found ")
    assert done.stderr.count("\n") == 1
    package = {"s3": "s3fs", "gs": "gcsfs"}[scheme]
    assert done.stderr.endswith(
        f"; expected the packages universal-pathlib and {package};"
        f" pip install '.[{extra}]' in the clone of ELPA\n"
    )


def test_a_service_that_ignores_conditions_is_refused(s3_store, s3):
    record(s3_store, 1)
    s3.faults(("PUT", "", "forget", 1000))
    with pytest.raises(StoreWriteError) as refused:
        s3_store.publish("day1")
    assert str(refused.value) == (
        f"{s3_store.folder.path}: this service ignores the conditions If-Match and If-None-Match of a write,"
        " and a policy store needs them: use a service that has conditional writes"
    )
    s3.faults()
    assert not files.exists(s3_store.folder.history)
    assert files.children(s3_store.folder.path / "upcoming") == []
    assert s3_store.publish("day1").changed
