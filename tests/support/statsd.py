"""A statsd that keeps what is sent to it."""

from __future__ import annotations

import socket
import threading


class Statsd:
    """A UDP socket, and the gauges that arrived at it last."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._gauges: dict[str, float] = {}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def settings(self) -> dict[str, str]:
        """What makes an Airflow send its metrics here."""
        return {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(self._socket.getsockname()[1]),
            "AIRFLOW__METRICS__STATSD_INFLUXDB_ENABLED": "True",
        }

    def gauges(self, *words: str) -> dict[str, float]:
        """Return the gauges whose names hold all words, by name without Airflow's prefix."""
        found = dict(self._gauges)
        return {name: value for name, value in sorted(found.items()) if all(word in name for word in words)}

    def close(self) -> None:
        """Stop listening."""
        self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while data := self._socket.recv(65_536):
            for line in data.decode().splitlines():
                name, _, rest = line.rpartition(":")
                value, _, kind = rest.partition("|")
                if kind == "g":
                    self._gauges[name.removeprefix("airflow.")] = float(value)
