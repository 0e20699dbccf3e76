"""The web application: routes of the JSON, pages, and what every answer carries."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders

from elpa_airflow.ui import decisions, pages, readings
from elpa_airflow.ui.stores import UnreadableStoreError
from elpa_core.errors import ElpaError
from elpa_core.store import StoreWriteError

# Inline styles are there for plotly alone, which sets them on its SVG; nothing of ours needs them.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)


def make_application() -> FastAPI:
    """Return the application. It has no route that tells its routes."""
    application = FastAPI(title="ELPA", docs_url=None, redoc_url=None, openapi_url=None)
    for router in (readings.router, decisions.router, pages.router):
        application.include_router(router)
    application.add_exception_handler(ElpaError, _say_why)
    application.add_middleware(_Headers)
    return application


async def _say_why(request: Request, error: Exception) -> JSONResponse:
    kind = "refused" if request.method != "GET" else "nothing"
    code = 409 if request.method != "GET" else 404
    if isinstance(error, UnreadableStoreError):
        kind, code = "store", 503
    elif isinstance(error, StoreWriteError):
        kind, code = "store", 507
    return JSONResponse({"kind": kind, "detail": str(error)}, code)


class _Headers:
    """Adds the security headers to every answer."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "same-origin"
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)
