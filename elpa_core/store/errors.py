"""What the system or the service refuses to a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from elpa_core.errors import ElpaError
from elpa_core.files import StorePath

READABLE_STORE = "a policy store that can be read"
"""What a reader of a store expects."""


class StoreWriteError(ElpaError):
    """The store could not be changed: a full disk, a folder that is read-only."""


@contextmanager
def as_store_error(place: StorePath) -> Iterator[None]:
    """Turn an `OSError` of a writer into a `StoreWriteError`.

    Parameters
    ----------
    place : path
        What is changed; named unless the error names a file itself.
    """
    try:
        yield
    except OSError as error:
        where, remedy = error.filename or place, "make room or get the right to write there"
        if not isinstance(place, Path):
            remedy = "see that the bucket is there and can be reached and written with these credentials"
        raise StoreWriteError(
            f"{where}: {error.strerror or error}; the policy store could not be changed, and the"
            f" current policy is as it was: {remedy}, and try again"
        ) from error
