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
from django.utils.translation import gettext as _

from hashing.text import first_line, printable

# Errors of a file system about one name or one file.
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
# Errors of a file system that any other file would meet as well.
STORAGE_ERRORS = frozenset({errno.EDQUOT, errno.ENODEV, errno.ENOSPC, errno.ENXIO, errno.EROFS, errno.ESTALE})
# The same for object storages: error codes of S3.
FILE_ERROR_CODES = frozenset({"EntityTooLarge", "InvalidObjectName", "InvalidURI", "KeyTooLongError"})
STORAGE_ERROR_CODES = frozenset({"AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "NoSuchBucket", "QuotaExceeded"})
# Refusals in a row, each of which may be due to the file or to the storage, that are taken for the storage's.
MAX_UNCERTAIN_REFUSALS = 20


class StorageRefusal(Exception):
    """The storage accepts no files: it is full, read-only, or cannot be reached."""


class FileRefusal(Exception):
    """The storage does not accept this file. `is_certain`: because of the file or its name, as the storage says."""

    def __init__(self, reason: str, *, is_certain: bool) -> None:
        super().__init__(reason)
        self.is_certain = is_certain


def refusal_from(error: Exception, name: str) -> FileRefusal | StorageRefusal:
    number, code = getattr(error, "errno", None), s3_error_code(error)
    if number in STORAGE_ERRORS or code in STORAGE_ERROR_CODES or isinstance(error, ConnectionError | TimeoutError):
        text = _("%(name)s cannot be stored: %(reason)s")
        return StorageRefusal(text % {"name": printable(name), "reason": first_line(error)})
    is_about_name = isinstance(error, SuspiciousOperation | UnicodeError | FileExistsError)
    is_certain = is_about_name or number in FILE_ERRORS or code in FILE_ERROR_CODES
    # Without the name, so that the report counts all files with the same reason together.
    reason = getattr(error, "strerror", None) or code or f"{type(error).__name__}: {first_line(error)}"
    return FileRefusal(_("cannot be stored: %(reason)s") % {"reason": reason}, is_certain=is_certain)


def s3_error_code(error: Exception) -> str:
    """Return the code in an error of an S3 client, or an empty text."""
    response = getattr(error, "response", None)
    details = response.get("Error") if isinstance(response, dict) else None
    return str(details.get("Code", "")) if isinstance(details, dict) else ""


class RefusalCounter:
    """Counts refusals of unclear cause in a row: enough of them mean that the storage accepts no files."""

    def __init__(self) -> None:
        self._count, self._last = 0, ""

    def add(self, refusal: FileRefusal) -> None:
        """Count a refusal. Raise `StorageRefusal` if there were too many in a row."""
        self._count += not refusal.is_certain
        self._last = str(refusal)
        if self._count >= MAX_UNCERTAIN_REFUSALS:
            raise StorageRefusal(f"The storage took none of {MAX_UNCERTAIN_REFUSALS} files: {refusal}") from refusal

    def reset(self) -> None:
        self._count = 0

    def check_end(self) -> None:
        """Raise `StorageRefusal` after an import without a single success, if a refusal was of unclear cause."""
        if self._count:
            raise StorageRefusal(f"The storage took no file: {self._last}")


COMPARED_BYTES = 1 << 16
BEING_STORED = "being stored by another import"


class UnreadableSource(Exception):
    """The file to copy cannot be read."""


class SourceFile(File):  # type: ignore[type-arg]
    """A file to copy, whose own errors differ from those of the storage that reads it."""

    def __init__(self, source: IO[bytes], name: str) -> None:
        super().__init__(source, name)
        self._source = source

    def read(self, *arguments: Any) -> Any:
        try:
            return self._source.read(*arguments)
        except OSError as error:
            raise UnreadableSource(f"cannot be read: {error.strerror}") from error

    def chunks(self, chunk_size: int | None = None) -> Iterator[Any]:
        self._source.seek(0)
        while part := self.read(chunk_size or self.DEFAULT_CHUNK_SIZE):
            yield part


def store_copy(source: IO[bytes], storage: Storage, name: str) -> str:
    """Store the contents of a file under exactly this name. Return why that was not possible, or an empty text.

    Raise `UnreadableSource`, `FileRefusal` if the storage does not accept this file, and `StorageRefusal` if it
    accepts none.
    """
    content = SourceFile(source, name)
    try:
        with import_lock(storage):
            try:
                return store(content, storage, name)
            # Another import has deleted the file as an incomplete copy, before its first byte was written.
            except FileNotFoundError:
                return store(content, storage, name)
    except UnreadableSource:
        raise
    # A storage raises anything that its client library raises.
    except Exception as error:
        raise refusal_from(error, name) from error


@contextmanager
def import_lock(storage: Storage) -> Iterator[None]:
    """Exclude other imports, on a file system with locks. The end of a process releases the lock.

    Without it, an import that finds its name taken stores the file under another one, and leaves it there if it is
    killed before it has deleted it again.
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


def store(content: SourceFile, storage: Storage, name: str) -> str:
    if storage.exists(name):
        try:
            if not is_start_stored(storage, name, content):
                return "another file is stored under its name"
            if storage.size(name) == content.seek(0, os.SEEK_END):
                return ""
            # The start of this file, and no row has its name: a copy that was killed half-way, or is being made.
            if not delete_partial(storage, name):
                return BEING_STORED
        # Another import has deleted the same incomplete copy.
        except FileNotFoundError:
            return BEING_STORED
    content.seek(0)
    stored = storage.save(name, content, max_length=None)
    if stored == name:
        return ""
    # The name was taken a moment ago, most likely by another import of the same folder.
    storage.delete(stored)
    return BEING_STORED


def is_start_stored(storage: Storage, name: str, content: SourceFile) -> bool:
    """Whether the stored file is equal to the source, or to its start."""
    content.seek(0)
    with storage.open(name, "rb") as stored:
        while part := stored.read(COMPARED_BYTES):
            if content.read(len(part)) != part:
                return False
    return True


def delete_partial(storage: Storage, name: str) -> bool:
    """Delete an incomplete copy, unless another process is writing it. Return whether it was deleted."""
    try:
        path = Path(storage.path(name))
    except NotImplementedError:
        # An object storage shows a file only when all of it is stored.
        storage.delete(name)
        return True
    try:
        with path.open("rb+") as partial:
            # Django holds this lock while it writes; the end of a process releases it.
            fcntl.flock(partial, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_that_file = os.path.samestat(os.fstat(partial.fileno()), path.stat())
            if is_that_file:
                storage.delete(name)
    except (BlockingIOError, FileNotFoundError):
        return False
    return is_that_file
