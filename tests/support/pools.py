"""Small pools whose models are shell commands; the tests of the core train them for real."""

AS_OF = "2026-01-31T06:00:00+00:00"


def leave_errors(*values):
    """Return a command that leaves these errors where ELPA looks for them."""
    return f"printf '%s\\n' abs_error {' '.join(map(str, values))} > errors.csv"


def block(name="a", group="online", train_cmd=None, **fields):
    """Return a model's block of a training config; it trains well unless told otherwise."""
    return {
        "name": name,
        "group": group,
        "train_cmd": leave_errors(1, 2) if train_cmd is None else train_cmd,
        **fields,
    }


def pool(*blocks, **fields):
    """Return a training config; of one model a group unless told otherwise."""
    return {**fields, "models": list(blocks) or [block("a", "online"), block("b", "offline")]}
