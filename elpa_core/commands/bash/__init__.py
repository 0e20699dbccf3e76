"""How bash reads a command, so that a value arrives in it as the same characters."""
