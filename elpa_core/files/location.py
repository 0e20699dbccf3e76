"""Where a policy store is: a path, ``file://``, or the URI of a bucket and a prefix."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import unquote, urlsplit

from elpa_core.errors import InputError, Problem, quoted

PACKAGES = {
    "s3": ("s3fs", "pip install '.[s3]' in the clone of ELPA"),
    "gs": ("gcsfs", "pip install '.[gcs]' in the clone of ELPA"),
}
"""By URI scheme: the package that reads and writes there, and how to install it."""
_SECONDS = {"connect_timeout": 10, "read_timeout": 30}
_EXPECTED = "a folder, file:///folder, s3://bucket/prefix or gs://bucket/prefix"
# fsspec takes them as patterns; a fragment or a query is not part of a key.
_NO_KEY = "*?[]#"


class ObjectPath(Protocol):
    """A place on object storage: a ``UPath`` of universal-pathlib, or Airflow's ``ObjectStoragePath``."""

    @property
    def name(self) -> str:
        """The last part of the key."""

    @property
    def path(self) -> str:
        """Bucket and key, as the fsspec file system takes them."""

    @property
    def fs(self) -> Any:
        """The fsspec file system."""

    @property
    def parent(self) -> Self:
        """The place that contains this one."""

    def __truediv__(self, key: str) -> Self:
        """Return a place below this one."""


StorePath = Path | ObjectPath
"""A place in a policy store."""

Place_co = TypeVar("Place_co", Path, ObjectPath, StorePath, covariant=True)
"""A place in a store: in a local folder, on object storage, or in either."""


def is_uri(location: str) -> bool:
    """Tell whether a location is written as a URI.

    >>> is_uri("s3://bucket/elpa"), is_uri("/data/elpa")
    (True, False)
    """
    return "://" in location


def uri_problem(location: str) -> tuple[str, str] | None:
    """Return the problem of a store's URI as (found, expected), or None if the URI is valid.

    >>> uri_problem("s3://minio@bucket/elpa")
    >>> uri_problem("s3://key:secret@bucket/elpa")[1]
    'the id of an Airflow connection before the @, which holds the credentials'
    """
    shown = quoted(without_secrets(location))
    try:
        parts = urlsplit(location)
    except ValueError:
        return shown, _EXPECTED
    if any(sign in location for sign in _NO_KEY) or not location.isprintable():
        return shown, f"no {' '.join(_NO_KEY)} and no control character in the URI of a store"
    if location.startswith("file://"):
        local = parts.netloc in {"", "localhost"} and parts.path.startswith("/")
        return None if local else (shown, "file:/// and an absolute path")
    if not location.startswith(tuple(f"{scheme}://" for scheme in PACKAGES)):
        return quoted(f"{location.partition('://')[0]}://"), _EXPECTED
    user, _, bucket = parts.netloc.rpartition("@")
    if ":" in user or (":" in bucket and "@" in location):  # a secret key may have slashes
        return shown, "the id of an Airflow connection before the @, which holds the credentials"
    if not bucket or ":" in bucket:
        return shown, f"the name of a bucket, such as {parts.scheme}://bucket/prefix"
    if any(part in {".", ".."} for part in parts.path.split("/")) or "//" in parts.path:
        return shown, "a prefix without . and .. and empty parts"
    return None


def without_secrets(location: str) -> str:
    """Return a URI for a message: credentials that a user wrote into it are replaced."""
    scheme, _, rest = location.partition("://")
    before, _, after = rest.rpartition("@")
    return f"{scheme}://***@{after}" if ":" in before else location


def local_folder(location: str) -> Path | None:
    """Return the folder that a location names, or None if it is on object storage.

    >>> local_folder("file:///data/my%20store"), local_folder("s3://bucket")
    (PosixPath('/data/my store'), None)
    """
    if not is_uri(location):
        return Path(location)
    parts = urlsplit(location)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def with_home(path: Path | str) -> Path:
    """Return a path with the home of a user for ``~`` and ``~USER``: no shell has read it.

    Raises
    ------
    InputError
        If this machine does not know the user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        found = "the home of a user whom this machine does not know"
        hint = "write ./ before the name of a folder that begins with ~"
        raise InputError(Problem(str(path), "", found, "a path", hint)) from error


def open_location(location: str) -> StorePath:
    """Return the store at a location; credentials for object storage come from the environment.

    Raises
    ------
    InputError
        If the location is not valid, or the package for its object storage is missing.
    """
    if is_uri(location) and (problem := uri_problem(location)):
        raise InputError(Problem("the policy store", "", *problem))
    folder = local_folder(location)
    if folder is not None:
        return folder
    parts = urlsplit(location)
    if "@" in parts.netloc:
        hint = "outside Airflow the credentials come from the environment, such as AWS_ACCESS_KEY_ID"
        raise InputError(Problem(location, "", "the id of an Airflow connection", "a bucket alone", hint))
    try:
        from upath import UPath  # noqa: PLC0415  (an extra, and slow to import)

        place: ObjectPath = UPath(location.rstrip("/"))
        return configure_client(place)
    except ImportError as error:
        package, hint = PACKAGES[parts.scheme]
        needed = f"the packages universal-pathlib and {package}"
        raise InputError(Problem(location, "", str(error), needed, hint)) from error


def configure_client(place: ObjectPath) -> ObjectPath:
    """Return a place on object storage without a cache of listings and with short timeouts.

    Other processes write there too, and a cached listing would hide their files. botocore itself
    retries a failed request. More retries on top of that, with its timeouts of a minute, would hide
    an outage for half an hour. Timeouts that an Airflow connection sets stay as they are.
    """
    place.fs.dircache.use_listings_cache = False
    if hasattr(place.fs, "retries"):
        place.fs.retries = 1
    if hasattr(place.fs, "config_kwargs"):
        place.fs.config_kwargs = _SECONDS | place.fs.config_kwargs
    return place


def at(root: StorePath, text: str) -> StorePath:
    """Return the place that a text names; an earlier task recorded the text.

    Parameters
    ----------
    root : StorePath
        The store, or a folder of it.
    text : str
        A path, or a URI below ``root``.

    Raises
    ------
    InputError
        If it is a URI outside ``root``.
    """
    if not is_uri(text):
        return Path(text)
    prefix = f"{root}/"
    if isinstance(root, Path) or not text.startswith(prefix):
        raise InputError(Problem(text, "", "a place outside the policy store", f"one below {root}"))
    place: ObjectPath = root
    for part in text.removeprefix(prefix).split("/"):
        place = place / part
    return place
