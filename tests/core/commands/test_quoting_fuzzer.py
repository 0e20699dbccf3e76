"""Random programs with hostile values, run by the real bash: no value changes, none runs."""

import random
import re
from itertools import cycle, islice

import pytest
from support.quoting_programs import MARKER, SLOT, case, run_batch

from elpa_core.commands.bash.quoting import quote_values

pytestmark = pytest.mark.slow

BATCH = 250


def rendered(program, values):
    texts, refusals = quote_values(program, list(islice(cycle(values), program.count(SLOT))))
    remaining = iter(texts)
    return None if refusals else re.sub(SLOT, lambda _: next(remaining), program)


def prepared(cases):
    """Return the cases whose values are accepted, with what bash gets for the value and for the marker."""
    found = []
    for each in cases:
        text = rendered(each.program, each.values)
        if text is not None:
            found.append((each, text, rendered(each.program, [MARKER]) if each.exact else None))
    return found


def faults(ready, folder):
    """Run cases and return those of which a value was changed or run."""
    if not ready:
        return []
    programs = [text for _, text, _ in ready] + [marker for _, _, marker in ready if marker is not None]
    outputs = run_batch(programs, folder)
    canary = folder / "canary"
    ran = canary.exists()
    canary.unlink(missing_ok=True)
    if outputs is None or ran:
        if len(ready) == 1:
            return [("ran" if ran else "did not end", *ready[0])]
        middle = len(ready) // 2
        return faults(ready[:middle], folder) + faults(ready[middle:], folder)
    expected = iter(outputs[len(ready) :])
    wrong = []
    for (each, text, marker), output in zip(ready, outputs, strict=False):
        if marker is not None and output != next(expected).replace(MARKER.encode(), each.values[0].encode()):
            wrong.append((f"gave {output!r}", each, text, marker))
    return wrong


def fuzz(seed, count, folder):
    """Return the faults among ``count`` cases, how many exact ones there were, and how many accepted."""
    rng = random.Random(seed)
    found, exact, accepted = [], 0, 0
    for start in range(0, count, BATCH):
        cases = [case(rng) for _ in range(min(BATCH, count - start))]
        ready = prepared(cases)
        exact += sum(each.exact for each in cases)
        accepted += sum(each.exact for each, _, _ in ready)
        # Files that other programs write would match the patterns of exact ones.
        found += faults([each for each in ready if each[0].exact], folder)
        found += faults([each for each in ready if not each[0].exact], folder)
    return found, exact, accepted


def test_no_value_of_a_sample_is_changed_or_run(tmp_path):
    found, exact, accepted = fuzz(1, 1000, tmp_path)
    assert found == []
    assert accepted > 0.4 * exact


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(2, 22))
def test_no_value_of_100_000_cases_is_changed_or_run(seed, tmp_path):
    found, exact, accepted = fuzz(seed, 5000, tmp_path)
    assert found == []
    assert accepted > 0.4 * exact
