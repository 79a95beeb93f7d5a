"""Errors of a storage that does not accept a file: whether the file is the reason, or the storage."""

from __future__ import annotations

import errno

from django.core.exceptions import SuspiciousOperation

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
        return StorageRefusal(f"{printable(name)} cannot be stored: {first_line(error)}")
    is_about_name = isinstance(error, SuspiciousOperation | UnicodeError | FileExistsError)
    is_certain = is_about_name or number in FILE_ERRORS or code in FILE_ERROR_CODES
    # Without the name, so that the report counts all files with the same reason together.
    reason = getattr(error, "strerror", None) or code or f"{type(error).__name__}: {first_line(error)}"
    return FileRefusal(f"cannot be stored: {reason}", is_certain=is_certain)


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
        """Raises `StorageRefusal`."""
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
