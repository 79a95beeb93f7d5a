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

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import Storage

# Storages round the time of the same object in their own ways.
SAME_TIME = timedelta(seconds=2)


class Identity(Enum):
    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class NamedFile:
    """A name in a storage, and what the system says about the file behind it, asked once."""

    storage: Storage
    name: str

    @cached_property
    def status(self) -> os.stat_result | None:
        """None when there is no such file on a local file system; raises `OSError` when that cannot be told."""
        try:
            return Path(self.storage.path(self.name)).stat()
        except (FileNotFoundError, NotADirectoryError, NotImplementedError, SuspiciousOperation, ValueError):
            return None

    @property
    def inode(self) -> tuple[int, int] | None:
        return (self.status.st_dev, self.status.st_ino) if self.status and self.status.st_ino else None

    @property
    def is_local(self) -> bool:
        """Whether the system has the file, or does not say."""
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
    def facts(self) -> tuple[int, datetime]:
        """Size and time of the last change, as the storage says; `FileNotFoundError` when there is no such file."""
        if not self.storage.exists(self.name):
            raise FileNotFoundError(self.name)
        return self.storage.size(self.name), self.storage.get_modified_time(self.name)


def compare(file: NamedFile, other: NamedFile) -> Identity:
    """Compare two files: by device and inode where both have one, else by what their storages say."""
    if file.storage is other.storage and file.name == other.name:
        return Identity.SAME
    try:
        if file.inode and other.inode:
            return Identity.SAME if file.inode == other.inode else Identity.OTHER
    except OSError:
        return Identity.UNKNOWN
    return _compare_facts(file, other) if _may_be_one_object(file, other) else Identity.OTHER


def _may_be_one_object(file: NamedFile, other: NamedFile) -> bool:
    """Two names of an object in storages with other prefixes: one is the end of the other."""
    if file.storage is other.storage:
        return file.parts == other.parts
    length = min(len(file.parts), len(other.parts))
    return file.parts[-length:] == other.parts[-length:]


def _compare_facts(file: NamedFile, other: NamedFile) -> Identity:
    """Facts that differ prove two files; equal ones prove nothing, because copies have equal ones too."""
    try:
        (size, changed), (other_size, other_changed) = file.facts, other.facts
        if size != other_size or abs(changed - other_changed) > SAME_TIME:
            return Identity.OTHER
    except FileNotFoundError:
        return Identity.OTHER
    # Whatever a storage raises, or times that do not compare: it cannot be told.
    except Exception:
        return Identity.UNKNOWN
    return Identity.UNKNOWN
