"""Programs that tests start, each in a process of its own."""

from pathlib import Path

PROGRAMS = Path(__file__).parent
