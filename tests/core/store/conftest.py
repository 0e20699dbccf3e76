"""Fixtures of the store's tests."""

import itertools

import pytest
from support.s3_service import BUCKET, s3_service

from elpa_core.files import open_location
from elpa_core.runs.folder import MANIFEST_NAME
from elpa_core.store import PolicyStore

_PREFIXES = map(str, itertools.count())


@pytest.fixture(scope="session")
def s3_server():
    """Start an S3 server for all tests; programs that they start find it in their environment."""
    with s3_service() as service, pytest.MonkeyPatch.context() as patch:
        for name, value in service.env.items():
            patch.setenv(name, value)
        service.make_bucket(BUCKET)
        yield service


@pytest.fixture
def s3(s3_server):
    """Return the S3 server, without faults and objects."""
    s3_server.faults()
    yield s3_server
    s3_server.faults()
    s3_server.empty()


@pytest.fixture
def new_store(s3):
    """Return stores on the S3 server, each in a place of its own."""

    def make(prefix=""):
        return PolicyStore(open_location(f"s3://{BUCKET}/{next(_PREFIXES)}{prefix}"), "pool")

    return make


@pytest.fixture
def s3_store(new_store):
    return new_store()


@pytest.fixture
def copies(s3, new_store):
    """Return stores on the S3 server that hold what a store in a folder holds."""

    def copy(store, count):
        root = store.folder.root
        files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.name != ".lock"]
        files.sort(key=lambda path: path.name == MANIFEST_NAME)  # the last that a run writes
        made = [new_store() for _ in range(count)]
        contents = {}
        for one in made:
            other = str(one.folder.root)
            for path in files:
                text = path.read_text().replace(str(root), other)
                contents[f"{other.removeprefix('s3://')}/{path.relative_to(root)}"] = text
        s3.put(contents)
        return made

    return copy


@pytest.fixture(params=["local", pytest.param("object storage", marks=pytest.mark.slow)])
def any_store(request, tmp_path):
    """Return an empty store of each kind in turn."""
    if request.param == "object storage":
        return request.getfixturevalue("s3_store")
    return PolicyStore(tmp_path / "any", "pool")
