"""Error CSVs of tests: read in blocks of another size than usual."""

import pytest

from elpa_core.artifacts import error_csv

BOM = b"\xef\xbb\xbf"


def with_blocks_of(size, function, path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(error_csv, "_BLOCK_BYTES", size)
        return function(path)
