"""Run programs in processes forked off one that has loaded Airflow, which takes ten seconds of CPU.

Takes orders from standard input, one JSON object a line: arguments (as Python takes them), env, cwd,
stdout, stderr. Answers each order with two lines: the process id, and the exit code once it has ended.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import runpy
import sys

import httpx
from airflow.sdk.execution_time.supervisor import in_process_api_server

IMPORTED = (
    "airflow.cli.cli_parser",
    "airflow.dag_processing.dagbag",
    "airflow.dag_processing.manager",
    "airflow.models.renderedtifields",
    "airflow.models.xcom",
    "airflow.sdk.execution_time.task_runner",
    "airflow.serialization.serialized_objects",
    "elpa_airflow.factory",
)


def main() -> None:
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        load()
        while order := sys.stdin.readline():
            pid = os.fork()
            if pid == 0:
                run(json.loads(order))
                return
            print(pid, file=answers, flush=True)
            _, status = os.waitpid(pid, 0)
            print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def load() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    # The API that `Dag.test` calls within its process makes its routes of all versions at the first request.
    asyncio.run(ask(httpx.ASGITransport(in_process_api_server().app)))
    gc.freeze()


async def ask(transport: httpx.ASGITransport) -> None:
    async with httpx.AsyncClient(transport=transport, base_url="http://in-process") as client:
        await client.get("/")


def run(order: dict[str, str | list[str] | dict[str, str]]) -> None:
    """Become what was ordered, in a process group of its own."""
    os.setsid()
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    for number, path in enumerate((os.devnull, order["stdout"], order["stderr"])):
        opened = os.open(path, os.O_RDWR)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    kind, *more = order["arguments"]
    if kind == "-m":
        sys.argv = more
        runpy.run_module(more[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        sys.argv = [kind, *more[1:]]
        exec(more[0], {"__name__": "__main__"})
    else:
        sys.argv = [kind, *more]
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    main()
