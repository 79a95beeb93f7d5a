"""Storages in a worker process: how it finds the one of a file, and reads from it."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hashing.fingerprint.limits import check_file_size
from hashing.workers.read_ahead import READING_THREADS, Reserve
from hashing.workers.s3 import is_s3, open_object, prepare_connections

COPIED_AT_ONCE = 1 << 20


class StorageField(NamedTuple):
    """The storage of a model's file field."""

    app_label: str
    model_name: str
    field_name: str


class StorageAlias(NamedTuple):
    """A storage of the setting STORAGES."""

    alias: str


class PickledStorage(NamedTuple):
    """A storage that has no name in the settings or in a model."""

    content: bytes


StorageReference = StorageField | StorageAlias | PickledStorage


@cache
def open_storage(reference: StorageReference) -> Any:
    """Return the storage, with connections for all reading threads. Equal references get the same object."""
    storage = find_storage(reference)
    if is_s3(storage):
        prepare_connections(storage, READING_THREADS)
    return storage


def find_storage(reference: StorageReference) -> Any:
    # A worker that reads local files alone does not need Django.
    import django

    django.setup()
    from django.apps import apps
    from django.core.files.storage import storages

    if isinstance(reference, StorageAlias):
        return storages[reference.alias]
    if isinstance(reference, PickledStorage):
        # The main process has written it to a pipe that no other process can write to.
        return pickle.loads(reference.content)  # noqa: S301
    model = apps.get_model(reference.app_label, reference.model_name)
    return model._meta.get_field(reference.field_name).storage


def read_stored_file(storage: Any, name: str, max_bytes: int, reserve: Reserve | None = None) -> bytes:
    """Return the content of a file. `reserve` is called with its size, 0 if unknown, before the content is read.

    Raise `FileTooLarge`, and the errors of the storage.
    """
    with open_object(storage, name) if is_s3(storage) else storage.open(name, "rb") as stored:
        # Many a storage fetches the whole file with the first `read`.
        try:
            size = stored.size or 0
        except (AttributeError, NotImplementedError):
            size = 0
        check_file_size(size, max_bytes)
        if reserve:
            reserve(size)
        # Not with the limit as the size: Python allocates that much at once, in every thread that reads.
        parts: list[bytes] = []
        while part := stored.read(min(max_bytes, max(size, COPIED_AT_ONCE)) + 1):
            parts.append(part)
            check_file_size(sum(map(len, parts)), max_bytes)
    return b"".join(parts)


@contextmanager
def local_copy(storage: Any, name: str, max_bytes: int) -> Iterator[str]:
    """Copy a file of a storage, and yield the path of the copy, which is deleted afterwards.

    Raise `FileTooLarge`, and the errors of the storage.
    """
    with storage.open(name, "rb") as stored, temporary_copy(stored, max_bytes) as path:
        yield path


@contextmanager
def temporary_copy(file: Any, max_bytes: int) -> Iterator[str]:
    """Copy the rest of an open file, and yield the path of the copy, as `local_copy` does."""
    copy = tempfile.NamedTemporaryFile(prefix="hashing-", delete=False)  # noqa: SIM115 - another process opens it
    try:
        with copy:
            while chunk := file.read(COPIED_AT_ONCE):
                copy.write(chunk)
                check_file_size(copy.tell(), max_bytes)
        yield copy.name
    finally:
        Path(copy.name).unlink()
