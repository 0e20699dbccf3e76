"""Pages, scripts and styles, as they lie beside this file, and plotly from where it is installed."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response

from elpa_airflow.ui.guards import SIGNED_IN

router = APIRouter()

_STATIC = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_INSTALL = "Install the extra ui on the API server for charts: pip install 'elpa-airflow[ui]'."


@router.get("/pages/{name}", dependencies=SIGNED_IN)
def get_page(name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Return a page. It holds no data: its script asks for them."""
    return _static(f"{name}.html", if_none_match)


@router.get("/assets/{name}", dependencies=SIGNED_IN)
def get_asset(name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Return a script or a style of the pages."""
    if name == "plotly.min.js":
        data, tag = _plotly()
        headers = {"Content-Encoding": "gzip", "ETag": tag, "Cache-Control": "private, max-age=86400"}
        if if_none_match == tag:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=_TYPES[".js"], headers=headers)
    return _static(name, if_none_match)


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Return the files by name, with their ETags; there are no others to ask for."""
    found = {path.name: path.read_bytes() for path in _STATIC.iterdir() if path.suffix in _TYPES}
    return {name: (data, f'"{hashlib.sha256(data).hexdigest()[:32]}"') for name, data in found.items()}


def _static(name: str, known: str) -> Response:
    if name not in _files():
        raise HTTPException(404, "There is no such page.")
    data, tag = _files()[name]
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if known.removeprefix("W/") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=_TYPES[Path(name).suffix], headers=headers)


@cache
def _plotly() -> tuple[bytes, str]:
    """Return plotly's script compressed, and its ETag."""
    found = find_spec("plotly")
    folders = [] if found is None else list(found.submodule_search_locations or [])
    for folder in folders:
        path = Path(folder, "package_data", "plotly.min.js")
        if path.is_file():
            data = gzip.compress(path.read_bytes(), compresslevel=4, mtime=0)
            return data, f'"plotly-{version("plotly")}"'
    raise HTTPException(404, _INSTALL)
