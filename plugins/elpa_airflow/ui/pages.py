"""Pages, scripts and styles, as they lie beside this file, and plotly from where it is installed."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response

from elpa_airflow.ui.guards import SIGNED_IN

router = APIRouter()

_STATIC = Path(__file__).parent / "static"
_PLOTLY = "plotly.min.js"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_INSTALL = "Install the extra ui on the API server for charts: pip install 'elpa-airflow[ui]'."


@router.get("/pages/{name}", dependencies=SIGNED_IN)
def get_page(name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Return a page. It holds no data: its script asks for them."""
    page = _files().get(f"{name}.html")
    if page is None:
        raise HTTPException(404, "There is no such page.")
    data = page.replace(b"../assets/", f"../assets/{_stamp()}/".encode())
    tag = f'"{hashlib.sha256(data).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if if_none_match.removeprefix("W/") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=_TYPES[".html"], headers=headers)


@router.get("/assets/{stamp}/{name}", dependencies=SIGNED_IN)
def get_asset(stamp: str, name: str) -> Response:
    """Return a script or a style of the pages. A browser keeps it until a page names another stamp."""
    data = _files().get(name)
    if data is None:
        raise HTTPException(404, _INSTALL if name == _PLOTLY else "There is no such script or style.")
    headers = {"Content-Encoding": "gzip"} if name == _PLOTLY else {}
    if stamp == _stamp():
        headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return Response(data, media_type=_TYPES[Path(name).suffix], headers=headers)


@cache
def _files() -> dict[str, bytes]:
    """Return the files by name, plotly's script compressed; there are no others to ask for."""
    files = {path.name: path.read_bytes() for path in sorted(_STATIC.iterdir()) if path.suffix in _TYPES}
    found = find_spec("plotly")
    for folder in [] if found is None else found.submodule_search_locations or []:
        script = Path(folder, "package_data", _PLOTLY)
        if script.is_file():
            files[_PLOTLY] = gzip.compress(script.read_bytes(), compresslevel=4, mtime=0)
    return files


@cache
def _stamp() -> str:
    """Return what changes when a file does."""
    return hashlib.sha256(b"\0".join(_files().values())).hexdigest()[:16]
