"""A real S3 server of the tests' own, its buckets, and what can go wrong with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import botocore.session
from s3fs import S3FileSystem

from rest_api import RestApi
from support.programs import PROGRAMS

SERVER = PROGRAMS / "s3_server.py"
BUCKET = "elpa"


class S3Service:
    """A server, and the environment in which programs reach it."""

    def __init__(self, port: int, pid: int) -> None:
        self._pid = pid
        self.url = f"http://127.0.0.1:{port}"
        self.env = {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
        }

        # As an Airflow connection has it.
        extra = {"endpoint_url": self.url, "region_name": "us-east-1"}
        self.connection = {"conn_type": "aws", "login": "key", "password": "secret", "extra": extra}
        self.client = botocore.session.get_session().create_client(
            "s3",
            endpoint_url=self.url,
            region_name=self.env["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
        )

    def make_bucket(self, name: str) -> None:
        self.client.create_bucket(Bucket=name)

    def connect(self, airflow: RestApi, connection: str) -> None:
        """Make an Airflow connection to the server, as a person does in the UI."""
        extra = json.dumps({"endpoint_url": self.url, "region_name": "us-east-1"})
        fields = {"conn_type": "aws", "login": "key", "password": "secret", "extra": extra}
        airflow.call("POST", "/connections", connection_id=connection, **fields)

    def put(self, texts: Mapping[str, str]) -> None:
        """Put objects, in their order: text by ``bucket/key``."""
        self._ask("put", dict(texts))

    def below(self, place: str) -> dict[str, str]:
        """Return the objects below ``bucket/prefix``, by the rest of their keys."""
        found = self._ask("below", f"{place}/")
        return {key.removeprefix(f"{place}/"): text for key, text in json.loads(found).items()}

    def empty(self) -> None:
        """Remove all objects."""
        self._ask("empty", None)

    def faults(self, *faults: tuple[str, str, str, int]) -> None:
        """Let the next requests fail: method or any, end of the key, fault, how many."""
        names = ("method", "key", "fault", "times")
        self._ask("faults", [dict(zip(names, fault, strict=True)) for fault in faults])

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Let it answer nothing for a while."""
        os.kill(self._pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._pid, signal.SIGCONT)

    def requests(self) -> tuple[list[tuple[str, str]], int]:
        """Return methods and paths of the requests since faults were set; how many were there at once."""
        with urllib.request.urlopen(f"{self.url}/-/requests", timeout=30) as answer:
            seen = json.load(answer)
        return [(method, path) for method, path in seen["requests"]], seen["at_once"]

    def _ask(self, what: str, body: object) -> bytes:
        data = json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.url}/-/{what}", data, timeout=30) as answer:
            found: bytes = answer.read()
        return found


@contextmanager
def s3_service() -> Iterator[S3Service]:
    """Start a server, and end it."""
    S3FileSystem.clear_instance_cache()  # one of this process may know an earlier server
    process = subprocess.Popen(
        [sys.executable, SERVER], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield S3Service(int(process.stdout.readline()), process.pid)
    finally:
        process.kill()
        process.communicate()
