"""How often the files that ``resume_from`` names are uploaded while a command runs."""

from __future__ import annotations

import threading
from contextlib import suppress

from airflow.configuration import conf

from elpa_core.errors import ConfigError, Problem, quoted

UPLOAD_SECONDS = 180.0
"""The default of ``[elpa] resume_upload_interval``."""


def upload_interval() -> float:
    """Return the seconds between two uploads.

    Raises
    ------
    ConfigError
        If the setting is no number above 0.
    """
    text = conf.get("elpa", "resume_upload_interval", fallback=str(UPLOAD_SECONDS))
    with suppress(ValueError):
        if 0 < (seconds := float(text)) <= threading.TIMEOUT_MAX:
            return seconds
    expected = "seconds, a number above 0"
    hint = "set AIRFLOW__ELPA__RESUME_UPLOAD_INTERVAL, or take it away"
    raise ConfigError(Problem("[elpa] resume_upload_interval", "", quoted(text), expected, hint))
