"""Train a model, but leave an orphan on the first attempt: one that minds no signal and writes late.

Arguments: a folder for notes, the model's folder. The first attempt starts the orphan and hangs. The
second leaves the right errors, and ends when the orphan has written into the folder of the first; it
writes there once more when it is told that the second attempt has ended.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

RIGHT = [1.5, 2.5]
WRONG = [900.0, 999.0]
LONGEST = 300


def wait_for(path: Path) -> None:
    until = time.monotonic() + LONGEST
    while not path.exists():
        if time.monotonic() > until:
            sys.exit(f"never came: {path}")
        time.sleep(0.1)


def leave(errors: list[float], folder: Path) -> None:
    lines = "".join(f"{error}\n" for error in errors)
    (folder / "errors.csv").write_text("abs_error\n" + lines, encoding="ascii")


def live_on(notes: Path, model_dir: Path) -> None:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    (notes / "orphan.tmp").write_text(str(os.getpid()), encoding="ascii")
    (notes / "orphan.tmp").rename(notes / "orphan")
    for moment in ("retried", "ended"):
        wait_for(notes / moment)
        with suppress(OSError):  # the folder may be gone
            leave(WRONG, model_dir)
        (notes / f"written_when_{moment}").touch()


def main(notes: Path, model_dir: Path) -> None:
    if not (notes / "orphan").exists():
        if os.fork() == 0:
            live_on(notes, model_dir)
            return
        time.sleep(LONGEST)
        return
    leave(RIGHT, model_dir)
    (notes / "retried").touch()
    wait_for(notes / "written_when_retried")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
