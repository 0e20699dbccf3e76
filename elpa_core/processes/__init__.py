"""Run a command so that nothing of it lives on."""
