"""The lexer against shfmt: where both are sure of a place in a program, they agree.

shfmt reads bash independently of ELPA; it comes with ``pip install -e .[dev]``.
"""

import random
import re

import pytest
from support.quoting_programs import MARKER, SLOT, case
from support.second_opinion import OTHERS, PROGRAMS, disagreements, machine_scripts, with_slots

pytestmark = pytest.mark.slow


def compare_scripts(scripts, rng):
    wrong, sure = [], 0
    for path in scripts:
        text = path.read_text(errors="replace")
        if SLOT not in text:
            found, places = disagreements(text, *with_slots(text, rng, 150))
            wrong += [f"{path}: {line}" for line in found]
            sure += places
    return wrong, sure


def compare_programs(count, rng):
    wrong, sure = [], 0
    for _ in range(count):
        slotted = case(rng).program
        text = slotted.replace(SLOT, MARKER)
        starts = [
            match.start() + index * (len(MARKER) - 1)
            for index, match in enumerate(re.finditer(SLOT, slotted))
        ]
        found, places = disagreements(text, slotted, starts)
        wrong += [f"{line} in {slotted!r}" for line in found]
        sure += places
    return wrong, sure


def test_both_read_scripts_of_this_machine_alike():
    rng = random.Random(1)
    scripts = machine_scripts(*PROGRAMS)
    wrong, sure = compare_scripts(rng.sample(scripts, min(8, len(scripts))), rng)
    assert wrong == []
    assert sure > 20 * min(8, len(scripts))


def test_both_read_generated_programs_alike():
    wrong, sure = compare_programs(150, random.Random(2))
    assert wrong == []
    assert sure > 200


@pytest.mark.sweep
def test_both_read_all_scripts_of_this_machine_alike():
    scripts = machine_scripts(*PROGRAMS, *OTHERS)
    wrong, sure = compare_scripts(scripts, random.Random(3))
    assert wrong == []
    assert sure > 20 * len(scripts)


@pytest.mark.sweep
def test_both_read_many_generated_programs_alike():
    wrong, sure = compare_programs(10_000, random.Random(4))
    assert wrong == []
    assert sure > 10_000
