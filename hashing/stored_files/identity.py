"""Whether two names, each in its storage, mean one file."""

from __future__ import annotations

import os
import posixpath
import stat
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import Storage

# Storages round the modification time of an object in different ways.
TIME_TOLERANCE = timedelta(seconds=2)


class Identity(Enum):
    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


class Metadata(NamedTuple):
    """What a storage knows about a file without opening it."""

    size: int
    modified: datetime


@dataclass(frozen=True)
class NamedFile:
    """A name in a storage. The properties of the file behind it are read once, when they are first needed."""

    storage: Storage
    name: str

    @cached_property
    def status(self) -> os.stat_result | None:
        """The file's status, or None if it is not on a local file system. Raise `OSError` if that is unknown."""
        try:
            return Path(self.storage.path(self.name)).stat()
        except (FileNotFoundError, NotADirectoryError, NotImplementedError, SuspiciousOperation, ValueError):
            return None

    @property
    def inode(self) -> tuple[int, int] | None:
        return (self.status.st_dev, self.status.st_ino) if self.status and self.status.st_ino else None

    @property
    def is_local(self) -> bool:
        """Whether the file is on a local file system, or that is unknown."""
        try:
            return self.inode is not None
        except OSError:
            return True

    @property
    def is_folder(self) -> bool:
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The name without what some storages ignore: case, normal form, kind and number of slashes, dots."""
        text = unicodedata.normalize("NFC", self.name.replace("\\", "/").casefold())
        return tuple(part for part in posixpath.normpath(text).split("/") if part)

    @cached_property
    def metadata(self) -> Metadata:
        """Ask the storage. Raise `FileNotFoundError` if there is no such file, and anything that the storage raises."""
        if not self.storage.exists(self.name):
            raise FileNotFoundError(self.name)
        return Metadata(self.storage.size(self.name), self.storage.get_modified_time(self.name))


def compare(file: NamedFile, other: NamedFile) -> Identity:
    """Compare two files: by device and inode if both have them, else by name and metadata."""
    if file.storage is other.storage and file.name == other.name:
        return Identity.SAME
    try:
        if file.inode and other.inode:
            return Identity.SAME if file.inode == other.inode else Identity.OTHER
    except OSError:
        return Identity.UNKNOWN
    return compare_metadata(file, other) if may_be_one_object(file, other) else Identity.OTHER


def may_be_one_object(file: NamedFile, other: NamedFile) -> bool:
    """Whether one name ends with the other: storages may differ in their prefix alone."""
    # Not `is_same_storage`: a mistake would delete a file, and equal arguments do not prove an equal location.
    if file.storage is other.storage:
        return file.parts == other.parts
    length = min(len(file.parts), len(other.parts))
    return file.parts[-length:] == other.parts[-length:]


def compare_metadata(file: NamedFile, other: NamedFile) -> Identity:
    """Return `OTHER` if the metadata differ. Equal metadata prove nothing, because copies may have them too."""
    try:
        if file.metadata.size != other.metadata.size:
            return Identity.OTHER
        is_other = abs(file.metadata.modified - other.metadata.modified) > TIME_TOLERANCE
    except FileNotFoundError:
        return Identity.OTHER
    # Anything that a storage raises, or times that cannot be compared.
    except Exception:
        return Identity.UNKNOWN
    return Identity.OTHER if is_other else Identity.UNKNOWN
