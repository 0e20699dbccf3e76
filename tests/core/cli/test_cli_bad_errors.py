"""Every bad error CSV, with its exact message, through the command line."""

import re
from pathlib import Path

import pytest
from support.bad_configs import scored, scored_pool
from support.pools import block, pool

from elpa_core.cli import main

TRAIN = ("train", "--config", "pool.json", "--run-dir", "run", "--execute")


CSV = "a CSV file with the model's validation errors"


USABLE = 'a column "abs_error", or columns "y_true" and "pred"'


DECIMAL = (
    "expected a finite number in decimal notation, such as 0.25 or 1.5e-3;"
    " leave the cell blank to skip the row"
)


BAD_ERRORS = {
    "missing": (None, f"found no such file; expected {CSV}"),
    "empty": (b"", f"found an empty file; expected a header with {USABLE}, then one row for each error"),
    "header only": (b"abs_error\n", "found a header and no row; expected at least one row with an error"),
    "no usable column": (
        b"error\n1\n",
        f'line 1: found columns "error"; expected {USABLE}; rename "error" to "abs_error", or name the'
        " columns in error_columns",
    ),
    "not a number": (b"abs_error\n1\nabc\n", f'row 2 (line 3), column "abs_error": found "abc"; {DECIMAL}'),
    "NaN": (b"y_true,pred\n1,nan\n", f'row 1 (line 2), column "pred": found "nan"; {DECIMAL}'),
    "infinity": (b"abs_error\n-inf\n", f'row 1 (line 2), column "abs_error": found "-inf"; {DECIMAL}'),
    "too many cells": (
        b"abs_error,x\n1,2,3\n",
        "row 1 (line 2): found 3 cells; expected 2 cells, as in the header",
    ),
    "undecodable": (
        b"abs_error\n1\n\xff\n",
        "line 3, byte 12 of the file: found the byte 0xff; expected UTF-8 text; save the file as UTF-8",
    ),
    "overflow": (
        b"abs_error\n1e308\n1e308\n",
        "row 2 (line 3): found an absolute error at which the sum of all so far overflows;"
        " expected errors whose sum is finite",
    ),
}  # fmt: skip


def test_all_bad_error_files_of_a_config_are_refused_at_once(refused, write_json, here):
    """Also with the path as the config names it, relative to the working folder."""
    (here / "policy.json").write_text("the old policy")
    blocks = [scored("good", ewma_score=1), scored("sum", error_values=[1e308, -1e308])]
    expected = [
        "error: pool.json: $.models[1].error_values[1]: found a value at which the sum of all so far"
        " overflows; expected values whose sum is finite"
    ]
    for number, (content, problem) in enumerate(BAD_ERRORS.values()):
        path = Path(f"{number}.csv")
        if content is not None:
            path.write_bytes(content)
        hint = ""
        if content is None:
            names = ", ".join(f'"{other}.csv"' for other in range(1, len(BAD_ERRORS)))
            hint = f'; {here} holds {names}, "policy.json", "pool.json"'
        blocks.append(scored(f"m{number}", error_csv=str(path)))
        expected.append(f"error: {path}: {problem}{hint}")
    write_json(scored_pool(*blocks))
    assert refused("integrate", "--config", "pool.json", "--output", "policy.json") == expected


@pytest.mark.parametrize(("content", "problem"), BAD_ERRORS.values(), ids=BAD_ERRORS)
def test_a_trained_model_with_bad_errors_is_refused(here, refused, write_json, capsys, content, problem):
    (here / "prepared.csv").write_bytes(content or b"")
    bad = "true" if content is None else "cp ../../../prepared.csv errors.csv"
    write_json(pool(block("a", train_cmd=bad), block("b", "offline")))
    assert main([*TRAIN]) == 1
    capsys.readouterr()
    found = refused("integrate", "--run-dir", "run", "--output", "policy.json")
    csv = f"{here}/run/models/a/errors.csv"
    if content is None:
        problem = (
            "found no such file; expected the validation errors that the command leaves;"
            " let the command write there, or name its own path in error_csv;"
            f' {here}/run/models/a holds "train.stderr.log", "train.stdout.log"'
        )
    expected = (
        f"found status ok (no usable error artifact: {csv}: {problem});"
        " expected status ok and an error artifact"
    )
    assert found == [f"error: run/train_manifest.json: $.models[0] (a): {expected}"]


def test_a_stale_error_file_is_refused(here, refused, write_json, capsys):
    write_json(pool())
    assert main([*TRAIN]) == 0
    write_json(pool(block("a", train_cmd="true"), block("b", "offline")))
    assert main([*TRAIN]) == 1
    capsys.readouterr()
    (line,) = refused("integrate", "--run-dir", "run", "--output", "policy.json")
    assert re.fullmatch(
        r"error: run/train_manifest\.json: \$\.models\[0\] \(a\): found status ok "
        r"\(no usable error artifact: "
        + re.escape(f"{here}/run/models/a/errors.csv")
        + r": found a file left by an earlier attempt \(20\S+Z\); expected a file written by this attempt;"
        r" let the command write there, or name its own path in error_csv\);"
        r" expected status ok and an error artifact",
        line,
    )
