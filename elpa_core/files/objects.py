"""Objects on S3 and Google Cloud Storage, through fsspec, with conditional writes."""

from __future__ import annotations

import datetime as dt
import errno
import glob
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from elpa_core.files.location import ObjectPath

_READ_AT_ONCE = 500
# One request per object: separate requests for its parts could return different versions.
_WHOLE = {"max_concurrency": 1}
_LATE, _TRIES = 30.0, 6
"""A request has this many seconds, and as many times the client's timeouts of one try."""


class ObjectVersion(NamedTuple):
    """The version of an object: its ETag on S3, its generation on Google Cloud Storage."""

    text: str


ABSENT = ObjectVersion("")


class Listed(NamedTuple):
    """An object below a folder."""

    key: str
    parts: tuple[str, ...]
    modified: dt.datetime
    version: str
    """Another one when the object was written again; empty where the service does not say."""


def read(path: ObjectPath) -> bytes:
    """Return an object's content."""
    with _as_os_error(path):
        data: bytes = _ask(path, "cat_file", path.path, **_WHOLE)
        return data


def read_end(path: ObjectPath, most: int) -> bytes:
    """Return the last bytes of an object that is not empty, at most ``most``."""
    with _as_os_error(path):
        data: bytes = _ask(path, "cat_file", path.path, start=-most)
        return data


def read_all(paths: Sequence[ObjectPath]) -> Iterator[tuple[ObjectPath, bytes]]:
    """Yield the objects that exist, with their contents."""
    for first in range(0, len(paths), _READ_AT_ONCE):
        some = {path.path: path for path in paths[first : first + _READ_AT_ONCE]}
        one = next(iter(some.values()))
        with _as_os_error(one):
            found = _ask(one, "cat", [glob.escape(key) for key in some], on_error="return", **_WHOLE)
        for key, content in found.items():
            if isinstance(content, FileNotFoundError):
                continue
            if isinstance(content, BaseException):
                with _as_os_error(some[key]):
                    raise content
            yield some[key], content


def read_version(path: ObjectPath) -> tuple[bytes, ObjectVersion]:
    """Return an object's content and its version; empty bytes and `ABSENT` if there is no object.

    The content may be newer than the version, never older. If it is newer, a `replace` with that
    version fails.
    """
    try:
        with _as_os_error(path):
            version = _version(path)
        return read(path), version
    except FileNotFoundError:
        return b"", ABSENT


def write(path: ObjectPath, data: bytes) -> None:
    """Put an object; replace an existing one."""
    with _as_os_error(path):
        _ask(path, "pipe_file", path.path, data)


def write_empty(paths: Sequence[ObjectPath]) -> None:
    """Put objects whose keys say all, many at a time."""
    for first in range(0, len(paths), _READ_AT_ONCE):
        some = paths[first : first + _READ_AT_ONCE]
        with _as_os_error(some[0]):
            _ask(some[0], "pipe", {path.path: b"" for path in some})


def create(path: ObjectPath, data: bytes) -> bool:
    """Put an object if there is none; return True if this call put the present one."""
    return replace(path, data, ABSENT)


def replace(path: ObjectPath, data: bytes, version: ObjectVersion) -> bool:
    """Put an object if the present version is still the given one.

    Returns
    -------
    bool
        False if another process has written the object meanwhile. True also if a response was lost
        and the retried request found its own object.

    Raises
    ------
    OSError
        If the service cannot be reached or refuses the request. Only a later read shows whether the
        object was written.
    """
    try:
        with _as_os_error(path):
            _put_if(path, data, version)
    except FileExistsError:
        return read_version(path)[0] == data
    except FileNotFoundError:
        if version == ABSENT:  # the bucket does not exist
            raise
        return False
    return True


def size(path: ObjectPath) -> int | None:
    """Return an object's length in bytes, or None if there is none."""
    try:
        with _as_os_error(path):
            found = _ask(path, "info", path.path)
    except FileNotFoundError:
        return None
    return int(found["size"]) if found["type"] == "file" else None


def children(folder: ObjectPath) -> list[tuple[str, bool]]:
    """Return the names directly below a folder, and whether each is a folder."""
    try:
        with _as_os_error(folder):
            found = _ask(folder, "ls", folder.path, detail=True)
    except FileNotFoundError:
        return []
    prefix = _prefix(folder)
    listed = [(one["name"].rstrip("/"), one["type"] == "directory") for one in found]
    return sorted((key.removeprefix(prefix), below) for key, below in listed if key.startswith(prefix))


def names_after(folder: ObjectPath, after: str, most: int) -> list[str]:
    """Return names of objects that come after a name, in order, about ``most``; none at the folder's end."""
    prefix = _prefix(folder)
    bucket, _, key = prefix.partition("/")
    with _as_os_error(folder):
        if _is_gs(folder):
            asked = {"prefix": key, "startOffset": key + after, "maxResults": most + 1}
            found = _ask(folder, "call", "GET", "b/{}/o", bucket, **asked, json_out=True)
            keys = [one["name"] for one in found.get("items", [])]
        else:
            asked = {"Bucket": bucket, "Prefix": key, "StartAfter": key + after, "MaxKeys": most}
            found = _ask(folder, "call_s3", "list_objects_v2", **asked)
            keys = [one["Key"] for one in found.get("Contents", [])]
    names = [one.removeprefix(key) for one in keys]
    return [name for name in names if name > after]


def listing(folder: ObjectPath) -> list[Listed]:
    """Return all objects below a folder, except those whose keys, as paths, lead outside it."""
    prefix = _prefix(folder)
    with _as_os_error(folder):
        found = _ask(folder, "find", prefix, detail=True)
    listed = [
        Listed(
            key,
            PurePosixPath(key.removeprefix(prefix)).parts,
            _modified(one),
            str(one.get("ETag") or one.get("generation") or ""),
        )
        for key, one in found.items()
        if key.startswith(prefix)
    ]
    return [one for one in listed if one.parts and ".." not in one.parts and one.parts[0] != "/"]


def upload(source: Path, target: ObjectPath) -> None:
    """Upload a local file."""
    with _as_os_error(target):
        target.fs.put_file(str(source), target.path)


def download(source: ObjectPath, target: Path) -> None:
    """Download an object into a local file."""
    with _as_os_error(source):
        source.fs.get_file(source.path, str(target))


def remove_tree(folder: ObjectPath) -> None:
    """Remove all objects below a folder."""
    with _as_os_error(folder):
        keys = _ask(folder, "find", _prefix(folder))
    remove_all(folder, keys)


def remove_all(folder: ObjectPath, keys: Sequence[str]) -> None:
    """Remove objects below a folder, many per request.

    Raises
    ------
    OSError
        If an object still exists; the response to the request does not say so.
    """
    if not keys:
        return
    with _as_os_error(folder):
        with suppress(FileNotFoundError):  # another process may remove them too
            _ask(folder, "rm", [glob.escape(key) for key in keys])
        left = set(_ask(folder, "find", _prefix(folder))).intersection(keys)
    if left:
        place = str(folder) + "/" + min(left).removeprefix(_prefix(folder))
        raise OSError(errno.EACCES, "could not be removed", place)


def forget_all(paths: Sequence[ObjectPath]) -> None:
    """Remove objects, many per request; whether one is left is not looked at."""
    if paths:
        with _as_os_error(paths[0]), suppress(FileNotFoundError):
            _ask(paths[0], "rm", [glob.escape(path.path) for path in paths])


def remove(path: ObjectPath) -> None:
    """Remove an object."""
    with _as_os_error(path):
        _ask(path, "rm_file", path.path)


def _prefix(folder: ObjectPath) -> str:
    return folder.path.rstrip("/") + "/"


def _version(path: ObjectPath) -> ObjectVersion:
    found = _ask(path, "info", path.path)
    return ObjectVersion(str(found["generation"] if _is_gs(path) else found["ETag"]))


def _ask(path: ObjectPath, request: str, *args: Any, **kwargs: Any) -> Any:
    """Make a request; give up long after the client's own timeouts, which do not end every wait.

    aiohttp 3.14 forgets its read timeout when a service sends ``100 Continue`` twice.
    """
    from fsspec.asyn import FSTimeoutError, sync  # noqa: PLC0415  (an extra)

    fs = path.fs
    if not getattr(fs, "async_impl", False):
        return getattr(fs, request)(*args, **kwargs)
    seconds = getattr(fs, "config_kwargs", {})
    one_try = seconds.get("connect_timeout", 60) + seconds.get("read_timeout", 60)
    try:
        return sync(fs.loop, getattr(fs, f"_{request}"), *args, timeout=_LATE + _TRIES * one_try, **kwargs)
    except FSTimeoutError as error:
        raise TimeoutError(errno.ETIMEDOUT, "no answer from the service", str(path)) from error


def _put_if(path: ObjectPath, data: bytes, version: ObjectVersion) -> None:
    if version == ABSENT:
        _ask(path, "pipe_file", path.path, data, mode="create")
    elif _is_gs(path):
        bucket, _, key = path.path.partition("/")
        form, content_type = _upload_form(key, data)
        _ask(
            path,
            "call",
            "POST",
            f"{path.fs._location}/upload/storage/v1/b/{{}}/o",
            bucket,
            uploadType="multipart",
            ifGenerationMatch=version.text,
            headers={"Content-Type": content_type},
            data=form,
            json_out=True,
        )
    else:
        _ask(path, "pipe_file", path.path, data, IfMatch=version.text)


def _upload_form(key: str, data: bytes) -> tuple[bytes, str]:
    """Return the body of an upload to Google Cloud Storage, and the type of its content."""
    boundary = secrets.token_hex(16)
    parts = (("application/json", json.dumps({"name": key}).encode()), ("application/octet-stream", data))
    lines = [f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + part for kind, part in parts]
    return b"\r\n".join([*lines, f"--{boundary}--".encode()]), f"multipart/related; boundary={boundary}"


def _modified(found: dict[str, Any]) -> dt.datetime:
    moment = found.get("LastModified") or found.get("updated")
    return dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment or dt.datetime.now(dt.UTC)


def _is_gs(path: ObjectPath) -> bool:
    return "gs" in path.fs.protocol


@contextmanager
def _as_os_error(path: ObjectPath) -> Iterator[None]:
    """Turn errors of client libraries into an `OSError` of the place, a conflict into `FileExistsError`."""
    try:
        yield
    except _client_errors(path) as error:
        raise OSError(_errno(error), _reason(error), str(path)) from error


def _errno(error: Exception) -> int:
    if isinstance(error, FileExistsError) or _status(error) in {"409", "412"}:
        return errno.EEXIST
    if isinstance(error, FileNotFoundError):
        return errno.ENOENT
    return errno.EACCES if isinstance(error, PermissionError) else errno.EIO


def _client_errors(path: ObjectPath) -> tuple[type[Exception], ...]:
    from aiohttp import ClientError as HttpClientError  # noqa: PLC0415

    if _is_gs(path):
        from gcsfs.retry import HttpError  # noqa: PLC0415
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

        return OSError, HttpClientError, GoogleAuthError, HttpError, ValueError
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    return OSError, HttpClientError, BotoCoreError, ClientError


def _status(error: BaseException) -> str:
    """Return the HTTP status of an error as text, empty if it has none."""
    for one in (error, error.__cause__):
        response = getattr(one, "response", None)
        if isinstance(response, dict):
            return str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
        if (code := getattr(one, "code", None)) is not None:
            return str(code)
    return ""


def _reason(error: Exception) -> str:
    text = str(getattr(error, "strerror", None) or error) or type(error).__name__
    if "://" in text and " " not in text:  # gcsfs names the place only
        return os.strerror(_errno(error))
    return text.rstrip(".")
