"""The limits of numbers in configs, policies and routers."""

BOUND = 1e150
"""Largest magnitude of a number; products of larger ones would overflow."""
MOST = 1_000_000
"""Largest number of steps of a horizon, an interval or a window."""
