"""What all tests start from."""

from __future__ import annotations

import signal

# A shell starts background jobs with SIGINT ignored, and so would be every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
