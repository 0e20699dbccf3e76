"""How a task fails: with the words of the error, and without the traceback behind them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowException

from elpa_core.errors import ElpaError
from elpa_core.files.reading import UnsuitableFileError


@contextmanager
def in_words() -> Iterator[None]:
    """Turn an `ElpaError` into an exception of Airflow with its words; the task may be tried again.

    Airflow logs an exception with its traceback and that of its cause. An `ElpaError` says all that helps.
    """
    try:
        yield
    except ElpaError as error:
        raise AirflowException(str(error)) from None
    except UnsuitableFileError as error:
        raise AirflowException(
            f"{error.filename}: found {error.strerror}; expected a file that ELPA wrote; remove what stands"
            " there, then clear all tasks of the run"
        ) from None
