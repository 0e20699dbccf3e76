"""What the plugin tells Airflow of the pages. Importing this costs nothing: no web framework is behind it."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from elpa_airflow.run.names import RUN_ROUTE

PREFIX = "/elpa"

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class LazyApplication:
    """The web application. It is made with the first request, in the process that serves it."""

    def __init__(self) -> None:
        self._application: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        with self._lock:
            if self._application is None:
                from elpa_airflow.ui.application import make_application

                self._application = make_application()
        await self._application(scope, receive, send)


_ICON = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="COLOUR" stroke-width="2"
 stroke-linecap="round" stroke-linejoin="round"><path d="M3 20h18M3 16c4 0 5-9 9-9s4 5 9 3"/>
<path d="M3 11c5 1 6 5 10 5s4-3 8-3"/></svg>"""


def _icon(colour: str) -> str:
    return "data:image/svg+xml," + quote(_ICON.replace("\n", "").replace("COLOUR", colour))


def _view(name: str, route: str, destination: str, href: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "url_route": route,
        "destination": destination,
        "href": f"{PREFIX[1:]}/pages/{href}",
        "icon": _icon("#7b8ba5"),
        "icon_dark_mode": _icon("#cbd5e1"),
        **more,
    }


APPLICATIONS = [{"app": LazyApplication(), "url_prefix": PREFIX, "name": "ELPA"}]
VIEWS = [
    _view("Policies", "elpa-policies", "nav", "policies", nav_top_level=True),
    _view("Policy", "elpa-policy", "dag", "dag?dag_id={DAG_ID}"),
    _view("Policy", RUN_ROUTE, "dag_run", "run?dag_id={DAG_ID}&run_id={RUN_ID}"),
    _view("Model", "elpa-model", "task_instance", "model?dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}"),
]
