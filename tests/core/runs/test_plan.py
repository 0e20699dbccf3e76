"""From a config to the exact command of every model. Under 1 s."""

import pytest
from support.pools import block, pool

from elpa_core.errors import PlaceholderError
from elpa_core.runs.plan import plan_run
from elpa_core.times import RunMoment


def test_a_plan_has_every_model_in_config_order_and_writes_nothing(plan, snapshot, tmp_path):
    planned = plan(pool(block("c", "offline"), block("a", enabled=False), block("b")))
    assert [(p.model.name, p.model.enabled) for p in planned.models] == [
        ("c", True),
        ("a", False),
        ("b", True),
    ]
    assert [p.model_dir for p in planned.models] == [tmp_path / "run" / "models" / name for name in "cab"]
    assert snapshot() == {}


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("{model_dir}/errors.csv", "{tmp}/run/models/a/errors.csv"),
        ("sub/e.csv", "{tmp}/run/models/a/sub/e.csv"),
        ("/abs/{model_name}-{horizon}.csv", "/abs/a-3.csv"),
        ("{config_dir}/{{x}} y.csv", "{tmp}/{{x}} y.csv"),
        ("{out}/e.csv", "{tmp}/run/models/a/my out/e.csv"),
    ],
)
def test_the_error_file_is_relative_to_the_model_s_folder(plan, tmp_path, template, path):
    planned = plan(pool(block("a", error_csv=template), horizon=3, out="my out"))
    assert str(planned.models[0].error_csv) == path.format(tmp=tmp_path)


def test_secrets_are_in_the_command_and_not_in_what_is_shown(plan):
    command = "x {api_key} {pin_token} hunter22 $T '{password}'"
    config = pool(
        block(train_cmd=command, env={"T_SECRET": "hunter22", "NOTE": "a hunter22 b"}),
        api_key="k-12345",
        context={"pin_token": "12", "password": "p w", "flag": True},
    )
    planned = plan(config).models[0]
    assert planned.command == "x k-12345 12 hunter22 $T 'p w'"
    assert planned.shown_command == "x *** *** *** $T '***'"
    assert planned.masked_environment() == {"T_SECRET": "***", "NOTE": "a *** b"}
    assert planned.environment["T_SECRET"] == "hunter22"


def test_previous_dir_is_of_the_commands_that_read_it(plan, tmp_path):
    """All others start in the same way, whatever was trained before."""
    reads = [block("a", train_cmd="x {previous_dir}"), block("b", train_cmd="x $ELPA_PREVIOUS_DIR")]
    *readers, other = plan(pool(*reads, block("c", "offline"))).models
    for planned in readers:
        assert planned.previous_dir == tmp_path / "run" / "previous" / planned.model.name
        assert planned.environment["ELPA_PREVIOUS_DIR"] == str(planned.previous_dir)
    assert (other.previous_dir, other.environment["ELPA_PREVIOUS_DIR"]) == (None, "")
    own = plan(pool(reads[0], block("c", "offline"), previous_dir="/mine")).models[0]
    assert (own.previous_dir, own.command) == (None, "x /mine")


def test_a_value_that_cannot_be_put_there_exactly_is_refused_with_its_place(load, tmp_path):
    loaded = load(pool(block("a"), block("b", train_cmd="let x={model_dir}")))
    with pytest.raises(PlaceholderError) as caught:
        plan_run(loaded, tmp_path / "run", RunMoment(as_of="2026-01-31T00:00:00+00:00"))
    (problem,) = caught.value.problems
    assert problem.source == str(tmp_path / "pool.json")
    assert problem.place == '$.models[1].train_cmd (model "b")'
    assert problem.found.endswith(" for {model_dir} where bash reads arithmetic")


def test_a_large_pool_is_planned(plan):
    assert len(plan(pool(*(block(f"m{n}") for n in range(1000)))).models) == 1000


def test_a_value_of_the_config_that_confuses_a_command_is_named(plan):
    with pytest.raises(PlaceholderError) as caught:
        plan(pool(block("a", train_cmd="x {dataset} --out {model_dir}"), dataset="/data/load (1).csv"))
    (problem,) = caught.value.problems
    assert problem.hint.endswith("; the value of {dataset} stands outside quotes")
    with pytest.raises(PlaceholderError) as caught:
        plan(pool(block("a", train_cmd="x ({dataset} --out {model_dir}"), dataset="/load.csv"))
    assert "the value of" not in caught.value.problems[0].hint
