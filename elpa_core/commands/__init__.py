"""From the template of a training command to the exact command."""
