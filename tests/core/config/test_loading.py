"""What a config's author should know, and all problems at once. Under 1 s."""

import json

import pytest
from support.pools import block, pool

from elpa_core.config.loading import load_training_config, parse_training_config
from elpa_core.errors import ConfigError

UNUSED = "no command uses this value"


@pytest.fixture
def warnings(load, tmp_path):
    """Load a config and return its warnings, without the file's name."""

    def of(config):
        prefix = f"{tmp_path / 'pool.json'}: "
        found = [str(warning) for warning in load(config).warnings]
        assert all(line.startswith(prefix) for line in found)
        return [line.removeprefix(prefix) for line in found]

    return of


def test_a_config_that_is_in_order_has_no_warning(warnings):
    blocks = [
        block("a", train_cmd="{root}/x {beta} {epochs} {as_of}", error_csv="{out}/{model_name}.csv"),
        block("b", "offline"),
    ]
    assert warnings(pool(*blocks, root="/x", out="/y", context={"epochs": 3, "spare": 1})) == []


@pytest.mark.parametrize(
    ("extra", "hint"),
    [
        ("horizonn", '; did you mean "horizon"?'),
        ("mutant_epsilom", '; did you mean "mutant_epsilon"?'),
        ("dirty-interval", '; did you mean "dirty_interval"?'),
        ("model", '; did you mean "models"?'),
        ("owner", "; it belongs into airflow"),
    ],
)
def test_an_extra_that_no_command_uses_is_a_warning(warnings, extra, hint):
    path = f"$.{extra}" if extra.isidentifier() else f'$["{extra}"]'
    assert warnings(pool(**{extra: 1})) == [f"{path}: {UNUSED}{hint}"]


def test_an_extra_used_in_error_csv_only_is_used(warnings):
    assert warnings(pool(block(error_csv="{root}/{model_name}.csv"), root="/x")) == []


def test_an_extra_used_as_a_variable_is_used(warnings):
    assert warnings(pool(block(train_cmd='python -c "$ELPA_PROGRAM"'), program="print(1)")) == []


def test_doubled_braces_use_nothing(warnings):
    assert warnings(pool(block(train_cmd="echo ${{root}}"), root="/x")) == [f"$.root: {UNUSED}"]


def test_groups_left_out_or_in_capitals_are_warnings(warnings):
    models = [{"name": "a", "train_cmd": "true"}, block("b", "OffLine")]
    assert warnings(pool(*models)) == [
        "$.models[0].group: found nothing, taken as online; say which group it is",
        '$.models[1].group: found "OffLine", taken as offline; write offline',
    ]


@pytest.mark.parametrize(
    "name",
    ["config_dir", "python", "as_of", "data_interval_start", "data_interval_end", "run_id", "run_type"],
)
def test_an_own_value_under_a_new_name_wins_with_a_warning(plan, warnings, name):
    line = f"taken instead of ELPA's own {{{name}}}"
    command = block(train_cmd=f"echo {{{name}}}")
    for place, values in (("$", {name: "my_own"}), ("$.context", {"context": {name: "my_own"}})):
        config = pool(command, **values)
        assert warnings(config) == [f"{place}.{name}: {line}"]
        assert plan(config).models[0].command == "echo my_own"


@pytest.mark.parametrize("name", ["train_dataset", "run_dir", "model_dir", "model_name"])
def test_an_own_value_under_an_old_name_loses_with_a_warning(plan, warnings, name):
    config = pool(block(train_cmd=f"echo {{{name}}}"), dataset="/x", context={name: "my_own"})
    assert warnings(config) == [
        f"$.context.{name}: never used: {{{name}}} has a meaning of its own; rename it"
    ]
    assert "my_own" not in plan(config).models[0].command


def test_the_context_wins_over_a_top_level_extra_with_a_warning(plan, warnings):
    config = pool(block(train_cmd="echo {x}"), x="top", context={"x": "context"})
    assert warnings(config) == ["$.x: never used: the context has a value of this name"]
    assert plan(config).models[0].command == "echo context"


@pytest.mark.parametrize(
    ("command", "reader"),
    [
        ("bash -c 'echo {seed}'", "bash -c"),
        ('sh -c "echo {seed}"', "sh -c"),
        ("python -c 'print({seed})'", "python -c"),
        ("{python} -c 'print({seed})'", "python -c"),
        ("eval echo {seed}", "eval"),
        ("ssh host echo {seed}", "ssh"),
    ],
)
def test_a_placeholder_in_a_program_of_its_own_is_a_warning(warnings, command, reader):
    assert warnings(pool(block("x", train_cmd="true"), block(train_cmd=command))) == [
        f"$.models[1].train_cmd: {{seed}} stands where {reader} reads it as code;"
        " use the variable ELPA_SEED there instead"
    ]


def test_two_models_that_share_an_error_file_are_a_warning(warnings):
    shared = "{run_dir}/errors.csv"
    blocks = [
        block("a", error_csv=shared),
        block("b", error_csv="errors.csv"),
        block("c", error_csv="errors.csv"),
    ]
    assert warnings(pool(*blocks, block("d", error_csv=shared))) == [
        '$.models[3].error_csv: the same file as that of model "a"'
    ]


def test_every_problem_is_reported_at_once_also_a_missing_group(load):
    with pytest.raises(ConfigError) as caught:
        load(pool(block("a", train_cmd="{x} {y"), block("a", retries=1), beta=7, stages={}), both_groups=True)
    assert [problem.place for problem in caught.value.problems] == [
        "$.stages",
        "$.beta",
        "$.models[1].retries",
        "$.models[1].name",
        '$.models[0].train_cmd (model "a")',
        '$.models[0].train_cmd (model "a")',
        "$.models",
    ]


def test_an_unknown_group_is_no_missing_group_too(load):
    with pytest.raises(ConfigError) as caught:
        load(pool(block("a", "onlin"), block("b", "offline")), both_groups=True)
    assert [problem.place for problem in caught.value.problems] == ["$.models[0].group"]


def test_one_unknown_name_in_two_commands_is_two_problems(load):
    with pytest.raises(ConfigError) as caught:
        load(pool(block("a", train_cmd="{x} {x}"), block("b", train_cmd="{x}")))
    assert [problem.place for problem in caught.value.problems][-1] == '$.models[1].train_cmd (model "b")'


def test_a_file_keeps_the_name_that_its_user_gave_it(write_json, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_json(pool(x=1), "configs/pool.json").relative_to(tmp_path)
    loaded = load_training_config(path)
    assert (loaded.source, loaded.path) == ("configs/pool.json", tmp_path / "configs" / "pool.json")
    assert [*map(str, loaded.warnings)] == [f"configs/pool.json: $.x: {UNUSED}"]
    assert loaded.data == (tmp_path / path).read_bytes()


def test_parsing_touches_no_file(tmp_path):
    data = json.dumps(pool()).encode()
    loaded = parse_training_config(data, tmp_path / "no" / "such.json")
    assert [model.name for model in loaded.config.models] == ["a", "b"]
