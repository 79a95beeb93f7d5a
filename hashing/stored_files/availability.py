from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from django.core.files.storage import FileSystemStorage, Storage
from django.utils.functional import LazyObject

from hashing.text import first_line, printable

T = TypeVar("T")

ANSWER_TIMEOUT = 60
PROBE_NAME = "hashing-is-the-storage-there"


class StorageUnavailable(Exception):
    """The storage does not answer, so nothing is known about its files."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


def is_local(storage: Storage) -> bool:
    """Whether a file is the one at `storage.path(name)`, unchanged; a subclass may decrypt or fetch in `_open`."""
    kind = storage.__class__ if isinstance(storage, LazyObject) else type(storage)
    return issubclass(kind, FileSystemStorage) and all(
        getattr(kind, name) is getattr(FileSystemStorage, name) for name in ("open", "_open", "path")
    )


def check_storage(storage: Storage) -> None:
    """Raise `StorageUnavailable` when the storage does not answer."""
    try:
        if is_local(storage):
            os.scandir(storage.path("")).close()
        else:
            call_with_timeout(ANSWER_TIMEOUT, lambda: _list_files(storage))
    # A storage need not implement exists() and listdir().
    except NotImplementedError:
        pass
    # A storage raises what its client library raises.
    except Exception as error:
        raise StorageUnavailable(f"The storage cannot be reached: {first_line(error)}") from error


def _list_files(storage: Storage) -> None:
    """Tell a missing bucket from a missing file by listing: reading fails in the same way for both.

    A missing folder is empty to an object storage and an error to one of folders. Only the latter lists its root: an
    object storage would list everything it holds.
    """
    storage.exists(PROBE_NAME)
    try:
        storage.listdir(PROBE_NAME)
    except NotImplementedError:
        raise
    except Exception:
        storage.listdir("")


def call_with_timeout(seconds: float, function: Callable[[], T]) -> T:
    """Return or raise what `function` does. Raise `TimeoutError` after `seconds`; the call then continues unobserved.

    `function` runs in another thread and must not use the database connection of this one.
    """
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    # A daemon thread, so that one that hangs does not keep the process from ending.
    Thread(target=call, name="call-with-timeout", daemon=True).start()
    return future.result(timeout=seconds)
