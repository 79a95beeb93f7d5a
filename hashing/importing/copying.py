"""Store a file under exactly the name that is meant for it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from django.core.exceptions import SuspiciousOperation
from django.core.files import File
from django.core.files.storage import Storage

from hashing.text import first_line, printable

COMPARED_BYTES = 1 << 16
# What a file system says about one name or one file.
FILE_ERRORS = frozenset(
    {
        errno.EEXIST,
        errno.EFBIG,
        errno.EILSEQ,
        errno.EINVAL,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOTDIR,
        errno.EOVERFLOW,
    }
)
# What it says when no other file would fare better.
STORAGE_ERRORS = frozenset({errno.EDQUOT, errno.ENODEV, errno.ENOSPC, errno.ENXIO, errno.EROFS, errno.ESTALE})
# The same from object storages, by the error codes of S3.
FILE_ERROR_CODES = frozenset({"EntityTooLarge", "InvalidObjectName", "InvalidURI", "KeyTooLongError"})
STORAGE_ERROR_CODES = frozenset({"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "NoSuchBucket", "QuotaExceeded"})


BEING_STORED = "being stored by another import"


class StorageRefusal(Exception):
    """The storage takes no files: it is full, read-only, or cannot be reached."""


class FileRefusal(Exception):
    """The storage does not take this file. `is_certain`: it said that the file, or its name, is the reason."""

    def __init__(self, reason: str, *, is_certain: bool) -> None:
        super().__init__(reason)
        self.is_certain = is_certain


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
    """Store the content of a file. Returns the objection, empty when it is there.

    Raises `FileRefusal` where the storage does not take this file, and `StorageRefusal` where it takes none.
    """
    content = _Source(source, name)
    try:
        return _store(content, storage, name)
    except _Unreadable as error:
        return str(error)
    # A storage raises what its client library raises.
    except Exception as error:
        raise _refusal(error, name) from error


def _refusal(error: Exception, name: str) -> FileRefusal | StorageRefusal:
    number, code = getattr(error, "errno", None), _error_code(error)
    if number in STORAGE_ERRORS or code in STORAGE_ERROR_CODES or isinstance(error, ConnectionError | TimeoutError):
        return StorageRefusal(f"{printable(name)} cannot be stored: {first_line(error)}")
    is_about_name = isinstance(error, SuspiciousOperation | UnicodeError | FileExistsError)
    is_certain = is_about_name or number in FILE_ERRORS or code in FILE_ERROR_CODES
    # Without the name, so that the report counts all files that have the same reason.
    said = getattr(error, "strerror", None) or code or f"{type(error).__name__}: {first_line(error)}"
    return FileRefusal(f"cannot be stored: {said}", is_certain=is_certain)


def _error_code(error: Exception) -> str:
    """Return the code in an error of an S3 client, or an empty text."""
    response = getattr(error, "response", None)
    details = response.get("Error") if isinstance(response, dict) else None
    return str(details.get("Code", "")) if isinstance(details, dict) else ""


def _store(content: _Source, storage: Storage, name: str) -> str:
    with _alone_in(storage):
        try:
            return _store_once(content, storage, name)
        # Another import has deleted the file as a broken copy, before the first byte of it was written.
        except FileNotFoundError:
            return _store_once(content, storage, name)


@contextmanager
def _alone_in(storage: Storage) -> Iterator[None]:
    """Let other imports wait, on a file system with locks: else one that finds the name taken stores a file beside it,
    which nobody knows if it is killed before it has deleted it again. The end of a process releases the lock.
    """
    try:
        folder = storage.path("")
    except NotImplementedError:
        yield
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _store_once(content: _Source, storage: Storage, name: str) -> str:
    if storage.exists(name):
        try:
            objection = _meet_stored(storage, name, content)
        # Another import has found a beginning of the file there as well, and was quicker to delete it.
        except FileNotFoundError:
            objection = BEING_STORED
        if objection is not None:
            return objection
    content.seek(0)
    stored = storage.save(name, content, max_length=None)
    if stored == name:
        return ""
    # Somebody was quicker by a moment, most likely another import of the same folder.
    storage.delete(stored)
    return BEING_STORED


def _meet_stored(storage: Storage, name: str, content: _Source) -> str | None:
    """Return the objection to storing the file again, empty when all of it is there; None when it is to be stored."""
    if not _is_start(storage, name, content):
        return "another file is stored under its name"
    if storage.size(name) == content.seek(0, os.SEEK_END):
        return ""
    # The beginning of this very file, and no row knows it: a copy that was killed half-way, or is being made.
    return None if _delete_partial(storage, name) else BEING_STORED


def _delete_partial(storage: Storage, name: str) -> bool:
    """Delete the start of a file, unless somebody is writing it. Return whether it is gone."""
    try:
        path = storage.path(name)
    except NotImplementedError:
        # An object storage shows a file when all of it is there.
        storage.delete(name)
        return True
    try:
        with Path(path).open("rb+") as partial:
            # Django holds this lock while it writes; the end of a process releases it.
            fcntl.flock(partial, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_that_file = os.path.samestat(os.fstat(partial.fileno()), Path(path).stat())
            if is_that_file:
                storage.delete(name)
    except (BlockingIOError, FileNotFoundError):
        return False
    return is_that_file


def _is_start(storage: Storage, name: str, content: _Source) -> bool:
    """Whether the stored file is the source, or breaks off before its end."""
    content.seek(0)
    with storage.open(name, "rb") as stored:
        while part := stored.read(COMPARED_BYTES):
            if content.read(len(part)) != part:
                return False
    return True
