"""What a run carries is found on S3 in three requests, however many runs there are."""

import datetime as dt
import itertools

import pytest
from support.earlier import END, status_text

from elpa_core.runs.artifact_index import ArtifactIndex, Entry
from elpa_core.runs.earlier_artifacts import newest_artifacts

pytestmark = pytest.mark.slow

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
INVERTED = [
    ("HEAD", "artifacts/tide/complete"),
    ("GET", ""),  # lists
    ("GET", "runs/r{}/models/tide/status.json"),
]


def with_runs(store, s3, count):
    """Let runs of as many hours have trained the model; none has an entry in the index."""
    runs = store.folder.runs
    texts = {}
    for hour in range(1, count + 1):
        folder = runs / f"r{hour}" / "models" / "tide"
        as_of = (START + dt.timedelta(hours=hour)).isoformat()
        texts[f"{folder}/status.json".removeprefix("s3://")] = status_text(folder, f"r{hour}", as_of)
    s3.put(texts)
    return runs


def requests(s3, store):
    """Return the requests since they were last asked for: method and place in the Dag's folder."""
    place = str(store.folder.path).removeprefix("s3:/")
    found = [(method, path.removeprefix(place).strip("/")) for method, path in s3.requests()[0]]
    s3.faults()
    return [
        (method, "" if method == "GET" and not path.endswith(".json") else path) for method, path in found
    ]


@pytest.mark.parametrize("count", [3, 300])
def test_the_newest_is_found_in_three_requests_however_many_runs_there_are(s3_store, s3, count):
    runs = with_runs(s3_store, s3, count)
    first = next(newest_artifacts(runs / "new", "tide", "offline", END))
    assert first.run_id == f"r{count}"
    requests(s3, s3_store)
    until = START + dt.timedelta(hours=count - 1)
    assert next(newest_artifacts(runs / "new", "tide", "offline", until)).run_id == f"r{count - 1}"
    assert requests(s3, s3_store) == [(method, path.format(count - 1)) for method, path in INVERTED]


def test_all_are_found_in_order_page_by_page(s3_store, s3):
    runs = with_runs(s3_store, s3, 230)
    list(newest_artifacts(runs / "new", "tide", "offline", START))
    requests(s3, s3_store)
    found = newest_artifacts(runs / "r200", "tide", "offline", END, START + dt.timedelta(hours=11))
    assert [one.run_id for one in found] == [f"r{n}" for n in range(230, 10, -1) if n != 200]
    lists = [one for one in requests(s3, s3_store) if one == ("GET", "")]
    assert len(lists) == 3


def test_a_training_that_ends_while_another_run_completes_the_index_is_found(s3_store, s3):
    runs = with_runs(s3_store, s3, 3)
    index = ArtifactIndex.of(runs, "tide")
    index.enter([Entry(START + dt.timedelta(hours=9), "r9")])
    looked = newest_artifacts(runs / "new", "tide", "offline", END)
    assert next(looked).run_id == "r3"
    folder = runs / "r9" / "models" / "tide"
    text = status_text(folder, "r9", (START + dt.timedelta(hours=9)).isoformat())
    s3.put({f"{folder}/status.json".removeprefix("s3://"): text})
    found = itertools.islice(newest_artifacts(runs / "new", "tide", "offline", END), 2)
    assert [one.run_id for one in found] == ["r9", "r3"]
