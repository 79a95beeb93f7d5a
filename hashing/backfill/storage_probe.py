from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Hashable, Sequence
from functools import partial
from typing import Any

from django.core.files.storage import InMemoryStorage, Storage

from hashing.db.retry import retry_transient
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.storages import in_storage, storage_key
from hashing.stored_files.availability import (
    ANSWER_TIMEOUT,
    StorageUnavailable,
    call_with_timeout,
    check_storage,
    is_local,
)
from hashing.workers.worker import Outcome

# Above this many, all missing at once means that the storage is down.
MAX_UNEXPLAINED_MISSING = 10
# Files of earlier runs to try, and the seconds for all of them: a storage that is down may take minutes for each.
PROBE_FILES = 20
PROBE_TIMEOUT = 60


class StorageProbes:
    """One `StorageProbe` for each storage that the files of a run are in. `rows` are all assets."""

    def __init__(self, rows: ImageAssetQuerySet[Any]) -> None:
        self._rows = rows
        self._probes: dict[Hashable, StorageProbe] = {}

    def find_outage(self, outcomes: Sequence[tuple[Storage | None, Outcome]]) -> StorageUnavailable | None:
        """Return the first outage that explains unread files. Each outcome comes with its storage."""
        by_probe: defaultdict[StorageProbe, list[Outcome]] = defaultdict(list)
        for storage, outcome in outcomes:
            if storage is not None:
                by_probe[self._probe(storage)].append(outcome)
        return next(filter(None, (probe.find_outage(found) for probe, found in by_probe.items())), None)

    def _probe(self, storage: Storage) -> StorageProbe:
        key = storage_key(storage)
        if key not in self._probes:
            self._probes[key] = StorageProbe(storage, self._rows.filter(in_storage(storage)))
        return self._probes[key]


class StorageProbe:
    """Tells missing files from a storage that is down. `rows` are all assets whose files the storage holds.

    The best evidence that it is up is a file that was read a moment ago; the next best, files hashed in earlier runs.
    """

    def __init__(self, storage: Storage, rows: ImageAssetQuerySet[Any]) -> None:
        self._storage = storage
        self._rows = rows
        self._last_read = ""

    def find_outage(self, outcomes: Sequence[Outcome]) -> StorageUnavailable | None:
        """Return why the storage is taken to be down, or None when every unread file is its own row's problem."""
        self._last_read = next((each.name for each in reversed(outcomes) if each.fingerprint), self._last_read)
        unread = [outcome for outcome in outcomes if outcome.unread]
        try:
            if unread:
                self._explain(len(unread), missing=any(outcome.missing for outcome in unread))
        except StorageUnavailable as outage:
            return outage
        return None

    def _explain(self, unread: int, *, missing: bool) -> None:
        if is_local(self._storage):
            self._check_folder(self._storage.path(""))
        deadline = time.monotonic() + PROBE_TIMEOUT
        if any(self._can_be_read(name) for name in self._known_files() if time.monotonic() < deadline):
            return
        check_storage(self._storage)
        if self._last_read:
            raise StorageUnavailable("The storage cannot be reached: a file that was there a moment ago is not.")
        if unread > MAX_UNEXPLAINED_MISSING:
            raise StorageUnavailable(
                f"The storage cannot be reached: none of {unread} files is there. {self._hint()}"
                if missing
                else f"The storage cannot be reached, or is too slow: none of {unread} files could be read."
            )

    def _check_folder(self, root: str) -> None:
        """Recognize a disk that is not mounted: its mount point is an empty folder."""
        check_storage(self._storage)
        with os.scandir(root) as entries:
            if next(entries, None) is None and self._has_many_rows():
                raise StorageUnavailable(f"The storage cannot be reached: the folder {root} is empty")

    def _has_many_rows(self) -> bool:
        found = self._rows.values_list("pk")[: MAX_UNEXPLAINED_MISSING + 1]
        return len(retry_transient(partial(list, found), self._rows.db)) > MAX_UNEXPLAINED_MISSING

    def _known_files(self) -> list[str]:
        if self._last_read:
            return [self._last_read]
        found = self._rows.hashed().order_by("-pk").values_list("image", flat=True)[:PROBE_FILES]
        return retry_transient(partial(list, found), self._rows.db)

    def _can_be_read(self, name: str) -> bool:
        try:
            call_with_timeout(ANSWER_TIMEOUT, partial(read_one_byte, self._storage, name))
        # A storage raises what its client library raises.
        except Exception:
            return False
        return True

    def _hint(self) -> str:
        if isinstance(self._storage, InMemoryStorage):
            return "It has the files of this process alone: those that another one has stored are in its memory."
        return "Is MEDIA_ROOT right?"


def read_one_byte(storage: Storage, name: str) -> None:
    with storage.open(name, "rb") as file:
        file.read(1)
