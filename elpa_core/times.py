"""Moments as ISO 8601 texts, and the moment of a run."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from dataclasses import dataclass


def utc_text(moment: dt.datetime) -> str:
    """Return a moment in UTC, ISO 8601, ending in Z.

    >>> utc_text(dt.datetime(2026, 1, 31, 6, tzinfo=dt.UTC))
    '2026-01-31T06:00:00Z'
    """
    return moment.astimezone(dt.UTC).isoformat().removesuffix("+00:00") + "Z"


def now() -> dt.datetime:
    """Return the present moment."""
    return dt.datetime.now(dt.UTC)


def now_text() -> str:
    """Return the present moment in UTC, ISO 8601, ending in Z."""
    return utc_text(now())


def parse_moment(text: str) -> dt.datetime:
    """Return the moment that an ISO 8601 text names.

    Raises
    ------
    ValueError
        If the text is not a moment, or has no offset from UTC.

    Examples
    --------
    >>> parse_moment("2026-01-31T07:00:00+01:00") == parse_moment("2026-01-31T06:00:00Z")
    True
    """
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset from UTC")
    return moment.astimezone(dt.UTC)


def parse_date(value: str, timezone: str) -> dt.datetime:
    """Return the moment of an ISO 8601 date; one without an offset is in ``timezone``.

    >>> parse_date("2026-01-31", "Europe/Berlin").isoformat()
    '2026-01-31T00:00:00+01:00'
    """
    moment = dt.datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=zoneinfo.ZoneInfo(timezone))


@dataclass(frozen=True)
class RunMoment:
    """The moment of a run and the end of the data that it may use; a text is empty if the run has none.

    Parameters
    ----------
    as_of : str
        The moment up to which the run may use data, ISO 8601.
    data_interval_start, data_interval_end : str
        The data interval, ISO 8601.
    run_id, run_type : str
        Id and type of the Dag run, if there is one.
    """

    as_of: str
    data_interval_start: str = ""
    data_interval_end: str = ""
    run_id: str = ""
    run_type: str = ""
