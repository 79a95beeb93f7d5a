from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Hashable, Iterable
from typing import Any

from django.apps import apps
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage, storages
from django.db.models import FileField, Q

from hashing.sources.keys import SourceKey
from hashing.sources.registry import all_sources, group_by_source
from hashing.sources.source import ImageSource
from hashing.text import printable
from hashing.workers.storages import PickledStorage, StorageAlias, StorageField, StorageReference

logger = logging.getLogger(__name__)


class UnknownStorage(LookupError):
    """The storage of a file cannot be known: its row or source is gone, or the source's `storage()` fails."""

    def __init__(self, key: SourceKey | None) -> None:
        super().__init__(f"The row that owns the file is gone, or its storage is unknown: {key}")


def find_storage(key: SourceKey | None, using: str) -> Storage:
    """Return the storage that has the file of an asset with this source. Raise `UnknownStorage`."""
    found = find_storages([key], using)
    if key not in found:
        raise UnknownStorage(key)
    return found[key]


def find_storages(keys: Iterable[SourceKey | None], using: str) -> dict[SourceKey | None, Storage]:
    """Return the storage for each source key; keys without a known storage are left out.

    Takes one query for each source whose storage differs from row to row.
    """
    chosen = set(keys)
    found: dict[SourceKey | None, Storage] = {None: own_storage()} if None in chosen else {}
    for source, of_source in group_by_source(key for key in chosen if key is not None):
        if not source.storage_differs:
            found.update(dict.fromkeys(of_source, source.field.storage))
            continue
        for key, row in source.rows_by_key(of_source, using).items():
            if storage := storage_of_row(source, row):
                found[key] = storage
    return found


def storage_of_row(source: ImageSource, row: Any) -> Storage | None:
    """Return the storage that has the file of a row, or None if the source fails to tell."""
    try:
        return source.storage(row)
    # A method of the site, which may fail for one row; the other rows must not be affected.
    except Exception:
        logger.exception("The storage of a row's file cannot be determined: %s", printable(str(source.key_of(row))))
        return None


def own_storage() -> Storage:
    """Return the storage of the assets that have no source."""
    return own_file_field().storage


def own_file_field() -> FileField:
    # From the app registry, because models are built on sources.
    return apps.get_model("hashing", "ImageAsset")._meta.get_field("image")


def storages_in_use() -> list[Storage]:
    """Return the storages that are known without reading rows, each once."""
    found = {storage_key(storage): storage for storage in (own_storage(), *(s.field.storage for s in all_sources()))}
    return list(found.values())


def in_storage(storage: Storage) -> Q:
    """Return a filter of the assets in this storage, except those whose storage depends on their row."""
    found = Q(source_type__isnull=True) if is_same_storage(storage, own_storage()) else Q(pk__in=())
    for source in all_sources():
        if not source.storage_differs and is_same_storage(storage, source.field.storage):
            found |= source.owner_filter
    return found


def is_same_storage(storage: Storage, other: Storage) -> bool:
    """Whether any name means the same file in both."""
    return storage is other or storage_key(storage) == storage_key(other)


def storage_key(storage: Storage) -> Hashable:
    """Return a value that is equal for storages in which one name means one file."""
    # A lazy storage has the class and the methods of the one behind it.
    if isinstance(storage, FileSystemStorage) and storage.__class__.path is FileSystemStorage.path:
        return "file", os.path.realpath(storage.location)
    deconstruct = getattr(storage, "deconstruct", None)
    if deconstruct is None:
        return "object", id(storage)
    path, args, kwargs = deconstruct()
    return "storage", path, repr(args), repr(sorted(kwargs.items()))


def reference_to(storage: Storage) -> StorageReference | None:
    """Return a description by which another process can find this storage, or None if there is none."""
    for field in (own_file_field(), *(source.field for source in all_sources())):
        if field.storage is storage:
            meta = field.model._meta
            return StorageField(meta.app_label, str(meta.model_name), field.name)
    for alias in storages.backends:
        if storages[alias] is storage:
            return StorageAlias(alias)
    try:
        return PickledStorage(pickle.dumps(storage))
    # Anything that the parts of a storage raise.
    except Exception:
        return None


def is_shared(storage: Storage) -> bool:
    """Whether other processes can open the files in this storage."""
    if isinstance(storage, InMemoryStorage):
        return False
    return isinstance(storage, FileSystemStorage) or reference_to(storage) is not None
