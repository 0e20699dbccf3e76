"""What lies where a file was looked for and not found, in words for an error message."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from elpa_core.errors import quoted

_MOST_READ = 10_000
_SHOWN = 12


def what_is_there(path: os.PathLike[str] | str) -> str:
    """Return what the folder of a missing file holds, shortened and in order; empty if nobody may see it.

    Hidden files are left out. Of a missing folder the nearest parent is shown. Of a folder with very many
    files only some are read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("pool.json", "old.json"):
    ...         Path(folder, name).touch()
    ...     print(what_is_there(Path(folder, "pol.json")).replace(folder, "/configs"))
    /configs holds "old.json", "pool.json"
    """
    try:
        place = Path(path).absolute()
        if place.is_symlink():
            return f"it is a link to {quoted(str(place.readlink()))}"
        folder, absent = place.parent, ""
        while not folder.is_dir():
            folder, absent = folder.parent, f"there is no folder {folder}; "
        return absent + _contents(folder)
    except OSError:
        return ""


def _contents(folder: Path) -> str:
    with os.scandir(folder) as entries:
        read = list(islice(entries, _MOST_READ + 1))
        shown = {entry.name: entry for entry in read if not entry.name.startswith(".")}
        names = [quoted(name + "/" * _is_folder(shown[name])) for name in sorted(shown)[:_SHOWN]]
    if not names:
        return f"{folder} is empty"
    if len(read) > _MOST_READ:
        return f"{folder} holds more than {_MOST_READ} files, such as {', '.join(names)}"
    more = len(shown) - len(names)
    return f"{folder} holds {', '.join(names)}" + (f" and {more} more" if more else "")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
