"""``readers.py FILE LAST COUNT``: processes that read the current policy in a loop until LAST is there.

Prints ``ready`` once each of them has read it, and ends with 0 if none ever saw a part of a file, a
publication older than one before, or a policy under another one's number.
"""

import json
import os
import sys
import time


def read_until(path: str, last: int, ready: int) -> None:
    seen = 0
    while seen < last:
        with open(path, "rb") as file:
            policy = json.loads(file.read())
        number = policy["publication"]["number"]
        if number < seen:
            raise SystemExit(f"a step back from {seen} to {number}")
        if policy["scores"]["ets"] != number or policy["record"]["run_id"] != f"day{number}":
            raise SystemExit(f"publication {number} is another policy: {policy}")
        if not seen:
            os.write(ready, b".")
        seen = number
        time.sleep(0.005)


if __name__ == "__main__":
    path, last, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    reports, ready = os.pipe()
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                read_until(path, last, ready)
                status = 0
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
            finally:
                os._exit(status)
        children.append(child)
    for _ in children:
        os.read(reports, 1)
    print("ready", flush=True)
    sys.exit(max(os.waitpid(child, 0)[1] != 0 for child in children))
