"""Warnings of fields in the wrong place, of Jinja, carriage returns, quotes and empty values. Under 1 s."""

import pytest
from support.pools import block, pool

from elpa_core.errors import ConfigError


@pytest.fixture
def warnings(load):
    def of(config):
        return [(each.place, each.found, each.expected) for each in load(config).warnings]

    return of


def problem_hints(load, config):
    with pytest.raises(ConfigError) as caught:
        load(config)
    return {problem.place: problem.hint for problem in caught.value.problems}


# Fields in the wrong place


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("schedule", "it belongs into airflow"),
        ("retries", "it belongs into airflow"),
        ("catchup", "it belongs into airflow"),
        ("start_date", "it belongs into airflow"),
        ("end_date", "it belongs into airflow"),
        ("on_model_failure", "it belongs into airflow"),
        ("train_cmd", "it belongs into a block of models"),
        ("error_csv", "it belongs into a block of models"),
        ("schedule_interval", 'did you mean "schedule" in airflow?'),
        ("retires", 'did you mean "retries" in airflow?'),
        ("datset", 'did you mean "dataset"?'),
    ],
)
def test_a_field_at_the_top_that_belongs_elsewhere(warnings, name, hint):
    assert warnings(pool(**{name: "x"})) == [(f"$.{name}", "no command uses this value", hint)]


def test_a_value_that_a_command_uses_is_no_misplaced_field(warnings):
    assert warnings(pool(block(train_cmd="echo {retries} $ELPA_OWNER"), retries=3, owner="me")) == []


def test_a_misplaced_array_or_object_is_refused_with_its_place(load):
    hints = problem_hints(load, pool(tags=["x"], promotion={}, env={}))
    assert hints == {
        "$.tags": "it belongs into airflow",
        "$.promotion": "it belongs into airflow",
        "$.env": "it belongs into a block of models",
    }


def test_a_misplaced_field_of_a_block_is_refused_with_its_place(load):
    model = block(retries=1, schedule="@daily", horizon=3, airflow={"catchup": True})
    hints = problem_hints(load, pool(model, airflow={"horizon": 3, "train_cmd": "x"}))
    assert hints == {
        "$.models[0].retries": "it belongs into airflow of this model, or of the whole config",
        "$.models[0].schedule": "it belongs into airflow at the top of the config",
        "$.models[0].horizon": "it belongs to the top of the config",
        "$.models[0].airflow.catchup": "it belongs into airflow at the top of the config",
        "$.airflow.horizon": "it belongs to the top of the config",
        "$.airflow.train_cmd": "it belongs into a block of models",
    }


def test_an_option_in_the_context(warnings):
    ((place, _, hint),) = warnings(pool(context={"schedule": "@daily", "spare": 1}))
    assert (place, hint) == ("$.context.schedule", '"schedule" as an option belongs into airflow')


def test_members_for_editors_are_nobodys_business(load, warnings):
    notes = {"$schema": "x.json", "$comment": ["any", {"thing": None}]}
    models = [block("a", airflow={"retries": 1, **notes}, **notes), block("b", "offline")]
    config = pool(*models, airflow={"schedule": "@daily", **notes}, context={"x": 1, **notes}, **notes)
    assert warnings(config) == []
    assert (
        load(config).config
        == load(
            pool(
                block("a", airflow={"retries": 1}),
                block("b", "offline"),
                airflow={"schedule": "@daily"},
                context={"x": 1},
            )
        ).config
    )


# Jinja


@pytest.mark.parametrize(
    ("command", "instead"),
    [
        ("x {{ ds }}", "use {as_of}"),
        ("x {{ds_nodash}}", "use {as_of}"),
        ("x {{ ts | replace(':', '') }}", "use {as_of}"),
        ("x {{ logical_date.isoformat() }}", "use {as_of}"),
        ("x {{ macros.ds_add(ds, 1) }}", "use {as_of}"),
        ("x {{ data_interval_end }}", "write {data_interval_end}"),
        ("x {{ data_interval_end | ds }}", "use a placeholder, such as {as_of}"),
        ("x {{ params.epochs }}", "use a placeholder, such as {as_of}"),
        ("x {{ var.value.path }}", "put it into env of the model"),
        ("x {{ conn.db.host }}", "put it into env of the model"),
        ("x {{ seed }}", "write {seed}"),
        ("x {{epochs}}", "write {epochs}"),
    ],
)
def test_jinja_is_not_read(warnings, command, instead):
    ((place, found, expected),) = warnings(pool(block(train_cmd=command), context={"epochs": 3}))
    assert (place, expected) == ("$.models[0].train_cmd", instead)
    assert found == f'"{command[2:]}" is not replaced: Jinja is not read here'


@pytest.mark.parametrize(
    "command",
    [
        "echo ${{ds}} ${{epochs}} ${{#ti[@]}}",
        "awk '{{print $1}}' x.csv",
        "printf %s '{{{{ ds }}}}'",
        "f() {{ echo; }}; f",
        "python -c 'print({{}})'",
        "{{ true; }}",
    ],
)
def test_other_braces_are_no_jinja(warnings, command):
    assert not [w for w in warnings(pool(block(train_cmd=command), context={"epochs": 3})) if "Jinja" in w[1]]


def test_jinja_in_a_value_and_in_error_csv(warnings):
    config = pool(block(train_cmd="x '{dataset}'", error_csv="{{ ds }}.csv"), dataset="/data/{{ ds }}.csv")
    assert [(place, expected) for place, _, expected in warnings(config)] == [
        ("$.dataset", "use {as_of}"),
        ("$.models[0].error_csv", "use {as_of}"),
    ]


def test_jinja_in_env_is_read(warnings):
    assert warnings(pool(block(env={"PASSWORD": "{{ conn.db.password }}"}))) == []


# Carriage returns


def test_carriage_returns_are_named_wherever_they_stand(warnings):
    model = block(
        train_cmd="true '{note}'\r\nfalse\r\n",
        error_csv="errors.csv\r",
        env={"A": "x\r"},
        artifacts=["m\r"],
        resume_from=["c\r"],
    )
    model["airflow"] = {"pool": "gpu\r"}
    options = {"tags": ["a", "b\r"], "owner": "me\r"}
    found = warnings(pool(model, dataset="/x\r", context={"note": "a\rb"}, airflow=options))
    returns = {place: words for place, words, expected in found if expected == "end lines with \\n"}
    one = "1 carriage return (\\r), taken as a character like any other"
    assert returns == {
        "$.models[0].train_cmd": one.replace("1 carriage return", "2 carriage returns"),
        **dict.fromkeys(
            [
                "$.models[0].error_csv",
                "$.models[0].env.A",
                "$.models[0].artifacts[0]",
                "$.models[0].resume_from[0]",
                "$.models[0].airflow.pool",
                "$.airflow.tags",
                "$.airflow.owner",
                "$.dataset",
                "$.context.note",
            ],
            one,
        ),
    }


# Values without quotes


@pytest.mark.parametrize(
    "value",
    [
        *("/data/load (1).csv", "a b", "x;y", "a&b", "a|b", "$X", "`x`", "it's", 'a"b', "a*", "a?", "[x]"),
        *("a\tb", "a\nb", "<x", "\\x", "{a,b}", "~/x", "#x", "x>y"),
    ],
)
@pytest.mark.parametrize("command", ["python /n.py --data {v}", "python /n.py --data={v}", "x={v} env"])
def test_a_value_with_a_blank_or_a_sign_outside_quotes(warnings, command, value):
    ((place, found, expected),) = warnings(pool(block(train_cmd=command), context={"v": value}))
    assert place == "$.models[0].train_cmd"
    assert found.startswith("the value ")
    assert found.endswith(" of $.context.v stands outside quotes, where bash reads its characters")
    assert expected == "if it is one word, put {v} in double quotes"


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ('x "{v}"', "/data/load (1).csv"),
        ("x '{v}'", 'a "b" c'),
        ('x "{v}"', "$DATA/load.csv"),
        ('x "{v}"', "${DATA}/load.csv"),
        ('x "{v}"', "$DATA"),
        ('x "{v}"', "5 $"),
        ('x "{v}"', "it's 5\\% {a,b}"),
        ("cat <<E\n{v}\nE", '$DATA/load.csv "a" it\'s'),
        ("cat <<'E'\n{v}\nE", "/d/$x.csv `a` \\\\"),
        ("x {v}", "/data/load-1_2.csv"),
        ("x {v}", "s3://bucket/key=1,2"),
        ("x {v}", "user@host:80%+"),
        ("x {v}", "Mañana"),
        ("{v} /n.py", "uv run python"),
        ("true && {v}", "source venv/bin/activate && export X=1"),
        ("cat <<E\n{v}\nE", "a b; c"),
        ("x # {v}", "a b"),
    ],
)
def test_a_value_that_bash_takes_as_meant_is_no_warning(warnings, command, value):
    assert warnings(pool(block(train_cmd=command), context={"v": value})) == []


@pytest.mark.parametrize(
    ("command", "values", "where"),
    [
        (
            'x "{v}"',
            ["/d/$x.csv", "$DATA/$x.csv", "a $(b)", "`x`", "a\\\\b", "a\\", 'a"b', "pa$$word"],
            "double quotes",
        ),
        ("cat <<E\n{v}\nE", ["/d/$x.csv", "${x}y", "`x`", "a\\$", "a\\"], "a here-document"),
        ('x "${{y:-{v}}}"', ["/d/$x.csv", "`x`", "a}", 'a"b'], "${name:-...} inside double quotes"),
        ("x ${{y:-{v}}}", ["a}b"], "${name:-...} outside quotes"),
        ("x '{v}'", ["it's"], "single quotes"),
        ("x $'{v}'", ["it's", "a\\nb"], "$'...' quotes"),
        ("x # {v}", ["a\nb"], "a comment"),
    ],
)
def test_a_value_that_bash_reads_where_it_stands(warnings, command, values, where):
    for value in values:
        ((_, found, expected),) = warnings(pool(block(train_cmd=command), context={"v": value}))
        assert f" of $.context.v stands in {where}, where bash reads its characters" in found
        if not where.endswith("outside quotes"):
            assert expected == "read it from $ELPA_V"


def test_the_field_of_the_value_is_named(warnings):
    command = "x {dataset} {train_dataset} {val_dataset} {root}"
    found = warnings(pool(block(train_cmd=command), dataset="a b", val_dataset="c d", root="e f"))
    assert [words.partition(" of ")[2].partition(" ")[0] for _, words, _ in found] == [
        "$.dataset",
        "$.dataset",
        "$.val_dataset",
        "$.root",
    ]


def test_a_program_with_a_blank_in_its_path(warnings):
    assert len(warnings(pool(block(train_cmd="{v} /n.py"), context={"v": "/opt/my env/bin/python"}))) == 1


def test_a_secret_is_not_shown(warnings):
    ((_, found, _),) = warnings(pool(block(train_cmd="x {api_token}"), context={"api_token": "to ken"}))
    assert found.startswith("the value *** of $.context.api_token ")


def test_what_to_do_about_a_value_that_is_read_as_code_stands_apart(warnings):
    ((_, found, expected),) = warnings(pool(block(train_cmd="bash -c 'echo {seed}'")))
    assert found == "{seed} stands where bash -c reads it as code"
    assert expected == "use the variable ELPA_SEED there instead"


# Empty values and variables


def test_a_placeholder_whose_value_is_empty(warnings):
    config = pool(block(train_cmd="x --data {dataset} '{note}'", error_csv="{sub}/e.csv"), sub="")
    found = warnings(config | {"context": {"note": ""}})
    assert [(place, words) for place, words, _ in found] == [
        ("$.models[0].train_cmd", "{dataset} stands for a value that is empty"),
        ("$.models[0].train_cmd", "{note} stands for a value that is empty"),
        ("$.models[0].error_csv", "{sub} stands for a value that is empty"),
    ]


def test_a_run_that_assets_start_has_no_interval(warnings):
    command = block(train_cmd="x {data_interval_start}")
    assert warnings(pool(command)) == []
    ((_, words, expected),) = warnings(pool(command, airflow={"assets": ["s3://b/k"]}))
    assert "is empty" in words
    assert expected == "take {as_of}"


def test_a_variable_of_env_that_hides_a_value(warnings):
    ((place, words, _),) = warnings(pool(block(env={"ELPA_SEED": "1", "ELPA_HOME": "x"})))
    assert (place, words) == ("$.models[0].env.ELPA_SEED", "taken instead of the value of {seed}")


@pytest.mark.parametrize(
    ("fields", "place", "other"),
    [
        ({"context": {"alpha": 1, "Alpha": 2}}, "$.context.Alpha", "$.context.alpha"),
        ({"alpha": 1, "context": {"ALPHA": 2}}, "$.context.ALPHA", "$.alpha"),
        ({"Dataset": "x"}, "$.Dataset", "{dataset}"),
        ({"context": {"As_Of": 1}}, "$.context.As_Of", "{as_of}"),
        ({"context": {"Model_Dir": 1}}, "$.context.Model_Dir", "{model_dir}"),
        ({"BETA": 1}, "$.BETA", "{beta}"),
    ],
)
def test_two_names_of_one_variable_are_refused(load, fields, place, other):
    with pytest.raises(ConfigError) as caught:
        load(pool(**fields))
    (problem,) = caught.value.problems
    assert problem.place == place
    assert problem.found.endswith(f", which {other} has too")


def test_names_that_are_no_variables_or_the_same_name_may_differ_in_capitals(load):
    load(pool(**{"my-value": 1, "My-Value": 2, "alpha": 1, "context": {"alpha": 2}}))


@pytest.mark.parametrize(
    ("train_cmd", "artifacts", "warned"),
    [
        ("fit {previous_dir}", [], True),
        ("fit $ELPA_PREVIOUS_DIR", [], True),
        ("fit {previous_dir}", ["model.pt"], False),
        ("fit", [], False),
    ],
)
def test_a_warm_start_from_files_that_nobody_keeps(warnings, train_cmd, artifacts, warned):
    words = "empty, so that {previous_dir} of a later training is an empty folder"
    expected = [("$.models[0].artifacts", words, "name the files to start from")]
    found = warnings(pool(block(train_cmd=train_cmd, artifacts=artifacts)))
    assert found == (expected if warned else [])
