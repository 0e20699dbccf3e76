"""A real S3 server for the tests (moto's), with faults that a test asks for: ``s3_server.py``.

Prints its port. Requests are carried out one after the other, because moto looks at the conditions
of a write and writes in two steps. ``POST /-/faults`` takes a JSON list of faults; each is met by the
next requests that fit it: {"method", "key", "fault", "times"}; an empty method fits any. Faults:
``refuse`` answers 503 and does nothing; ``deny`` answers 403; ``lose`` does what was asked and closes the
connection without an answer; ``cut`` closes it in the middle of the answer; ``hang`` answers too late;
``forget`` carries a write out without looking at its conditions; ``keep`` answers a removal of many as if
none of them was allowed; ``meet`` waits until four requests wait so. ``GET /-/requests`` returns the methods
and paths of the requests since the last faults were set, and how many were under way at once.
``POST /-/put`` puts objects, a JSON object of bucket/key to text; ``POST /-/below`` takes "bucket/prefix"
and returns those below it in the same form. ``POST /-/empty`` removes all objects: what one test leaves,
the listings of the next would look through.
"""

import contextlib
import io
import json
import socket
import threading
import time

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

_REFUSALS = {
    "refuse": ("503 Slow Down", "SlowDown", "Please reduce your request rate"),
    "deny": ("403 Forbidden", "AccessDenied", "Access Denied"),
}
_KEPT = b"<DeleteResult><Error><Key>x</Key><Code>AccessDenied</Code></Error></DeleteResult>"


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_expect_100(self):
        """Leave it to werkzeug: a client that gets the answer twice forgets its read timeout."""
        return True

    def log(self, *arguments):
        pass


class Faulty:
    """The S3 application behind faults."""

    def __init__(self) -> None:
        self.app = create_backend_app("s3")
        self.one_at_a_time = threading.Lock()
        self.counting = threading.Lock()
        self.faults: list[dict] = []
        self.requests: list[list[str]] = []
        self.under_way = self.at_once = 0
        self.meeting = threading.Barrier(4, timeout=30)

    def __call__(self, environ, start_response):
        match environ["PATH_INFO"]:
            case "/-/faults":
                with self.counting:
                    self.faults = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
                    self.requests, self.at_once = [], 0
                    self.meeting.reset()
                return _answer(start_response, "204 No Content", b"")
            case "/-/requests":
                seen = {"requests": self.requests, "at_once": self.at_once}
                return _answer(start_response, "200 OK", json.dumps(seen).encode())
            case "/-/put" | "/-/below" | "/-/empty" as path:
                text = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
                with self.one_at_a_time:
                    found = {"put": _put, "below": _below, "empty": _empty}[path[3:]](json.loads(text))
                return _answer(start_response, "200 OK", json.dumps(found).encode())
        with self.counting:
            self.requests.append([environ["REQUEST_METHOD"], environ["PATH_INFO"]])
            self.under_way += 1
            self.at_once = max(self.at_once, self.under_way)
            fault = self._fault(environ)
        try:
            return self._met(fault, environ, start_response)
        finally:
            with self.counting:
                self.under_way -= 1

    def _met(self, fault, environ, start_response):
        connection = environ["werkzeug.socket"]
        match fault:
            case "refuse" | "deny":
                status, code, message = _REFUSALS[fault]
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
                if environ["REQUEST_METHOD"] == "HEAD":
                    text = ""
                return _answer(start_response, status, text.encode())
            case "keep":
                environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
                return _answer(start_response, "200 OK", _KEPT)
            case "hang":
                time.sleep(120)
            case "meet":
                with contextlib.suppress(threading.BrokenBarrierError):  # they came one after the other
                    self.meeting.wait()
            case "lose":
                self._carry_out(environ, lambda *_: None)
                connection.shutdown(socket.SHUT_RDWR)
                return []
            case "cut":
                body = b"".join(self._carry_out(environ, start_response))
                return _first_half(body, connection)
            case "forget":
                for name in ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"):
                    environ.pop(name, None)
        return self._carry_out(environ, start_response)

    def _carry_out(self, environ, start_response):
        # A client that is stopped in the middle of its request holds up nobody else.
        if "CONTENT_LENGTH" in environ:
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
        with self.one_at_a_time:
            return [b"".join(self.app(environ, start_response))]

    def _fault(self, environ) -> str | None:
        for fault in self.faults:
            fits = fault["method"] in {"", environ["REQUEST_METHOD"]}
            if fits and environ["PATH_INFO"].endswith(fault["key"]) and fault["times"] > 0:
                fault["times"] -= 1
                return fault["fault"]
        return None


def _backend():
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


def _put(texts):
    for place, text in texts.items():
        bucket, _, key = place.partition("/")
        _backend().put_object(bucket, key, text.encode())


def _empty(_):
    for bucket in _backend().buckets.values():
        bucket.keys.clear()


def _below(place):
    bucket, _, prefix = place.partition("/")
    keys = _backend().buckets[bucket].keys
    return {f"{bucket}/{key}": keys[key].value.decode() for key in keys if key.startswith(prefix)}


def _answer(start_response, status, body):
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def _first_half(body, connection):
    yield body[: len(body) // 2]
    connection.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, Faulty(), threaded=True, request_handler=Handler)
    server.daemon_threads = True
    server.log = lambda *_: None  # of answers that were not given
    print(server.server_port, flush=True)
    server.serve_forever()
