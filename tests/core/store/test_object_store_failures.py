"""What a store on S3 does when the service loses answers, refuses, hangs or is not there."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from support.stores import actions, check_repaired, current_run, record, run

from elpa_core import files
from elpa_core.errors import ElpaError, InputError, Problem
from elpa_core.files.location import configure_client, open_location
from elpa_core.store import PolicyStore, StoreWriteError
from elpa_core.store.change import Decision
from elpa_core.store.policy_store import keeper_of

pytestmark = pytest.mark.slow

WRITTEN = ["history.jsonl", "current.json", "upcoming/day2/0001.json"]


def refused(action, kind=StoreWriteError):
    """Return the words in which an action is refused."""
    with pytest.raises(kind) as error:
        action()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture(autouse=True)
def tries_follow_at_once(monkeypatch):
    """Let botocore's next try follow without a pause."""
    monkeypatch.setattr("botocore.retryhandler.random", SimpleNamespace(random=lambda: 0.0))


@pytest.fixture
def impatient(s3_store):
    """Return the same store for somebody who waits for a second, and tries once."""
    from upath import UPath

    once = {"connect_timeout": 1, "read_timeout": 1, "retries": {"max_attempts": 0}}
    return PolicyStore(configure_client(UPath(str(s3_store.folder.root), config_kwargs=once)), "pool")


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_lost_answers_of_a_kind_change_nothing(s3_store, s3, method, times):
    run(s3_store, 1)
    record(s3_store, 2)
    s3.faults((method, "", "lose", times))
    outcome = s3_store.publish("day2")
    assert (outcome.changed, outcome.entry.number) == (True, 2)
    s3.faults(("PUT", "", "lose", times))
    assert run(s3_store, 3).changed
    assert actions(s3_store) == [f"published day{number} 1" for number in (1, 2, 3)]
    check_repaired(s3_store)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("key", WRITTEN)
def test_a_lost_answer_to_a_write_of_a_publication(s3_store, s3, key, times):
    run(s3_store, 1)
    record(s3_store, 2)
    s3.faults(("PUT", key, "lose", times))
    outcome = s3_store.publish("day2")
    assert (outcome.changed, outcome.entry.number) == (True, 2)
    assert not s3_store.publish("day2").changed
    check_repaired(s3_store)


def test_a_lost_answer_to_the_very_first_publication(s3_store, s3):
    s3.faults(("PUT", "", "lose", 2), ("PUT", "history.jsonl", "lose", 2))
    assert run(s3_store, 1).changed
    check_repaired(s3_store)


def test_a_refusal_for_a_while_is_ridden_out(s3_store, s3):
    run(s3_store, 1)
    s3.faults(*(("", key, "refuse", 2) for key in WRITTEN))
    assert run(s3_store, 2).entry.number == 2
    check_repaired(s3_store)


@pytest.mark.parametrize("fault", ["lose", "refuse", "hang"])
def test_no_answer_to_the_decision_for_good(s3_store, impatient, s3, fault):
    run(s3_store, 1)
    record(s3_store, 2)
    s3.faults(("PUT", "history.jsonl", fault, 1000))
    if fault == "lose":  # it got there
        assert impatient.publish("day2").changed
        return
    words = refused(lambda: impatient.publish("day2"))
    assert words.startswith(f"{s3_store.folder.history}: ")
    assert "the policy store could not be changed, and the current policy is as it was: see that the" in words
    assert current_run(s3_store) == "day1"
    s3.faults()
    assert s3_store.publish("day2").changed
    check_repaired(s3_store)


def test_a_put_ends_even_if_the_client_waits_for_ever(s3_store, s3, monkeypatch):
    run(s3_store, 1)
    record(s3_store, 2)
    monkeypatch.setattr("elpa_core.files.objects._LATE", 1.0)
    monkeypatch.setattr("elpa_core.files.objects._TRIES", 0)
    s3.faults(("PUT", "history.jsonl", "hang", 1000))
    assert "no answer from the service" in refused(lambda: s3_store.publish("day2"))
    s3.faults()
    monkeypatch.undo()
    assert s3_store.publish("day2").changed
    check_repaired(s3_store)


@pytest.mark.parametrize("read", [files.read, lambda path: files.read_end(path, 10)], ids=["all", "the end"])
def test_a_get_ends_even_if_the_client_waits_for_ever(s3_store, s3, monkeypatch, read):
    run(s3_store, 1)
    monkeypatch.setattr("elpa_core.files.objects._LATE", 1.0)
    monkeypatch.setattr("elpa_core.files.objects._TRIES", 0)
    s3.faults(("GET", "history.jsonl", "hang", 1000))
    with pytest.raises(OSError, match="no answer from the service"):
        read(s3_store.folder.history)


def test_whether_it_is_decided_may_be_unknown(s3_store, impatient, s3):
    run(s3_store, 1)
    record(s3_store, 2)
    s3.faults(("PUT", "history.jsonl", "lose", 1))
    program = impatient.folder.history.fs
    original = program._call_s3

    async def call(method, *arguments, **options):
        answer = None
        try:
            answer = await original(method, *arguments, **options)
        finally:
            if method == "put_object" and options["Key"].endswith("history.jsonl"):
                s3.faults(("", "", "refuse", 1000))
        return answer

    program._call_s3 = call
    try:
        words = refused(lambda: impatient.publish("day2"))
    finally:
        program._call_s3 = original
    assert words == (
        f"{s3_store.folder.history}: Service Unavailable; whether the policy of run day2 is published"
        " is not known: elpa policy list tells, and trying again does no harm"
    )
    s3.faults()
    assert s3_store.publish("day2").entry.number == 2
    check_repaired(s3_store)


@pytest.mark.parametrize("then", ["another", "none"])
def test_the_copy_that_is_kept_is_of_the_policy_that_is_decided(s3_store, impatient, s3, then):
    run(s3_store, 1)
    run(s3_store, 2)
    record(s3_store, 3)
    asked = []

    def decide(_):
        asked.append(1)
        if len(asked) == 1:
            s3_store.publish("day3")  # and what is decided on top of the older history is too late
            return Decision(s3_store.policy("day1"), "promoted", "me", "by hand")
        if then == "none":
            raise InputError(Problem("x", "", "nothing", "something"))
        s3.faults(("PUT", "history.jsonl", "refuse", 1000))
        return Decision(s3_store.policy("day2"), "promoted", "me", "by hand")

    refused(lambda: keeper_of(impatient.folder).change(decide), ElpaError)
    s3.faults()
    kept = [child.name for child in files.children(s3_store.folder.path / "upcoming")]
    assert kept == (["day2"] if then == "another" else [])
    assert current_run(s3_store) == "day3"


def test_a_decision_whose_policy_cannot_be_put_there_is_put_there_by_the_next(s3_store, impatient, s3):
    run(s3_store, 1)
    record(s3_store, 2)
    record(s3_store, 3)
    s3.faults(("PUT", "current.json", "refuse", 1000))
    assert refused(lambda: impatient.publish("day2")) == (
        f"{s3_store.folder.current}: Please reduce your request rate; publication 2 is decided and in the"
        " history, and the next change of the store will put it there"
    )
    assert current_run(s3_store) == "day1"
    s3.faults()
    s3_store.publish("day3")
    assert actions(s3_store) == [f"published day{number} 1" for number in (1, 2, 3)]
    check_repaired(s3_store)


def test_an_answer_that_breaks_off_is_never_taken_for_a_whole_one(s3_store, impatient, s3):
    run(s3_store, 1)
    record(s3_store, 2)
    s3.faults(("GET", "current.json", "cut", 1000))
    assert str(s3_store.folder.current) in refused(s3_store.current, InputError)
    assert str(s3_store.folder.current) in refused(lambda: s3_store.publish("day2"))
    s3.faults(("GET", "history.jsonl", "cut", 1000))
    assert str(s3_store.folder.history) in refused(lambda: s3_store.publish("day2"))
    s3.faults(("GET", "0001.json", "cut", 1000))
    assert "0001.json" in refused(lambda: s3_store.publish("day2"), InputError)
    s3.faults()
    assert s3_store.publish("day2").changed
    check_repaired(s3_store)


def test_a_reader_is_told_what_is_wrong_and_where(s3_store, s3):
    run(s3_store, 1)
    s3.faults(("", "", "deny", 1000))
    for read in (
        s3_store.current,
        s3_store.history,
        lambda: s3_store.policy("day1"),
        lambda: s3_store.publish("day1"),
    ):
        words = refused(read, InputError)
        assert str(s3_store.folder.path) in words
        assert "ccess Denied" in words or "orbidden" in words


PROGRAM = """
import sys, json
from elpa_core import files
from elpa_core.errors import ElpaError, InputError, Problem
from elpa_core.files import open_location
from elpa_core.store import PolicyStore, StoreWriteError
from elpa_core.store.change import Decision
from elpa_core.store.policy_store import keeper_of
from support.stores import record
store = PolicyStore(open_location(sys.argv[1]), "pool")
for act in (store.history, store.current, lambda: store.publish("day1"), lambda: record(store, 2)):
    try:
        act()
    except (InputError, StoreWriteError) as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
            "nable to locate credentials",
        ),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"},
            "ould not connect to the endpoint URL",
        ),
        ({"AWS_PROFILE": "none"}, "he config profile (none) could not be found"),
    ],
)
def test_a_service_that_cannot_be_reached_or_used(s3_store, environment, words):
    run(s3_store, 1)
    env = {**os.environ, **environment}
    env = {name: value for name, value in env.items() if value}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(s3_store.folder.root)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["InputError"] * 3 + ["StoreWriteError"]
    for line in lines:
        assert words in line
        assert str(s3_store.folder.path) in line


def test_a_bucket_that_is_not_there():
    store = PolicyStore(open_location("s3://nobody-has-this/x"), "pool")
    assert refused(lambda: record(store, 1)) == (
        "s3://nobody-has-this/x/pool/runs/day1/policies/0001.json: The specified bucket does not exist; the"
        " policy store could not be changed, and the current policy is as it was: see that the bucket is"
        " there and can be reached and written with these credentials, and try again"
    )
    for read in (store.history, store.current, lambda: store.publish("day1")):
        words = "s3://nobody-has-this/x: found no such folder; expected a policy store"
        assert refused(read, InputError) == words
