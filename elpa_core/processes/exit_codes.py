"""Exit codes in words."""

from __future__ import annotations

import signal

_SHELL = 128
_OF_BASH = {
    126: "a program that this user may not execute, or a file that is none",
    127: "a program that was not found: is it installed, and in PATH?",
}
_OF_SIGNALS = {
    "SIGHUP": "its terminal went away",
    "SIGINT": "it was interrupted",
    "SIGILL": "an instruction that this processor does not have",
    "SIGABRT": "it gave up by itself, as a failed assertion does",
    "SIGBUS": "a memory access that failed: a file that became shorter, or a full /dev/shm?",
    "SIGFPE": "a calculation that the processor refuses, such as a division by 0",
    "SIGKILL": "killed from outside: out of memory?",
    "SIGSEGV": "a crash: it used memory that is not its own",
    "SIGPIPE": "the reader of its output went away",
    "SIGTERM": "it was asked to end from outside",
    "SIGXCPU": "its limit of CPU time is used up (ulimit -t)",
    "SIGXFSZ": "a file is larger than its limit (ulimit -f)",
}


def exit_code_in_words(return_code: int) -> str:
    """Return an exit code, and what it means where that is known.

    Parameters
    ----------
    return_code : int
        The exit code of a shell, or minus the number of the signal that ended it.

    Examples
    --------
    >>> exit_code_in_words(3)
    'exit code 3'
    >>> exit_code_in_words(-9)
    'exit code -9 (SIGKILL, killed from outside: out of memory?)'
    >>> exit_code_in_words(137)
    'exit code 137 (128 + 9, a program ended by SIGKILL, killed from outside: out of memory?)'
    """
    words = _OF_BASH.get(return_code, "")
    if return_code < 0:
        words = _signal(-return_code)
    elif return_code > _SHELL and (name := _signal(return_code - _SHELL)):
        words = f"{_SHELL} + {return_code - _SHELL}, a program ended by {name}"
    return f"exit code {return_code}" + (f" ({words})" if words else "")


def _signal(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return ""
    return ", ".join(filter(None, (name, _OF_SIGNALS.get(name))))
