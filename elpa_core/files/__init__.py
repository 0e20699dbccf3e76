"""Files of a policy store, in a local folder or on object storage."""

from elpa_core.files.access import (
    Child,
    children,
    create,
    empty_folder,
    exists,
    is_folder,
    read,
    read_all,
    read_end,
    read_text_lines,
    remove,
    remove_tree,
    write,
)
from elpa_core.files.location import ObjectPath, StorePath, at, is_uri, open_location

__all__ = [
    "Child",
    "ObjectPath",
    "StorePath",
    "at",
    "children",
    "create",
    "empty_folder",
    "exists",
    "is_folder",
    "is_uri",
    "open_location",
    "read",
    "read_all",
    "read_end",
    "read_text_lines",
    "remove",
    "remove_tree",
    "write",
]
