"""Streams of forecasts: what a block is, and what is none."""

from __future__ import annotations

import io

import pytest
from support.made_panels import policy_of

from elpa_core.errors import InputError
from elpa_core.routing.routing_policy import RoutingPolicy
from elpa_core.serving.streams import read_blocks


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("0,0,1,2\n1,1,,\n", "row 1: found no finite forecast; expected one sound model"),
        ("0,0,1,2\n0,1,nan,inf\n", "row 1: found no finite forecast; expected one sound model"),
        ("0,5,1,2\n0,5,1,2\n", "row 1, column row: found 5; expected a number above 5"),
        ("0,5,1,2\n0,4,1,2\n", "row 1, column row: found 4; expected a number above 5"),
    ],
)
def test_rows_of_a_block_ascend_and_each_has_a_forecast(rows: str, found: str) -> None:
    policy = RoutingPolicy.of(policy_of(["a"], ["b"]))
    file = io.StringIO("block,row,online:a,offline:b\n" + rows)
    with pytest.raises(InputError, match=f"f.csv: {found}"):
        list(read_blocks(file, "f.csv", policy))
