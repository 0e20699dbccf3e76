"""A very long key, header, name or value in a file makes no long message: each is shortened."""

import json

import pytest
from support.made_panels import policy_of
from support.pools import block, pool
from support.streams import write_policy

LONG = "x" * 100_000
LONGEST_LINE = 6000
SCORED = [{"name": "a", "ewma_score": 1}, {"name": "b", "group": "offline", "ewma_score": 2}]


def table(*columns, cells="1"):
    return f"{','.join(columns)}\n{','.join([cells] * len(columns))}\n"


CONFIGS = {
    "unknown object": {LONG: {}},
    "key that is no name": {f"{LONG} {LONG}": []},
    "key in a context": {"context": {LONG: []}},
    "unused value": {LONG: 1},
    "field of a model": {"models": [block("a", **{LONG: 1}), block("b", "offline")]},
    "name of a model": {"models": [block(LONG), block(LONG), block("b", "offline")]},
    "group of a model": {"models": [block("a", LONG), block("b", "offline")]},
    "variable": {"models": [block("a", env={f"{LONG}=": 1}), block("b", "offline")]},
    "placeholder": {"models": [block("a", train_cmd=f"echo {{{LONG}}} ${{{LONG}}}"), block("b", "offline")]},
    "near placeholder": {
        LONG: 1,
        "models": [block("a", train_cmd=f"echo {{{LONG}x}}"), block("b", "offline")],
    },
    "braces": {"models": [block("a", train_cmd=f"echo {{{LONG} }}"), block("b", "offline")]},
    "read as code": {LONG: 1, "models": [block("a", train_cmd=f"awk {{{LONG}}}"), block("b", "offline")]},
    "option": {"airflow": {LONG: 1}},
    "value of an option": {"airflow": {"schedule": LONG, "timezone": LONG, "store": f"s3://{LONG}@{LONG}"}},
    "tag": {"airflow": {"tags": [LONG], "assets": [LONG], "free_text": [LONG]}},
    "nested": {"airflow": {LONG: {LONG: {LONG: 1}}}},
    "artifacts": {"models": [block("a", artifacts=[f"/{LONG}"]), block("b", "offline")]},
}

BROKEN = {
    "no JSON": f'{{"{LONG}": {LONG}',
    "twice": f'{{"{LONG}": 1, "{LONG}": 2}}',
    "no number": f'{{"{LONG}": NaN, "a": -1e{"9" * 5000}}}',
    "surrogate": f'{{"{LONG}": "\\ud800"}}',
}

POLICIES = {
    "names": {"online_models": [LONG, LONG], "offline_models": [LONG]},
    "scores": {"scores": {LONG: "much", "a": LONG}},
    "skill": {"skill": LONG},
    "best model": {"routing": {"best_model": LONG}},
}

TABLES = {
    "header": table(LONG, LONG),
    "model": table("block", "row", f"online:{LONG}"),
    "group": table("block", "row", f"{LONG}:a"),
    "model twice": table("block", "row", *[f"online:{LONG}"] * 2),
    "cell": f"block,row,online:a\n{LONG},{LONG},{LONG}\n",
    "forecast": f"block,row,online:a\n0,0,{LONG}\n",
    "number of cells": f"block,row,online:a\n{LONG}\n",
    "block": f"block,row,online:a\n{LONG},0,1\n{LONG},0,1\n",
    "panel": table("split", "block", "y_true", f"online:{LONG}", f"offline:{LONG}"),
    "cell of a panel": f"split,block,y_true,online:{LONG},offline:b\nvalidation,0,{LONG},{LONG},1\n",
    "split": f"split,block,y_true,online:{LONG},offline:b\n{LONG},0,1,1,1\n",
    "actual": f"row,y_true\n0,{LONG}\n",
    "row": f"row,y_true\n{LONG},1\n",
    "error": f"abs_error\n{LONG}\n",
    "columns of errors": table(f"y_true{LONG}", f"pred{LONG}", f"abs_error{LONG}"),
    "text": LONG,
}


@pytest.fixture
def short_lines(elpa):
    """Call the command line; no line that it prints is long."""

    def call(*arguments):
        done = elpa(*arguments)
        lines = (done.stdout + done.stderr).splitlines()
        assert lines
        assert max(map(len, lines)) < LONGEST_LINE, done.stderr[:300]
        return done

    return call


@pytest.mark.parametrize("fields", CONFIGS.values(), ids=CONFIGS)
def test_of_a_config(fields, short_lines, write_json):
    write_json(pool(**fields) if "models" not in fields else fields, "pool.json")
    short_lines("validate", "pool.json")


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("command", ["validate", "integrate --output out.json --config"])
def test_of_what_is_no_json(text, command, short_lines, write_json):
    write_json(text.encode(), "pool.json")
    assert short_lines(*command.split(), "pool.json").returncode != 0


@pytest.mark.parametrize(
    "fields",
    [
        {LONG: {}},
        {LONG: 1},
        {"models": [{**SCORED[0], LONG: 1}, SCORED[1]]},
        {"models": [{"name": "a", "error_csv": LONG}, SCORED[1]]},
        {"models": [{"name": LONG, "ewma_score": 1}, SCORED[1]]},
        {"models": [{"name": "a", "error_values": [LONG]}, SCORED[1]]},
    ],
)
def test_of_an_integration_config(fields, short_lines, write_json):
    write_json({"models": SCORED, **fields}, "pool.json")
    short_lines("integrate", "--config", "pool.json", "--output", "out.json")


@pytest.mark.parametrize("fields", POLICIES.values(), ids=POLICIES)
def test_of_a_policy(fields, short_lines, tmp_path):
    write_policy(tmp_path / "p.json", {**policy_of(["a"], ["b"]), **fields})
    (tmp_path / "f.csv").write_text(table("block", "row", "online:a"))
    assert short_lines("route", "--policy", "p.json", "--forecasts", "f.csv").returncode == 2


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("names", [("a", "b"), (f"{LONG}a", f"{LONG}b")], ids=["plain names", "long names"])
def test_of_a_table(text, names, short_lines, tmp_path, write_json):
    online, offline = names
    write_policy(tmp_path / "p.json", policy_of([online], [offline]))
    (tmp_path / "t.csv").write_text(text)
    (tmp_path / "f.csv").write_text(table("block", "row", f"online:{online}"))
    write_json({"models": [{"name": "a", "error_csv": "t.csv"}, SCORED[1]]}, "scored.json")
    short_lines("route", "--policy", "p.json", "--forecasts", "t.csv")
    short_lines("route", "--policy", "p.json", "--forecasts", "f.csv", "--actuals", "t.csv")
    short_lines("route", "--policy", "p.json", "--panel", "t.csv", "--output", "out.csv")
    short_lines("backtest", "--panel", "t.csv")
    short_lines("integrate", "--config", "scored.json", "--output", "out.json")


@pytest.mark.parametrize("change", [{LONG: 1}, {"format": LONG}, {"rows": LONG}, {"router": {LONG: 1}}])
def test_of_a_state(change, begun, short_lines, tmp_path):
    command, forecasts, _ = begun
    state = tmp_path / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), **change}))
    short_lines(*command, "--forecasts", forecasts)
