"""A real S3 server for the tests (moto's), with faults that a test asks for: ``s3_server.py``.

Prints its port. Requests are carried out one after the other, because moto looks at the conditions
of a write and writes in two steps. ``POST /-/faults`` takes a JSON list of faults; each is met by the
next requests that fit it: {"method", "key", "fault", "times"}. Faults: ``refuse`` answers 503 and does
nothing; ``lose`` does what was asked and closes the connection without an answer; ``hang`` never answers;
``forget`` carries a write out without looking at its conditions.
"""

import json
import socket
import threading
import time

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate</Message></Error>"


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *arguments):
        pass


class Faulty:
    """The S3 application behind faults."""

    def __init__(self) -> None:
        self.app = DomainDispatcherApplication(create_backend_app)
        self.one_at_a_time = threading.Lock()
        self.faults: list[dict] = []

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/-/faults":
            self.faults = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            start_response("204 No Content", [("Content-Length", "0")])
            return []
        match self._fault(environ):
            case "refuse":
                headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(_SLOW_DOWN)))]
                start_response("503 Slow Down", headers)
                return [_SLOW_DOWN]
            case "hang":
                time.sleep(3600)
            case "lose":
                self._carry_out(environ, lambda *_: None)
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                return []
            case "forget":
                for name in ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"):
                    environ.pop(name, None)
        return self._carry_out(environ, start_response)

    def _carry_out(self, environ, start_response):
        with self.one_at_a_time:
            return [b"".join(self.app(environ, start_response))]

    def _fault(self, environ) -> str | None:
        for fault in self.faults:
            fits = fault["method"] == environ["REQUEST_METHOD"] and environ["PATH_INFO"].endswith(
                fault["key"]
            )
            if fits and fault["times"] > 0:
                fault["times"] -= 1
                return fault["fault"]
        return None


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, Faulty(), threaded=True, request_handler=Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()
