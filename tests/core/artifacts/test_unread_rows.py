"""Rows whose numbers are not read: the same score to the bit, the same window, the same refusal. 6 s."""

import random
import struct
import tracemalloc
from functools import partial

import numpy as np
import pytest
from support.error_csvs import with_blocks_of

from elpa_core.artifacts import error_csv, model_errors, regular_times, series_codes
from elpa_core.artifacts.error_csv import UnreadBlock, iter_error_blocks, iter_unread_blocks
from elpa_core.artifacts.error_rows import ErrorReader
from elpa_core.artifacts.model_errors import read_model_errors
from elpa_core.artifacts.regular_lines import regular_lines
from elpa_core.artifacts.short_file import check_short_file
from elpa_core.artifacts.step_times import step_times
from elpa_core.artifacts.steps import step_keys
from elpa_core.errors import ArtifactError

FACTORS = series_codes._FACTORS
BETAS = (0.0, 0.3, 0.7, 0.9)


def number(rng):
    """Return a way of writing numbers, as one tool would write a column."""
    scale = rng.choice([1, 1, 100, 1e-3, 1e6])
    shift = rng.choice([0, 0, 3, -1])
    return rng.choice(
        [
            lambda: repr(scale * (rng.random() + shift)),
            lambda: f"{scale * (rng.random() + shift):.3f}",
            lambda: str(rng.randrange(-50 if shift < 0 else 0, 1000)),
            lambda: repr(float(rng.randrange(100))),
            lambda: f"{scale * (rng.random() + shift):.6g}",
            lambda: rng.choice(["1.5", "2.", "007.5"]),
            lambda: rng.choice(["0", "1.5"]),
        ]
    )


DIRT = [
    "", " ", ".", "-", "-.5", ".5", "+1.5", "1e3", "1e-7", "nan", "inf", "1e999", "1_0", "x", " 2.5", "2.5 ",
    "٣", "--1.5", "1-1.5", "1.5.2", "9" * 260, "9" * 260 + ".5", "1e308", "-1e308", '"2.5"', "1,5", "1\n2",
    "\r", "é", "\0", "x" * 50, "é" * 30, "20260101", "2026-01-01",
]  # fmt: skip


STYLES = [
    "{d:%Y-%m-%d}",
    "{d:%Y-%m-%dT%H:%M:%S}",
    "{d:%Y-%m-%d %H:%M}",
    "{d:%Y-%m-%dT%H:%M}Z",
    "{d:%Y-%m}",
    "{d.day}",
]
HEADERS = [
    ["abs_error"],
    ["t", "abs_error"],
    ["ds", "y_true", "pred"],
    ["cutoff", "ds", "y_true", "pred"],
    ["pred", "note", "y_true", "ds"],
    ["ds", "abs_error", "y_true", "pred"],
]
SERIES_HEADERS = [
    ["item_id", "ds", "y_true", "pred"],
    ["item_id", "y_true", "ds", "pred"],
    ["pred", "ds", "cutoff", "y_true", "item_id"],
    ["y_true", "item_id", "pred"],
    ["item_id", "ds", "abs_error", "y_true"],
]
NAMED = {"time": "ds", "origin": "cutoff", "series": "item_id"}
NAMES = [
    [f"s{number:02}" for number in range(20)],
    ["DE", "FR", "store A", "store B", "x" * 39, "é" * 25],
    ["1.5", "-2", "007", "7", "1e3", "2026-01-01"],
    ["a.b", "a", "a.", "é", "Łódź", "\u00a0é"],
    ["DE", " DE", "DE ", "D E", "FR\t"],
    ['"a, b"', '"a"', '"x ""y"""', "a", '"two\nlines"'],
    [f"{'long' * 12}{number}" for number in range(7)],
]
DAY = np.datetime64("2026-01-01T00:00:00")


def times(rng, rows):
    """Return times as one tool writes them, mostly in their order."""
    style, step = rng.choice(STYLES), rng.choice([1, 24, 24 * 31])
    hours = [row * step for row in range(rows)]
    if rng.random() < 0.15:
        hours[rng.randrange(rows)] = hours[0]
    found = [style.format(d=(DAY + np.timedelta64(hour, "h")).item()) for hour in hours]
    if rng.random() < 0.1:
        found[0] = "-" + found[0][1:]
    return found


def steps_of_series(rng, rows):
    """Return the names of series and the times of their steps: by time, by series or in no order."""
    names = rng.choice(NAMES)
    names = rng.sample(names, rng.randint(1, len(names)))
    each = times(rng, -(-rows // len(names)))
    steps = [(name, time) for time in each for name in names][:rows]
    if rng.random() < 0.5:
        steps.sort(key=lambda step: step[0])
    if rng.random() < 0.2:
        rng.shuffle(steps)
    if rng.random() < 0.15:
        steps[-1] = rng.choice(steps)
    return zip(*steps, strict=True)


def file(rng, headers):
    """Return an error CSV, mostly what one tool would write, sometimes with dirt in it, and what is named."""
    header, count = rng.choice(headers), rng.choice([3, 60, 300])
    columns = {name: number(rng) for name in header}
    notes = rng.choice([["a"], ["a", "b"], ["", "x y", "é"], ["1", "-2.5"]])
    columns |= {"note": lambda: rng.choice(notes)}
    for name in {"t", "ds"} & {*header}:
        columns[name] = partial(next, iter(times(rng, count)))
    cutoffs = sorted(times(rng, count), reverse=rng.random() < 0.1)
    columns["cutoff"] = partial(next, iter([cutoffs[row // 4] for row in range(count)]))
    if "item_id" in header:
        names, moments = steps_of_series(rng, count)
        columns |= {"item_id": partial(next, iter(names)), "ds": partial(next, iter(moments))}
    end, dirty = rng.choice(["\n", "\n", "\r\n"]), rng.choice([0, 0, 0.002, 0.02, 0.2])
    text = ",".join(header) + end
    for _ in range(count):
        cells = [columns[name]() for name in header]
        if rng.random() < dirty:
            cells[rng.randrange(len(cells))] = rng.choice(DIRT)
        if rng.random() < dirty / 10:
            cells.pop()
        text += ",".join(cells) + (rng.choice(["\n\n", "\r\n", ""]) if rng.random() < dirty / 10 else end)
    data = (text if rng.random() < 0.8 else text.rstrip("\r\n")).encode()
    named = {role: name for role, name in NAMED.items() if name in header and rng.random() < 0.7}
    return (b"\xff" + data if dirty and rng.random() < 0.02 else data), named


def bits(number):
    return struct.pack("<d", number)


def found_by(way):
    """Return what one way of reading finds, with every double as its bits, or why it refuses the file."""
    try:
        found = way()
    except ArtifactError as error:
        return str(error)
    if found is None:
        return None
    scores = {None: found.score} if found.score is not None else found.series_scores
    scores = {name: bits(score) for name, score in scores.items()}
    steps = {None: found.window, **found.series}
    facts = {name: (facts_of(one), step_keys(one)) for name, one in steps.items()}
    return scores, found.rows, found.sha256, facts, found.window.times_of(slice(None)), found.warnings


def facts_of(steps):
    arrays = [steps.rows, steps.lines, steps.errors, steps.y_true, steps.pred]
    kept = [None if array is None else array.tobytes() for array in arrays]
    return kept, [one and (one.kind, one.values.tolist()) for one in (steps.time, steps.origin)]


def by_csv_module(path, beta, named):
    """Return the scores and the number of rows by the csv module, float and the recursion."""
    try:
        check_short_file(path, named)
    except ArtifactError as error:
        return str(error)
    blocks = [*ErrorReader(path, named).rows(lambda _: None)]
    errors = [error for block in blocks for error in block.errors()]
    cells = {role: [cell for block in blocks for cell in block.others[role]] for role in named}
    order = range(len(errors))
    if "time" in named:
        keys = [
            *zip(*(step_times(cells[role])[0] for role in ("origin", "time") if role in named), strict=True)
        ]
        order = sorted(order, key=keys.__getitem__)
    names = [name.strip() for name in cells["series"]] if "series" in named else [None] * len(errors)
    states = {}
    for index in order:
        name, error = names[index], errors[index]
        states[name] = beta * states[name] + (1 - beta) * error if name in states else error
    return {name: bits(max(state, 1e-9)) for name, state in states.items()}, len(errors)


@pytest.mark.slow
@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(150), id="sample"),
        # A million files take five hours of CPU: in parts, so that each core has some.
        *(
            pytest.param(range(first, first + 100_000), marks=pytest.mark.sweep, id=f"sweep from {first}")
            for first in range(150, 1_000_150, 100_000)
        ),
    ],
)
def test_generated_files_are_scored_and_refused_as_if_all_numbers_were_read(tmp_path, monkeypatch, seeds):
    decided = sum(compare(seed, tmp_path / "errors.csv", monkeypatch, HEADERS)[1] for seed in seeds)
    assert decided > len(seeds) / 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "seeds",
    [pytest.param(range(150), id="sample"), pytest.param(range(150, 100_000), marks=pytest.mark.sweep)],
)
def test_so_are_files_of_several_series(tmp_path, monkeypatch, seeds):
    scored = sum(compare(seed, tmp_path / "errors.csv", monkeypatch, SERIES_HEADERS)[0] for seed in seeds)
    assert scored > len(seeds) / 3


def compare(seed, path, monkeypatch, headers):
    """Compare the ways of reading one file; return whether it is scored, and by the last numbers."""
    rng = random.Random(seed)
    data, named = file(rng, headers)
    path.write_bytes(data)
    beta = rng.choice(BETAS)
    monkeypatch.setattr(model_errors, "MOST_STEPS", rng.choice([1, 20, 200]))
    monkeypatch.setattr(regular_times, "_AT_ONCE", rng.choice([2, 30, 4096]))
    monkeypatch.setattr(
        series_codes, "_FACTORS", FACTORS * np.uint64(rng.choice([1, 0]))
    )  # 0: all names collide

    def judged(path):
        whole = found_by(partial(all_read, path, beta, named))
        by_end = None
        if "series" not in named and named.keys() != {"origin"}:
            by_end = found_by(partial(model_errors._scored_by_end, path, beta, named))
        assert by_end in (whole, None), seed
        assert found_by(partial(read_model_errors, path, beta, named)) == whole, seed
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(error_csv, "plain_text", lambda _: None)
            assert found_by(partial(read_model_errors, path, beta, named)) == whole, seed
        return whole, by_end

    whole, by_end = with_blocks_of(rng.choice([60, 700, 5_000]), judged, path)
    assert (whole if isinstance(whole, str) else whole[:2]) == by_csv_module(path, beta, named), seed
    return isinstance(whole, tuple), isinstance(by_end, tuple)


def all_read(path, beta, named):
    """Read a file as one whose last numbers decide nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_errors, "_MOST_BETA", -1)
        return read_model_errors(path, beta, named)


def test_of_a_long_file_most_numbers_are_not_read(errors_csv):
    rows = "".join(f"2026-01-01,{row % 7}.25,{row % 5}.5\n" for row in range(40_000))
    path = errors_csv("ds,y_true,pred\n" + rows.replace("\n2026-01-01,3.25,0.5", "\n2026-01-01,3e0,1e-1"))
    blocks = list(iter_unread_blocks(path, lambda _: None, {}))
    assert {type(block) for block in blocks} == {UnreadBlock}
    read = [block.read() for block in blocks]
    errors = np.concatenate([block.errors for block in iter_error_blocks(path)])
    assert np.concatenate([block.errors for block in read]).tobytes() == errors.tobytes()
    assert [row for block in read for row in block.rows] == [*range(1, 40_001)]
    assert all(block.bound >= each.errors.max() for block, each in zip(blocks, read, strict=True))


@pytest.mark.parametrize(
    ("end", "beta"),
    [
        pytest.param("1.5\n" * 30_000, 0.999, id="so many errors decide it"),
        pytest.param("1e304\n" * 3_000, 0.7, id="the sum might overflow"),
        pytest.param("1e305\n" * 3_000, 0.7, id="the sum overflows"),
    ],
)
def test_where_the_last_errors_do_not_decide_it_all_are_read(errors_csv, end, beta):
    path = errors_csv("abs_error\n" + "900.5\n" * 20_000 + end)
    whole = found_by(partial(all_read, path, beta, {}))
    assert found_by(partial(read_model_errors, path, beta)) == whole
    assert beta > model_errors._MOST_BETA or model_errors._scored_by_end(path, beta, {}) is None


def test_where_two_states_near_each_other_stay_apart_all_are_read(errors_csv):
    for error in ("0.1", "0.3", "0.7", "1.1"):
        path = errors_csv("abs_error\n" + "900.5\n" * 20_000 + f"{error}\n" * 20_000)
        assert found_by(partial(read_model_errors, path, 0.7)) == found_by(partial(all_read, path, 0.7, {}))


MINUTES = np.datetime_as_string(DAY + np.arange(25_000).astype("timedelta64[m]"), unit="m")


@pytest.mark.parametrize(
    "read", [lambda path: read_model_errors(path, 0.5), lambda path: check_short_file(path, {})]
)
def test_of_two_faults_the_first_one_is_told(errors_csv, read):
    with pytest.raises(ArtifactError, match=r"row 2 \(line 3\): found an absolute error at which the sum"):
        read(errors_csv("abs_error\n1e308\n1e308\n1\nx\n"))


@pytest.mark.parametrize("named", [{"time": "ds"}, {"time": "ds", "origin": "cutoff"}])
def test_a_time_with_a_sign_is_refused_however_far_back(errors_csv, named):
    bad, good = "-026-01-01T00:00", MINUTES[0]
    times = [
        f"{bad},{good}" if "origin" in named else f"{good},{bad}",
        *(f"{one},{one}" for one in MINUTES[1:]),
    ]
    rows = "".join(f"{one},-1.5,{index % 7}\n" for index, one in enumerate(times))
    path = errors_csv("cutoff,ds,y_true,pred\n" + rows)
    with pytest.raises(ArtifactError, match=r"row 1.*-026-01-01T00:00"):
        read_model_errors(path, 0.7, named)


def test_actuals_beside_the_errors_are_judged_where_models_are_compared(errors_csv):
    rows = "".join(f"{minute},1.5,2,3.5\n" for minute in MINUTES)
    path = errors_csv("ds,abs_error,y_true,pred\n" + rows.replace(",2,", ",x,", 1))
    whole = all_read(path, 0.7, {"time": "ds"})
    assert found_by(partial(read_model_errors, path, 0.7, {"time": "ds"})) == found_by(lambda: whole)
    assert whole.window.y_true.tolist() == [2.0] * model_errors.MOST_STEPS


def test_where_time_is_named_not_much_more_is_held(errors_csv, monkeypatch):
    monkeypatch.setattr(model_errors, "MOST_STEPS", 4_000)
    note = "a b-c " * 55
    rows = "".join(f"{minute},{note},1.5,{index % 7}\n" for index, minute in enumerate(MINUTES[:5_000]))
    path = errors_csv("ds,note,y_true,pred\n" + rows)
    peaks = [most_held(partial(read_model_errors, path, 0.7, named)) for named in ({}, {"time": "ds"})]
    assert peaks[1] < 2 * peaks[0]


def test_where_series_are_named_little_is_held_of_each_row(errors_csv):
    rows = 131_000
    text = "".join(f"shop {row % 9},{MINUTES[row // 9]},{row % 7}.25,{row % 5}.5\n" for row in range(rows))
    path = errors_csv("item_id,ds,y_true,pred\n" + text)
    named = {"series": "item_id", "time": "ds"}
    assert most_held(partial(read_model_errors, path, 0.7, named)) < 130 * rows


def most_held(way):
    tracemalloc.start()
    try:
        way()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_actuals_near_the_largest_double_are_compared(errors_csv):
    with np.errstate(over="raise"):
        found = read_model_errors(errors_csv("y_true,pred\n1e307,1e307\n1e307,1e307\n1e300,1e300\n"), 0.7)
    assert any(
        "row 3 (line 4): from here on the actuals are of another size" in one for one in found.warnings
    )


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        (b"1.5\n22.25\n", []),
        (b"1.5\n" * 30 + b"x\n" + b"2.5\n", [30]),
        (b"1.5\nx\n", None),
        (b"1.5\n2\n3\n", None),
    ],
)
def test_lines_that_look_different_are_set_apart(text, odd):
    lines = regular_lines(text)
    assert (lines and lines.odd) == odd
