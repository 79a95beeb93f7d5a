"""An outage is not a million missing files: is the storage there at all?"""

from __future__ import annotations

import os

from django.core.files.storage import FileSystemStorage, Storage
from django.utils.functional import LazyObject

# An empty media root below more rows than this is a disk that is not mounted.
ROWS_WITHOUT_FILES = 10
PROBE_NAME = "hashing-is-the-storage-there"


class Outage(Exception):
    """The run cannot go on, and what it was about to say of rows would not be true."""


def check_storage(storage: Storage, rows: int) -> None:
    """Raise `Outage` when the storage, which should hold the files of that many rows, cannot be reached."""
    try:
        if is_local(storage):
            _check_folder(storage.path(""), rows)
        else:
            storage.exists(PROBE_NAME)
    # A storage raises what its client library raises; whatever it is, the storage has not answered.
    except Exception as error:
        raise Outage(f"The storage cannot be reached: {error}") from error


def is_local(storage: Storage) -> bool:
    """Whether a file is nothing but the one at `storage.path(name)`; a subclass may decrypt or fetch in `_open`."""
    kind = storage.__class__ if isinstance(storage, LazyObject) else type(storage)
    return issubclass(kind, FileSystemStorage) and all(
        getattr(kind, name) is getattr(FileSystemStorage, name) for name in ("open", "_open", "path")
    )


def _check_folder(root: str, rows: int) -> None:
    with os.scandir(root) as entries:
        if next(entries, None) is None and rows > ROWS_WITHOUT_FILES:
            raise FileNotFoundError(f"the folder {root} is empty")
