"""The manifest's own fields; how it is kept true is in test_execution and test_cli_train. Under 1 s."""

import json

import pytest
from support.pools import block, pool

from elpa_core.runs.manifest import manifest_of, model_entry, write_manifest


@pytest.mark.parametrize(
    ("as_of", "written"),
    [
        ("2026-01-31T06:00:00+02:00", "2026-01-31T04:00:00Z"),
        ("2026-01-31T06:00:00.25+00:00", "2026-01-31T06:00:00.250000Z"),
        ("2026-01-31T06:00:00Z", "2026-01-31T06:00:00Z"),
    ],
)
def test_times_are_utc_and_end_in_z(plan, as_of, written):
    assert manifest_of(plan(pool(), as_of=as_of), [], created_at="x")["as_of"] == written


def test_a_disabled_model_says_so(plan):
    entries = [model_entry(planned) for planned in plan(pool(block("a"), block("b", enabled=False))).models]
    assert [(entry["status"], entry["enabled"]) for entry in entries] == [
        ("planned", True),
        ("disabled", False),
    ]


def test_no_secret_is_in_it_wherever_the_config_has_it(plan):
    config = pool(
        block("a", train_cmd="login hunter22 {token}", env={"PASSWORD": "hunter22", "URL": "x://hunter22@y"}),
        token="tok-12345",
    )
    planned = plan(config)
    text = json.dumps(manifest_of(planned, map(model_entry, planned.models), created_at="x"))
    assert "hunter22" not in text
    assert "tok-12345" not in text
    assert '"train_cmd_template": "login *** {token}", "train_cmd": "login *** ***"' in text


def test_further_fields_are_kept(plan, tmp_path):
    manifest = manifest_of(plan(pool()), [{"name": "a"}], created_at="x", run_id="r")
    write_manifest(tmp_path / "sub" / "m.json", manifest)
    found = json.loads((tmp_path / "sub" / "m.json").read_bytes())
    assert (found["run_id"], found["models"], found["skill"]) == ("r", [{"name": "a"}], "ELPA")
