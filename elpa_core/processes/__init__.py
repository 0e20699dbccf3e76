"""Run a command, and end every process that it started."""
