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
    headers = {"Cache-Control": "private, max-age=31536000, immutable"} if stamp == _stamp() else {}
    if name == "plotly.min.js":
        return Response(_plotly(), media_type=_TYPES[".js"], headers={**headers, "Content-Encoding": "gzip"})
    if name not in _files():
        raise HTTPException(404, "There is no such script or style.")
    return Response(_files()[name], media_type=_TYPES[Path(name).suffix], headers=headers)


@cache
def _files() -> dict[str, bytes]:
    """Return the files by name; there are no others to ask for."""
    return {path.name: path.read_bytes() for path in sorted(_STATIC.iterdir()) if path.suffix in _TYPES}


@cache
def _stamp() -> str:
    """Return what changes when a file or plotly does."""
    folder = _plotly_folder()
    parts = [*_files().values(), version("plotly").encode() if folder else b""]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@cache
def _plotly() -> bytes:
    """Return plotly's script, compressed."""
    folder = _plotly_folder()
    if folder is None:
        raise HTTPException(404, _INSTALL)
    return gzip.compress(Path(folder, "plotly.min.js").read_bytes(), compresslevel=4, mtime=0)


def _plotly_folder() -> Path | None:
    found = find_spec("plotly")
    folders = [] if found is None else list(found.submodule_search_locations or [])
    paths = [Path(folder, "package_data") for folder in folders]
    return next((path for path in paths if path.joinpath("plotly.min.js").is_file()), None)
