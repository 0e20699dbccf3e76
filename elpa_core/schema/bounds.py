"""The largest numbers of a policy that a router accepts; without pydantic, because routers need them, too."""

BOUND = 1e150
"""Largest magnitude of a number; products of larger ones would overflow."""
MOST = 1_000_000
"""Largest number of steps of a horizon, an interval or a window."""
VERSION = 1
"""Version of a policy's field ``routing``."""
