from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from functools import partial
from threading import Thread
from typing import Any, TypeVar

from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from django.utils.functional import LazyObject

from hashing.db.retry import retry_transient
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.storages import in_storage, storage_key
from hashing.text import first_line, printable
from hashing.workers.worker import Outcome

T = TypeVar("T")


def call_within(seconds: float, function: Callable[[], T]) -> T:
    """What `function` returns or raises. Raises `TimeoutError` when it takes longer, and leaves it to itself.

    It runs in another thread, and must not use the database connection of this one.
    """
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(function())
        # A storage raises what its client library raises.
        except BaseException as error:
            future.set_exception(error)

    # A daemon, so that a thread that hangs keeps no process from ending.
    Thread(target=call, name="call-within", daemon=True).start()
    return future.result(timeout=seconds)


# Up to so many files may be missing all at once, without one that is there, and it is only they.
FEW = 10
WITNESSES = 20
# A storage that does not answer may take minutes to fail, for each of them.
SECONDS_FOR_WITNESSES = 60
SECONDS_FOR_AN_ANSWER = 60
PROBE_NAME = "hashing-is-the-storage-there"


class Outage(Exception):
    """The run cannot go on, and what it was about to say of rows would not be true."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class StorageWatches:
    """A `StorageWatch` for each storage that the files of a run are in."""

    def __init__(self, rows: ImageAssetQuerySet[Any]) -> None:
        self._rows = rows
        self._watches: dict[Hashable, StorageWatch] = {}

    def find_outage(self, outcomes: Sequence[tuple[Storage | None, Outcome]]) -> Outage | None:
        """Return the first outage that explains files that were not read. Each outcome comes with its storage."""
        by_watch: defaultdict[StorageWatch, list[Outcome]] = defaultdict(list)
        for storage, outcome in outcomes:
            if storage is not None:
                by_watch[self._watch(storage)].append(outcome)
        return next(filter(None, (watch.find_outage(some) for watch, some in by_watch.items())), None)

    def _watch(self, storage: Storage) -> StorageWatch:
        key = storage_key(storage)
        if key not in self._watches:
            self._watches[key] = StorageWatch(storage, self._rows.filter(in_storage(storage)))
        return self._watches[key]


class StorageWatch:
    """Tells whether files that were not read are missing, or their storage is.

    `rows` are all rows whose files the storage holds. The best witness is a file that was read a moment ago; next,
    files that were hashed in former runs.
    """

    def __init__(self, storage: Storage, rows: ImageAssetQuerySet[Any]) -> None:
        self._storage = storage
        self._rows = rows
        self._read_last = ""

    def find_outage(self, outcomes: Sequence[Outcome]) -> Outage | None:
        self._read_last = next((each.name for each in reversed(outcomes) if each.fingerprint), self._read_last)
        unread = [outcome for outcome in outcomes if outcome.unread]
        try:
            if unread:
                self._check(len(unread), missing=any(outcome.missing for outcome in unread))
        except Outage as outage:
            return outage
        return None

    def _check(self, unread: int, *, missing: bool) -> None:
        if is_local(self._storage):
            self._check_folder(self._storage.path(""))
        end = time.monotonic() + SECONDS_FOR_WITNESSES
        if any(self._can_be_read(name) for name in self._witnesses() if time.monotonic() < end):
            return
        check_storage(self._storage)
        if self._read_last:
            raise Outage("The storage cannot be reached: a file that was there a moment ago is not.")
        if unread > FEW and missing:
            raise Outage(f"The storage cannot be reached: none of {unread} files is there. {self._question()}")
        if unread > FEW:
            raise Outage(f"The storage cannot be reached, or is too slow: none of {unread} files could be read.")

    def _question(self) -> str:
        if isinstance(self._storage, InMemoryStorage):
            return "It has the files of this process alone: those that another one has stored are in its memory."
        return "Is MEDIA_ROOT right?"

    def _check_folder(self, root: str) -> None:
        check_storage(self._storage)
        with os.scandir(root) as entries:
            if next(entries, None) is None and self._has_many_rows():
                raise Outage(f"The storage cannot be reached: the folder {root} is empty")

    def _has_many_rows(self) -> bool:
        found = self._rows.values_list("pk")[: FEW + 1]
        return len(retry_transient(partial(list, found), self._rows.db)) > FEW

    def _witnesses(self) -> list[str]:
        if self._read_last:
            return [self._read_last]
        found = self._rows.hashed().order_by("-pk").values_list("image", flat=True)[:WITNESSES]
        return retry_transient(partial(list, found), self._rows.db)

    def _can_be_read(self, name: str) -> bool:
        try:
            call_within(SECONDS_FOR_AN_ANSWER, lambda: _read_a_byte(self._storage, name))
        # A storage raises what its client library raises.
        except Exception:
            return False
        return True


def check_storage(storage: Storage) -> None:
    """Raise `Outage` when the storage does not answer."""
    try:
        if is_local(storage):
            os.scandir(storage.path("")).close()
        else:
            call_within(SECONDS_FOR_AN_ANSWER, lambda: _ask(storage))
    # A storage need not have exists().
    except NotImplementedError:
        pass
    # What else it raises, it has not answered.
    except Exception as error:
        raise Outage(f"The storage cannot be reached: {first_line(error)}") from error


def _read_a_byte(storage: Storage, name: str) -> None:
    with storage.open(name, "rb") as file:
        file.read(1)


def _ask(storage: Storage) -> None:
    storage.exists(PROBE_NAME)
    _check_listing(storage)


def _check_listing(storage: Storage) -> None:
    """An object storage without the bucket denies every name, as if it were a missing file; listing tells.

    A folder that is not there is empty to an object storage, and an error to one of folders, which is asked for the
    outermost one instead: an object storage would list all that it holds.
    """
    try:
        storage.listdir(PROBE_NAME)
    except NotImplementedError:
        raise
    except Exception:
        storage.listdir("")


def is_local(storage: Storage) -> bool:
    """Whether a file is nothing but the one at `storage.path(name)`; a subclass may decrypt or fetch in `_open`."""
    kind = storage.__class__ if isinstance(storage, LazyObject) else type(storage)
    return issubclass(kind, FileSystemStorage) and all(
        getattr(kind, name) is getattr(FileSystemStorage, name) for name in ("open", "_open", "path")
    )
