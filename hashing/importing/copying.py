"""Store a file under exactly the name that is meant for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import Storage

from hashing.text import first_line, printable

COMPARED_BYTES = 1 << 16


class StorageRefusal(Exception):
    """The storage does not take files; the next ones would fare no better."""


class _Unreadable(Exception):
    pass


class _Source(File):  # type: ignore[type-arg]
    """Tells an error of the file that is read from one of the storage that reads it."""

    def __init__(self, source: IO[bytes], name: str) -> None:
        super().__init__(source, name)
        self._source = source

    def read(self, *arguments: Any) -> Any:
        try:
            return self._source.read(*arguments)
        except OSError as error:
            raise _Unreadable(f"cannot be read: {error.strerror}") from error

    def chunks(self, chunk_size: int | None = None) -> Iterator[Any]:
        self._source.seek(0)
        while part := self.read(chunk_size or self.DEFAULT_CHUNK_SIZE):
            yield part


def store_copy(source: IO[bytes], storage: Storage, name: str) -> str:
    """Store the content of a file. Returns the objection, empty when it is there. Raises `StorageRefusal`."""
    content = _Source(source, name)
    try:
        return _store(content, storage, name)
    except _Unreadable as error:
        return str(error)
    # A storage raises what its client library raises.
    except Exception as error:
        raise StorageRefusal(f"{printable(name)} cannot be stored: {first_line(error)}") from error


def _store(content: _Source, storage: Storage, name: str) -> str:
    if storage.exists(name):
        if not _is_start(storage, name, content):
            return "another file is stored under its name"
        if storage.size(name) == content.seek(0, os.SEEK_END):
            return ""
        # The beginning of this very file, and no row knows it: a copy that was killed half-way.
        storage.delete(name)
    content.seek(0)
    stored = storage.save(name, content, max_length=None)
    if stored == name:
        return ""
    # Somebody was quicker by a moment, most likely another import of the same folder.
    storage.delete(stored)
    return "being stored by another import"


def _is_start(storage: Storage, name: str, content: _Source) -> bool:
    """Whether the stored file is the source, or breaks off before its end."""
    content.seek(0)
    with storage.open(name, "rb") as stored:
        while part := stored.read(COMPARED_BYTES):
            if content.read(len(part)) != part:
                return False
    return True
