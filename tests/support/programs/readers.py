"""``readers.py FILE LAST COUNT``: processes that read the current policy in a loop until LAST is there.

Prints ``ready`` once each of them has read it, and ends with 0 if none ever saw a part of a file, a
publication older than one before, or a policy under another one's number.
"""

import json
import os
import sys
import time
from pathlib import Path


def read_until(path: Path, last: int, ready: int) -> str:
    """Return what was wrong, or nothing."""
    seen = 0
    while seen < last:
        data = path.read_bytes()
        try:
            policy = json.loads(data)
        except ValueError:
            return f"a part of a file: {data!r}"
        number = policy["publication"]["number"]
        if number < seen:
            return f"a step back from {seen} to {number}"
        if policy["scores"]["ets"] != number or policy["record"]["run_id"] != f"day{number}":
            return f"publication {number} is another policy: {policy}"
        if not seen:
            os.write(ready, b".")
        seen = number
        time.sleep(0.002)
    return ""


if __name__ == "__main__":
    path, last, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    reports, ready = os.pipe()
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                complaint = read_until(path, last, ready)
                print(complaint, end="", file=sys.stderr, flush=True)
                status = 1 if complaint else 0
            finally:
                os._exit(status)
        children.append(child)
    for _ in children:
        os.read(reports, 1)
    print("ready", flush=True)
    statuses = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(any(statuses))
