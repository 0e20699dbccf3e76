"""Section 6 of the contract: bad configs, and the lines that say what is wrong with each."""

import json
import sys

from support.pools import block, pool

MODEL_FIELDS = (
    "name, group, enabled, description, train_cmd, env, error_csv, error_columns, artifacts, resume_from,"
    " airflow"
)


SCORED_FIELDS = "name, group, ewma_score, error_values, error_csv, error_columns"


SCALAR = "a string, a number, true, false or null"


FOLDER_NAME = "1 to 200 letters, digits, dashes, dots and underscores"


PLACEHOLDERS = (
    "amplitude_window, as_of, beta, config_dir, data_interval_end, data_interval_start, dataset,"
    " dirty_interval, horizon, model_dir, model_name, mutant_epsilon, period, previous_dir, python, run_dir,"
    " run_id, run_type, seed, test_dataset, train_dataset, val_dataset"
)


PASSED = "expected text that the system can pass to a program"


NUL = f"found a NUL character; {PASSED}"


PLAIN_NAME = "expected a plain name in braces, such as {model_dir}"


def model(**fields):
    return pool(block(**fields), block("b", "offline"))


def with_models(models):
    return {"models": models}


def pasted(text):
    """Return a good config with ``text`` pasted in as its first members."""
    return ("{" + text + ", " + json.dumps(pool())[1:]).encode()


# What the file holds, and the lines that say what is wrong with it (without the file's name).
BAD_CONFIGS = {
    # not a JSON object
    "empty": (b"", ["line 1, column 1: found the end of the file; expected JSON (Expecting value)"]),
    "no JSON": (
        b'{\n  "beta": 0.7,\n  "models" [] }',
        ['line 3, column 12: found "[] }"; expected JSON (Expecting \':\' delimiter)'],
    ),
    "cut off": (
        b'{"models": [',
        ["line 1, column 13: found the end of the file; expected JSON (Expecting value)"],
    ),
    "a comma too many": (
        b'{"beta": 0.7,}',
        ['line 1, column 13: found ",}"; expected JSON (Illegal trailing comma before end of object)']
        if sys.version_info >= (3, 13)
        else [
            'line 1, column 14: found "}"; expected JSON (Expecting property name enclosed in double quotes)'
        ],
    ),
    "after the end": (b"{} {}", ['line 1, column 4: found "{}"; expected JSON (Extra data)']),
    "a control character": (
        b'{"dataset": "a\nb"}',
        ["line 1, column 15: found the end of the line; expected JSON (Invalid control character at)"],
    ),
    "UTF-16": (
        '{"models": []}'.encode("utf-16"),
        ["byte 0 (line 1): found the byte 0xff; expected UTF-8 text"],
    ),
    "Latin-1": (b'{\n"dataset": "\xe9"}', ["byte 14 (line 2): found the byte 0xe9; expected UTF-8 text"]),
    "an array": (b"[]", ["$: found an array; expected a JSON object"]),
    "a string": (b'"pool"', ['$: found "pool"; expected a JSON object']),
    "null": (b"null", ["$: found null; expected a JSON object"]),
    "NaN alone": (b"NaN", ["$: found NaN; expected a JSON object"]),
    "nested too deeply": (
        b'{"context": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        ["found arrays or objects nested too deeply; expected JSON of at most 100 levels"],
    ),
    # what JSON does not have, or should not have
    "keys twice": (
        pasted('"beta": 0.1, "beta": 0.2, "context": {"a": 1, "b": 2, "a": 3}'),
        ["$.beta: found the key twice; expected each key once",
         "$.context.a: found the key twice; expected each key once"],
    ),
    "a model's key twice": (
        b'{"models": [{"name": "a", "train_cmd": "true", "na\\u006de": "b"}]}',
        ["$.models[0].name: found the key twice; expected each key once"],
    ),
    "NaN and infinities": (
        pasted('"beta": NaN, "x": [Infinity, {"a b": -Infinity}]'),
        ["$.beta: found NaN; expected a finite number",
         "$.x[0]: found Infinity; expected a finite number",
         '$.x[1]["a b"]: found -Infinity; expected a finite number'],
    ),
    "beyond a double": (
        pasted('"mutant_epsilon": 1e999, "seed": -1e400'),
        ["$.mutant_epsilon: found 1e999; expected a finite number",
         "$.seed: found -1e400; expected a finite number"],
    ),
    "thousands of digits": (
        pasted('"seed": 1' + "0" * 5000),
        ["$.seed: found an integer of 5001 digits; expected a number of at most 4300 digits"],
    ),
    "half a surrogate pair": (
        pasted(r'"dataset": "a\ud800", "context": {"\udc00": 1}'),
        ["$.dataset: found half of a surrogate pair; expected text that UTF-8 can express",
         "$.context: found a key with half of a surrogate pair; expected text that UTF-8 can express"],
    ),
    "NaN under a pile of arrays": (
        b'{"x": ' + b"[" * 900 + b"NaN" + b"]" * 900 + b"}",
        None,  # one line, whichever limit is met first
    ),
    # models
    "no models": ({}, ["$.models: found nothing; expected a value: the field is required"]),
    "empty models": (with_models([]), ["$.models: found 0 entries; expected at least 1"]),
    "models is null": (with_models(None), ["$.models: found null; expected an array"]),
    "models is an object": (with_models({"a": {}}), ["$.models: found an object; expected an array"]),
    "a model is a string": (with_models(["a"]), ['$.models[0]: found "a"; expected an object']),
    "an empty model": (
        with_models([{}, block("b", "offline")]),
        ["$.models[0].name: found nothing; expected a value: the field is required",
         "$.models[0].train_cmd: found nothing; expected a value: the field is required"],
    ),
    # wrong types
    **{
        f"{name} is {json.dumps(value)}": (
            pool(**{name: value}),
            [f"$.{name}: found {json.dumps(value)}; expected {expected}"],
        )
        for name, value, expected in (
            ("dataset", 1, "a string"),
            ("dataset", None, "a string"),
            ("val_dataset", True, "a string"),
            ("test_dataset", 1.5, "a string"),
            ("horizon", "24", "an integer"),
            ("horizon", 24.0, "an integer"),
            ("horizon", True, "an integer"),
            ("period", None, "an integer"),
            ("seed", 1.5, "an integer"),
            ("beta", "0.7", "a number"),
            ("beta", True, "a number"),
            ("beta", None, "a number"),
            ("dirty_interval", "3", "an integer"),
            ("amplitude_window", 6.0, "an integer"),
            ("mutant_epsilon", "0.1", "a number"),
        )
    },
    "containers for scalars": (
        pool(dataset=["a"], horizon={}, context=[1]),
        ["$.dataset: found an array; expected a string",
         "$.horizon: found an object; expected an integer",
         "$.context: found an array; expected an object"],
    ),
    "a model's fields of wrong types": (
        model(name=1, group=2, enabled="yes", train_cmd=["true"], env=["A=1"], error_csv=None),
        ["$.models[0].name: found 1; expected a string",
         '$.models[0].group: found 2; expected "online" or "offline"',
         '$.models[0].enabled: found "yes"; expected true or false',
         "$.models[0].train_cmd: found an array; expected a string",
         "$.models[0].env: found an array; expected an object",
         "$.models[0].error_csv: found null; expected a string"],
    ),
    "values of no scalar type": (
        model(env={"A": [1], "B": {}}) | {"context": {"a": [1], "extras": {}}},
        [f"$.context.a: found an array; expected {SCALAR}",
         f"$.context.extras: found an object; expected {SCALAR}",
         f"$.models[0].env.A: found an array; expected {SCALAR}",
         f"$.models[0].env.B: found an object; expected {SCALAR}"],
    ),
    "top-level containers": (
        pool(contxt={"a": 1}, extras=[]),
        ['$.contxt: found an object; expected a scalar or a known field; did you mean "context"?',
         '$.extras: found an array; expected a scalar or a known field; did you mean "beta"?'],
    ),
    # out of range
    **{
        f"{name} is {value}": (
            pool(**{name: value}),
            [f"$.{name}: found {value}; expected a number {expected}"],
        )
        for name, value, expected in (
            ("horizon", 0, "of at least 1"),
            ("period", -24, "of at least 1"),
            ("beta", 1, "less than 1.0"),
            ("beta", 1.5, "less than 1.0"),
            ("beta", -0.1, "of at least 0.0"),
            ("dirty_interval", -1, "of at least 0"),
            ("amplitude_window", 0, "of at least 1"),
            ("mutant_epsilon", 0, "greater than 0.0"),
            ("mutant_epsilon", -0.5, "greater than 0.0"),
        )
    },
    # fields of a model
    "unknown fields": (
        model(train_command="true", nam="x", retries=2),
        [f'$.models[0].train_command: found an unknown field; expected one of {MODEL_FIELDS};'
         ' did you mean "train_cmd"?',
         f'$.models[0].nam: found an unknown field; expected one of {MODEL_FIELDS}; did you mean "name"?',
         f"$.models[0].retries: found an unknown field; expected one of {MODEL_FIELDS};"
         " it belongs into airflow of this model, or of the whole config"],
    ),
    "an unknown group": (
        model(group="ofline"),
        ['$.models[0].group: found "ofline"; expected "online" or "offline"; did you mean "offline"?'],
    ),
    # names
    "names twice": (
        pool(block("a"), block("b", "offline"), block("a", "offline"), block("a")),
        ['$.models[2].name: found "a"; expected a name of its own: $.models[0] has this one',
         '$.models[3].name: found "a"; expected a name of its own: $.models[0] has this one'],
    ),
    **{
        f"the name {name!r}": (model(name=name), [f"$.models[0].name: found {shown}; expected {expected}"])
        for name, shown, expected in (
            ("", '""', FOLDER_NAME),
            ("a/b", '"a/b"', FOLDER_NAME),
            ("../a", '"../a"', FOLDER_NAME),
            (".", '"."', "a name that can be a folder"),
            ("..", '".."', "a name that can be a folder"),
            ("a b", '"a b"', FOLDER_NAME),
            ("a\n", r'"a\n"', FOLDER_NAME),
            ("a\0", r'"a\x00"', FOLDER_NAME),
            ("a\u202eb", r'"a\u202eb"', FOLDER_NAME),
            ("$(id)", '"$(id)"', FOLDER_NAME),
            ("n" * 201, '"' + "n" * 57 + '..."', FOLDER_NAME),
            ("é" * 101, '"' + "é" * 57 + '..."', "a name of at most 200 bytes"),
        )
    },
    # commands
    **{
        f"the command {command!r}": (
            model(train_cmd=command),
            [f'$.models[0].train_cmd (model "a"): found {problem}'],
        )
        for command, problem in (
            ("", '""; expected a command that is not empty'),
            (" \n", r'" \n"; expected a command that is not empty'),
            ("echo {modl_dir}",
             f"the unknown placeholder {{modl_dir}} at character 6; expected one of {PLACEHOLDERS};"
             " did you mean {model_dir}?"),
            ("echo ${HOME}",
             f"the unknown placeholder {{HOME}} at character 7; expected one of {PLACEHOLDERS};"
             " a shell variable in braces is written ${{HOME}}"),
            ("echo {", 'a "{" at character 6 that has no "}"; expected braces in pairs;'
             " a literal brace is written twice: {{"),
            ("echo }", 'a "}" at character 6 that has no "{"; expected braces in pairs;'
             " a literal brace is written twice: }}"),
            ("echo {seed.real}", f'"{{seed.real}}" at character 6; {PLAIN_NAME};'
             " literal braces are written twice: {{seed.real}}"),
            ("echo {seed!r:>9}", f'"{{seed!r:>9}}" at character 6; {PLAIN_NAME};'
             " literal braces are written twice: {{seed!r:>9}}"),
            ("echo ${V%%.*}", f'"{{V%%.*}}" at character 7; {PLAIN_NAME};'
             " a shell variable in braces is written ${{V%%.*}}"),
            ("echo \0", f"a NUL character in the command; {PASSED}"),
        )
    },
    "a bad error_csv": (
        model(error_csv="{model}/e.csv"),
        [f'$.models[0].error_csv (model "a"): found the unknown placeholder {{model}} at character 1;'
         f" expected one of {PLACEHOLDERS}; did you mean {{model_dir}}?"],
    ),
    "an empty error_csv": (
        model(error_csv=""),
        ['$.models[0].error_csv (model "a"): found ""; expected a path that is not empty'],
    ),
    "NUL in values": (
        model(env={"A": "a\0"}) | {"dataset": "d\0", "context": {"api_token": "secret\0"}, "top": "\0"},
        [f"$.dataset: {NUL}", f"$.context.api_token: {NUL}", f"$.models[0].env.A: {NUL}", f"$.top: {NUL}"],
    ),
    "names that no variable can have": (
        model(env={"": 1, "A=B": 1, "C\0": 1}),
        [f"$.models[0].env[{name}]: found {name}; expected the name of an environment variable:"
         " not empty, without = and NUL" for name in ('""', '"A=B"', r'"C\x00"')],
    ),
    # several at once, each on a line of its own
    "everything": (
        {"horizon": "1", "beta": 2, "stages": [], "models": [
            block("a", colour="red"), block("a", "offline", "echo {nope"), block("c\nd", "onlin")]},
        ["$.stages: found an array; expected a scalar or a known field",
         "$.beta: found 2; expected a number less than 1.0",
         '$.horizon: found "1"; expected an integer',
         f"$.models[0].colour: found an unknown field; expected one of {MODEL_FIELDS}",
         rf'$.models[2].name: found "c\nd"; expected {FOLDER_NAME}',
         '$.models[2].group: found "onlin"; expected "online" or "offline"; did you mean "online"?',
         '$.models[1].name: found "a"; expected a name of its own: $.models[0] has this one',
         '$.models[1].train_cmd (model "a"): found a "{" at character 6 that has no "}";'
         " expected braces in pairs; a literal brace is written twice: {{"],
    ),
    "airflow": (
        model(airflow={"retries": -1, "pol": "gpu"}) | {
            "airflow": {"catchup": True, "schedule": "daily", "execution_timeout": -1, "timezone": "Mars"}},
        ["$.airflow.execution_timeout: found -1; expected a number greater than 0.0",
         '$.airflow.schedule: found "daily"; expected a cron expression of five fields, one of @once,'
         " @hourly, @daily, @weekly, @monthly, @quarterly, @yearly, or null",
         '$.airflow.timezone: found "Mars"; expected an IANA timezone, such as "UTC" or "Europe/Berlin"',
         "$.models[0].airflow.retries: found -1; expected a number of at least 0",
         "$.models[0].airflow.pol: found an unknown field; expected one of retries, retry_delay,"
         ' no_retry_exit_codes, execution_timeout, stop_grace, max_log_lines, pool, pool_slots,'
         ' max_active_tis_per_dag, queue, executor, pod_override, priority_weight; did you mean "pool"?',
         "$.airflow.start_date: found nothing; expected the date from which catchup runs missed data"
         " intervals"],
    ),
    "notify": (
        pool(airflow={"notify": [{"on": [], "notifier": "Pager"}, {"on": ["publishd"]}, "alerts.Pager"]}),
        ["$.airflow.notify[0].on: found 0 entries; expected at least 1",
         '$.airflow.notify[0].notifier: found "Pager"; expected module and class of an Airflow notifier, such'
         ' as "my_alerts.Pager"',
         '$.airflow.notify[1].on[0]: found "publishd"; expected "failed", "degraded", "held_back", "recorded"'
         ' or "published"; did you mean "published"?',
         "$.airflow.notify[1].notifier: found nothing; expected a value: the field is required",
         '$.airflow.notify[2]: found "alerts.Pager"; expected an object'],
    ),
}  # fmt: skip


# Refused for a Dag and for integration, accepted by ``elpa train``.
LACKING_A_GROUP = {
    "no offline model": (
        pool(block("a")),
        ["$.models: found no enabled offline model; expected at least one in each group"],
    ),
    "no enabled online model": (
        pool(block("a", enabled=False), block("b", "OFFLINE")),
        ["$.models: found no enabled online model; expected at least one in each group"],
    ),
    "none enabled": (
        pool(block("a", enabled=False)),
        ["$.models: found no enabled online model; expected at least one in each group",
         "$.models: found no enabled offline model; expected at least one in each group"],
    ),
}  # fmt: skip


def scored(name="a", group="online", **source):
    return {"name": name, "group": group, **(source or {"ewma_score": 1.0})}


def scored_pool(*blocks, **fields):
    return {**fields, "models": [*blocks, scored("z", "offline")]}


BAD_INTEGRATIONS = {
    "no error source": (
        scored_pool({"name": "a", "group": "online", "ewma_score": None}),
        ["$.models[0]: found no error source; expected ewma_score, error_values or error_csv"],
    ),
    "a negative score": (
        scored_pool(scored(ewma_score=-0.1)),
        ["$.models[0].ewma_score: found -0.1; expected a number of at least 0.0"],
    ),
    "sources of wrong types": (
        scored_pool(scored("a", ewma_score="1"), scored("b", error_values=1), scored("c", error_csv=""),
                    scored("d", error_values=[])),
        ['$.models[0].ewma_score: found "1"; expected a number',
         "$.models[1].error_values: found 1; expected an array",
         '$.models[2].error_csv: found ""; expected text that is not empty',
         "$.models[3].error_values: found 0 entries; expected at least 1"],
    ),
    "values that are no numbers": (
        scored_pool(scored(error_values=[1, "2", None, True])),
        ['$.models[0].error_values[1]: found "2"; expected a number',
         "$.models[0].error_values[2]: found null; expected a number",
         "$.models[0].error_values[3]: found true; expected a number"],
    ),
    "NaN among the values": (
        b'{"models": [{"name": "a", "group": "online", "error_values": [1, NaN, 1e999]}]}',
        ["$.models[0].error_values[1]: found NaN; expected a finite number",
         "$.models[0].error_values[2]: found 1e999; expected a finite number"],
    ),
    "unknown fields and one group": (
        {"models": [scored(error_cvs="x", ewma_score=1)], "betta": [1]},
        ['$.betta: found an array; expected a scalar or a known field; did you mean "beta"?',
         f'$.models[0].error_cvs: found an unknown field; expected one of {SCORED_FIELDS};'
         ' did you mean "error_csv"?',
         "$.models: found no offline model; expected at least one in each group"],
    ),
    "names and ranges": (
        scored_pool(scored("a/b"), scored("z", group="on"), beta=1, dirty_interval=-1),
        ["$.beta: found 1; expected a number less than 1.0",
         "$.dirty_interval: found -1; expected a number of at least 0",
         f'$.models[0].name: found "a/b"; expected {FOLDER_NAME}',
         '$.models[1].group: found "on"; expected "online" or "offline"',
         '$.models[2].name: found "z"; expected a name of its own: $.models[1] has this one'],
    ),
}  # fmt: skip
