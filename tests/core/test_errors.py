"""What stands in the words of an error."""

from __future__ import annotations

import pytest

from elpa_core.errors import quoted


@pytest.mark.parametrize(("power", "digits"), [(700, 701), (5000, 5001), (100_000, 100_001)])
@pytest.mark.parametrize("sign", [1, -1])
def test_an_integer_of_many_digits_is_not_written_out(power: int, digits: int, sign: int) -> None:
    assert quoted(sign * 10**power) in {f"an integer of about {n} digits" for n in (digits - 1, digits)}


def test_an_integer_of_some_digits_is_shortened() -> None:
    assert quoted(10**100) == "1" + 56 * "0" + "..."
